"""A judgement as a comment on a pull request: a headline, a table of verdicts, and the rest below a fold.

What stands in the table was written by anyone: it is shown as it is, is no markup, and calls nobody.
"""

from collections.abc import Iterable

from repro.judge.judgement import Judgement
from repro.judge.lines import Line, list_lines
from repro.judge.showing.sentences import NOISE, SLOPES, list_sections, name_table, tell_counted, tell_noise

MOST_CHARACTERS = 65_536
"""Of a comment on GitHub."""
MOST_ROWS = 15
"""Options above the fold."""
MOST_IN_CELL = 80
_ROOM = {"first rows": 16_000, "rows": 22_000, "slopes": 5_000, "sentences": 10_000}
"""Characters of each part; headline and refusal take at most 11,000 more, as a letter becomes 13 at most."""
_SENTENCE = 600
_BELOW = "How the runs were read, and what would settle more"
_HEAD = "| verdict | compared | n | difference | 95 % interval | p |\n|---|---|---:|---:|---|---:|"
_MARKUP = str.maketrans(
    {letter: f"\\{letter}" for letter in "\\`*_{}[]|~$!"}
    | {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
    | {"@": "@<!-- -->", "#": "#<!-- -->"}
)
"""The comments keep a name from being called and a number from being taken for an issue's."""


def show_markdown(found: Judgement) -> str:
    """Returns a judgement as Markdown that fits into a comment."""
    outcome = next(iter(found.declared.outcomes))
    lines, noise = list_lines(found), tell_noise(found)
    parts = [
        f"### {escape(outcome)} of {escape(name_table(found))}",
        f"**{tell_counted(found, ' · ')}**" + (f"; noise: {escape(noise)}" if noise else ""),
    ]
    if found.refused:
        parts.append(f"No verdict: {escape('; '.join(found.refused.splitlines()), _SENTENCE)}")
    rows = [_show_row(line, outcome) for line in lines]
    first = list(_fit(rows[:MOST_ROWS], _ROOM["first rows"]))
    if first:
        parts.append("\n".join([_HEAD, *first]))
    if below := rows[len(first) :]:
        fitting = list(_fit(below, _ROOM["rows"]))
        cut = f", of which {len(below) - len(fitting)} are left out here" if len(fitting) < len(below) else ""
        parts.append(_fold(f"{len(below)} more{cut}", "\n".join([_HEAD, *fitting])))
    told = []
    for heading, sentences in list_sections(found):
        items = [f"- {escape(sentence, _SENTENCE)}" for sentence in sentences]
        if heading == SLOPES:
            parts.append("\n".join(_fit(items, _ROOM["slopes"])))
        elif heading != NOISE:
            told += [f"**{heading}**\n", *items, ""]
    if told:
        parts.append(_fold(_BELOW, "\n".join(_fit(told, _ROOM["sentences"]))))
    return "\n\n".join(parts)


def escape(text: str, most: int = MOST_IN_CELL) -> str:
    r"""Returns text as Markdown shows it, in one line.

    Example:
        >>> print(escape("a_b|<i>@you"))
        a\_b\|&lt;i&gt;@<!-- -->you
    """
    line = "".join(letter for letter in " ".join(text.split()) if letter.isprintable())
    cut = line if len(line) <= most else f"{line[: most - 3]}..."
    return cut.translate(_MARKUP).replace("://", ":\\/\\/").replace("www.", "www\\.")


def _show_row(line: Line, main: str) -> str:
    of = "" if line.outcome == main else f"{escape(line.outcome)}: "
    compared = f"{of}{escape(line.detail)}: {escape(line.option)} against {escape(line.baseline)}"
    chance = line.chance.removeprefix("p ").removeprefix("= ").translate(_MARKUP)
    numbers = f"{line.n} / {line.n_baseline} | {line.estimate:+.4g} | {line.interval}"
    return f"| {line.verdict} | {compared} | {numbers} | {chance} |"


def _fold(summary: str, text: str) -> str:
    return f"<details><summary>{summary}</summary>\n\n{text}\n\n</details>"


def _fit(lines: Iterable[str], room: int) -> Iterable[str]:
    """Yields lines while there is room, in units of UTF-16, as browsers count."""
    for line in lines:
        room -= len(line.encode("utf-16-le")) // 2 + 1
        if room < 0:
            return
        yield line
