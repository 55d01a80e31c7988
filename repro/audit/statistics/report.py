"""What an analysis says, as tables: the contract between the statistics and the page that shows them."""

from typing import NamedTuple

import pandas as pd

EQUIVALENT, MATTERS, INTERACTION, UNDECIDED = "equivalent", "matters", "only in interaction", "undecided"
"""The four verdicts on a detail, in their order of precedence."""
HOLDS, FAILS, DEPENDS, OPEN = "holds", "fails", "depends", "undecided"
"""The four verdicts on a claim."""


class Analysis(NamedTuple):
    """Tables of one study, each with the columns `metric` and `train_fraction`; runs are named by tuples of ids.

    Attributes:
        noise: per metric and train_fraction: sd over seeds of the replicated baseline, its 95 % interval (sd_low,
            sd_high), n, mean, runs.
        effects: per detail, option, metric and train_fraction: `baseline` (option), kind ("paired" or "contrast"),
            seeds, estimate (option less baseline, in the metric's unit, not turned by direction), sd, se, df, low, high
            (95 %), low90, high90, hedges_g, superiority (P(option better than baseline)), bca_low, bca_high (NaN
            below 30 seeds), p, p_adjusted, correlation (of the paired arms), failed (runs of the arm that failed or
            diverged, counted as outcomes), runs, baseline_runs. Negative control and positive control arms are in it,
            under the details "negative control" and "positive control".
        interactions: per pair of details (first, second), metric and train_fraction: estimate, low, high, p,
            p_adjusted, aliases (text: what else the estimate may be), shared (how many other pairs are the very same
            contrast), runs. Empty where the design cannot see any.
        verdicts: per detail, metric and train_fraction: verdict, reason (one sentence), refused (why the seeds cannot
            carry more; empty if they can), further_seeds (Int64, NA where none is named), stable (whether half the
            training gives the same verdict; NA where it was not measured).
        claims: per claim: text, metric, reported, estimate, low, high, noise_sd, verdict, reason, source, runs.
        controls: per control ("negative control", "positive control", "A/A re-splits"): expected, found, passed (bool),
            detail (text).
        curve: per variant, metric and train_fraction: rank, mean, low, high (95 % over seeds), seeds, runs, null_low,
            null_high (95 % band of the sorted curve under permutation of labels within seed).
        curve_test: per metric and train_fraction: statistic (text), observed, p, permutations.
        variance: per metric: component (a detail, "details together", "seed", "unit", "evaluation protocol",
            "residual"), sd, variance, low, high, note.
        protocols: per metric and protocol choice: option, mean, change (against the headline protocol), runs.
        failures: per run that is not ok: variant, seed, status, reason, path.
        cost: one row: runs, hours, hours_lost (in failed runs), joules (NaN where not measured), note.
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
    variance: pd.DataFrame
    protocols: pd.DataFrame
    failures: pd.DataFrame
    cost: pd.DataFrame
    questions: pd.DataFrame
