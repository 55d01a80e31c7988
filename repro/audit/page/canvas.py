"""An empty canvas for the figures of the page, drawn without pyplot and so without any state that is shared."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_INCHES = 7.6


def new_figure(heights: Sequence[float], width: float = WIDTH_INCHES) -> "tuple[Figure, list[Axes]]":
    """Returns a figure with one plot above the other, which share their x axis.

    Args:
        heights: of the plots, in inches.
        width: of the figure, in inches.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, sum(heights)), layout="constrained")
    FigureCanvasAgg(figure)
    axes: Any = figure.subplots(len(heights), 1, sharex=True, height_ratios=list(heights), squeeze=False)
    return figure, list(axes.flat)


def legend_above(figure: "Figure", axis: "Axes", columns: int) -> None:
    """Writes the legend of a plot above it, where it covers neither points nor labels."""
    handles, labels = axis.get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside upper left", ncols=columns, frameon=False, fontsize=8)
