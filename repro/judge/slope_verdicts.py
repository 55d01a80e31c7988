"""Numeric details of a table: which numbers are quantities, and the judgement on their slopes."""

import numpy as np

from repro.judge.columns import Column, of_role
from repro.judge.judgement import Judgement
from repro.judge.noise import pool_noise
from repro.judge.runs import Runs
from repro.judge.settling import tell_unrepeated
from repro.judge.slopes import fit_slopes


def settle_numbers(runs: Runs, columns: list[Column]) -> list[Column]:
    """Takes a number with many levels for options where it hardly varies beside the other details."""
    options = of_role(columns, "detail")
    found = []
    for column in columns:
        if column.role == "numeric detail" and options:
            alone = len(runs.table[options].drop_duplicates())
            both = len(runs.table[[*options, column.name]].drop_duplicates())
            if both <= 1.5 * alone or runs.table[column.name].isna().any():
                why = f"{column.levels} levels, but it goes with {' and '.join(options[:3])}: options, no slope"
                column = column._replace(role="detail", why=why)
        found.append(column)
    return found


def judge_slopes(found: Judgement, runs: Runs, main: str, why: str = "") -> Judgement:
    """Judges numeric details where there are repeats; without, their slopes are shown and not judged."""
    columns = found.columns
    numeric, options = of_role(columns, "numeric detail"), of_role(columns, "detail", "task")
    ok = runs.table[~runs.table["failed"]]
    slopes = fit_slopes(ok, main, numeric, options, found.declared.outcomes[main].margin, of_role(columns, "task"))
    noise = pool_noise(runs.table, main, [*numeric, *options])
    said = [*found.said, f"{why or 'numeric details'}: a slope each, over the means of {noise.groups} configurations"]
    if noise.df and of_role(columns, "seed"):
        return found._replace(slopes=slopes, said=said, noise=noise)
    refused = (
        "no configuration was run twice: nothing says how far runs differ by chance, and slopes are shown, not judged"
    )
    if noise.df:
        refused = "no column says that runs of the same options are repeats (--seed): slopes are shown, not judged"
    hidden = slopes.assign(verdict="undecided", reason="no replicates")
    order = ok.sort_values(main)[main]
    more = [
        f"outcomes go from {order.iloc[0]:.6g} to {order.iloc[-1]:.6g} over {len(ok)} runs: noise is in it, how much "
        "is not known"
    ]
    values = np.array([float(order.median()), float(order.iloc[0]), float(order.iloc[-1])])
    higher = found.declared.outcomes[main].direction == "higher"
    more += tell_unrepeated(
        values, ["the median run", "the lowest", "the highest"], found.declared.outcomes[main].margin, higher
    )[1:]
    return found._replace(slopes=hidden, said=[*said, *more], noise=noise, refused=refused)
