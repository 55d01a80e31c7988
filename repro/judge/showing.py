"""A judgement in words, one sentence an option: for a terminal, as JSON, as Markdown for a pull request, as a page."""

import html
import json
import textwrap
from importlib import import_module
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from repro.audit.page.notebook import PAGE
from repro.audit.page.section import SECTIONS
from repro.audit.page.subject import Subject, badge, note, paragraph
from repro.audit.page.tables import table_html
from repro.audit.statistics.multiplicity import LEVEL, adjust_p, correction_of
from repro.audit.statistics.outcomes import FULL
from repro.judge.settling import NextBatch, Question, Step
from repro.judge.verdicts import Judgement

EXPLORATORY = "found, not planned: exploratory"
WIDTH = 110
_ORDER = ("differs", "differs, by less than the margin", "equivalent", "undecided")
_LEFT_OUT = frozenset({"verdicts", "claims", "ledger", "stability", "protocols", "cost", "questions", "title"})
"""Sections of a study's page that say nothing here: no claims, no ledger, no half of the training, no authors."""
_MARKDOWN = str.maketrans({"|": "\\|", "<": "&lt;", ">": "&gt;", "\n": " ", "*": "\\*", "_": "\\_", "`": "\\`"})


class Line(NamedTuple):
    """What is said of an option.

    Attributes:
        detail: what was compared.
        option: against the baseline's.
        baseline: its option.
        outcome: name of the metric.
        n: replicates of the option.
        n_baseline: of the baseline.
        estimate: option less baseline.
        low: of the 95 % interval.
        high: of the same.
        p: adjusted over all options.
        verdict: differs, equivalent or undecided.
        sentence: all of it.
    """

    detail: str
    option: str
    baseline: str
    outcome: str
    n: int
    n_baseline: int
    estimate: float
    low: float
    high: float
    p: float
    verdict: str
    sentence: str


def list_lines(found: Judgement) -> list[Line]:
    """Returns what is said of each option, the main outcome first.

    An option differs if its adjusted p is below .05, and is equivalent if its two one-sided tests are, adjusted
    over the options of the outcome; where no margin was declared nothing is equivalent.
    """
    if found.plan is None or found.analysis is None:
        return []
    effects = found.analysis.effects
    effects = effects[(effects["train_fraction"] == FULL) & effects["detail"].isin(list(found.plan.levels))]
    correction = correction_of(found.plan.declared)
    lines = []
    for name in found.plan.declared.metrics:
        rows = effects[effects["metric"] == name]
        p_values = adjust_p(rows["p_equivalent"].to_numpy(dtype=np.float64), correction)
        declared = found.declared.outcomes[name]
        for row, p_inside in zip(rows.to_dict("records"), p_values, strict=True):
            differs = row["p_adjusted"] < LEVEL
            inside = declared.margin is not None and p_inside < LEVEL
            verdict = _ORDER[int(inside)] if differs else _ORDER[2 if inside else 3]
            lines.append(_write_line({str(key): value for key, value in row.items()}, name, verdict, found))
    place = {name: number for number, name in enumerate(found.plan.declared.metrics)}
    return sorted(lines, key=lambda line: (place[line.outcome], _ORDER.index(line.verdict), line.p, line.estimate))


def _write_line(row: dict[str, Any], outcome: str, verdict: str, found: Judgement) -> Line:
    n, base = len(row["runs"]), len(row["baseline_runs"])
    unit = found.plan.declared.metrics[outcome].unit if found.plan else ""
    word = f"{found.word}s" if row["kind"] != "contrast" else "runs"
    size = f"{row['estimate']:+.4g} {unit}".rstrip()
    span = "no interval" if np.isnan(row["low"]) else f"95 % {row['low']:.4g} to {row['high']:.4g}"
    sentence = (
        f"{row['detail']}: {row['option']} against {row['baseline']}: {outcome} {size} ({span}; n = {n} and {base} "
        f"{word}; p = {row['p_adjusted']:.2g} adjusted): {verdict}"
    )
    return Line(
        detail=row["detail"],
        option=row["option"],
        baseline=row["baseline"],
        outcome=outcome,
        n=n,
        n_baseline=base,
        estimate=float(row["estimate"]),
        low=float(row["low"]),
        high=float(row["high"]),
        p=float(row["p_adjusted"]),
        verdict=verdict,
        sentence=sentence,
    )


def show_table(found: Judgement) -> str:
    """Returns a judgement for a terminal."""
    parts = [_show_roles(found), _list("found", found.said)]
    if found.noise.df:
        parts.append(
            f"noise: SD {found.noise.sd:.4g} of a run within variants, pooled on {found.noise.df} df "
            f"({found.noise.groups} groups)"
        )
    lines = list_lines(found)
    if lines:
        parts.append(_list(f"verdicts ({EXPLORATORY})", [line.sentence for line in lines]))
    parts.append(_list("slopes", _tell_slopes(found)))
    parts.append(_list("what would settle it", list(found.next_runs)))
    parts.append(_list("what to run next", _tell_batch(found)))
    if found.refused:
        parts.append(f"no verdict: {found.refused}")
    return "\n\n".join(part for part in parts if part)


def show_json(found: Judgement) -> str:
    """Returns a judgement as JSON."""
    content = {
        "judged": not found.refused,
        "refused": found.refused,
        "status": EXPLORATORY,
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
    return json.dumps(_plain(content), indent=2, allow_nan=False)


def show_markdown(found: Judgement) -> str:
    """Returns a judgement fit for a pull request: a line of badges in words, a table, what was found below a fold."""
    outcome = next(iter(found.declared.outcomes))
    lines = list_lines(found)
    head = f"**repro judge**: {_escape(outcome)} of {_escape(found.declared.table.rpartition('/')[2])}, {EXPLORATORY}"
    parts = [head]
    if found.refused:
        parts.append(f"**no verdict**: {_escape(found.refused)}")
    if lines:
        count = pd.Series([line.verdict for line in lines]).value_counts()
        parts.append(" · ".join(f"{number} {verdict}" for verdict, number in count.items()))
        rows = [
            f"| {_escape(line.detail)} | {_escape(line.option)} | {line.estimate:+.4g} | {line.low:.4g} to "
            f"{line.high:.4g} | {line.n} / {line.n_baseline} | {line.p:.2g} | {line.verdict} |"
            for line in lines
        ]
        base = _escape(", ".join(dict.fromkeys(line.baseline for line in lines)))
        parts.append(
            "\n".join(
                [
                    f"| detail | option (baseline {base}) | difference | 95 % | n | p | verdict |",
                    "|---|---|---:|---|---|---:|---|",
                    *rows,
                ]
            )
        )
    said = [*found.said, *_tell_slopes(found), *found.next_runs, *_tell_batch(found)]
    listed = "\n".join(f"- {_escape(sentence)}" for sentence in said)
    parts.append(f"<details><summary>What was found and done</summary>\n\n{listed}\n\n</details>")
    return "\n\n".join(parts)


def show_page(found: Judgement) -> str:
    """Returns a judgement as one page: its first screen, and the sections of a study's page that it can fill."""
    title = f"What {found.declared.table.rpartition('/')[2]} says"
    body = [f"<h1>{html.escape(title)}</h1>", note(f"<b>{EXPLORATORY.capitalize()}.</b> {_caution(found)}")]
    if found.refused:
        body.append(paragraph(f"{badge('undecided')} No verdict: {html.escape(found.refused)}"))
    lines = list_lines(found)
    if lines:
        body += ["<h2>Verdicts</h2>", _page_lines(lines)]
    for heading, sentences in (
        ("Slopes", _tell_slopes(found)),
        ("What would settle it", list(found.next_runs)),
        ("What to run next", _tell_batch(found)),
        ("What was found and done", found.said),
    ):
        if sentences:
            items = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in sentences)
            body.append(f"<h2>{heading}</h2><ul>{items}</ul>")
    roles = pd.DataFrame([column._asdict() for column in found.columns]).set_index("name")
    body.append(f"<h2>Columns</h2>{table_html(roles, 'How the table was read; judge.yaml says it as well')}")
    if found.plan is not None and found.results is not None and found.analysis is not None:
        subject = Subject(found.plan, found.results, found.analysis, {})
        for section in SECTIONS:
            if section.name not in _LEFT_OUT:
                module, _, function = section.show.partition(":")
                shown = getattr(import_module(module), function)(subject)
                body.append((f"<h2>{html.escape(section.heading)}</h2>" if section.heading else "") + shown)
    style = files("repro.audit.page").joinpath("page.css").read_text(encoding="utf-8")
    return PAGE.format(title=html.escape(title), style=style, body="\n".join(body))


def _caution(found: Judgement) -> str:
    said = (
        "Nobody froze a plan before these runs: which of many tables, outcomes and options was looked at is not known."
    )
    if found.word != "seed":
        said += f" Where this page says seed, it is the {found.word} that is meant."
    return said


def _page_lines(lines: list[Line]) -> str:
    tables = []
    for outcome in dict.fromkeys(line.outcome for line in lines):
        own = [line for line in lines if line.outcome == outcome]
        rows = pd.DataFrame(
            {
                "verdict": [badge(line.verdict.partition(",")[0].replace("differs", "matters")) for line in own],
                "difference": [f"{line.estimate:+.4g}" for line in own],
                "95 % interval": [f"{line.low:.4g} to {line.high:.4g}" for line in own],
                "n": [f"{line.n} / {line.n_baseline}" for line in own],
                "p adjusted": [f"{line.p:.2g}" for line in own],
            },
            index=pd.Index([line.option for line in own], name=", ".join(dict.fromkeys(line.detail for line in own))),
        )
        base = ", ".join(dict.fromkeys(f"{line.detail}: {line.baseline}" for line in own))
        tables.append(table_html(rows, f"{outcome}: each option less the baseline's ({base})", {"verdict": str}))
    return "".join(tables)


def _list_details(found: Judgement) -> list[dict[str, Any]]:
    if found.analysis is None:
        return []
    table = found.analysis.verdicts
    table = table[table["train_fraction"] == FULL].astype({"further_seeds": object})
    return [
        {str(k): v for k, v in row.items()}
        for row in table.drop(columns=["train_fraction", "stable"]).to_dict("records")
    ]


def _tell_slopes(found: Judgement) -> list[str]:
    return [
        f"{row['detail']} from {row['lowest']} to {row['highest']} ({row['configurations']} configurations): "
        f"{row['verdict']}, {row['reason']}"
        for row in found.slopes.to_dict("records")
    ]


def _tell_batch(found: Judgement) -> list[str]:
    batch = found.batch
    if batch is None:
        return []
    chosen = [step for step in batch.steps if step.chosen]
    asked = sum(len(step.questions) for step in batch.steps) + len(batch.hopeless)
    limit = "" if batch.budget is None else f" of a budget of {batch.budget}"
    total = f"{len(batch.runs)} runs{limit}, expected to settle {batch.expected:.1f} of {asked} open comparisons"
    sentences = [f"{total}, if each true difference is what was estimated" if chosen else f"{total}: none fits"]
    for step in batch.steps:
        told = "; ".join(_tell_question(question, found.word) for question in step.questions[:4])
        more = f"; and {len(step.questions) - 4} more" if len(step.questions) > 4 else ""
        cut = "" if step.chosen else ", beyond the budget"
        sentences.append(f"{len(step.runs)} runs{cut}: {told}{more}{_tell_runs(batch, step)}")
    if batch.hopeless:
        names = ", ".join(f"{question.detail}={question.option}" for question in batch.hopeless[:4])
        more = ", ..." if len(batch.hopeless) > 4 else ""
        sentences.append(f"no number up to {max(q.bound for q in batch.hopeless)} is expected to settle: {names}{more}")
    return [*sentences, *batch.said]


def _tell_question(question: Question, word: str) -> str:
    likelier = "differs" if question.differs >= question.equivalent else "equivalent"
    further = f"{question.further} further {word}{'s' * (question.further != 1)}"
    return f"{question.detail}={question.option}: {further}, then {likelier} with a chance of {question.chance:.0%}"


def _tell_runs(batch: NextBatch, step: Step) -> str:
    """Names the runs of a step, the seeds of each variant together."""
    seeds: dict[str, list[str]] = {}
    for run in step.runs:
        seeds.setdefault(", ".join(f"{name}={value}" for name, value in run.options.items()), []).append(run.seed)
    named = [f"{name} with {batch.seed} {', '.join(own)}" if all(own) else name for name, own in seeds.items()]
    return f" ({'; '.join(named[:4])}{'; ...' * (len(named) > 4)})" if named else ""


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
                "questions": [{**question._asdict(), "chance": question.chance} for question in step.questions],
                "runs": [{"options": dict(run.options), "seed": run.seed} for run in step.runs],
            }
            for step in batch.steps
        ],
        "hopeless": [question._asdict() for question in batch.hopeless],
        "said": list(batch.said),
    }


def _show_roles(found: Judgement) -> str:
    names = [_cut(column.name, 32) for column in found.columns]
    wide, role = max(map(len, names), default=0), max(len(column.role) for column in found.columns)
    rows = [
        f"  {name:<{wide}}  {column.role:<{role}}  {column.levels:>6}  {_cut(column.why, 60)}"
        for name, column in zip(names, found.columns, strict=True)
    ]
    shown = rows if len(rows) <= 40 else [*rows[:40], f"  ... {len(rows) - 40} more in judge.yaml"]
    return "\n".join([f"  {'column':<{wide}}  {'role':<{role}}  levels  why", *shown])


def _list(heading: str, sentences: list[str]) -> str:
    if not sentences:
        return ""
    return "\n".join(
        [
            f"{heading}:",
            *(textwrap.fill(item, WIDTH, initial_indent="- ", subsequent_indent="  ") for item in sentences),
        ]
    )


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _escape(text: str) -> str:
    return text.translate(_MARKDOWN)


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
