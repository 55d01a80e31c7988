"""The error term of a design's contrasts: the one place where it is chosen, before the runs and after them.

A contrast is an estimate; its error term says how far such an estimate strays when nothing is there. It is a variance
of one run, its degrees of freedom, and where they come from in words. Tests and intervals (`effects`, `interactions`,
`claims`), components of variance, power and the minimum detectable effect all read it here, so that what a plan
promises is what the analysis does.

**The seed is the replicate.** All variants share their seeds: the effect of a detail is estimated once with each seed,
and what it changes from one to the next is its error. This is the mean square of detail x seed, pooled over the K
columns of the model on K(S - 1) degrees of freedom. The pure error, on (V - 1)(S - 1), would take the variants of one
seed for replicates, which they are not as soon as a detail does more with one seed than with another.

- Pooling takes effects to vary alike. Where one alone varies, the pooled square is far too small for it: with an sd of
  detail x seed of one run in one of 15 details, 32 variants and two seeds, its 95 % interval covers in 60 %. Hence no
  column is held against less than its own square: 78 % then, 83 % with three seeds and 88 % with five, at the price
  of intervals 8 % wider where all vary alike. No method can do better with two seeds and not lose ten times that
  width: a column's own square has S - 1 degrees of freedom.
- Few degrees of freedom are left as they are (two details at two seeds: 2). The test stays exact and its intervals
  are wide. To pool with the pure error where a first test finds no difference is what costs the level (Bancroft 1944).
- Where runs are missing and a seed has few, effects rest on the others and hold more of detail x seed than the pooled
  square: it is multiplied by `incomplete_tables.find_imbalance`, 1 in a complete table.
- One seed has no error term: with it, what a detail does and what it does with this seed are the same number.

**Lack of fit.** Interactions that the design mixes into a main effect are an error as well, which no seed averages
out. Where the design has more points than terms, contrasts without a main effect show how large they are. An effect is
then held against

    detail x seed + lack of fit - spare x seed,    never less than either of the first two,

with the degrees of freedom of Satterthwaite (1946). With seeds and interactions drawn at random this is the variance
of a main effect: both of the first two hold the noise of a run, and the third takes one of them off (`mean_squares`;
the pure error in its place would take off a part of detail x seed, too). Which contrasts are asked:

- none, where all combinations have been run: nothing mixes into an average over all of them;
- else all of them. Where main effects are free of pairs, as after a fold-over, this errs on the wide side, since
  interactions of order three are smaller than pairs as a rule (effect hierarchy, Wu & Hamada 2009). What pairs leave
  would be narrower, but it is a handful of contrasts: with 4, and a few large interactions instead of many small ones,
  intervals cover in .92 and .23 of studies find what is not there; with all of them in .98 and .06.

A saturated design has no such contrasts, and says so. That interactions are spread over contrasts as if drawn at
random is made so by the randomisation of columns and signs (`study.randomisation`); a plan that was made without it,
and says so, takes it for granted.

Interactions are held against spare x seed: what seeds do to contrasts of their kind.

Source: Montgomery, Design and Analysis of Experiments (2017), chapters 5, 7 and 14, on factorials in blocks and the
approximate F tests of sums of mean squares; Box, Hunter & Hunter, Statistics for Experimenters (2005), chapters 4 to
6; Satterthwaite (1946) for the degrees of freedom; Bancroft, On biases in estimation due to the use of preliminary
tests of significance (1944). The floor of a column's own square is ours.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from repro.audit.statistics.linear_model import Coding, Floats, code_details, shared_values
from repro.audit.statistics.mean_squares import (
    NOTHING,
    LackOfFit,
    MeanSquare,
    PureError,
    SeedSplit,
    find_lack_of_fit,
    find_pure_error,
    satterthwaite_df,
    split_pure_error,
)
from repro.audit.statistics.outcomes import Outcomes
from repro.audit.statistics.unpaired import find_unpaired_lack, find_within_error
from repro.audit.study.aliases import design_points
from repro.audit.study.designs import code_options
from repro.audit.study.plan import Plan

DETAIL_BY_SEED, WITH_LACK = "detail x seed", "detail x seed and lack of fit"
WITHIN = "runs within variants"
ERROR_COLUMNS = (
    *("metric", "train_fraction", "term", "detail_seed", "detail_seed_df", "seed_f", "seed_p", "spare", "spare_df"),
    *("lack", "lack_df", "lack_f", "lack_p", "carried", "runs"),
)


class ErrorTerm(NamedTuple):
    """What the contrasts of a design are held against, as the runs give it.

    Attributes:
        variance: (K,) of one run, by column of the model; NaN without degrees of freedom.
        df: (K,) its degrees of freedom.
        fixed: (K,) share of the variance that lack of fit adds, which further seeds leave as it is.
        name: where it comes from, in words.
        pure: the noise of a run within seeds.
        split: the mean squares of the seeds.
        lack: of fit, of the main effects: all contrasts.
        carried: what is said of lack of fit in the error term.
    """

    variance: Floats
    df: Floats
    fixed: Floats
    name: str
    pure: PureError
    split: SeedSplit
    lack: LackOfFit
    carried: str


class PlannedTerm(NamedTuple):
    """The error term that a plan will have: all that can be said of it before anything has run.

    Attributes:
        df: degrees of freedom if no run is missing and nothing lacks of fit.
        spare: design points beyond the terms of the model: degrees of freedom for lack of fit.
        carried: those of the lack of fit that the intervals will carry.
        seeds: per variant.
        name: where it will come from, in words.
    """

    df: int
    spare: int
    carried: int
    seeds: int
    name: str = DETAIL_BY_SEED


def choose_error_term(coding: Coding, outcomes: Outcomes) -> ErrorTerm:
    """Chooses the error term of the main effects from the runs of the design."""
    if not outcomes.paired:
        return _choose_unpaired(coding, outcomes)
    values = shared_values(outcomes, coding.points)
    split = split_pure_error(coding.matrix, values)
    lack = find_lack_of_fit(coding.matrix, values, split.spare)
    asked, carried = _choose_lack(coding, values, split, lack)
    parts = [
        combine_errors(MeanSquare(split.details.value * times, split.details.df), own, asked, split.spare)
        for own, times in zip(split.own, split.imbalance, strict=True)
    ]
    pure = find_pure_error(shared_values(outcomes, coding.design))
    variance, df, fixed = np.array(parts, dtype=np.float64).reshape(len(parts), 3).T
    return ErrorTerm(variance, df, fixed, WITH_LACK if asked.df else DETAIL_BY_SEED, pure, split, lack, carried)


def _choose_unpaired(coding: Coding, outcomes: Outcomes) -> ErrorTerm:
    """Chooses the error term where each run has a seed of its own: within variants, or lack of fit if it is larger.

    There is no detail x seed: a run differs from the others of its variant by noise alone, and lack of fit has the
    expectation of that noise where there are no interactions (`find_within_error`). With interactions the error is
    exact where variants have as many runs each, and is that of their usual number where they do not.
    """
    values = shared_values(outcomes, coding.points)
    within = find_within_error(values)
    square = MeanSquare(within.variance, within.df)
    lack = find_unpaired_lack(coding.matrix, values, square)
    columns = np.ones(coding.matrix.shape[1])
    split = SeedSplit(square, square, columns * np.nan, np.zeros(len(columns), dtype=np.int64), columns)
    asked, carried = _choose_lack(coding, values, split, lack)
    larger = bool(asked.df) and bool(square.df) and asked.value > square.value
    held = asked if larger else square
    fixed = 1 - square.value / asked.value if larger else 0.0
    name = f"{WITHIN} and lack of fit" if asked.df else WITHIN
    return ErrorTerm(held.value * columns, held.df * columns, fixed * columns, name, within, split, lack, carried)


def combine_errors(details: MeanSquare, own: float, lack: MeanSquare, spare: MeanSquare) -> tuple[float, float, float]:
    """Returns variance, degrees of freedom and the share of lack of fit in the error of one column.

    Args:
        details: detail x seed, pooled.
        own: that of the column; NaN where it is not known.
        lack: of fit; without degrees of freedom where it is not to be carried.
        spare: spare x seed.

    Example:
        >>> combine_errors(MeanSquare(2.0, 15), 0.5, NOTHING, MeanSquare(1.0, 16))
        (2.0, 15, 0.0)
        >>> [round(x, 2) for x in combine_errors(MeanSquare(2.0, 15), 0.5, MeanSquare(4.0, 16), MeanSquare(1.0, 16))]
        [5.0, 18.81, 0.6]
    """
    seeds = MeanSquare(float(np.fmax(details.value, own)), details.df)
    if not (lack.df and seeds.df):
        return (*seeds, 0.0)
    # Where runs are missing, spare x seed may have no degrees of freedom: then nothing is taken off.
    parts = [seeds, lack, *([MeanSquare(-spare.value, spare.df)] if spare.df else [])]
    total = sum(part.value for part in parts)
    if total < max(seeds.value, lack.value) or not total:
        larger = lack if lack.value > seeds.value else seeds
        return (*larger, max(0.0, 1 - seeds.value / larger.value) if larger.value else 0.0)
    return total, satterthwaite_df(parts), 1 - seeds.value / total


def choose_interaction_term(term: ErrorTerm) -> MeanSquare:
    """Returns the error term of the interactions, given that of the main effects: spare x seed."""
    return term.split.spare


def _choose_lack(coding: Coding, values: Floats, split: SeedSplit, lack: LackOfFit) -> tuple[MeanSquare, str]:
    """Returns the lack of fit that the error term is to carry, and what is said of it."""
    if not lack.square.df:
        return NOTHING, "the design is saturated: it has no degrees of freedom for lack of fit"
    if not split.details.df:
        return NOTHING, "one seed tells nothing on the error of lack of fit"
    present = np.isfinite(values[coding.points])
    if present[:, present.any(axis=0)].all() and runs_all_combinations(coding):
        return NOTHING, "all combinations were run: no interaction mixes into a main effect, and none is carried"
    return lack.square, "the intervals carry all lack of fit"


def runs_all_combinations(coding: Coding) -> bool:
    """Says whether the points of a design are all combinations of its options."""
    names = [detail for detail, _ in coding.options]
    combinations = np.prod([1 + names.count(detail) for detail in dict.fromkeys(names)])
    return bool(len(np.unique(coding.matrix[coding.points], axis=0)) == combinations)


def plan_error_term(plan: Plan) -> PlannedTerm:
    """Says which error term a factorial plan will have: that of `choose_error_term`, on the rows of the design."""
    points = design_points(plan)
    columns = code_options(plan.levels, points)[1]
    rank = int(np.linalg.matrix_rank(columns - columns.mean(axis=0))) if len(columns) else 0
    seeds, spare = plan.declaration["seeds"], max(len(points) - 1 - rank, 0)
    carried = 0 if runs_all_combinations(code_details(plan)) else spare
    return PlannedTerm(rank * (seeds - 1), spare, carried, seeds)


def draw_errors(term: PlannedTerm, draws: int = 2000) -> tuple[Floats, Floats]:
    """Draws error terms (draws,) as a plan will find them where runs have variance 1 and nothing else is there.

    Each of the three mean squares is chi-square over its degrees of freedom; the column's own is part of the pooled
    one. Closed forms would leave out the floors, which take up to a half of the power.

    Returns:
        Variances and degrees of freedom.
    """
    generator, own_df = np.random.default_rng(0), term.seeds - 1
    own = generator.chisquare(own_df, draws)
    others = generator.chisquare(term.df - own_df, draws) if term.df > own_df else np.zeros(draws)
    spare_df = term.spare * own_df
    spare = generator.chisquare(spare_df, draws) / spare_df if spare_df else np.full(draws, np.nan)
    lack = generator.chisquare(term.carried, draws) / term.carried if term.carried else np.full(draws, np.nan)
    found = [
        combine_errors(
            MeanSquare((a + b) / term.df, term.df), a / own_df, MeanSquare(c, term.carried), MeanSquare(d, spare_df)
        )
        for a, b, c, d in zip(own, others, lack, spare, strict=True)
    ]
    variance, df, _ = np.array(found, dtype=np.float64).T
    return variance, df


def df_at_seeds(df: float, seeds: int, more: float) -> float:
    """Returns the degrees of freedom at more seeds per variant, given those now: they grow as seeds - 1.

    Example:
        >>> df_at_seeds(15, seeds=2, more=4)
        45.0
    """
    return df * (more - 1) / (seeds - 1)


def tabulate_errors(coding: Coding, tables: Sequence[Outcomes]) -> pd.DataFrame:
    """Returns the mean squares of each table of outcomes with their tests: `Analysis.error_terms`."""
    rows = []
    for outcomes in tables:
        term = choose_error_term(coding, outcomes)
        details, spare, lack = term.split.details, term.split.spare, term.lack
        f = details.value / spare.value if spare.df and spare.value else np.nan
        p = float(stats.f.sf(f, details.df, spare.df)) if details.df and spare.df else np.nan
        used = np.isfinite(shared_values(outcomes, coding.points))
        numbers = (*details, f, p, *spare, *lack.square, lack.f, lack.p)
        place = (outcomes.metric, outcomes.train_fraction, term.name)
        rows.append((*place, *numbers, term.carried, tuple(outcomes.runs[used].tolist())))
    return pd.DataFrame(rows, columns=list(ERROR_COLUMNS))
