"""Tables as a reader sees them: means by group, numbers with a true minus, HTML that scrolls on a narrow screen."""

import html
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import pandas as pd


def means_by_group(rows: pd.DataFrame, series: str, group: str, value: str) -> pd.DataFrame:
    """Returns the mean of a value for each group (rows) and series (columns), in the order of their appearance."""
    table = rows.groupby([group, series], sort=False)[value].mean().unstack(series)
    return table.loc[rows[group].unique(), rows[series].unique()]


def differing_settings(settings: pd.DataFrame, active: Mapping[str, str]) -> dict[Any, dict[str, str]]:
    """Returns, for each row, the settings that differ from the active ones; a column it lacks is left out.

    Args:
        settings: one row per run, one text column per setting.
        active: the setting that each row is compared with, by column.
    """
    return {
        run: {name: row[name] for name in active if name in row and pd.notna(row[name]) and row[name] != active[name]}
        for run, row in settings.iterrows()
    }


def show_number(value: float, decimals: int, signed: bool = False) -> str:
    """Returns a number for reading: a true minus sign, a sign on demand, a dash where there is none."""
    if pd.isna(value):
        return "–"  # noqa: RUF001
    text = f"{value:+.{decimals}f}" if signed else f"{value:.{decimals}f}"
    return text.replace("-", "−")  # noqa: RUF001


def show_spread(values: Sequence[float], decimals: int) -> str:
    """Returns as HTML the mean of a few runs, with the lowest and the highest where there are several."""
    mean = show_number(sum(values) / len(values), decimals)
    if len(values) == 1:
        return mean
    return f"{mean} <small>{show_number(min(values), decimals)} to {show_number(max(values), decimals)}</small>"


def table_html(
    table: pd.DataFrame,
    caption: str,
    formats: Mapping[str, Callable[[Any], str]] | None = None,
    marked: Collection[Any] = (),
) -> str:
    """Returns a table as HTML that scrolls by itself where the screen is narrow.

    Args:
        table: the index is the first column; text is escaped, but for columns that `formats` names.
        caption: plain text above the table.
        formats: for each column a function from the value to HTML.
        marked: index values of rows that are set off.
    """
    formats = formats or {}
    numeric = {name: pd.api.types.is_numeric_dtype(table[name]) for name in table.columns}
    head = "".join(_cell("th", name, numeric[name]) for name in table.columns)
    lines = [f'<tr><th scope="col">{html.escape(str(table.index.name or ""))}</th>{head}</tr>']
    for label, row in table.iterrows():
        cells = "".join(
            _cell("td", formats[name](row[name]) if name in formats else row[name], numeric[name], name in formats)
            for name in table.columns
        )
        mark = ' class="marked"' if label in marked else ""
        lines.append(f'<tr{mark}><th scope="row">{html.escape(str(label))}</th>{cells}</tr>')
    body = "\n".join(lines[1:])
    return (
        f'<figure class="table"><figcaption>{html.escape(caption)}</figcaption>\n<div class="scroll"><table>'
        f"<thead>{lines[0]}</thead>\n<tbody>{body}</tbody></table></div></figure>"
    )


def _cell(tag: str, value: Any, numeric: bool, is_html: bool = False) -> str:
    attributes = ' class="number"' if numeric else ""
    return f"<{tag}{attributes}>{value if is_html else html.escape(str(value))}</{tag}>"
