"""Which effects a design cannot tell apart: correlations of the columns of main effects and two-way interactions.

Columns are coded -1 and 1 here, and centred: a correlation of 1 means that no number of seeds will separate the two.
"""

from itertools import combinations
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from repro.audit.ledger.choice import show_value
from repro.audit.study.constrained_designs import design_rows
from repro.audit.study.designs import code_options
from repro.audit.study.plan import Plan

SHOWN: Final = 0.1
"""Weaker correlations are left out of the table."""


class Columns(NamedTuple):
    """Columns of a linear model: names, and values (rows, columns) float64, centred and of unit length.

    The first `mains` are main effects, the others two-way interactions. A column that never varies is zero.
    """

    names: list[str]
    values: NDArray[np.float64]
    mains: int


def design_points(plan: Plan) -> list[dict[str, Any]]:
    """Returns the settings of the rows that a factorial design rests on.

    They are made again from the plan: its levels, the seed of its randomisation, and the draw taken. The baseline is
    among them where the design has it as a row, and always where rows were chosen (`d_optimal`, `random`). One at a
    time has no such rows but its arms and the baseline.
    """
    study = plan.declared
    if study.design in ("plackett_burman", "fractional_factorial", "full_factorial"):
        return design_rows(study, plan.levels, plan.passed_over)
    return [variant.settings for variant in plan.variants if variant.role in ("baseline", "arm")]


def alias_table(plan: Plan) -> pd.DataFrame:
    """Returns what each effect of a plan may be mistaken for.

    Returns:
        One row per effect that is aliased: `effect`, `aliases` (text, strongest first), `strength` (the largest
        absolute correlation of the columns, 1: they are the same), `kind` ("main" or "interaction"). An effect whose
        column never varies is in it with the alias "cannot be seen" and strength NaN. Empty for one at a time, where
        no interaction can be seen.
    """
    named = ["effect", "aliases", "strength", "kind"]
    if plan.declaration["design"] == "one_at_a_time":
        return pd.DataFrame(columns=named)
    columns = effect_columns(plan)
    strengths = correlations(columns)
    rows = []
    for place, name in enumerate(columns.names):
        kind = "main" if place < columns.mains else "interaction"
        if not columns.values[:, place].any():
            rows.append((name, "cannot be seen", np.nan, kind))
            continue
        order = [other for other in np.argsort(-strengths[place], kind="stable") if strengths[place, other] >= SHOWN]
        # main effects matter more than two-way interactions, which is why the latter name only their like
        shown = [other for other in order if kind == "main" or other >= columns.mains]
        if shown:
            rows.append((name, ", ".join(columns.names[other] for other in shown), strengths[place, shown[0]], kind))
    return pd.DataFrame(rows, columns=named)


def list_groups(table: pd.DataFrame) -> pd.DataFrame:
    """Returns an alias table without the effects that an earlier row has named as fully aliased with its own."""
    told: set[str] = set()
    kept = []
    for effect, aliases, strength in zip(table["effect"], table["aliases"], table["strength"], strict=True):
        kept.append(effect not in told)
        if float(strength) > 1 - 1e-9:
            told |= {effect, *aliases.split(", ")}
    return table[kept]


def describe_aliases(plan: Plan) -> str:
    """Returns in a sentence or two what the design can tell apart."""
    if plan.declaration["design"] == "one_at_a_time":
        return "Each effect holds at the baseline's options of all other details; interactions cannot be seen."
    columns = effect_columns(plan)
    worst, groups = _worst(columns)
    told = (
        "Main effects are free of each other and of two-way interactions"
        if worst < SHOWN
        else f"Main effects are correlated with each other or with two-way interactions, by up to {worst:.2f}"
    )
    if plan.declaration["design"] == "plackett_burman":
        half = columns.values[: len(columns.values) // 2]
        unfolded = _worst(Columns(columns.names, _normalise(half), columns.mains))[0]
        told += f" (without the mirror half: by up to {unfolded:.2f})"
    return f"{told}; a two-way interaction is fully aliased with up to {groups} others."


def effect_columns(plan: Plan) -> Columns:
    """Returns the columns of all main effects and two-way interactions of a factorial plan."""
    options, signs = code_options(plan.levels, design_points(plan))
    names = [_name(key, option, len(plan.levels[key]) > 2) for key, option in options]
    pairs = [(i, j) for i, j in combinations(range(len(options)), 2) if options[i][0] != options[j][0]]
    products = np.array([signs[:, i] * signs[:, j] for i, j in pairs]).reshape(len(pairs), len(signs)).T
    interactions = [f"{names[i]} x {names[j]}" for i, j in pairs]
    return Columns([*names, *interactions], _normalise(np.hstack([signs, products])), len(names))


def correlations(columns: Columns) -> NDArray[np.float64]:
    """Returns the absolute correlation of every two columns, (columns, columns) in [0, 1], 0 on the diagonal."""
    strengths: NDArray[np.float64] = np.abs(columns.values.T @ columns.values)
    np.fill_diagonal(strengths, 0.0)
    return strengths


def _worst(columns: Columns) -> tuple[float, int]:
    """Returns the strongest alias of a main effect, and with how many others an interaction is fully aliased."""
    strengths = correlations(columns)
    among = strengths[columns.mains :, columns.mains :]
    most = int((among > 1 - 1e-9).sum(1).max()) if among.size else 0
    return float(strengths[: columns.mains].max(initial=0.0)), most


def _normalise(values: NDArray[np.float64]) -> NDArray[np.float64]:
    centred = values - values.mean(axis=0)
    lengths = np.linalg.norm(centred, axis=0)
    return np.divide(centred, lengths, out=np.zeros_like(centred), where=lengths > 1e-9)


def _name(key: str, option: Any, several: bool) -> str:
    return f"{key}={show_value(option)}" if several else key
