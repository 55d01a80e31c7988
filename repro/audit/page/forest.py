"""The forest plot: the effect of every option against the baseline's, with the margin and the noise floor as bands.

Its axis is that of the details: a control that lies far outside is an arrow at the edge, with its value.
"""

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd

from repro.audit.page.colours import MARGIN, NOISE, VERDICT
from repro.audit.page.figures import INK, QUIET, STYLE, legend_above, new_figure
from repro.audit.page.subject import in_words
from repro.audit.statistics.effects import NEGATIVE, POSITIVE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW_INCHES = 0.27
PADDING = 0.05
"""Of the axis, as a share of what it shows."""


def plot_forest(
    effects: pd.DataFrame, verdicts: "pd.Series[str]", margin: float, noise_sd: float, label: str
) -> "Figure":
    """Returns one line per option: estimate, 95 % interval (thin) and 90 % interval (thick), coloured by verdict.

    Args:
        effects: of one metric and train fraction: detail, option, baseline, estimate, low, high, low90, high90, and
            shrunken, drawn hollow where there is one.
        verdicts: by detail; the controls have none.
        margin: the declared margin, in the metric's unit.
        noise_sd: standard deviation of the replicated baseline over seeds; NaN where it was not measured.
        label: of the outcome's axis.
    """
    rows = effects.sort_values("estimate", ignore_index=True)
    with mpl.rc_context(STYLE):
        figure, (axis,) = new_figure([ROW_INCHES * len(rows) + 1.5])
        if np.isfinite(noise_sd):
            axis.axvspan(-noise_sd, noise_sd, color=NOISE, linewidth=0, label="noise floor: one SD over seeds")
        axis.axvspan(-margin, margin, color=MARGIN, alpha=0.75, linewidth=0, label="margin: counts as the same")
        axis.axvline(0, color=QUIET, linewidth=0.8)
        near, far = _limits(rows, max(margin, noise_sd if np.isfinite(noise_sd) else 0.0))
        for place in rows.index:
            row = rows.loc[place]
            if not near <= row["estimate"] <= far:
                _point_outside(axis, place, float(row["estimate"]), (near, far))
                continue
            colour = VERDICT.get(verdicts.get(row["detail"], ""), INK)
            axis.hlines(place, row["low"], row["high"], color=colour, linewidth=1.1)
            axis.hlines(place, row["low90"], row["high90"], color=colour, linewidth=3)
            axis.plot(row["estimate"], place, "o", color=colour, markersize=5)
            axis.plot(row["shrunken"], place, "D", color=colour, markerfacecolor="white", markersize=4.5, zorder=3)
        axis.set_yticks(range(len(rows)), [_name(row) for _, row in rows.iterrows()], fontsize=8, color=INK)
        axis.set_ylim(-0.7, len(rows) - 0.3)
        if near < far:
            axis.set_xlim(near, far)
        axis.set_xlabel(label)
        axis.grid(visible=False, axis="y")
        for verdict in dict.fromkeys(str(verdict) for verdict in verdicts):
            axis.plot([], [], "o-", color=VERDICT[verdict], linewidth=3, label=verdict)
        if rows["shrunken"].notna().any():
            axis.plot([], [], "D", color=INK, markerfacecolor="white", markersize=4.5, label="the effect shrunken")
        legend_above(figure, axis, 2)
        return figure


def _limits(rows: pd.DataFrame, band: float) -> tuple[float, float]:
    """Returns what the axis shows: the details and the bands, whatever a positive control does."""
    details = rows[~rows["detail"].isin([NEGATIVE, POSITIVE])]
    shown = details if len(details) else rows
    found = [*shown[["estimate", "low", "high"]].to_numpy().ravel(), -band, band]
    low, high = float(np.nanmin(found)), float(np.nanmax(found))
    return low - PADDING * (high - low), high + PADDING * (high - low)


def _point_outside(axis: "Axes", place: int, estimate: float, limits: tuple[float, float]) -> None:
    """Draws an arrow at the edge where an estimate lies beyond it, with its value."""
    if np.isnan(estimate):
        return
    below = estimate < limits[0]
    axis.plot(limits[0 if below else 1], place, "<" if below else ">", color=INK, markersize=8, clip_on=False)
    axis.annotate(
        f"{estimate:+.3g}",
        (limits[0 if below else 1], place),
        xytext=(8 if below else -8, 0),
        textcoords="offset points",
        ha="left" if below else "right",
        va="center",
        fontsize=8,
    )


def _name(row: "pd.Series[str]") -> str:
    if row["detail"] in (NEGATIVE, POSITIVE):
        return f"{row['detail']} (control)"
    return f"{in_words(row['detail'])}: {in_words(row['option'])}"
