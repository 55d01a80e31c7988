"""Aliases against textbook designs."""

import numpy as np
from oven import plan

from repro.audit.study.aliases import alias_table, correlations, describe_aliases, effect_columns, list_groups

FOUR = {"heat.fan": [False], "tray": ["stone"], "salt": [2], "heat.degrees": [200.0]}


def test_a_half_fraction_of_four_aliases_what_its_generator_says() -> None:
    """D = ABC: main effects are free of two-way interactions, which are aliased in three pairs."""
    made = plan(FOUR, design="fractional_factorial", generators="a b c abc")
    table = alias_table(made)
    assert set(table["kind"]) == {"interaction"}
    assert dict(zip(table["effect"], table["aliases"], strict=True))["heat.fan x tray"] == "salt x heat.degrees"
    assert np.allclose(table["strength"].astype(float), 1)
    assert len(table) == 6
    assert len(list_groups(table)) == 3
    assert "free of each other and of two-way" in describe_aliases(made)


def test_resolution_three_aliases_main_effects_with_interactions() -> None:
    """C = AB: each main effect is the interaction of the two others."""
    three = {key: FOUR[key] for key in ("heat.fan", "tray", "salt")}
    made = plan(three, design="fractional_factorial", generators="a b ab")
    table = alias_table(made).set_index("effect")
    assert table.loc["salt", "aliases"] == "heat.fan x tray"
    assert table.loc["heat.fan", "aliases"] == "tray x salt"
    assert "correlated" in describe_aliases(made)


def test_a_full_factorial_aliases_nothing() -> None:
    assert alias_table(plan(FOUR, design="full_factorial")).empty


def test_one_at_a_time_cannot_see_interactions() -> None:
    made = plan(FOUR)
    assert alias_table(made).empty
    assert "cannot be seen" in describe_aliases(made)


def test_folding_is_told() -> None:
    made = plan(FOUR, design="plackett_burman")
    assert "without the mirror half: by up to 1.00" in describe_aliases(made)


def test_chosen_rows_show_partial_correlations() -> None:
    details = {"heat.source": None, "tray": ["stone"], "racks": None, "salt": None}
    made = plan(details, design="random", variants=9)
    columns = effect_columns(made)
    strengths = correlations(columns)
    assert "heat.source=wood" in columns.names
    assert "heat.source=wood x heat.source=none" not in columns.names
    rows = [variant.settings for variant in made.variants]
    wood = np.array([row.get("heat.source") == "wood" for row in rows], dtype=float)
    salt = np.array([row.get("salt") == 2 for row in rows], dtype=float)
    found = strengths[columns.names.index("heat.source=wood"), columns.names.index("salt")]
    assert np.isclose(found, abs(np.corrcoef(wood, salt)[0, 1]))
