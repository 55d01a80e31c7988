"""Main effects of a factorial design, as contrasts on pure error.

Plan and tables of outcomes flow in, rows of `Analysis.effects` flow out; p values are not adjusted yet. Every run of
the design serves every contrast, which is why two or three seeds suffice. Knows nothing of interactions: an effect is
averaged over the other details, and where the design mixes it with interactions the alias table says so.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from repro.audit.statistics.linear import (
    Coding,
    Flags,
    Floats,
    PureError,
    code_details,
    fit_design,
    shared_values,
)
from repro.audit.statistics.outcomes import Outcomes, baseline_option
from repro.audit.statistics.paired import small_sample_factor
from repro.audit.study.plan import Plan

EFFECT_COLUMNS = (
    *("detail", "option", "metric", "train_fraction", "baseline", "kind", "seeds", "estimate", "sd", "se", "df"),
    *("low", "high", "low90", "high90", "hedges_g", "superiority", "bca_low", "bca_high"),
    *("p", "p_adjusted", "correlation", "failed", "runs", "baseline_runs"),
)


def contrast_effects(plan: Plan, tables: Sequence[Outcomes]) -> pd.DataFrame:
    """Estimates the effect of every option against the baseline's, for a design that varies many details at once.

    Model, per metric and share of the training: the run's value is a mean of its seed (a block), plus one effect for
    each option, averaged over the other details. Noise is the pure error: what is left of the runs after one mean per
    variant and one per seed, so that interactions cannot enter it; (V - 1)(S - 1) degrees of freedom if no run is
    missing. It takes the noise to be the same in all variants. Seeds that only the baseline has, the negative control
    and the positive control arm enter neither effects nor pure error; a baseline that is no row of the design serves
    the pure error only.

    `sd` is that of the pure error; `hedges_g` is the estimate over it, with the exact small-sample factor (NaN for one
    degree of freedom); `superiority` is the chance that a run with the option beats one without at the same seed,
    under normal noise. Failed runs count with the worst value seen; `failed` counts those on either side. With one
    seed there is no pure error: everything but the estimate is NaN.

    Returns:
        The columns of `Analysis.effects`, kind "contrast"; correlation, bca_* and p_adjusted are NaN.

    Source: Box, Hunter & Hunter, Statistics for Experimenters (2005), chapters 5 and 6; Hedges (1981) for the factor.
    """
    coding = code_details(plan)
    records = []
    for outcomes in tables:
        fit, noise = fit_design(coding, outcomes)
        numbers = describe_effects(fit.estimates, np.diag(fit.unit), noise)
        better = 1 if plan.declaration["metrics"][outcomes.metric]["direction"] == "higher" else -1
        with np.errstate(divide="ignore", invalid="ignore"):
            numbers["superiority"] = stats.norm.cdf(better * fit.estimates / np.sqrt(2 * noise.variance))
        for index in range(len(coding.options)):
            row = {name: column[index] for name, column in numbers.items()}
            records.append(_name_effect(plan, coding, outcomes, index) | row)
    return pd.DataFrame(records, columns=list(EFFECT_COLUMNS))


def describe_effects(estimates: Floats, unit: Floats, noise: PureError) -> dict[str, Floats]:
    """Returns estimate, sd, se, df, t intervals, hedges_g and two-sided p of K estimates on pure error.

    `unit` (K,) is their variance when the noise has variance 1. Hedges' factor needs two degrees of freedom. Without
    any noise a difference is certain: p is 0, or 1 where there is no difference.
    """
    sd = float(np.sqrt(noise.variance))
    se = sd * np.sqrt(np.maximum(unit, 0))
    se[np.isnan(estimates)] = np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(estimates == 0, 0.0, estimates / se)
        t[np.isnan(se)] = np.nan
        g = estimates / sd * small_sample_factor(np.array(noise.df if noise.df > 1 else np.nan))
    p = 2 * stats.t.sf(np.abs(t), noise.df) if noise.df else np.full(len(se), np.nan)
    wide, narrow = (float(stats.t.ppf(tail, noise.df)) if noise.df else np.nan for tail in (0.975, 0.95))
    return {
        "estimate": estimates,
        "sd": np.full(len(se), sd),
        "se": se,
        "df": np.full(len(se), float(noise.df)),
        "low": estimates - wide * se,
        "high": estimates + wide * se,
        "low90": estimates - narrow * se,
        "high90": estimates + narrow * se,
        "hedges_g": g,
        "p": p,
    }


def _name_effect(plan: Plan, coding: Coding, outcomes: Outcomes, index: int) -> dict[str, Any]:
    detail, option = coding.options[index]
    used = coding.points[:, None] & np.isfinite(shared_values(outcomes, coding.design))
    same = [column for column, (other, _) in enumerate(coding.options) if other == detail]
    with_option: Flags = used & (coding.matrix[:, index] == 1)[:, None]
    with_baseline: Flags = used & (coding.matrix[:, same].sum(axis=1) == 0)[:, None]
    return {
        "detail": detail,
        "option": option,
        "metric": outcomes.metric,
        "train_fraction": outcomes.train_fraction,
        "baseline": baseline_option(plan, detail),
        "kind": "contrast",
        "seeds": int(with_option.any(axis=0).sum()),
        "failed": int((outcomes.failed & (with_option | with_baseline)).sum()),
        "runs": tuple(outcomes.runs[with_option].tolist()),
        "baseline_runs": tuple(outcomes.runs[with_baseline].tolist()),
        **dict.fromkeys(("bca_low", "bca_high", "p_adjusted", "correlation"), np.nan),
    }
