"""What an analysis says, as tables: the contract between the statistics and the page that shows them."""

from typing import NamedTuple

import pandas as pd

EQUIVALENT, MATTERS, INTERACTION, UNDECIDED = "equivalent", "matters", "only in interaction", "undecided"
"""The four verdicts on a detail, in their order of precedence."""
HOLDS, FAILS, DEPENDS, OPEN = "holds", "fails", "depends", "undecided"
"""The four verdicts on a claim."""


class Analysis(NamedTuple):
    """Tables of one study; `metric` and `budget` are columns of each, and cells are named by tuples of their ids.

    Attributes:
        noise: per metric and budget: sd over seeds of the replicated baseline, its 95 % interval (sd_low, sd_high),
            n, mean, cells.
        effects: per detail, option, metric and budget: `baseline` (option), kind ("paired" or "contrast"), seeds,
            estimate (option less baseline, in the metric's unit, not turned by direction), sd, se, df, low, high
            (95 %), low90, high90, hedges_g, superiority (P(option better than baseline)), bca_low, bca_high (NaN
            below 30 seeds), p, p_adjusted, correlation (of the paired arms), failed (cells of the arm that failed or
            diverged, counted as outcomes), cells, baseline_cells. Placebo and planted arms are in it, under the
            details "placebo" and "planted".
        interactions: per pair of details (first, second), metric and budget: estimate, low, high, p, p_adjusted,
            aliases (text: what else the estimate may be), shared (how many other pairs are the very same contrast),
            cells. Empty where the design cannot see any.
        verdicts: per detail, metric and budget: verdict, reason (one sentence), refused (why the seeds cannot carry
            more; empty if they can), further_seeds (Int64, NA where none is named), stable (whether half the
            training gives the same verdict; NA where it was not measured).
        claims: per claim: text, metric, reported, estimate, low, high, noise_sd, verdict, reason, source, cells.
        controls: per control ("placebo", "planted", "A/A re-splits"): expected, found, passed (bool), detail (text).
        curve: per variant, metric and budget: rank, mean, low, high (95 % over seeds), seeds, cells, null_low,
            null_high (95 % band of the sorted curve under permutation of labels within seed).
        curve_test: per metric and budget: statistic (text), observed, p, permutations.
        budget: per metric: source (a detail, "details together", "seed", "image", "evaluation protocol",
            "residual"), sd, variance, low, high, note.
        protocols: per metric and protocol choice: option, mean, change (against the headline protocol), cells.
        failures: per cell that is not ok: variant, seed, status, reason, path.
        cost: one row: cells, hours, hours_lost (in failed cells), joules (NaN where not measured), note.
        questions: per detail: question, shrinks (how much of the uncertainty an answer would take away, in the
            main metric's unit), reason; largest first.
    """

    noise: pd.DataFrame
    effects: pd.DataFrame
    interactions: pd.DataFrame
    verdicts: pd.DataFrame
    claims: pd.DataFrame
    controls: pd.DataFrame
    curve: pd.DataFrame
    curve_test: pd.DataFrame
    budget: pd.DataFrame
    protocols: pd.DataFrame
    failures: pd.DataFrame
    cost: pd.DataFrame
    questions: pd.DataFrame
