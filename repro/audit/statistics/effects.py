"""The effect of every option against the baseline's: single arms in pairs, or contrasts of a factorial design.

Both are rows of `Analysis.effects`, told apart by `kind`. An arm is compared with the baseline seed by seed and holds
at the baseline's options of all other details. A contrast rests on every run of the design, which is why two or three
seeds suffice, and is averaged over the other details; where the design mixes it with interactions the alias table
says so. p values are not adjusted yet.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from repro.audit.ledger.choice import show_value
from repro.audit.statistics.error_terms import choose_error_term
from repro.audit.statistics.linear_model import Coding, Flags, Floats, code_details, fit_design, shared_values
from repro.audit.statistics.outcomes import Outcomes, baseline_option
from repro.audit.statistics.paired import compare_pairs, small_sample_factor
from repro.audit.statistics.unpaired import compare_groups
from repro.audit.study.declaration import Study
from repro.audit.study.plan import Plan

NEGATIVE, POSITIVE = "negative control", "positive control"
"""The details under which the control arms stand among the effects."""
EFFECT_COLUMNS = (
    *(
        "detail",
        "option",
        "metric",
        "train_fraction",
        "baseline",
        "kind",
        "seeds",
        "estimate",
        "sd",
        "se",
        "df",
        "fixed",
    ),
    *("low", "high", "low90", "high90", "hedges_g", "probability_of_improvement", "superiority"),
    *("bca_low", "bca_high"),
    *("p", "p_sign_flip", "p_adjusted", "correlation", "failed", "runs", "baseline_runs"),
)


class Effect(NamedTuple):
    """A row of `Analysis.effects` as verdicts read it; what each number is stands there."""

    detail: str
    option: str
    baseline: str
    metric: str
    train_fraction: float
    kind: str
    seeds: int
    estimate: float
    sd: float
    se: float
    df: float
    fixed: float
    low: float
    high: float
    low90: float
    high90: float
    p_adjusted: float
    family: int
    p_equivalent_adjusted: float
    details: int
    matters_at: float
    equivalent_at: float
    failed: int
    runs: tuple[str, ...]
    baseline_runs: tuple[str, ...]


class Arm(NamedTuple):
    """A variant that differs from the baseline by one option, or by the settings of a control."""

    detail: str
    option: str
    baseline: str
    variant: str


def effects_by_detail(effects: pd.DataFrame) -> dict[tuple[str, str, float], list[Effect]]:
    """Returns the rows of adjusted effects by detail, metric and share of the training."""
    groups: dict[tuple[str, str, float], list[Effect]] = {}
    for values in effects[list(Effect._fields)].itertuples(index=False, name=None):
        row = Effect(*values)
        groups.setdefault((row.detail, row.metric, row.train_fraction), []).append(row)
    return groups


def single_arms(plan: Plan) -> Iterator[Arm]:
    """Yields the arms that are compared in pairs: the controls of any design, and all arms of `one_at_a_time`."""
    alone = plan.declared.design == "one_at_a_time"
    for variant in plan.variants:
        settings = ", ".join(f"{key}={show_value(value)}" for key, value in variant.settings.items())
        match variant.role:
            case "negative control" | "positive control":
                yield Arm(variant.role, settings, "baseline", variant.id)
            case "arm" if alone:
                varied = [key for key in variant.settings if key in plan.levels]
                if len(varied) == 1:
                    option = show_value(variant.settings[varied[0]])
                    yield Arm(varied[0], option, baseline_option(plan, varied[0]), variant.id)
            case "arm" | "baseline":
                pass


def paired_effects(plan: Plan, tables: Sequence[Outcomes]) -> pd.DataFrame:
    """Compares every single arm with the baseline, per metric and share of the training.

    Returns:
        Rows of `Analysis.effects`, kind "paired", but for `p_adjusted`; an arm without a seed in common has NaN.
    """
    study, arms = plan.declared, list(single_arms(plan))
    parts = [_table_effects(table, arms, study) for table in tables if arms]
    return pd.concat([pd.DataFrame(), *parts], ignore_index=True)


def _table_effects(table: Outcomes, arms: Sequence[Arm], study: Study) -> pd.DataFrame:
    rows = np.array([table.variants.index(arm.variant) for arm in arms])
    option, baseline = table.values[rows], table.values[[0]]
    higher = study.metrics[table.metric].direction == "higher"
    shared, kind = np.isfinite(option) & np.isfinite(baseline), "paired"
    compared, used, base_used = compare_pairs(option, baseline, higher), shared, shared
    if not table.paired:
        kind, used = "unpaired", np.isfinite(option)
        compared, base_used = (
            compare_groups(option, baseline, higher),
            np.isfinite(np.broadcast_to(baseline, used.shape)),
        )
    return pd.DataFrame(
        {
            "detail": [arm.detail for arm in arms],
            "option": [arm.option for arm in arms],
            "metric": table.metric,
            "train_fraction": table.train_fraction,
            "baseline": [arm.baseline for arm in arms],
            "kind": kind,
            **compared,
            "fixed": 0.0,
            "failed": (table.failed[rows] | table.failed[0]).sum(axis=1, where=table.runs[rows] != ""),
            "runs": [tuple(table.runs[row][use]) for row, use in zip(rows, used, strict=True)],
            "baseline_runs": [tuple(table.runs[0][use]) for use in base_used],
        }
    )


def contrast_effects(plan: Plan, tables: Sequence[Outcomes]) -> pd.DataFrame:
    """Estimates the effect of every option against the baseline's, for a design that varies many details at once.

    Model, per metric and share of the training: y_vs = mean_s + sum of the effects of v's options + noise, with a mean
    for each seed s (a block) and one effect for each option, averaged over the other details. What an effect is held
    against is the error term of `error_terms`. Seeds that only the baseline has and the two controls enter neither
    effects nor error term; a baseline that is no row of the design serves the pure error only.

    `sd` is the root of the pure error: how far a run strays, not an effect; `hedges_g` is the estimate over it, with
    the exact small-sample factor (NaN for one degree of freedom); `superiority` = Phi(+-estimate / (sd sqrt(2))), the
    chance that a run with the option beats one without at the same seed, under normal noise (the common language
    effect size of McGraw & Wong 1992). `fixed` is the share of se^2 that lack of fit adds, which further seeds leave
    as it is. Failed runs count with their stand-in; `failed` counts those on either side. With one seed there is no
    error term: everything but the estimate is NaN.

    Returns:
        The columns of `Analysis.effects`, kind "contrast"; probability_of_improvement (of any two seeds: too few
        are there to tell what a seed shifts), correlation, bca_*, p_sign_flip and p_adjusted
        are NaN.

    Source: Box, Hunter & Hunter, Statistics for Experimenters (2005), chapters 5 and 6; Hedges (1981) for the factor.
    """
    coding = code_details(plan)
    records = []
    for outcomes in tables:
        fit, term = fit_design(coding, outcomes), choose_error_term(coding, outcomes)
        numbers = describe_effects(fit.estimates, np.diag(fit.unit), term.variance, term.df)
        pure = term.pure
        factor = small_sample_factor(np.array(pure.df if pure.df > 1 else np.nan))
        better = 1 if plan.declaration["metrics"][outcomes.metric]["direction"] == "higher" else -1
        with np.errstate(divide="ignore", invalid="ignore"):
            shift = better * fit.estimates / np.sqrt(2 * pure.variance)
            numbers["hedges_g"] = fit.estimates / np.sqrt(pure.variance) * factor
        numbers |= {"sd": np.full(len(shift), np.sqrt(pure.variance)), "fixed": term.fixed}
        numbers["superiority"] = stats.norm.cdf(shift)
        for index in range(len(coding.options)):
            row = {name: column[index] for name, column in numbers.items()}
            records.append(_name_effect(plan, coding, outcomes, index) | row)
    return pd.DataFrame(records, columns=list(EFFECT_COLUMNS))


def describe_effects(estimates: Floats, unit: Floats, variance: Floats, df: Floats) -> dict[str, Floats]:
    """Holds K estimates against their error terms: t = estimate / se, se = sqrt(variance * unit).

    Without any noise a difference is certain: p is 0, or 1 where there is no difference.

    Args:
        estimates: (K,) float64; NaN where the design cannot tell one.
        unit: (K,) float64, their variance if the error term were 1.
        variance: (K,) float64, of the error term of each.
        df: (K,) float64, its degrees of freedom; where there are none, everything but the estimate is NaN.

    Returns:
        Arrays (K,): estimate, se, df, low, high (95 %), low90, high90, p (two-sided).

    Example:
        >>> found = describe_effects(*(np.array([number]) for number in (2.0, 0.25, 1.0, 15.0)))
        >>> {name: round(float(found[name][0]), 4) for name in ("se", "low", "high", "p")}
        {'se': 0.5, 'low': 0.9343, 'high': 3.0657, 'p': 0.0012}
    """
    se = np.sqrt(variance * np.maximum(unit, 0))
    se[np.isnan(estimates)] = np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(estimates == 0, 0.0, estimates / se)
    t[np.isnan(se)] = np.nan
    known = np.where(df > 0, df, np.nan)
    wide, narrow = (stats.t.ppf(tail, known) for tail in (0.975, 0.95))
    return {
        "estimate": estimates,
        "se": se,
        "df": np.asarray(df, dtype=np.float64),
        "low": estimates - wide * se,
        "high": estimates + wide * se,
        "low90": estimates - narrow * se,
        "high90": estimates + narrow * se,
        "p": np.asarray(2 * stats.t.sf(np.abs(t), known)),
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
        **dict.fromkeys(
            ("probability_of_improvement", "bca_low", "bca_high", "p_sign_flip", "p_adjusted", "correlation"), np.nan
        ),
    }
