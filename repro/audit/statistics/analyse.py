"""The whole analysis of a study: plan and results in, every table of the report out.

Nothing is computed here; this file says in which order the parts are asked, and what they hand to one another.
"""

from collections.abc import Mapping

import pandas as pd

from repro.audit.ledger.choice import Choice
from repro.audit.statistics.accounts import list_failures, sum_costs
from repro.audit.statistics.claims import judge_claims
from repro.audit.statistics.contrasts import EFFECT_COLUMNS, contrast_effects
from repro.audit.statistics.controls import judge_controls
from repro.audit.statistics.curve import specification_curve
from repro.audit.statistics.interactions import interactions as find_interactions
from repro.audit.statistics.multiple_testing import adjust_effects
from repro.audit.statistics.multiverse import protocol_multiverse
from repro.audit.statistics.noise import noise_floor
from repro.audit.statistics.outcomes import tabulate_outcomes
from repro.audit.statistics.paired import paired_effects
from repro.audit.statistics.questions import rank_questions
from repro.audit.statistics.report import Analysis
from repro.audit.statistics.results import Results
from repro.audit.statistics.variance import variance_components
from repro.audit.statistics.verdicts import judge_details
from repro.audit.study.plan import Plan


def analyse(plan: Plan, results: Results, details: Mapping[str, Choice] | None = None) -> Analysis:
    """Analyses a study.

    Args:
        plan: what was to be run.
        results: what came out; runs that are missing are said and refuse the verdicts that need them.
        details: the ledger by dotted key, for the words of the questions to the authors.

    Raises:
        UserError: runs were not measured on the same units.
    """
    design = plan.declared.design
    tables = tabulate_outcomes(plan, results)
    contrasts, parts = contrast_effects(plan, tables), [paired_effects(plan, tables)]
    if design != "one_at_a_time":
        parts.append(contrasts)
    effects = pd.concat([part for part in parts if len(part)] or [pd.DataFrame(columns=list(EFFECT_COLUMNS))])
    effects = adjust_effects(effects.reset_index(drop=True), design)
    interactions = find_interactions(plan, tables)
    noise = noise_floor(tables)
    verdicts = judge_details(plan, tables, effects, interactions)
    curve, curve_test = specification_curve(plan, tables)
    return Analysis(
        noise=noise,
        effects=effects,
        interactions=interactions,
        verdicts=verdicts,
        claims=judge_claims(plan, tables, effects, interactions, noise),
        controls=judge_controls(plan, tables, effects),
        curve=curve,
        curve_test=curve_test,
        variance=variance_components(plan, tables, results),
        protocols=protocol_multiverse(plan, results, contrasts),
        failures=list_failures(plan, results),
        cost=sum_costs(plan, results),
        questions=rank_questions(plan, effects, verdicts, details),
    )
