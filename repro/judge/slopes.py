"""Numeric details: a slope with a test of curvature, not an option for each number.

Runs of the same options are averaged first: what a configuration does beyond the line is the error here, and holds the
noise of its runs as well. The other details are in the model as options.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from repro.audit.statistics.linear_model import Floats
from repro.audit.statistics.multiplicity import LEVEL, adjust_p

SLOPE_COLUMNS = (
    "detail",
    "lowest",
    "highest",
    "configurations",
    "estimate",
    "se",
    "df",
    "low",
    "high",
    "p",
    "p_adjusted",
    "curvature_p",
    "verdict",
    "reason",
)
"""What `fit_slopes` returns."""
FEWEST_DF = 3


def fit_slopes(
    table: pd.DataFrame, outcome: str, numeric: Sequence[str], options: Sequence[str], margin: float | None
) -> pd.DataFrame:
    """Fits outcome = mean + options + slope * x, least squares over configurations.

    `estimate` is what the outcome changes by from the lowest to the highest number, on the logarithm where all numbers
    are positive and span a factor of 100. `curvature_p`: F test of the square of x beside its slope.

    Args:
        table: a row a run.
        outcome: column.
        numeric: columns of the numeric details.
        options: columns of the other details.
        margin: below which a change counts as none; None: nothing is called equivalent.

    Returns:
        A row a numeric detail with `SLOPE_COLUMNS`; NaN without `FEWEST_DF` degrees of freedom.

    Source: Draper & Smith, Applied Regression Analysis (1998), chapters 1 and 12.

    Example:
        >>> x = np.arange(12.0)
        >>> table = pd.DataFrame({"x": x, "y": 2 * x + np.tile([0.1, -0.1], 6)})
        >>> row = fit_slopes(table, "y", ["x"], [], None).iloc[0]
        >>> round(row["estimate"], 1), row["verdict"]
        (21.8, 'matters')
    """
    means = table.groupby([*numeric, *options], dropna=False, observed=True, sort=False)[outcome].mean().reset_index()
    means = means.replace([np.inf, -np.inf], np.nan).dropna(subset=[outcome, *numeric])
    base = [np.ones(len(means))]
    for name in options:
        codes, levels = pd.factorize(means[name].astype(str))
        base += [(codes == level).astype(np.float64) for level in range(1, len(levels))]
    scaled = {name: _scale(means[name].to_numpy(dtype=np.float64)) for name in numeric}
    y = means[outcome].to_numpy(dtype=np.float64)
    model = np.column_stack([*base, *scaled.values()])
    found = [_test(model, y, len(base) + place, scaled[name]) for place, name in enumerate(numeric)]
    adjusted = adjust_p(np.array([row["p"] for row in found]), "Holm")
    rows = []
    for name, row, p in zip(numeric, found, adjusted, strict=True):
        numbers = means[name]
        verdict, reason = _judge(row, float(p), margin)
        place = {"detail": name, "lowest": numbers.min(), "highest": numbers.max(), "configurations": len(means)}
        rows.append({**place, **row, "p_adjusted": p, "verdict": verdict, "reason": reason})
    return pd.DataFrame(rows, columns=list(SLOPE_COLUMNS))


def _scale(
    x: Floats,
) -> Floats:
    """Returns numbers from 0 to 1, by their logarithms where they span a factor of 100."""
    if len(x) and x.min() > 0 and x.max() / x.min() >= 100:
        x = np.log(x)
    return (x - x.min()) / (np.ptp(x) or 1.0)


def _test(
    model: Floats,
    y: Floats,
    column: int,
    x: Floats,
) -> dict[str, float]:
    rank = int(np.linalg.matrix_rank(model))
    df = len(y) - rank
    nothing = dict.fromkeys(("estimate", "se", "low", "high", "p", "curvature_p"), np.nan)
    others = np.delete(model, column, axis=1)
    if df < FEWEST_DF or int(np.linalg.matrix_rank(others)) == rank:
        return {**nothing, "df": float(df)}
    coefficients = np.linalg.lstsq(model, y, rcond=None)[0]
    left = float(((y - model @ coefficients) ** 2).sum())
    apart = x - others @ np.linalg.lstsq(others, x, rcond=None)[0]
    estimate, se = float(apart @ y / (apart @ apart)), float(np.sqrt(left / df / (apart @ apart)))
    curved = np.column_stack([model, (x - x.mean()) ** 2])
    bent = float(((y - curved @ np.linalg.lstsq(curved, y, rcond=None)[0]) ** 2).sum())
    f = (left - bent) / (bent / (df - 1)) if bent > 0 else np.nan
    reach = float(stats.t.ppf(0.975, df)) * se
    p = float(2 * stats.t.sf(abs(estimate) / se, df)) if se > 0 else float(estimate == 0)
    return {
        **{"estimate": estimate, "se": se, "df": float(df), "low": estimate - reach, "high": estimate + reach, "p": p},
        "curvature_p": float(stats.f.sf(f, 1, df - 1)),
    }


def _judge(row: dict[str, float], p: float, margin: float | None) -> tuple[str, str]:
    if np.isnan(row["se"]):
        return "undecided", "too few configurations, or others vary with it"
    said = f"{row['estimate']:+.3g} from lowest to highest (95 % {row['low']:.3g} to {row['high']:.3g}), p = {p:.2g}"
    curved = f"; curved, p = {row['curvature_p']:.2g}: a line does not say where" if row["curvature_p"] < LEVEL else ""
    narrow = float(stats.t.ppf(0.95, row["df"])) * row["se"]
    if margin is not None and abs(row["estimate"]) + narrow < margin and not curved:
        return "equivalent", f"{said}: inside the margin of {margin:.3g}"
    return ("matters" if p < LEVEL or curved else "undecided"), said + curved
