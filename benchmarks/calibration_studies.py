"""Studies of surfaces whose truth is known, judged by the toolkit's own code.

A study is planned by `make_plan` on a subgrid; its runs become `Results`, and `tabulate_outcomes`, `judge_effects` and
`judge_details` say of them what they would say of a paper. What `analyse` does beside them (curve, components of
variance, claims) is left out, and so are interactions: a third of the time, for the names of pairs, which make no
verdict that is counted here. Scenarios of one subgrid are metrics of one study, each a family of its own.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.calibration_truth import (
    MARGIN,
    MEASURED,
    NATURAL,
    PLANNED,
    SCENARIOS,
    Setting,
    Truth,
    aim,
    draw_runs,
    find_truth,
    plan_study,
)
from benchmarks.surfaces import Floats, Subgrid
from repro.audit.ledger.choice import show_value
from repro.audit.statistics.analysis import estimate_effects
from repro.audit.statistics.error_terms import choose_error_term, combine_errors
from repro.audit.statistics.interactions import INTERACTION_COLUMNS
from repro.audit.statistics.linear_model import code_details
from repro.audit.statistics.looks import judge_effects
from repro.audit.statistics.mean_squares import NOTHING
from repro.audit.statistics.minimum_detectable_effect import detectable_effects
from repro.audit.statistics.outcomes import Outcomes, tabulate_outcomes
from repro.audit.statistics.results import OK, Results
from repro.audit.statistics.verdicts import judge_details
from repro.audit.study.plan import Plan
from repro.storage import hash_json


class Judged(NamedTuple):
    """All studies of one subgrid.

    Attributes:
        plan: with a metric for each scenario.
        truth: of its effects, before any is moved.
        effects: as in `Analysis`, one row per scenario (`metric`) and option, with `truth` (after it), `verdict` of the
            detail, and the widths `all_cells` and `oracle`.
        natural: the outcomes of the natural scenario.
    """

    plan: Plan
    truth: Truth
    effects: pd.DataFrame
    natural: Outcomes


def judge_studies(subgrid: Subgrid, setting: Setting, spread: float, generator: np.random.Generator) -> Judged:
    """Plans, draws and judges one study of each scenario."""
    plan = plan_study(subgrid, setting, int(generator.integers(2**31)))
    subgrid = subgrid.limited(plan.levels)  # a design that chooses its rows can leave an option out
    truth = find_truth(subgrid, plan, spread)
    options = [(detail, show_value(option)) for detail, known in plan.levels.items() for option in known[1:]]
    planned = truth.sd * _promise(plan, truth.columns)
    sizes = {MARGIN: plan.declaration["metrics"][MARGIN]["margin"], PLANNED: planned if np.isfinite(planned) else 0.0}
    parts = []
    rounds = [SCENARIOS[:-1], SCENARIOS[-1:]]  # the last waits for the errors that the first has measured
    for names in rounds if setting.design != "one_at_a_time" else rounds[:1]:
        part = _with(plan, names)
        aims = {name: aim(name, truth, [key for key, _ in options], sizes.get(name, 0.0), generator) for name in names}
        runs = {name: draw_runs(subgrid, truth, setting.seeds, spread, generator) for name in names}
        moved = {name: runs[name] + (truth.columns @ (aims[name] - truth.effects))[:, None] for name in names}
        tables = tabulate_outcomes(part, tell_results(part, moved))
        effects = judge_tables(part, tables)
        known = {(name, *option): row for name in names for option, row in zip(options, aims[name], strict=True)}
        keys = list(zip(effects["metric"], effects["detail"], effects["option"], strict=True))
        places = [options.index(key[1:]) for key in keys]
        parts.append(
            effects.assign(
                truth=[known[key] for key in keys], all_cells=truth.all_cells[places], oracle=truth.oracle[places]
            )
        )
        if NATURAL in names:
            natural = tables[names.index(NATURAL)]
            sizes[MEASURED] = _promise_again(plan, effects[effects["metric"] == NATURAL])
    return Judged(plan, truth, pd.concat(parts, ignore_index=True), natural)


def _with(plan: Plan, names: Sequence[str]) -> Plan:
    """Returns a plan with some of its metrics only."""
    metrics = {name: plan.declaration["metrics"][name] for name in names}
    return plan.model_copy(update={"declaration": plan.declaration | {"metrics": metrics}})


_PROMISED: dict[str, float] = {}


def _promise(plan: Plan, columns: Floats) -> float:
    """Returns the minimum detectable effect that a plan promises, in standard deviations of a run.

    It rests on the rows and the seeds alone, so that it is asked for once where subgrids have the same rows; a draw of
    columns and signs moves no standard error.
    """
    declared = plan.declaration
    rows = columns.tolist() if declared["design"] in ("d_optimal", "random") else columns.shape
    key = hash_json([rows, declared["design"], declared["seeds"]])
    if key not in _PROMISED:
        _PROMISED[key] = float(detectable_effects(_with(plan, [PLANNED]), {})["effect"].iloc[0])
    return _PROMISED[key]


def _promise_again(plan: Plan, effects: pd.DataFrame) -> float:
    """Returns the minimum detectable effect as the page of the natural study gives it, by the errors of its tests."""
    found = detectable_effects(_with(plan, [NATURAL]), {}, effects)
    return float(found["effect"].iloc[0])


def tell_results(plan: Plan, runs: Mapping[str, Floats]) -> Results:
    """Returns runs (V, S) of each metric as a case would report them."""
    row = {variant.id: place for place, variant in enumerate(plan.variants)}
    ids = [run.id for run in plan.runs]
    places = [row[run.variant] for run in plan.runs], [run.seed for run in plan.runs]
    told = {"variant": [run.variant for run in plan.runs], "seed": places[1], "status": OK}
    told |= dict.fromkeys(("reason", "link", "path"), "") | dict.fromkeys(("seconds", "joules"), 1.0)
    rows = pd.concat(
        pd.DataFrame({"run": ids, "train_fraction": 1.0, "unit": 0, "metric": name, "value": values[places]})
        for name, values in runs.items()
    )
    roles = pd.DataFrame({"role": [variant.role for variant in plan.variants]}, index=list(row))
    nothing = pd.DataFrame(columns=["run", "metric", "value"])
    return Results(roles, pd.DataFrame(told, index=pd.Index(ids, name="run")), rows, nothing)


def judge_tables(plan: Plan, tables: Sequence[Outcomes]) -> pd.DataFrame:
    """Returns the adjusted effects, each with the `verdict` of its detail."""
    effects = judge_effects(plan, tables, partial(estimate_effects, plan))
    verdicts = judge_details(plan, tables, effects, pd.DataFrame(columns=list(INTERACTION_COLUMNS)))
    return effects.merge(verdicts[["detail", "metric", "verdict"]], on=["detail", "metric"], validate="many_to_one")


METHODS: Final = ("pure error", "detail x seed", "with a floor", "all lack of fit")
"""Error terms that were tried for contrasts, beside the one that is used; each wider than the one before."""


def compare_methods(judged: Judged) -> pd.DataFrame:
    """Returns the interval that each error term would give for the contrasts of the natural study.

    Returns:
        Columns of `Judged.effects`, with `method`; empty for one at a time.
    """
    effects = judged.effects[judged.effects["metric"] == NATURAL]
    if judged.plan.declaration["design"] == "one_at_a_time":
        return effects.iloc[:0].assign(method="")
    term = choose_error_term(code_details(judged.plan), judged.natural)
    unit = effects["se"].to_numpy() ** 2 / term.variance
    details, spare, lack = term.split.details, term.split.spare, term.lack.square
    terms = {
        "pure error": [(term.pure.variance, term.pure.df)] * len(unit),
        "detail x seed": [tuple(details)] * len(unit),
        "with a floor": [combine_errors(details, own, NOTHING, spare)[:2] for own in term.split.own],
        "all lack of fit": [combine_errors(details, own, lack, spare)[:2] for own in term.split.own],
    }
    found = []
    for method, pairs in terms.items():
        variance, df = np.array(pairs, dtype=np.float64).T
        half = stats.t.ppf(0.975, df) * np.sqrt(variance * unit)
        found.append(effects.assign(method=method, low=effects["estimate"] - half, high=effects["estimate"] + half))
    return pd.concat(found, ignore_index=True)
