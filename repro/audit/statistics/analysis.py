"""The whole analysis of a study: which tables it has, and in which order its parts are asked for them.

`Analysis` is the contract between the statistics and the page that shows them. Nothing is computed here.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

import pandas as pd

from repro.audit.ledger.choice import Choice
from repro.audit.statistics.claims import judge_claims
from repro.audit.statistics.controls import judge_controls
from repro.audit.statistics.effects import EFFECT_COLUMNS, contrast_effects, paired_effects
from repro.audit.statistics.error_terms import ERROR_COLUMNS, tabulate_errors
from repro.audit.statistics.failure_rates import failure_rates
from repro.audit.statistics.fractions import Fractions, tabulate_fractions
from repro.audit.statistics.interactions import interactions as find_interactions
from repro.audit.statistics.linear_model import code_details
from repro.audit.statistics.looks import judge_effects, judge_fractions
from repro.audit.statistics.multiverse import protocol_multiverse
from repro.audit.statistics.outcomes import FULL, Outcomes, noise_floor, tabulate_outcomes
from repro.audit.statistics.results import Results, keep_runs, list_failures, sum_costs
from repro.audit.statistics.shrinkage import shrink_effects
from repro.audit.statistics.specification_curve import specification_curve
from repro.audit.statistics.spread import compare_spreads
from repro.audit.statistics.task_claims import compare_tasks
from repro.audit.statistics.units import generalise_effects
from repro.audit.statistics.variance import rank_questions, variance_components
from repro.audit.statistics.verdicts import judge_details
from repro.audit.study.plan import Plan


class Analysis(NamedTuple):
    """Tables of one study, each with the columns `metric` and `train_fraction`; runs are named by tuples of ids.

    Attributes:
        noise: per metric and train fraction: sd over seeds of the replicated baseline, its 95 % interval (sd_low,
            sd_high), n, mean, failed, runs.
        effects: per detail, option, metric and train fraction: `baseline` (option), kind ("paired" or "contrast"),
            seeds, estimate (option less baseline, in the metric's unit, not turned by direction), sd, se, df, low, high
            (95 %), low90, high90, fixed (share of se^2 that further seeds leave as it is), hedges_g,
            probability_of_improvement (that the option is better than the baseline by any two seeds; "paired" only),
            superiority (that it is by one seed, the same for both), bca_low, bca_high (NaN below 30
            seeds), p, p_adjusted, family (how many p-values it was adjusted for), correlation (of the paired arms),
            failed (runs of the arm that failed or diverged, counted as outcomes), runs, baseline_runs. The control
            arms are in it, under the details "negative control" and "positive control".
        interactions: per pair of details (first, second), metric and train fraction: estimate, low, high, p,
            p_adjusted, aliases (text: what else the estimate may be), shared (how many other pairs are the very same
            contrast), runs. Empty where the design cannot see any.
        verdicts: per detail, metric and train fraction: verdict, reason (one sentence), refused (why the seeds cannot
            carry more; empty if they can), further_seeds (Int64, NA where none is named), stable (whether half the
            training gives the same verdict; NA where it was not measured).
        claims: per claim: text, metric, reported, reproduced (with reproduced_low and reproduced_high, 95 %), estimate,
            low, high, noise_sd, verdict, reason, source, runs.
        controls: per control ("negative control", "positive control", "dummy column", "A/A re-splits", "A/A
            contrasts"): expected, found, passed (bool), detail (text), and of the last two the rate of false alarms,
            rate_low, rate_high.
        curve: per variant, metric and train fraction: rank, mean, low, high (95 % over seeds), seeds, runs, null_low,
            null_high (95 % band of the sorted curve under permutation of labels within seed).
        curve_test: per metric and train fraction: statistic (text), observed, p, permutations.
        variance: per metric and train fraction: component (a detail, "details together", "seed", "unit", "evaluation
            protocol", "residual"), sd, variance, low, high (of the sd, 95 %), note.
        protocols: per metric and protocol: same, mean, verdicts_changed, details_changed, effects_changed,
            effects_same, largest, largest_change, low, high, p_adjusted, runs (see `protocol_multiverse`).
        protocol_effects: per metric, protocol, detail and option: estimate, low, high, change (against the headline
            protocol), change_low, change_high, p, p_adjusted, within_margin, verdict, headline_verdict, runs.
        failures: per run that is not ok: variant, seed, status, reason, path.
        cost: one row: runs, hours, hours_lost (in failed runs), joules (NaN where not measured), note.
        questions: per detail: question, shrinks (how much of the uncertainty an answer would take away, in the
            main metric's unit), reason; largest first.
        error_terms: of a factorial design, per metric and train fraction: term (what contrasts are held against),
            mean squares detail_seed, spare and lack (variances of a run) with their degrees of freedom (*_df), seed_f
            and seed_p (whether effects change with the seed), lack_f and lack_p (lack of fit), carried (what of it the
            intervals carry), runs. Empty for one at a time.
        tasks: per claim, a row for each task and one for all, where runs were measured on several: `compare_tasks`.
        shrunken: per detail, option, metric and train fraction: estimate, low, high, shrunken, shrunken_low,
            shrunken_high, effects_sd, options, runs (see `shrink_effects`).
        units: the same effects with the units as a sample: units, groups, estimate, sd, unit_p, se, df, low, high,
            low90, high90, p, p_adjusted, verdict, refused, runs (see `generalise_effects`).
        failure_rates: per detail and option: `baseline` (option), failed, run and planned runs, the same of the
            baseline's (baseline_*), trials ("runs" or "variants"), p, p_adjusted, smallest_p (that as many failures
            could have given, unadjusted), family, verdict, reason, runs (that failed).
        spread: per detail, option, metric and train fraction: `baseline` (option), units (what was compared, text),
            ratio (sd with the option over that with the baseline's), low, high (95 %), p, p_adjusted, verdict, reason,
            runs.
    """

    noise: pd.DataFrame
    effects: pd.DataFrame
    interactions: pd.DataFrame
    verdicts: pd.DataFrame
    claims: pd.DataFrame
    controls: pd.DataFrame
    curve: pd.DataFrame
    curve_test: pd.DataFrame
    variance: pd.DataFrame
    protocols: pd.DataFrame
    protocol_effects: pd.DataFrame
    failures: pd.DataFrame
    cost: pd.DataFrame
    questions: pd.DataFrame
    error_terms: pd.DataFrame
    tasks: pd.DataFrame
    shrunken: pd.DataFrame
    units: pd.DataFrame
    failure_rates: pd.DataFrame
    spread: pd.DataFrame


def estimate_effects(plan: Plan, tables: Sequence[Outcomes]) -> pd.DataFrame:
    """Estimates all effects that a design has: single arms in pairs, and contrasts where it varies many at once."""
    parts = [paired_effects(plan, tables)]
    if plan.declared.design != "one_at_a_time":
        parts.append(contrast_effects(plan, tables))
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=list(EFFECT_COLUMNS))


def judge_look(plan: Plan, results: Results) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Returns effects and verdicts on the main metric at the full training: what an adaptive study decides by.

    Args:
        plan: with its batches.
        results: of all their runs.

    Raises:
        UserError: runs were not measured on the same units.
    """
    held = plan.tabulated()
    tables = tabulate_outcomes(held, keep_runs(results, held))[:1]
    main = tables[0].metric
    fractions = [
        table for table in tabulate_fractions(plan, results) if (table.metric, table.train_fraction) == (main, FULL)
    ]
    effects = put_fractions(held, judge_effects(held, tables, partial(estimate_effects, held)), fractions)
    return effects, judge_details(held, tables, effects, find_interactions(held, tables))


def put_fractions(plan: Plan, effects: pd.DataFrame, fractions: Sequence[Fractions]) -> pd.DataFrame:
    """Returns effects in which those of details are what fractions say, where there are any; controls stay."""
    if not fractions:
        return effects
    controls = effects[~effects["detail"].isin(list(plan.levels))]
    fresh = judge_fractions(plan, fractions)
    return pd.concat([controls, fresh], ignore_index=True)[list(fresh.columns)]


def analyse(plan: Plan, results: Results, details: Mapping[str, Choice] | None = None) -> Analysis:
    """Analyses a study.

    Args:
        plan: what was to be run.
        results: what came out; runs that are missing are said and refuse the verdicts that need them.
        details: the ledger by dotted key, for the words of the questions to the authors.

    Raises:
        UserError: runs were not measured on the same units.
    """
    design, whole, everything = plan.declared.design, plan.grown(), results
    fractions = tabulate_fractions(plan, results)
    plan, results = plan.tabulated(), keep_runs(results, plan.tabulated())
    tables = tabulate_outcomes(plan, results)
    of_plan = judge_effects(plan, tables, partial(estimate_effects, plan))
    effects = put_fractions(plan, of_plan, fractions)
    interactions = find_interactions(plan, tables)
    noise = noise_floor(tables)
    tasks = compare_tasks(plan, results)
    errors = pd.DataFrame(columns=list(ERROR_COLUMNS))
    if design != "one_at_a_time":
        errors = tabulate_errors(code_details(plan), tables)
    verdicts = judge_details(plan, tables, effects, interactions)
    curve, curve_test = specification_curve(plan, tables)
    protocols, protocol_effects = protocol_multiverse(plan, results)
    return Analysis(
        noise=noise,
        effects=effects,
        interactions=interactions,
        verdicts=verdicts,
        claims=judge_claims(plan, tables, effects, interactions, noise, tasks),
        controls=judge_controls(plan, tables, effects),
        curve=curve,
        curve_test=curve_test,
        variance=variance_components(plan, tables, results),
        protocols=protocols,
        protocol_effects=protocol_effects,
        failures=list_failures(whole, everything),
        cost=sum_costs(whole, everything),
        questions=rank_questions(plan, effects, verdicts, details),
        error_terms=errors,
        tasks=tasks,
        shrunken=shrink_effects(plan, effects),
        units=generalise_effects(plan, results, tables, of_plan),
        failure_rates=failure_rates(plan, tables),
        spread=compare_spreads(plan, tables),
    )
