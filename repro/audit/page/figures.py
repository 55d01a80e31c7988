"""Figures in one style, drawn without pyplot and so without any state that is shared.

A figure is made empty (`new_figure`), or as one of two common kinds: a line per series over groups, and small
multiples of curves; it ends as a picture inside the page.
"""

import base64
import html
import io
from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, QUIET, GRID = "#1c2733", "#6b7785", "#e3e7eb"
ACCENT = "#c2410c"
SERIES = ("#334e68", "#627d98", "#829ab1", "#3f7d6e", "#8a6d3b", "#7a5c86")
STYLE: dict[Any, Any] = {
    "font.size": 10,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.grid": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "grid.color": GRID,
    "lines.linewidth": 1.6,
    "text.color": INK,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
}
DOTS_PER_INCH = 180
WIDTH_INCHES = 7.6
LABEL_GAP = 0.045
"""Least distance of two labels beside the lines, as a share of the axis."""


def new_figure(heights: Sequence[float], width: float = WIDTH_INCHES) -> "tuple[Figure, list[Axes]]":
    """Returns a figure with one plot above the other, which share their x axis.

    Args:
        heights: of the plots, in inches.
        width: of the figure, in inches.
    """
    figure = _empty_figure(width, sum(heights))
    axes: Any = figure.subplots(len(heights), 1, sharex=True, height_ratios=list(heights), squeeze=False)
    return figure, list(axes.flat)


def legend_above(figure: "Figure", axis: "Axes", columns: int) -> None:
    """Writes the legend of a plot above it, where it covers neither points nor labels."""
    handles, labels = axis.get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside upper left", ncols=columns, frameon=False, fontsize=8)


def plot_groups(table: pd.DataFrame, emphasised: str, labels: tuple[str, str]) -> "Figure":
    """Returns one line per series over ordered groups, each named at its right end.

    Args:
        table: groups by rows, series by columns.
        emphasised: the series that stands out.
        labels: those of the x and of the y axis.
    """
    colours = dict(zip([str(name) for name in table if name != emphasised], cycle(SERIES), strict=False))
    with mpl.rc_context(STYLE):
        figure = _empty_figure(7.2, 4.2)
        axis = figure.subplots()
        places = range(len(table))
        for name in map(str, table):
            is_main = name == emphasised
            axis.plot(
                places,
                table[name].to_numpy(),
                marker="o",
                markersize=5 if is_main else 3.5,
                linewidth=2.6 if is_main else 1.3,
                color=ACCENT if is_main else colours[name],
                zorder=3 if is_main else 2,
            )
        axis.set_xticks(list(places), [str(group) for group in table.index])
        axis.set_xlabel(labels[0])
        axis.set_ylabel(labels[1])
        _label_ends(axis, table, colours | {emphasised: ACCENT})
        return figure


def plot_curves(history: pd.DataFrame, step: str, columns: int = 2) -> "Figure":
    """Returns a small curve for each column over the steps, each on its own scale; gaps are passed over."""
    names = [name for name in history if name != step]
    rows = -(-len(names) // columns)
    with mpl.rc_context(STYLE):
        figure = _empty_figure(7.2, 1.65 * rows + 0.4)
        plots: Any = figure.subplots(rows, columns, squeeze=False)
        axes: list[Axes] = list(plots.flat)
        for axis, name in zip(axes, names, strict=False):
            curve = history[[step, name]].dropna()
            sparse = len(curve) < 20
            axis.plot(curve[step], curve[name], color=SERIES[0], linewidth=1.2, marker="o" if sparse else "", ms=3)
            axis.set_title(str(name))
            axis.margins(x=0.02)
        for axis in axes[len(names) :]:
            axis.set_visible(False)
        for axis in axes[max(0, len(names) - columns) : len(names)]:
            axis.set_xlabel(step)
        return figure


def figure_html(png: bytes, alternative: str, caption: str, wide: bool = False) -> str:
    """Returns a picture that stands inside the page, with what a reader who cannot see it needs.

    Args:
        png: the picture.
        alternative: what it shows, in words.
        caption: plain text below.
        wide: on a narrow screen it scrolls rather than shrinks.
    """
    source = base64.b64encode(png).decode()
    kind = "scroll wide" if wide else "scroll"
    return (
        f'<figure><div class="{kind}"><img alt="{html.escape(alternative)}" src="data:image/png;base64,{source}"></div>'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )


def encode_png(figure: "Figure") -> bytes:
    """Returns a figure as the bytes of a PNG file."""
    stream = io.BytesIO()
    with mpl.rc_context(STYLE):
        figure.savefig(stream, format="png", dpi=DOTS_PER_INCH)
    return stream.getvalue()


def _empty_figure(width: float, height: float) -> "Figure":
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _label_ends(axis: "Axes", table: pd.DataFrame, colours: dict[str, str]) -> None:
    """Writes each series' name at the end of its line, pushed apart where the ends lie close together."""
    low, high = axis.get_ylim()
    ends = table.iloc[-1].dropna().sort_values()
    place = -float("inf")
    for name, end in ends.items():
        place = max((float(end) - low) / (high - low), place + LABEL_GAP)
        axis.text(1.02, place, str(name), color=colours[str(name)], transform=axis.transAxes, va="center")
