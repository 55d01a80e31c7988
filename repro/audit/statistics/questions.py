"""What to ask the authors, ordered by how much an answer would shrink the uncertainty of a replication.

Effects, verdicts and the ledger flow in, `Analysis.questions` flows out.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from repro.audit.ledger.choice import Choice
from repro.audit.statistics.outcomes import FULL
from repro.audit.study.plan import Plan


def rank_questions(
    plan: Plan, effects: pd.DataFrame, verdicts: pd.DataFrame, details: Mapping[str, Choice] | None = None
) -> pd.DataFrame:
    """Ranks the varied details by what not knowing them adds to the outcome, at the full training.

    `shrinks` is the sd of the main metric, in its unit, over the options of the detail, each as likely as the others:
    v = mean(e^2 + se^2) - mean(e)^2 over options with effects e (the baseline's is 0) and standard errors se. An
    answer takes it away. The standard errors are in it on purpose: a detail that nobody has measured well may still
    be worth as much as its interval allows.

    Args:
        plan: the varied details.
        effects: as in `Analysis`.
        verdicts: as in `Analysis`.
        details: the ledger, for the words of the questions.

    Returns:
        detail, question, shrinks, reason; largest first, those without a measurement last.
    """
    metric = next(iter(plan.declaration["metrics"]))
    rows = [_rank(plan, detail, metric, effects, verdicts, details or {}) for detail in plan.levels]
    frame = pd.DataFrame(rows, columns=["detail", "question", "shrinks", "reason"])
    return frame.sort_values("shrinks", ascending=False, kind="stable", na_position="last", ignore_index=True)


def _rank(
    plan: Plan,
    detail: str,
    metric: str,
    effects: pd.DataFrame,
    verdicts: pd.DataFrame,
    details: Mapping[str, Choice],
) -> dict[str, Any]:
    here = (effects["detail"] == detail) & (effects["metric"] == metric) & (effects["train_fraction"] == FULL)
    estimate = np.array([0.0, *effects.loc[here, "estimate"]])
    error = np.array([0.0, *effects.loc[here, "se"]])
    shrinks = float(np.sqrt(np.maximum(0.0, np.mean(estimate**2 + error**2) - np.mean(estimate) ** 2)))
    verdict = verdicts[
        (verdicts["detail"] == detail) & (verdicts["metric"] == metric) & (verdicts["train_fraction"] == FULL)
    ]
    unit = plan.declared.metrics[metric].unit
    known = len(estimate) > 1 and np.isfinite(shrinks)
    if known:
        sizes = f"options differ by {np.ptp(estimate):.3g} {unit}".rstrip()
        reason = f"{verdict['verdict'].iloc[0]}: {sizes}, standard error up to {error.max():.2g}"
    else:
        reason = "no effect was measured"
    question = details[detail].question if detail in details else f"Which value has {detail}?"
    return {"detail": detail, "question": question, "shrinks": shrinks if known else np.nan, "reason": reason}
