"""The figures of calibration: rates over studies of random subgrids, each with its Monte Carlo error."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pandas as pd

from benchmarks.calibration_studies import Judged, compare_methods
from benchmarks.calibration_truth import ALL, MARGIN, MEASURED, NATURAL, ONE, PLANNED, POWER, SIZES, SOME, Setting
from repro.audit.statistics.calibration import Method, Rate, Row
from repro.audit.statistics.multiplicity import correction_of
from repro.audit.statistics.verdicts import EQUIVALENT, MATTERS


def rate(values: Iterable[float]) -> Rate:
    """Returns the mean over subgrids and its Monte Carlo error; where all are alike, 1 / n stands for the error.

    Example:
        >>> rate([0, 1, 0, 0]), rate([0, 0, 0, 0])
        (Rate(value=0.25, error=0.25), Rate(value=0.0, error=0.25))
    """
    found = np.array([value for value in values if np.isfinite(value)], dtype=np.float64)
    if not len(found):
        return Rate(np.nan, np.nan)
    error = float(found.std(ddof=1)) / np.sqrt(len(found)) if len(found) > 1 else 0.0
    return Rate(round(float(found.mean()), 4), round(float(error or 1 / len(found)), 4))


def summarise(family: str, setting: Setting, studies: Sequence[Judged]) -> Row:
    """Returns the figures of one design on one family of surfaces."""
    plans = [study.plan for study in studies]
    correction = correction_of(plans[0].declared)

    def each(measure: Callable[[Judged], float]) -> Rate:
        return rate(measure(study) for study in studies)

    def false_matters(scenario: str) -> Rate:
        return each(lambda study: count_false(study.effects, scenario, share=correction != "Holm"))

    alone = setting.design == "one_at_a_time"
    return Row(
        surface=family,
        design=setting.design,
        details=len(setting.counts),
        variants=max(len(plan.variants) for plan in plans),
        seeds=setting.seeds,
        correction=correction,
        subgrids=len(studies),
        coverage=each(lambda study: covers(study.effects)),
        one_nil=false_matters(ONE),
        half_nil=false_matters(SOME),
        all_nil=false_matters(ALL),
        equivalent=each(lambda study: (_details(study.effects, MARGIN)["verdict"] == EQUIVALENT).any()),
        equivalent_each=each(lambda study: (_details(study.effects, MARGIN)["verdict"] == EQUIVALENT).mean()),
        natural=each(lambda study: (_details(study.effects, NATURAL)["verdict"] == MATTERS).mean()),
        power=tuple(each(lambda study, size=size: found_at(study, POWER, size * study.truth.sd)) for size in SIZES),
        planned=each(lambda study: found_at(study, PLANNED)),
        measured=None if alone else each(lambda study: found_at(study, MEASURED)),
        width=_median(study.effects for study in studies)["all_cells"],
        oracle=_median(study.effects for study in studies)["oracle"],
    )


def covers(effects: pd.DataFrame) -> float:
    """Returns the share of the 95 % intervals that hold the truth; what has no interval makes no promise."""
    given = effects[effects["low"].notna()]
    return float(((given["low"] <= given["truth"]) & (given["truth"] <= given["high"])).mean())


def _details(effects: pd.DataFrame, scenario: str) -> pd.DataFrame:
    """Returns one row per detail: `verdict`, and `truth`, the largest of its options in size."""
    rows = effects[effects["metric"] == scenario].assign(truth=lambda table: table["truth"].abs())
    return rows.groupby("detail", sort=False).agg({"verdict": "first", "truth": "max"})


def count_false(effects: pd.DataFrame, scenario: str, share: bool) -> float:
    """Returns whether any detail without an effect matters, or the share of these among all that matter."""
    rows = _details(effects, scenario)
    matters = rows["verdict"] == MATTERS
    wrong = int((matters & (rows["truth"] == 0)).sum())
    return wrong / max(1, int(matters.sum())) if share else float(wrong > 0)


def found_at(study: Judged, scenario: str, size: float | None = None) -> float:
    """Returns the share of details with an effect (of a size) that are found to matter; NaN where there are none."""
    rows = _details(study.effects, scenario)
    rows = rows[rows["truth"] > 0] if size is None else rows[np.isclose(rows["truth"], size, rtol=1e-9, atol=0)]
    return float((rows["verdict"] == MATTERS).mean()) if len(rows) else float("nan")


def _median(tables: Iterable[pd.DataFrame]) -> dict[str, float]:
    """Returns the median width of the intervals of the natural studies, in each of the two that could be."""
    rows = pd.concat([table[table["metric"] == NATURAL] for table in tables])
    width = rows["high"] - rows["low"]
    return {name: round(float((width / rows[name]).median()), 3) for name in ("all_cells", "oracle")}


def summarise_methods(family: str, setting: Setting, studies: Sequence[Judged]) -> list[Method]:
    """Returns coverage and width of the error terms that were tried."""
    tables = [compare_methods(study) for study in studies]
    found = []
    for name in tables[0]["method"].unique():
        rows = [table[table["method"] == name] for table in tables]
        width = _median(rows)
        place = {"surface": family, "design": setting.design, "details": len(setting.counts), "seeds": setting.seeds}
        covered = rate(covers(table) for table in rows)
        found.append(Method(**place, method=name, coverage=covered, width=width["all_cells"], oracle=width["oracle"]))
    return found
