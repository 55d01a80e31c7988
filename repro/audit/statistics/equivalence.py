"""Equivalence: whether an effect lies inside the margin that the study has declared beforehand."""

import numpy as np
from scipy import stats

from repro.audit.statistics.paired import Floats


def equivalence_p(estimate: Floats, se: Floats, df: Floats, margin: Floats) -> Floats:
    """Computes the p-value of two one-sided t tests: small where the effect lies inside the margin.

    p = max(P(T > (margin + estimate) / se), P(T > (margin - estimate) / se)), T of Student's t on df degrees of
    freedom: below .05 exactly if the 90 % interval lies inside the margin.

    Args:
        estimate: float64 of any shape.
        se: its standard error; without any noise a difference is certain.
        df: its degrees of freedom; NaN or 0: there is no p.
        margin: positive.

    Source: Schuirmann, A comparison of the two one-sided tests procedure and the power approach (1987).

    Example:
        >>> numbers = (np.array([number]) for number in (0.1, 0.2, 10.0, 0.5))
        >>> equivalence_p(*numbers).round(4).tolist()  # the lower bound is nearer: t = .4 / .2 on 10
        [0.0367]
    """
    distance = margin - np.abs(estimate)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(distance == 0, 0.0, distance / se)
    t = np.where(np.isnan(se) | np.isnan(estimate), np.nan, t)
    return np.asarray(stats.t.sf(t, np.where(np.asarray(df) > 0, df, np.nan)))
