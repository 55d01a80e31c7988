"""Runs that have a seed each: arms compared by Welch's test, designs held against what runs of one variant differ by.

Nothing pairs such runs: their places in a list are no seeds that others have too. In a table that was found and not
planned this is the rule, where each run drew a seed of its own or wrote none down. Two arms may differ in their spread,
so that each brings its own variance. A design has many variants of few runs: the variance within them is pooled.

Source: Welch, The generalization of Student's problem when several different population variances are involved (1947);
Satterthwaite (1946) for the degrees of freedom; Draper & Smith, Applied Regression Analysis (1998), chapter 2, on lack
of fit and pure error from repeated runs.
"""

import numpy as np
from scipy import stats

from repro.audit.statistics.linear_model import ROUNDING, Floats, fit_effects
from repro.audit.statistics.mean_squares import NOTHING, LackOfFit, MeanSquare, PureError
from repro.audit.statistics.paired import small_sample_factor


def compare_groups(option: Floats, baseline: Floats, higher_is_better: bool) -> dict[str, Floats]:
    """Compares K arms with a baseline whose runs are others, with other seeds.

    With n and m runs, variances u and v:
        estimate = mean(option) - mean(baseline),  se^2 = u / n + v / m,
        df = se^4 / ((u / n)^2 / (n - 1) + (v / m)^2 / (m - 1)),  interval = estimate +- t(df) se;
        hedges_g = J(n + m - 2) estimate / sqrt((u + v) / 2);
        probability_of_improvement = P(option better) + P(equal) / 2 over all pairs of runs.

    Args:
        option: (K, S) float64; NaN where there is none. Columns mean nothing.
        baseline: (1, S) float64.
        higher_is_better: turns `probability_of_improvement` only.

    Returns:
        The columns of `paired.compare_pairs`: `seeds` is the smaller number of runs, `sd` = se sqrt(seeds), that
        of one difference of two runs where both sides have as many; superiority, correlation, bca_* and
        p_sign_flip are NaN.

    Example:
        >>> found = compare_groups(np.array([[3.0, 5.0, 4.0, 4.0]]), np.array([[1.0, 2.0, 3.0, np.nan]]), True)
        >>> {name: round(float(found[name][0]), 3) for name in ("estimate", "se", "df", "low", "high", "p")}
        {'estimate': 2.0, 'se': 0.707, 'df': 3.857, 'low': 0.008, 'high': 3.992, 'p': 0.049}
    """
    n, m = np.isfinite(option).sum(axis=1), int(np.isfinite(baseline).sum())
    own = np.array([_moments(row) for row in option], dtype=np.float64).reshape(len(option), 2)
    mean, variance = _moments(baseline[0])
    estimate = own[:, 0] - mean
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = own[:, 1] / n, np.full(len(n), variance / m if m else np.nan)
        square = parts[0] + parts[1]
        df = square**2 / (parts[0] ** 2 / (n - 1) + parts[1] ** 2 / (m - 1))
        df = np.where(square == 0, n + m - 2.0, df)  # runs that do not differ
        se = np.sqrt(square)
        t = np.where(estimate == 0, 0.0, estimate / se)
        scale = np.sqrt((own[:, 1] + variance) / 2)
        standardised = np.where(estimate == 0, 0.0, estimate / np.where(scale > 0, scale, np.nan))
    df = np.where(np.isnan(se), np.nan, df)
    wide, narrow = stats.t.ppf(0.975, df) * se, stats.t.ppf(0.95, df) * se
    nothing = np.full(len(n), np.nan)
    seeds = np.minimum(n, m)
    return {
        "seeds": seeds,
        "estimate": estimate,
        "sd": se * np.sqrt(seeds),
        "se": se,
        "df": df,
        "low": estimate - wide,
        "high": estimate + wide,
        "low90": estimate - narrow,
        "high90": estimate + narrow,
        "hedges_g": standardised * small_sample_factor(np.where(n + m > 3, n + m - 2.0, np.nan)),
        "probability_of_improvement": np.array([_improvement(row, baseline[0], higher_is_better) for row in option]),
        "superiority": nothing,
        "bca_low": nothing,
        "bca_high": nothing,
        "p": np.where(np.isnan(se), np.nan, 2 * stats.t.sf(np.abs(t), df)),
        "p_sign_flip": nothing,
        "correlation": nothing,
    }


def find_within_error(values: Floats) -> PureError:
    """Pools the variance of values (V, S), NaN where there is none, within variants: sum of squares on N - V.

    Example:
        >>> error = find_within_error(np.array([[1.0, 3.0, np.nan], [4.0, 6.0, 5.0]]))
        >>> error.df, round(error.variance, 4)
        (3, 1.3333)
    """
    present = np.isfinite(values)
    count = present.sum(axis=1, keepdims=True)
    df = int(present.sum() - (count > 0).sum())
    apart = values - np.nansum(values, axis=1, keepdims=True) / np.maximum(count, 1)
    total = float(np.nansum(apart**2))
    largest = np.abs(values[present]).max(initial=0.0)
    total = 0.0 if total < present.sum() * (ROUNDING * largest) ** 2 else total
    return PureError(total / df if df else np.nan, df, total)


def find_unpaired_lack(columns: Floats, values: Floats, within: MeanSquare) -> LackOfFit:
    """Tests what the columns (V, K) leave of the means of the variants: the classical F of lack of fit.

    square = (residual of the columns - sum of squares within variants) / (V - rank),   F = square / within.

    Args:
        columns: of the linear model.
        values: (V, S) of the points of the design, NaN where there is none.
        within: mean square within variants.

    Example:
        >>> columns = np.array([[0.0, 0], [1, 0], [0, 1], [1, 1]])
        >>> values = np.array([[0.0, 1], [0, 1], [0, 1], [8, 7]])
        >>> lack = find_unpaired_lack(columns, values, MeanSquare(0.5, 4))
        >>> round(lack.square.value, 6), lack.square.df, round(lack.f, 6)
        (24.5, 1, 49.0)
    """
    seen = np.isfinite(values).any(axis=1)
    full = np.hstack([np.ones((int(seen.sum()), 1)), columns[seen]])
    df = int(seen.sum()) - int(np.linalg.matrix_rank(full)) if seen.any() else 0
    if df < 1:
        return LackOfFit(NOTHING, np.nan, np.nan)
    total = max(fit_effects(columns, values, blocks=False).residual - find_within_error(values).total, 0.0)
    square = MeanSquare(total / df, df)
    if not within.df:
        return LackOfFit(square, np.nan, np.nan)
    f = square.value / within.value if within.value else (np.inf if square.value else 1.0)
    return LackOfFit(square, f, float(stats.f.sf(f, df, within.df)))


def _moments(values: Floats) -> tuple[float, float]:
    """Returns mean and variance of what is finite; the variance is NaN below two."""
    known = values[np.isfinite(values)]
    return (
        float(known.mean()) if len(known) else np.nan,
        float(known.var(ddof=1)) if len(known) > 1 else np.nan,
    )


def _improvement(option: Floats, baseline: Floats, higher_is_better: bool) -> float:
    first, second = option[np.isfinite(option)], baseline[np.isfinite(baseline)]
    if not (len(first) and len(second)):
        return np.nan
    signs = np.sign(first[:, None] - second) * (1 if higher_is_better else -1)
    return float((signs.mean() + 1) / 2)
