"""A judgement as JSON, all of it."""

import json
from typing import Any

import numpy as np
import pandas as pd

from repro.audit.statistics.outcomes import FULL
from repro.judge.judgement import Judgement
from repro.judge.lines import count_verdicts, list_lines
from repro.judge.settling import NextBatch, Question
from repro.judge.showing.sentences import EXPLORATORY


def show_json(found: Judgement) -> str:
    """Returns a judgement as JSON."""
    content = {
        "judged": not found.refused,
        "refused": found.refused,
        "status": EXPLORATORY,
        "verdicts": {} if found.refused else count_verdicts(found),
        "declared": found.declared.model_dump(mode="json"),
        "columns": [column._asdict() for column in found.columns],
        "found": found.said,
        "noise": found.noise._asdict(),
        "details": _list_details(found),
        "options": [line._asdict() for line in list_lines(found)],
        "slopes": found.slopes.to_dict("records"),
        "next_runs": list(found.next_runs),
        "next_batch": _list_batch(found.batch),
    }
    return dump(content)


def dump(content: Any) -> str:
    """Returns JSON text; what is no finite number is null."""
    return json.dumps(_plain(content), indent=2, allow_nan=False)


def _list_details(found: Judgement) -> list[dict[str, Any]]:
    if found.analysis is None:
        return []
    table = found.analysis.verdicts
    table = table[table["train_fraction"] == FULL].astype({"further_seeds": object})
    return [
        {str(k): v for k, v in row.items()}
        for row in table.drop(columns=["train_fraction", "stable"]).to_dict("records")
    ]


def _list_batch(batch: NextBatch | None) -> dict[str, Any] | None:
    if batch is None:
        return None
    return {
        "budget": batch.budget,
        "runs": len(batch.runs),
        "expected_verdicts": batch.expected,
        "seed": batch.seed,
        "steps": [
            {
                "chosen": step.chosen,
                "questions": [_list_question(question) for question in step.questions],
                "runs": [{"options": dict(run.options), "seed": run.seed} for run in step.runs],
            }
            for step in batch.steps
        ],
        "hopeless": [_list_question(question) for question in batch.hopeless],
        "said": list(batch.said),
    }


def _list_question(question: Question) -> dict[str, Any]:
    named = question._asdict()
    return {"matters": named.pop("differs"), **named, "chance": question.chance}


def _plain(value: Any) -> Any:
    """Returns a value as JSON holds it: no NaN, no infinity, no types of numpy."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None or value is pd.NA:
        return None
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value
