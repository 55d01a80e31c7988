"""What is said of each option: against which, on how many replicates, how far apart, and the verdict."""

from collections import Counter
from typing import Any, NamedTuple

import numpy as np

from repro.audit.statistics.multiplicity import LEVEL, adjust_p, correction_of
from repro.audit.statistics.outcomes import FULL
from repro.audit.statistics.verdicts import EQUIVALENT, MATTERS, UNDECIDED
from repro.judge.judgement import Judgement

ORDER = (MATTERS, EQUIVALENT, UNDECIDED)
"""Verdicts on an option, as they are listed."""


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
        verdict: one of `ORDER`.
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

    @property
    def interval(self) -> str:
        """In words."""
        return "no interval" if np.isnan(self.low) else f"{self.low:.4g} to {self.high:.4g}"

    @property
    def chance(self) -> str:
        """The adjusted p-value, as one reads it."""
        return "p < 0.001" if self.p < 0.001 else f"p = {self.p:.2g}"


def list_lines(found: Judgement) -> list[Line]:
    """Returns what is said of each option, the main outcome first.

    An option is equivalent if its two one-sided tests are below .05, adjusted over the options of the outcome, and
    matters if its adjusted p is. Where both hold it differs by less than the margin: equivalent, as a detail of a study
    is. Where no margin was declared nothing is equivalent.
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
        margin = found.declared.outcomes[name].margin
        for row, p_inside in zip(rows.to_dict("records"), p_values, strict=True):
            inside = margin is not None and bool(p_inside < LEVEL)
            lines.append(_write_line({str(key): value for key, value in row.items()}, name, inside, found))
    place = {name: number for number, name in enumerate(found.plan.declared.metrics)}
    return sorted(lines, key=lambda line: (place[line.outcome], ORDER.index(line.verdict), line.p, line.estimate))


def count_verdicts(found: Judgement) -> dict[str, int]:
    """Returns how many options and slopes of the main outcome have each verdict, in the order of `ORDER`."""
    main = next(iter(found.declared.outcomes))
    verdicts = [line.verdict for line in list_lines(found) if line.outcome == main]
    count = Counter([*verdicts, *([] if found.refused else found.slopes["verdict"])])
    return {verdict: count[verdict] for verdict in ORDER if count[verdict]}


def _write_line(row: dict[str, Any], outcome: str, inside: bool, found: Judgement) -> Line:
    n, base = len(row["runs"]), len(row["baseline_runs"])
    if row["kind"] == "contrast" and found.word != "run":  # many runs share a replicate
        n = base = int(row["seeds"])
    unit = found.plan.declared.metrics[outcome].unit if found.plan else ""
    word = f"{found.word}s"
    differs = bool(row["p_adjusted"] < LEVEL)
    line = Line(
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
        verdict=EQUIVALENT if inside else MATTERS if differs else UNDECIDED,
        sentence="",
    )
    size = f"{line.estimate:+.4g} {unit}".rstrip()
    span = line.interval if np.isnan(line.low) else f"95 % {line.interval}"
    less = ", though it differs" if inside and differs else ""
    sentence = (
        f"{line.verdict}{less}: {line.detail}, {line.option} against {line.baseline}: {outcome} {size} ({span}; "
        f"n = {n} and {base} {word}; {line.chance} adjusted)"
    )
    return line._replace(sentence=sentence)
