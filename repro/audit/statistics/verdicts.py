"""What is said of a detail: equivalent, matters, only in interaction, or undecided; refused where the seeds are short.

In their order: `equivalent` if the 90 % intervals of all its options lie inside the margin, else `matters` if an
option's adjusted p is below .05, else `only in interaction` if an interaction that holds the detail has one and is no
other pair's as well, else `undecided`.

The first is two one-sided tests at .05 for each option (Schuirmann 1987). Over the options of one detail no correction
is due, as every one must pass: an intersection-union test (Berger 1982).
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
import pandas as pd

from repro.audit.ledger.choice import show_value
from repro.audit.statistics.effects import Effect, effects_by_detail
from repro.audit.statistics.interactions import Interaction, interactions_by_detail
from repro.audit.statistics.multiplicity import LEVEL, Correction, correction_of, smallest_adjusted_p
from repro.audit.statistics.outcomes import FULL, HALF, Outcomes
from repro.audit.statistics.power import POWER, SEEDS_CAP, seeds_for_contrast, seeds_for_sign_flip
from repro.audit.study.declaration import Outcome, Study
from repro.audit.study.plan import Plan

EQUIVALENT, MATTERS, INTERACTION, UNDECIDED = "equivalent", "matters", "only in interaction", "undecided"
"""The four verdicts on a detail, in their order of precedence."""
MOSTLY = 0.5
"""Share of lack of fit in an error from which it is named where seeds cannot help."""


class Estimate(Protocol):
    """An estimate with what it rests on, as effects and the comparisons of claims have it."""

    @property
    def estimate(self) -> float:
        """In the metric's unit; NaN where the runs cannot tell it."""

    @property
    def se(self) -> float:
        """Its standard error; NaN without replicates."""

    @property
    def seeds(self) -> int:
        """Seeds that both sides have."""


class Verdict(NamedTuple):
    """A row of `Analysis.verdicts`, without what it is about.

    Attributes:
        verdict: one of the four words.
        reason: one sentence.
        refused: why the seeds cannot carry more; empty if they can.
        further_seeds: None where none is named.
    """

    verdict: str
    reason: str
    refused: str = ""
    further_seeds: int | None = None


def judge_details(
    plan: Plan, tables: Sequence[Outcomes], effects: pd.DataFrame, interactions: pd.DataFrame
) -> pd.DataFrame:
    """Gives a verdict on each varied detail, per metric and share of the training.

    Args:
        plan: with the margins.
        tables: of outcomes; they say which runs are missing.
        effects: with p_adjusted and family.
        interactions: as in `Analysis`.
    """
    study = plan.declared
    correction = correction_of(study.design)
    rows, pairs = effects_by_detail(effects), interactions_by_detail(interactions)
    verdicts = []
    for table in tables:
        declared = study.metrics[table.metric]
        for detail in plan.levels:
            found = rows.get((detail, table.metric, table.train_fraction), [])
            missing = missing_runs(plan, study, table, detail)
            verdict = refuse_rows(found, missing)
            if verdict is None:
                paired = pairs.get((detail, table.metric, table.train_fraction), [])
                verdict = judge_options(found, declared, correction, paired)
                verdict = verdict._replace(reason=verdict.reason + _tell_untested(plan, detail, found))
            verdicts.append(
                {"detail": detail, "metric": table.metric, "train_fraction": table.train_fraction, **verdict._asdict()}
            )
    columns = ["detail", "metric", "train_fraction", *Verdict._fields]
    frame = pd.DataFrame(verdicts, columns=columns).astype({"further_seeds": "Int64"})
    return _mark_stable(frame)


def judge_options(
    rows: Sequence[Effect], metric: Outcome, correction: Correction, interactions: Sequence[Interaction] = ()
) -> Verdict:
    """Gives the verdict on a detail whose options have all been compared with the baseline's.

    Args:
        rows: of effects, one for each option, all with at least two seeds.
        metric: its margin and unit.
        correction: of the adjusted p-values, for the words.
        interactions: those that hold the detail.

    Source: Schuirmann, A comparison of the two one-sided tests procedure (1987); Berger, Multiparameter hypothesis
    testing and acceptance sampling (1982).
    """
    inside = all(-metric.margin < row.low90 and row.high90 < metric.margin for row in rows)
    failed = sum(int(row.failed) for row in rows)
    if inside and not failed:
        return Verdict(EQUIVALENT, _tell_equivalent(rows, metric))
    passing = sorted(
        (row for row in rows if row.p_adjusted < LEVEL), key=lambda row: (row.p_adjusted, -abs(row.estimate))
    )
    if passing:
        more = f" (and {len(passing) - 1} more of its options)" if len(passing) > 1 else ""
        count = f"; {_tell_failed(failed)}" if failed else ""
        return Verdict(MATTERS, f"{tell_effect(passing[0], metric, correction)}{more}{count}")
    refused = f"equivalence is refused: {_tell_failed(failed)}" if failed else ""
    strong = sorted((row for row in interactions if row.p_adjusted < LEVEL), key=lambda row: row.p_adjusted)
    own = [row for row in strong if not row.shared]
    if own:
        return Verdict(INTERACTION, _tell_interaction(own[0], metric), refused)
    if strong:
        shared = f"a design that tells {strong[0].shared + 1} aliased pairs apart could say which of them it is"
        reason = f"one of several pairs, {_tell_interaction(strong[0], metric)}"
        return Verdict(UNDECIDED, reason, "; ".join(filter(None, [refused, shared])))
    return _undecided(rows, metric, correction, refused)


def _tell_interaction(row: Interaction, metric: Outcome) -> str:
    aliases = f" or {row.aliases}" if row.aliases else ""
    estimate = f"{show_difference(row.estimate, metric)}, p = {show_p(row.p_adjusted)} after adjustment"
    return f"{row.first} x {row.second}{aliases}: {estimate}"


def tell_effect(row: Effect, metric: Outcome, correction: Correction) -> str:
    """Says an effect in words: option, estimate, interval and p."""
    return (
        f"{row.option} against {row.baseline}: {show_difference(row.estimate, metric)} "
        f"(95 % {row.low:.3g} to {row.high:.3g}), p = {show_p(row.p_adjusted)} after {correction} over {row.family}"
    )


def show_difference(value: float, metric: Outcome) -> str:
    """Returns a difference with its sign and unit."""
    return f"{value:+.3g} {metric.unit}".rstrip()


def show_p(p: float) -> str:
    """Returns a p-value to two digits."""
    return f"{p:.2g}"


def _tell_equivalent(rows: Sequence[Effect], metric: Outcome) -> str:
    widest = max(rows, key=lambda row: max(abs(row.low90), abs(row.high90)))
    whose = "every option" if len(rows) > 1 else f"the option {widest.option}"
    margin = f"{metric.margin:.3g} {metric.unit}".rstrip()
    span = f"{widest.low90:.3g} to {widest.high90:.3g}"
    return f"the 90 % interval of {whose} lies inside the margin of {margin}; the widest: {span}"


def _tell_failed(failed: int) -> str:
    return f"{failed} of the runs compared failed or diverged and count as the worst value seen"


def _tell_untested(plan: Plan, detail: str, rows: Sequence[Effect]) -> str:
    compared = {row.option for row in rows}
    untested = [option for option in map(show_value, plan.levels[detail][1:]) if option not in compared]
    return f" (not compared: {', '.join(untested)})" if untested else ""


def _undecided(rows: Sequence[Effect], metric: Outcome, correction: Correction, refused: str) -> Verdict:
    """Says how many more seeds would find the larger of margin and estimate in the option that is least known."""
    unsure = [row for row in rows if not (-metric.margin < row.low90 and row.high90 < metric.margin)] or list(rows)
    widest = max(unsure, key=lambda row: row.high90 - row.low90)
    unreachable = _cannot_reach(rows)
    refused = "; ".join(part for part in (unreachable, refused) if part)
    reason = f"{tell_effect(widest, metric, correction)}: neither within the margin nor different"
    effect = max(metric.margin, abs(widest.estimate))
    total = _total_seeds(widest, effect)
    if total is None:
        reason += f"; {effect:.3g} would be found with {POWER:.0%} power by more than {SEEDS_CAP} seeds only"
        if widest.fixed > MOSTLY:
            reason += ", if at all: interactions that the design mixes in are most of its error"
        return Verdict(UNDECIDED, reason, refused)
    further = total - int(widest.seeds)
    reason += f"; {further} further seed{'s' * (further != 1)} would find {effect:.3g} with {POWER:.0%} power"
    return Verdict(UNDECIDED, reason, refused, further)


def _total_seeds(row: Effect, effect: float) -> int | None:
    alpha, seeds = LEVEL / max(1, int(row.family)), int(row.seeds)
    if row.kind == "paired":
        return seeds_for_sign_flip(effect / row.sd if row.sd > 0 else np.inf, alpha, seeds)
    return seeds_for_contrast(effect, float(row.se), float(row.df), seeds, alpha, float(row.fixed))


def _cannot_reach(rows: Sequence[Effect]) -> str:
    """Returns the reason why no option could have been found to matter, or nothing."""
    if any(row.kind != "paired" for row in rows):
        return ""
    best = min(rows, key=lambda row: smallest_adjusted_p(int(row.seeds), int(row.family)))
    smallest = smallest_adjusted_p(int(best.seeds), int(best.family))
    if smallest < LEVEL:
        return ""
    return (
        f"`matters` is out of reach: the smallest p of a sign flip with {int(best.seeds)} seeds is "
        f"{show_p(smallest_adjusted_p(int(best.seeds), 1))}, {show_p(smallest)} after Holm over {int(best.family)}"
    )


def refuse_rows(rows: Sequence[Estimate], missing: Sequence[str]) -> Verdict | None:
    """Returns why rows of effects carry no verdict at all, or None where they carry one."""
    if missing:
        shown = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
        return Verdict(UNDECIDED, "its runs have not all been run", f"{len(missing)} of its runs missing: {shown}")
    if not rows:
        return Verdict(UNDECIDED, "none of its options was compared", "no variant of the design takes another option")
    if any(np.isnan(row.estimate) for row in rows):
        return Verdict(UNDECIDED, "an option has no value", "no run of it gave this metric, or others hide its effect")
    fewest = min(int(row.seeds) for row in rows)
    if fewest < 2 or any(np.isnan(row.se) for row in rows):
        return Verdict(UNDECIDED, "there is no spread to hold it against", f"seeds in common: {fewest}; it takes two")
    return None


def missing_runs(plan: Plan, study: Study, table: Outcomes, detail: str) -> list[str]:
    """Returns the runs without which a detail is not judged: those of its own arms in pairs, all arms in a design.

    Seeds that only the baseline and the controls have serve the noise floor, and no detail waits for them.
    """
    alone = study.design == "one_at_a_time"
    wanted = [
        variant.role == "baseline" or (variant.role == "arm" and (not alone or detail in variant.settings))
        for variant in plan.variants
    ]
    absent = table.missing() & np.array(wanted)[:, None] & (table.seeds < study.seeds)
    return [str(run) for run in table.runs[absent]]


def _mark_stable(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Adds `stable`: half the training gives the same verdict; NA where it was not measured."""
    halves = verdicts[verdicts["train_fraction"] == HALF]
    at_half = dict(zip(zip(halves["detail"], halves["metric"], strict=True), halves["verdict"], strict=True))
    stable = [
        at_half[detail, metric] == verdict if train_fraction == FULL and (detail, metric) in at_half else None
        for detail, metric, train_fraction, verdict in verdicts[
            ["detail", "metric", "train_fraction", "verdict"]
        ].itertuples(index=False)
    ]
    return verdicts.assign(stable=pd.array(stable, dtype="boolean"))
