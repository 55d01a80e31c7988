"""How far an outcome moves: by detail, by seed, by unit and by evaluation protocol, on one axis and un-normalised.

Tables of an analysis flow in, figures flow out.
"""

from typing import TYPE_CHECKING

import matplotlib as mpl
import pandas as pd

from repro.audit.page.canvas import new_figure
from repro.audit.page.figures import ACCENT, INK, QUIET, SERIES, STYLE
from repro.audit.page.subject import in_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NOISY, PALE = "#e8a07c", "#c3cad2"
"""Bars of the seed, and of all that is neither seed nor detail: light, so that the intervals are seen on them."""
NOT_DETAILS = ("details together", "seed", "unit", "evaluation protocol", "residual")
"""Sources of the components of variance that are no single detail, in the order in which they stand below the
details."""


def plot_variance(components: pd.DataFrame, label: str) -> "Figure":
    """Returns one bar per source of variance, as a standard deviation, with its interval; the largest detail on top.

    Args:
        components: of one metric: source, sd, low, high.
        label: of the axis.
    """
    is_detail = ~components["component"].isin(NOT_DETAILS)
    details = components[is_detail].sort_values("sd", ascending=False)
    others = components[~is_detail].set_index("component").reindex(NOT_DETAILS).dropna(subset=["sd"]).reset_index()
    rows = pd.concat([details, others], ignore_index=True)
    with mpl.rc_context(STYLE):
        figure, (axis,) = new_figure([0.25 * len(rows) + 0.9])
        colours = [SERIES[2]] * len(details) + [NOISY if name == "seed" else PALE for name in others["component"]]
        axis.barh(rows.index, rows["sd"], color=colours, height=0.62)
        axis.hlines(rows.index, rows["low"], rows["high"], color=INK, linewidth=1.2)
        axis.set_yticks(list(rows.index), [in_words(name) for name in rows["component"]], fontsize=8, color=INK)
        axis.invert_yaxis()
        axis.set_axisbelow(True)
        axis.grid(visible=False, axis="y")
        axis.set_xlabel(label)
        return figure


def plot_protocols(protocols: pd.DataFrame, detail_changes: "pd.Series[float]", label: str) -> "Figure":
    """Returns how far one number moves by the choice of protocol alone, beside how far it moves by a detail.

    Args:
        protocols: of one metric: choice, option, change against the headline protocol.
        detail_changes: by detail and option: the effect on the same metric.
        label: of the axis.
    """
    groups = {f"{choice}": part["change"] for choice, part in protocols.groupby("choice", sort=False)}
    if len(detail_changes):
        groups["every varied detail"] = detail_changes
    with mpl.rc_context(STYLE):
        figure, (axis,) = new_figure([0.32 * len(groups) + 0.9])
        axis.axvline(0, color=QUIET, linewidth=0.8)
        for place, (name, changes) in enumerate(groups.items()):
            colour = ACCENT if name == "every varied detail" else SERIES[0]
            axis.plot(changes, [place] * len(changes), "o", color=colour, markersize=5, alpha=0.75)
        axis.set_yticks(range(len(groups)), [in_words(name) for name in groups], fontsize=8, color=INK)
        axis.set_ylim(len(groups) - 0.5, -0.5)
        axis.grid(visible=False, axis="y")
        axis.set_xlabel(label)
        return figure
