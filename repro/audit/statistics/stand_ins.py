"""What stands in for a run that failed: a bounded bad value, made from the runs of its own variant.

A failed run is an outcome and is never dropped; that it failed is judged by itself (`failure_rates`). In every other
outcome it needs a value. The worst of the study, which is the obvious one, is not bounded: beside an option that is
terrible in earnest, one failed run of 64 drowns all other effects. Here it takes

    expected value of its variant at its seed  -  max(2 noise sd, the worst that the variant itself has shown)

in the bad direction. Expected is what the variant's runs that are ok give; where there are none, what least squares
of the options on the ok runs of the design gives, to which an option that was never seen adds nothing (an arm that
always fails then stands two noise sd below the baseline). The noise is that of runs within their variant, less what
a seed shifts in all of them; without replicates it is the baseline's, and failing that, a failed run takes the worst
value of the design's ok runs. The two controls stand in for nobody but themselves.

Why so. A missing value instead would judge the survivors alone. Ranks are bounded too, but have no unit: neither a
margin nor an interval in the metric's unit is left. Two noise sd are a bad run, worse than 43 of 44, and not the end
of the study. How bad a failure is cannot be estimated, it is decided, and the page says the number. Simulated
(`benchmarks/failed_runs.py`), 15 details in a Plackett-Burman design of 32 variants by 2 seeds, 4 of the 64 runs failed
at random, one other option terrible (10 sd): the power to find a third option's effect of one sd is .51 without
failures, .40 with two noise sd, .32 with three, .16 with five, .04 with the worst value of the study, .45 if failed
runs were dropped; intervals of the details that have nothing to do with it cover in 97 to 99 % with any of them.

Source: composite outcomes in which a terminal event takes a fixed bad value: Lachin, Worst-rank score analysis with
informatively missing observations in clinical trials (1999); value and bounds are ours.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from repro.audit.statistics.paired import Floats, row_means

Flags = NDArray[np.bool_]

NOISE_SDS = 2.0
"""How far below its expected value a failed run stands, in noise sd."""


class Additive(NamedTuple):
    """Runs as the sum of a mean for each variant and a shift for each seed.

    Attributes:
        means: (V,) at the average seed; NaN for a variant without a run.
        shifts: (S,) of each seed; 0 where no variant or only one has it.
        sd: of a run about the sum; NaN without replicates.
    """

    means: Floats
    shifts: Floats
    sd: float


def fill_failed(
    values: Floats,
    failed: Flags,
    columns: Floats,
    design: Flags,
    higher_is_better: bool,
    noise_sds: float = NOISE_SDS,
) -> tuple[Floats, float]:
    """Puts bounded bad values in the place of failed runs.

    Args:
        values: (V, S) float64, the baseline first; NaN where there is no value.
        failed: (V, S) bool; what they hold in `values` is not looked at.
        columns: (V, K) 0 or 1, whether a variant has an option that is not the baseline's.
        design: (V,) bool, baseline and arms; the others are controls.
        higher_is_better: the bad direction is the other one.
        noise_sds: how far below its expected value a failed run stands at least.

    Returns:
        (V, S) values with stand-ins, NaN for failed runs where no run of the design is ok; and the noise sd that a
        failed run loses, in the metric's unit, NaN where nothing failed or no noise is known.

    Example:
        >>> values = np.array([[20.0, 22.0, 21.0], [19.0, 21.0, 20.0], [30.0, 31.0, np.nan]])
        >>> failed = np.isnan(values)
        >>> filled, lost = fill_failed(values, failed, np.eye(3)[:, 1:], np.ones(3, dtype=bool), True)
        >>> filled[2].round(2).tolist(), round(lost, 2)  # twice the sd of 0.33 below the expected 30.5
        ([30.0, 31.0, 29.83], 0.67)
    """
    if not failed.any():
        return values, np.nan
    sign = 1.0 if higher_is_better else -1.0
    known = np.where(failed, np.nan, sign * values)
    ok = known[design][np.isfinite(known[design])]
    if not len(ok):
        return np.where(failed, np.nan, values), np.nan
    fit = fit_additive(np.where(design[:, None], known, np.nan))
    rest = known - fit.shifts
    expected = row_means(rest)
    unseen = np.isnan(expected) & failed.any(axis=1)
    if unseen.any():
        seen = design & np.isfinite(expected)
        model = np.column_stack([np.ones(len(columns)), columns])
        expected[unseen] = model[unseen] @ np.linalg.lstsq(model[seen], expected[seen], rcond=None)[0]
    lost = noise_sds * (fit.sd if np.isfinite(fit.sd) else _sd(known[0]))
    if np.isnan(lost):
        filled = np.full(values.shape, ok.min())
    else:
        worst = np.where(np.isfinite(rest), expected[:, None] - rest, 0.0).max(axis=1)
        filled = (expected - np.maximum(lost, worst))[:, None] + fit.shifts
    return np.where(failed, sign * filled, values), lost


def fit_additive(values: Floats) -> Additive:
    """Fits variant + seed to values (V, S), NaN where there is none, by least squares.

    Variants are swept out (Frisch and Waugh), so that only the shifts of the seeds are solved for.

    Example:
        >>> fit = fit_additive(np.array([[1.0, 2.0], [4.0, 6.0]]))  # the difference of differences is 1
        >>> fit.means.tolist(), fit.shifts.round(9).tolist(), round(fit.sd, 9)
        ([1.5, 5.0], [-0.75, 0.75], 0.5)
    """
    # A seed of one variant alone shifts nothing that others have: it cannot be told from this variant's noise.
    present = np.isfinite(values) & (np.isfinite(values).sum(axis=0) > 1)
    here, runs = present.astype(np.float64), present.sum(axis=1)
    count = np.maximum(runs, 1)[:, None]
    centred = np.where(present, values - np.where(present, values, 0.0).sum(axis=1, keepdims=True) / count, 0.0)
    normal = np.diag(here.sum(axis=0)) - here.T @ (here / count)
    shifts, _, rank, _ = np.linalg.lstsq(normal, centred.sum(axis=0), rcond=1e-10)
    residuals = np.where(present, centred - shifts + (here @ shifts)[:, None] / count, 0.0)
    df = int(runs.sum() - (runs > 0).sum() - rank)
    sd = float(np.sqrt((residuals**2).sum() / df)) if df > 0 else np.nan
    return Additive(row_means(values - shifts), shifts, sd)


def _sd(values: Floats) -> float:
    found = values[np.isfinite(values)]
    return float(found.std(ddof=1)) if len(found) > 1 else np.nan
