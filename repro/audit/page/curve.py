"""The specification curve: variants sorted by outcome, with intervals over seeds, and what each one chose below.

The strip of choices shows each option in the colour of where it was read.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd

from repro.audit.ledger.choice import Choice, show_value
from repro.audit.page.colours import NULL, SOURCE, STRIPE
from repro.audit.page.figures import ACCENT, INK, QUIET, STYLE, legend_above, new_figure
from repro.audit.page.subject import in_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STRIP_INCHES = 0.19
"""Height of one option's line in the strip of choices."""


def plot_curve(
    curve: pd.DataFrame,
    variants: pd.DataFrame,
    choices: Mapping[str, Choice],
    label: str,
    claims: Mapping[str, float],
) -> "Figure":
    """Returns the curve above the strip of choices.

    Args:
        curve: of one metric and train fraction: indexed by variant; rank, mean, low, high, null_low, null_high.
        variants: indexed by variant: `role` and one text column for each varied detail.
        choices: the ledger's entry of each varied detail.
        label: of the outcome's axis.
        claims: reported values by their names, drawn as lines.
    """
    ordered = curve.sort_values("rank")
    keys = [name for name in variants.columns if name != "role" and variants.loc[ordered.index, name].nunique() > 1]
    lines = _options(variants, ordered.index, keys)
    strip = STRIP_INCHES * len(lines) + 0.6
    with mpl.rc_context(STYLE):
        figure, (above, below) = new_figure([3.4, strip], width=max(8.6, 0.11 * len(ordered) + 4))
        _draw_band(above, ordered, variants, label, claims)
        legend_above(figure, above, 2)
        _draw_strip(below, ordered.index, variants, lines, choices)
        return figure


def _options(variants: pd.DataFrame, order: pd.Index, keys: Sequence[str]) -> list[tuple[str, str]]:
    """Returns the lines of the strip: the options of each detail that occur, the baseline's first."""
    baseline = variants[variants["role"] == "baseline"]
    return [
        (key, str(option))
        for key in keys
        for option in pd.unique(pd.concat([baseline[key], variants.loc[order, key]]))
        if (variants.loc[order, key] == option).any()
    ]


def _draw_band(
    axis: "Axes", curve: pd.DataFrame, variants: pd.DataFrame, label: str, claims: Mapping[str, float]
) -> None:
    places = np.arange(len(curve))
    axis.fill_between(
        places,
        curve["null_low"],
        curve["null_high"],
        color=NULL,
        linewidth=0,
        label="labels permuted within seeds (95 %)",
    )
    axis.vlines(places, curve["low"], curve["high"], color=QUIET, linewidth=1, label="95 % interval over seeds")
    axis.plot(places, curve["mean"], "o", color=INK, markersize=3.2)
    is_baseline = (variants.loc[curve.index, "role"] == "baseline").to_numpy()
    if is_baseline.any():
        axis.plot(
            places[is_baseline], curve["mean"][is_baseline], "D", color=ACCENT, markersize=6.5, label="the baseline"
        )
    for name, value in claims.items():
        axis.axhline(value, color=ACCENT, linewidth=1, linestyle="--", label=name)
    axis.set_ylabel(label)
    axis.tick_params(bottom=False, labelbottom=False)


def _draw_strip(
    axis: "Axes",
    order: pd.Index,
    variants: pd.DataFrame,
    lines: Sequence[tuple[str, str]],
    choices: Mapping[str, Choice],
) -> None:
    chosen = variants.loc[order]
    keys = list(dict.fromkeys(key for key, _ in lines))
    for row, (key, option) in enumerate(lines):
        places = np.flatnonzero((chosen[key] == option).to_numpy())
        colour = SOURCE[provenance(choices.get(key), option)]
        if keys.index(key) % 2 == 0:
            axis.axhspan(row - 0.5, row + 0.5, color=STRIPE, linewidth=0)
        axis.plot(places, np.full(len(places), row), "s", color=colour, markersize=4.6)
    axis.set_yticks(range(len(lines)), [f"{in_words(key)}: {in_words(option)}" for key, option in lines], fontsize=7.5)
    axis.set_ylim(len(lines) - 0.4, -0.6)
    axis.grid(visible=False)
    axis.tick_params(left=False, bottom=False, labelbottom=False)
    axis.tick_params(axis="y", labelcolor=INK)
    axis.spines[["left", "bottom"]].set_visible(False)
    axis.set_xlabel(f"{len(order)} variants, sorted by their mean over seeds")


def provenance(choice: Choice | None, option: str) -> str:
    """Returns the kind of the best source of an option, given as `show_value` writes it."""
    if choice is not None:
        for value, sources in choice.options.items():
            if show_value(value) == option:
                kinds = {source.kind for source in sources}
                return next(kind for kind in SOURCE if kind in kinds)
    return "inference"
