"""The tables of `benchmarks.outcome_noise`: standard deviations, their ratios, and what they cost, with intervals.

An sd of n seeds has its chi-square interval, n - 1 degrees of freedom: with 12 seeds a factor of 2.4 from end to end.
Ways to make a number of the same trainings are compared within them, by a bootstrap over seeds, which is far tighter.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmarks.outcome_ways import OTHER_PAIRS, UNTRAINED
from repro.audit.statistics.outcomes import sd_interval

DRAWS: Final = 10_000
FEWEST: Final = 3
"""Seeds below which no ratio of variances is given."""
INTERVAL: Final = (2.5, 97.5)
LAST: Final = "last"

Values = NDArray[np.float64]


def show_tables(lines: Sequence[Mapping[str, Any]]) -> str:
    """Returns the tables of all parts that have been measured."""
    parts = {"ways": show_ways, "streams": show_streams, "pairs": show_pairs}
    return "\n\n".join(
        show(mine) for part, show in parts.items() if (mine := [line for line in lines if line["part"] == part])
    )


def show_ways(lines: Sequence[Mapping[str, Any]]) -> str:
    """Returns a row for each way: mean, sd, and against the last weights variance, and variance x seconds.

    An average over earlier weights varies less because less has been learned, and then differences between variants
    are smaller, too. The last column therefore holds the sd against what was learned: mean less that before the first
    step.
    """
    values = {way: np.array([line["values"][way][0] for line in lines]) for way in lines[0]["values"]}
    seconds = {way: float(np.mean([line["values"][way][1] for line in lines])) for way in values}
    training = float(np.mean([line["training_s"] for line in lines]))
    head = "| outcome | mean, dB | sd, dB | variance against last | seconds more | variance x seconds |"
    head += " the same against what was learned |"
    learned = {way: found.mean() - values[UNTRAINED].mean() for way, found in values.items() if way != UNTRAINED}
    rows = []
    for way, gain in learned.items():
        found = values[way]
        longer = (training + seconds[way]) / (training + seconds[LAST])
        worth = compare_variances(found, values[LAST])[0] * longer
        of_learned = "" if way.startswith(OTHER_PAIRS) else f"{worth * (learned[LAST] / gain) ** 2:.2f}"
        rows.append(
            f"| {way} | {found.mean():.2f} | {show_sd(found)} | {show_ratio(found, values[LAST])} | "
            f"{seconds[way]:.2f} | {worth:.2f} | {of_learned} |"
        )
    return "\n".join([f"{len(lines)} trainings of {training:.1f} s", "", head, "|---|---|---|---|---|---|---|", *rows])


def show_streams(lines: Sequence[Mapping[str, Any]]) -> str:
    """Returns a row for each stream: the sd over seeds where it alone follows them."""
    rows = []
    for named in dict.fromkeys(line["named"] for line in lines):
        found = np.array([line["values"][LAST] for line in lines if line["named"] == named])
        rows.append(f"| {named} | {len(found)} | {found.mean():.2f} | {show_sd(found)} |")
    return "\n".join(["| what follows the seed | seeds | mean, dB | sd, dB |\n|---|---|---|---|", *rows])


def show_pairs(lines: Sequence[Mapping[str, Any]]) -> str:
    """Returns a row for each set of options: its effect, and how much of the variance it shares with the baseline."""
    by_options = {
        named: {line["seed"]: line["values"][LAST] for line in lines if line["named"] == named}
        for named in dict.fromkeys(line["named"] for line in lines)
    }
    baseline = by_options.pop("{}", {})
    rows = []
    for named, found in by_options.items():
        seeds = [seed for seed in found if seed in baseline]
        one, other = (np.array([values[seed] for seed in seeds]) for values in (found, baseline))
        rows.append(
            f"| {named} | {len(seeds)} | {np.mean(one - other):+.2f} | {show_sd(one - other)} | "
            f"{show_correlation(one, other)} |"
        )
    return "\n".join(["| options | seeds | effect, dB | sd of it, dB | correlation |\n|---|---|---|---|---|", *rows])


def show_sd(values: Values) -> str:
    """Returns the sd over seeds with its 95 % interval."""
    if len(values) < 2:
        return ""
    sd = float(values.std(ddof=1))
    low, high = sd_interval(sd, len(values))
    return f"{sd:.2f} ({low:.2f} to {high:.2f})"


def show_ratio(values: Values, reference: Values) -> str:
    """Returns `compare_variances` as text."""
    ratio, low, high = compare_variances(values, reference)
    return f"{ratio:.2f} ({low:.2f} to {high:.2f})"


def compare_variances(values: Values, reference: Values) -> tuple[float, float, float]:
    """Returns the ratio of two variances over the same seeds, with its 95 % interval by a bootstrap over seeds.

    Where the two correlate, as numbers of one training do, it is much narrower than F's, which takes them for
    independent. NaN below three seeds.

    Args:
        values: (S,) outcomes.
        reference: (S,) outcomes of the same seeds.

    Example:
        >>> reference = np.arange(12.0)
        >>> compare_variances(0.5 * reference, reference)
        (0.25, 0.25, 0.25)
    """
    if len(values) < FEWEST:
        return np.nan, np.nan, np.nan
    return _bootstrap(lambda rows: rows[..., 0, :].var(-1, ddof=1) / rows[..., 1, :].var(-1, ddof=1), values, reference)


def show_correlation(one: Values, other: Values) -> str:
    """Returns the correlation over seeds with Fisher's interval; nothing below four seeds."""
    if len(one) < 4:
        return ""
    r = float(np.corrcoef(one, other)[0, 1])
    low, high = np.tanh(np.arctanh(r) + np.array([-1, 1]) * stats.norm.ppf(0.975) / np.sqrt(len(one) - 3))
    return f"{r:.2f} ({low:.2f} to {high:.2f})"


def _bootstrap(statistic: Callable[[Values], Values], *samples: Values) -> tuple[float, float, float]:
    paired = np.stack(samples)
    places = np.random.default_rng(0).integers(0, paired.shape[1], (DRAWS, paired.shape[1]))
    drawn = paired[:, places].swapaxes(0, 1)
    usable = drawn[(drawn.std(-1) > 0).all(-1)]  # a draw of one seed alone has no variance
    low, high = np.percentile(statistic(usable), INTERVAL)
    return float(statistic(paired)), float(low), float(high)
