"""What is said of a detail: equivalent, matters, only in interaction, in interaction as well, or undecided.

A detail is `equivalent` if two one-sided tests find every option inside the margin, and `matters` if a test finds an
option that differs; both p-values are adjusted, the first over details, the second over options (`multiplicity`).
Where both hold, the one that was reached at fewer seeds stands, and `equivalent` if they were reached together. A pair
that the design could name (`interactions`) changes the words: an equivalent main effect becomes `only in interaction`,
and one that is neither equivalent nor found `in interaction as well`; of a detail that matters the reason says it. All
else is `undecided`, with the reason where the seeds could not have carried more.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
import pandas as pd

from repro.audit.ledger.choice import show_value
from repro.audit.statistics.effects import Effect, effects_by_detail
from repro.audit.statistics.interactions import Interaction, interactions_by_detail
from repro.audit.statistics.looks import most_seeds
from repro.audit.statistics.multiplicity import LEVEL, correction_of, smallest_adjusted_p
from repro.audit.statistics.outcomes import FULL, HALF, Outcomes
from repro.audit.statistics.paired import smallest_p
from repro.audit.statistics.power import POWER, seeds_for_contrast, seeds_for_sign_flip
from repro.audit.statistics.sequential import USUAL_MOST, anytime_p, level_at_look
from repro.audit.study.declaration import Correction, Outcome, Study
from repro.audit.study.plan import Plan

EQUIVALENT, MATTERS, UNDECIDED = "equivalent", "matters", "undecided"
ONLY_IN_INTERACTION, IN_INTERACTION = "only in interaction", "in interaction as well"
"""The five verdicts on a detail."""
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
        verdict: one of the five words.
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
    """Gives a verdict on each varied detail, per metric and share of the training, from the runs that are there.

    Args:
        plan: with the margins.
        tables: of outcomes; they say which runs are missing.
        effects: with the columns of `looks.judge_effects`.
        interactions: as in `Analysis`.
    """
    study, most = plan.declared, most_seeds(plan, tables)
    correction = correction_of(study)
    rows, pairs = effects_by_detail(effects), interactions_by_detail(interactions)
    verdicts = []
    for table in tables:
        declared = study.metrics[table.metric]
        for detail in plan.levels:
            found = rows.get((detail, table.metric, table.train_fraction), [])
            verdict = refuse_rows(found)
            if verdict is None:
                paired = pairs.get((detail, table.metric, table.train_fraction), [])
                verdict = judge_options(found, declared, correction, paired, most)
            said = _tell_untested(plan, detail, found) + _tell_missing(missing_runs(plan, study, table, detail))
            verdict = verdict._replace(reason=verdict.reason + said)
            verdicts.append(
                {"detail": detail, "metric": table.metric, "train_fraction": table.train_fraction, **verdict._asdict()}
            )
    columns = ["detail", "metric", "train_fraction", *Verdict._fields]
    frame = pd.DataFrame(verdicts, columns=columns).astype({"further_seeds": "Int64"})
    return _mark_stable(frame)


def judge_options(
    rows: Sequence[Effect],
    metric: Outcome,
    correction: Correction,
    interactions: Sequence[Interaction] = (),
    most: int | None = None,
) -> Verdict:
    """Gives the verdict on a detail whose options have all been compared with the baseline's.

    Args:
        rows: of effects, one for each option, all with at least two seeds.
        metric: its margin and unit.
        correction: of the adjusted p-values, for the words.
        interactions: those that hold the detail.
        most: seeds that the study can grow to; None: it is looked at once.

    Source: Schuirmann, A comparison of the two one-sided tests procedure (1987); Berger, Multiparameter hypothesis
    testing and acceptance sampling (1982).
    """
    strong = sorted((row for row in interactions if row.p_adjusted < LEVEL), key=lambda row: row.p_adjusted)
    named, failed = [row for row in strong if not row.shared], _tell_failed(sum(int(row.failed) for row in rows))
    passing = sorted(
        (row for row in rows if not np.isnan(row.matters_at)), key=lambda row: (row.p_adjusted, -abs(row.estimate))
    )
    inside_at, matters_at = rows[0].equivalent_at, min((row.matters_at for row in passing), default=np.inf)
    if inside_at <= matters_at:
        reason = _tell_equivalent(rows, metric, correction)
        if named:
            return Verdict(ONLY_IN_INTERACTION, f"{_tell_interaction(named[0], metric)}; by itself, {reason}{failed}")
        return Verdict(EQUIVALENT, f"{reason}{failed}")
    if passing:
        more = f" (and {len(passing) - 1} more of its options)" if len(passing) > 1 else ""
        too = f"; in interaction as well: {_tell_interaction(named[0], metric)}" if named else ""
        return Verdict(MATTERS, f"{tell_effect(passing[0], metric, correction)}{more}{too}{failed}")
    if named:
        by_itself = tell_effect(_least_known(rows, metric), metric, correction)
        return Verdict(
            IN_INTERACTION,
            f"{_tell_interaction(named[0], metric)}; by itself neither within the margin nor different: "
            f"{by_itself}{failed}",
        )
    if strong:
        said = f"a design that tells {strong[0].shared + 1} pairs apart could say which of them it is"
        return Verdict(UNDECIDED, f"one of several pairs, {_tell_interaction(strong[0], metric)}{failed}", said)
    return _undecided(rows, metric, correction, failed, most)


def _tell_interaction(row: Interaction, metric: Outcome) -> str:
    rivals = f" or {row.rivals}" if row.rivals else ""
    estimate = f"{show_difference(row.estimate, metric)}, p = {show_p(row.p_adjusted)} after adjustment"
    return f"{row.first} x {row.second}{rivals}: {estimate}"


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


def _tell_equivalent(rows: Sequence[Effect], metric: Outcome, correction: Correction) -> str:
    widest = max(rows, key=lambda row: max(abs(row.low90), abs(row.high90)))
    whose = "every option" if len(rows) > 1 else f"the option {widest.option}"
    margin = f"{metric.margin:.3g} {metric.unit}".rstrip()
    span = f"{widest.low90:.3g} to {widest.high90:.3g}"
    adjusted = f"p = {show_p(widest.p_equivalent_adjusted)} after {correction} over {widest.details}"
    return f"{whose} lies inside the margin of {margin}: the widest 90 % interval goes from {span}, {adjusted}"


def _tell_failed(failed: int) -> str:
    return f"; {failed} of the runs compared failed or diverged and have a stand-in for their value" if failed else ""


def _tell_missing(missing: Sequence[str]) -> str:
    return f" ({len(missing)} of its runs missing: {', '.join(missing[:3])}{', ...' * (len(missing) > 3)})" * bool(
        missing
    )


def _tell_untested(plan: Plan, detail: str, rows: Sequence[Effect]) -> str:
    compared = {row.option for row in rows}
    untested = [option for option in map(show_value, plan.levels[detail][1:]) if option not in compared]
    return f" (not compared: {', '.join(untested)})" if untested else ""


def _least_known(rows: Sequence[Effect], metric: Outcome) -> Effect:
    """Returns the option with the widest interval among those that are not inside the margin."""
    unsure = [row for row in rows if not (-metric.margin < row.low90 and row.high90 < metric.margin)] or list(rows)
    return max(unsure, key=lambda row: row.high90 - row.low90)


def _undecided(
    rows: Sequence[Effect], metric: Outcome, correction: Correction, failed: str, most: int | None
) -> Verdict:
    """Says how many more seeds would find the larger of margin and estimate in the option that is least known.

    Seeds that are added after this look are paid for: a study that is not sequential yet is taken to become so.
    """
    widest = _least_known(rows, metric)
    reason = f"{tell_effect(widest, metric, correction)}: neither within the margin nor different"
    effect, refused = max(metric.margin, abs(widest.estimate)), _cannot_reach(rows, most)
    bound = max(USUAL_MOST, int(widest.seeds)) if most is None else most
    total = _total_seeds(widest, effect, bound)
    if total is None:
        reason += f"; {effect:.3g} would not be found with {POWER:.0%} power by {bound} seeds"
        if widest.fixed > MOSTLY:
            reason += ": interactions that the design mixes in are most of its error"
        return Verdict(UNDECIDED, reason + failed, refused)
    further = total - int(widest.seeds)
    reason += (
        f"; {further} further seed{'s' * (further != 1)} would find {effect:.3g} with {POWER:.0%} power, this look and "
        f"others up to {bound} seeds paid for"
    )
    return Verdict(UNDECIDED, reason + failed, refused, further)


def _total_seeds(row: Effect, effect: float, most: int) -> int | None:
    alpha, seeds = LEVEL / max(1, int(row.family)), int(row.seeds)

    def level(count: int) -> float:
        return 2 * level_at_look(alpha / 2, count, most)

    if row.kind == "paired":
        return seeds_for_sign_flip(effect / row.sd if row.sd > 0 else np.inf, level, seeds, most)
    return seeds_for_contrast(effect, float(row.se), float(row.df), seeds, level, most, float(row.fixed))


def _cannot_reach(rows: Sequence[Effect], most: int | None) -> str:
    """Returns the reason why no option could have been found to matter, or nothing."""
    if any(row.kind != "paired" for row in rows):
        return ""
    best = min(rows, key=lambda row: smallest_adjusted_p(int(row.seeds), int(row.family)))
    seeds, family = int(best.seeds), int(best.family)
    smallest = smallest_p(seeds)
    held = smallest if most is None else float(anytime_p(np.array(smallest), np.array(seeds), most, sides=2))
    if min(1.0, held * family) < LEVEL:
        return ""
    looks = "" if most is None else f", {show_p(held)} at any look up to {most} seeds"
    return (
        f"`matters` is out of reach: the smallest p of a sign flip with {seeds} seeds is {show_p(smallest)}{looks}, "
        f"{show_p(min(1.0, held * family))} after Holm over {family}"
    )


def refuse_rows(rows: Sequence[Estimate]) -> Verdict | None:
    """Returns why rows of effects carry no verdict at all, or None where they carry one."""
    if not rows:
        return Verdict(UNDECIDED, "none of its options was compared", "no variant of the design takes another option")
    if any(np.isnan(row.estimate) for row in rows):
        return Verdict(UNDECIDED, "an option has no value", "no run of it gave this metric, or others hide its effect")
    fewest = min(int(row.seeds) for row in rows)
    if fewest < 2 or any(np.isnan(row.se) for row in rows):
        return Verdict(UNDECIDED, "there is no spread to hold it against", f"seeds in common: {fewest}; it takes two")
    return None


def missing_runs(plan: Plan, study: Study, table: Outcomes, detail: str) -> list[str]:
    """Returns the runs that a detail is judged without: of its own arms in pairs, of all arms in a design.

    Seeds that only the baseline and the controls have serve the noise floor, and no detail misses them.
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
