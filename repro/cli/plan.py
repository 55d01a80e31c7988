"""The command that plans a study and freezes its design: `plan`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from repro import paths
from repro.extras import require
from repro.refusals import check_folder

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from repro.audit.study.cost import Cost
    from repro.audit.study.plan import Plan
    from repro.case import Case

SHOWN_ALIASES = 3


def plan(
    study: Annotated[Path, typer.Argument(help="A study, e.g. ablations/screening.yaml.")],
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="Runs at once, for the estimate of time.")] = 1,
    aliases: Annotated[bool, typer.Option(help="Show the whole alias table.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Show the plan, and freeze and write nothing.")] = False,
) -> None:
    """Show what a study runs and what it can see; freeze it."""
    require("study")
    from rich.console import Console

    from repro.audit.study.cost import estimate_cost
    from repro.audit.study.freezing import freeze, locate_plan
    from repro.case import load_case, plan_study

    case = load_case()
    if not dry_run:
        check_folder(paths.PLANS)
    planned = plan_study(study, case)
    file = locate_plan(paths.PLANS, planned.study)
    if not dry_run:
        planned = freeze(planned, paths.PLANS)
    console = Console(soft_wrap=True)
    _show_runs(planned, console)
    _show_design(planned, SHOWN_ALIASES if not aliases else None, console)
    _show_detectable(case, planned, console)
    _show_rules(planned, console)
    _show_cost(estimate_cost(planned, paths.PLANS, paths.RUNS), len(planned.runs), jobs, console)
    for sentence in planned.deviations:
        console.print(f"deviation, {sentence}", markup=False)
    if dry_run:
        console.print("dry run: nothing frozen, nothing written")
    else:
        console.print(f"frozen {planned.frozen} in {file}, fingerprint {planned.fingerprint[:12]}")
        console.print(f"next: repro sweep {study} -j {jobs}", markup=False)


COMMANDS = (plan,)


def _show_runs(planned: "Plan", console: "Console") -> None:
    from rich import box
    from rich.table import Table

    declared = planned.declaration
    head = f"{declared['title']}\n{declared['reading']} at scale {declared['scale']}, {declared['design']}"
    console.print(head, markup=False)
    table = Table("role", "variants", "seeds", "runs", box=box.SIMPLE_HEAD)
    roles = {variant.id: variant.role for variant in planned.variants}
    for role in dict.fromkeys(roles.values()):
        seeds = {run.seed for run in planned.runs if roles[run.variant] == role}
        runs = sum(roles[run.variant] == role for run in planned.runs)
        table.add_row(role, str(sum(item == role for item in roles.values())), str(len(seeds)), str(runs))
    table.add_section()
    table.add_row("all", str(len(roles)), "", str(len(planned.runs)))
    console.print(table)


def _show_design(planned: "Plan", shown: int | None, console: "Console") -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from repro.audit.study.aliases import alias_table, describe_aliases, list_groups
    from repro.audit.study.randomisation import describe_randomisation
    from repro.audit.study.space import show_settings

    for item in planned.left_out:
        console.print(f"left out: {show_settings(item.settings)}: {item.reason}", markup=False)
    if randomised := describe_randomisation(planned.declaration):
        console.print(randomised, markup=False)
    console.print(describe_aliases(planned))
    groups = list_groups(alias_table(planned).sort_values(["kind", "strength"], ascending=False, kind="stable"))
    if groups.empty:
        return
    table = Table("effect", "may be", "correlation", box=box.SIMPLE_HEAD)
    for row in groups.head(shown if shown is not None else len(groups)).itertuples():
        table.add_row(escape(str(row.effect)), escape(str(row.aliases)), f"{row.strength:.2f}")
    console.print(table)
    if shown is not None and len(groups) > shown:
        console.print(f"and {len(groups) - shown} more groups of aliased effects: --aliases")


def _show_detectable(case: "Case", planned: "Plan", console: "Console") -> None:
    from math import isfinite, isnan

    from rich import box
    from rich.table import Table

    from repro.audit.statistics.minimum_detectable_effect import detectable_effects, tell_shared_seeds

    found = detectable_effects(planned, _measured_noise(case, planned))
    seen = "smallest effect seen in 80 %"
    table = Table("metric", seen, "margin", "nothing is called equivalent", "noise floor (SD)", box=box.SIMPLE_HEAD)
    for _, row in found.iterrows():
        effect = f"{row['effect']:.3g} {row['unit']}".strip() if isfinite(row["effect"]) else "none"
        sd = "not measured" if isnan(row["sd"]) else f"{row['sd']:.3g}"
        chance = "not known" if isnan(row["equivalence"]) else f"in {row['equivalence']:.0%}"
        table.add_row(row["metric"], effect, f"{row['margin']:g}", chance, sd)
    console.print(table)
    first = found.iloc[0]
    console.print(f"by {first['test']}, each at {first['alpha']:.3g}; {first['note']}")
    if shared := tell_shared_seeds(planned):
        console.print(shared)


def _show_rules(planned: "Plan", console: "Console") -> None:
    """Says how the study's verdicts are to be read: over several comparisons, and over several looks."""
    from repro.audit.statistics.multiplicity import correction_of
    from repro.audit.study.looks import describe_looks

    declared = planned.declared
    whose = "declared" if declared.correction else f"by its design, {declared.design}"
    correction = correction_of(declared)
    console.print(f"Correction over its details: {correction}, {whose}.", markup=False)
    console.print(describe_looks(planned, declared.seeds), markup=False)


def _measured_noise(case: "Case", planned: "Plan") -> dict[str, float]:
    """Returns the sd over seeds of each metric, from the runs of the baseline that have been run; two at least."""
    from repro.audit.statistics.results import run_means
    from repro.runs.collection import read_results

    baseline = [run for run in planned.runs if run.variant == planned.baseline().id]
    means: pd.DataFrame = run_means(read_results(case, planned.model_copy(update={"runs": baseline}), links=False))
    whole = means[means["train_fraction"] == 1.0].groupby("metric")["value"]
    return {str(metric): float(values.std(ddof=1)) for metric, values in whole if len(values) > 1}


def _show_cost(cost: "Cost", runs: int, jobs: int, console: "Console") -> None:
    told = f"{cost.missing} of {runs} runs are still to be run"
    if cost.seconds is None or cost.bytes_each is None:
        console.print(f"{told}; how long they take is not known: no run of this scale has been run here")
        return
    minutes, megabytes = cost.missing * cost.seconds / jobs / 60, cost.missing * cost.bytes_each / 1e6
    console.print(
        f"{told}: about {minutes:.0f} minutes with -j {jobs} and {megabytes:.0f} MB, by the median of "
        f"{cost.measured} runs of this scale ({cost.seconds:.0f} s)"
    )
