"""How far a run that is made again may lie from the one that is kept: one table, by what differs between the two.

| what differs | allowed | why |
|---|---|---|
| nothing that is recorded | 0: all digits that are kept | kernels are deterministic, seeds derive from the run |
| versions, processor, instructions, threads, device | t(0.995, df) sqrt(2) s | see below |
| code or data | the same, and the difference is told | it is another run, and agrees or does not |

Sums taken in another order differ in the last bit, and a training amplifies that until, at the most, it has become
another draw of the same distribution: that of the seeds. Two draws differ by sqrt(2) s in standard deviation. s is the
standard deviation over seeds, pooled over all variants (df), or the variant's own where that is larger, as variants
scatter unlike; t makes it a bound that holds in 99 %. It is an upper bound: the default run, whose seed is the same on
three instruction sets, spreads by 0.12 dB over these (reports/default_run.json), the screening study by 0.69 dB over
seeds. Six runs of 12 steps, made again without wide instructions, were bit-identical twice and within it four times.
"""

from collections.abc import Mapping
from math import isfinite, isnan, nan, sqrt
from typing import Any, Final, NamedTuple, cast

import pandas as pd

from repro.audit.ledger.values import flatten
from repro.audit.statistics.results import run_means
from repro.kept.study import KeptStudy, Made

COVERAGE: Final = 0.99
IDENTICAL, WITHIN, DIFFERENT = "bit-identical", "within tolerance", "different"
_NOT_NUMERICAL: Final = ("modules.pip", "modules.setuptools")
_OPTIONAL: Final = ("modules.", "packages.")
"""Versions of what is loaded: one that only one of two processes has loaded is no difference."""


Allowed = dict[tuple[float, str], float]
"""The largest difference of two runs' means, by train fraction and metric."""


class Distance(NamedTuple):
    """How two runs with the same params and seed stand to each other.

    Attributes:
        verdict: bit-identical, within tolerance, different.
        metric: with its train fraction, that lies furthest apart; empty where none does.
        apart: the difference there, the second less the first.
        allowed: there; NaN where no variant has several seeds.
    """

    verdict: str
    metric: str
    apart: float
    allowed: float

    def show(self) -> str:
        """Returns what lies furthest apart, and how far it may; empty where nothing does."""
        if not self.metric:
            return ""
        allowed = "not known: no variant has several seeds" if isnan(self.allowed) else f"{self.allowed:.3g}"
        return f"{self.metric} {self.apart:+.3g}, allowed {allowed}"


def differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Returns what differs between two environments, as "name: one, other"."""
    first, second = flatten(dict(one)), flatten(dict(other))
    return [
        f"{name}: {first.get(name, 'not told')}, {second.get(name, 'not told')}"
        for name in sorted(first.keys() | second.keys())
        if first.get(name) != second.get(name)
        and name not in _NOT_NUMERICAL
        and (not name.startswith(_OPTIONAL) or (name in first and name in second))
    ]


def differing_runs(one: Made, other: Made) -> list[str]:
    """Returns what differs between what two runs were made from: code, data, environment."""
    said = [f"code: {one.code[:12]}, {other.code[:12]}"] if one.code != other.code else []
    said += [
        f"data {name}: {one.inputs.get(name, 'none')[:12]}, {other.inputs.get(name, 'none')[:12]}"
        for name in sorted(one.inputs.keys() | other.inputs.keys())
        if one.inputs.get(name) != other.inputs.get(name)
    ]
    if not one.environment:
        return [*said, "environment: not recorded with the first"]
    return said + differing(one.environment, other.environment)


def allowed_distances(kept: KeptStudy) -> dict[str, Allowed]:
    """Returns how far two runs of each variant may lie apart that differ in rounding."""
    from scipy.stats import t

    means = run_means(kept.results)
    spread = means.groupby(["train_fraction", "metric", "variant"])["value"].agg(["var", "count"]).dropna()
    found: dict[str, Allowed] = {variant.id: {} for variant in kept.plan.grown().variants}
    for place, part in spread.groupby(level=["train_fraction", "metric"]):
        freedom = part["count"] - 1
        pooled = float((part["var"] * freedom).sum() / freedom.sum())
        quantile = float(t.ppf((1 + COVERAGE) / 2, freedom.sum()))
        own = part["var"].droplevel(["train_fraction", "metric"])
        for variant, allowed in found.items():
            variance = max(pooled, float(own.get(variant, 0.0)))
            allowed[cast("tuple[float, str]", place)] = quantile * sqrt(2 * variance)
    return found


def compare_rows(first: pd.DataFrame, second: pd.DataFrame, allowed: Allowed, *, same: bool) -> Distance:
    """Compares the rows of two runs with the same params and seed.

    Args:
        first: columns train_fraction, unit, metric, value.
        second: likewise.
        allowed: of `allowed_distances`, for the variant.
        same: whether nothing differs that could move a bit, so that nothing is allowed.
    """
    keys = ["train_fraction", "metric", "unit"]
    one, other = (
        table.astype({"unit": str, "train_fraction": float, "value": float}).set_index(keys)["value"]
        for table in (first, second)
    )
    if one.index.sort_values().equals(other.index.sort_values()) and one.equals(other.reindex(one.index)):
        return Distance(IDENTICAL, "", 0.0, 0.0)
    levels = ["train_fraction", "metric"]
    apart = other.groupby(level=levels).mean() - one.groupby(level=levels).mean()
    distances = {cast("tuple[float, str]", place): float(value) for place, value in apart.items()}
    bounds = {place: 0.0 if same else allowed.get(place, nan) for place in distances}
    excess = {place: _excess(value, bounds[place]) for place, value in distances.items()}
    worst = max(excess, key=lambda place: excess[place])
    close = excess[worst] <= 1 and not same and len(one) == len(other)
    name = f"{worst[1]}" + ("" if worst[0] == 1 else f" after {worst[0]:g} of the training")
    return Distance(WITHIN if close else DIFFERENT, name, distances[worst], bounds[worst])


def _excess(apart: float, bound: float) -> float:
    """Returns a difference as a share of what is allowed; infinite where there is no telling."""
    if apart == 0:
        return 0.0
    return abs(apart) / bound if isfinite(apart) and isfinite(bound) and bound > 0 else float("inf")
