"""A judgement as a badge: an image of its own, drawn without a network, and what shields.io would draw one from."""

import html
import json

from repro.audit.statistics.verdicts import EQUIVALENT, MATTERS, UNDECIDED
from repro.judge.judgement import Judgement
from repro.judge.lines import count_verdicts
from repro.judge.showing.sentences import name_table, tell_counted, tell_counts

LABEL = "repro"
INK = "#1c2733"
FILL = {MATTERS: "#b34a00", EQUIVALENT: "#0067a5", UNDECIDED: "#4b5763"}
"""The page's colours of verdicts: white on each has a contrast of 4.5 or more, as WCAG 2 asks of text."""
HEIGHT_PX = 20
SIZE_PX = 11
PAD_PX = 6
_WIDE = {"m": 0.97, "w": 0.82, "i": 0.28, "l": 0.28, "j": 0.34, "f": 0.35, "t": 0.39, "r": 0.43, "c": 0.52, "s": 0.52}
_WIDE |= {" ": 0.35}
_USUAL = 0.63
"""Width of letters in Verdana, in ems; where another font is used the text is fitted to the same width."""


def show_badge(found: Judgement) -> str:
    """Returns an SVG image of one line: how many options have each verdict.

    What stands in the table goes into the title alone, and there without characters that XML lacks.
    """
    words = tell_counts(found)
    fills = [FILL[name] for name in count_verdicts(found)] if words != ["no verdict"] else [FILL[UNDECIDED]]
    outcome = next(iter(found.declared.outcomes))
    told = f"{LABEL}: {outcome} of {name_table(found)}: {tell_counted(found)}"
    title = html.escape("".join(letter for letter in told if letter.isprintable()))
    boxes, at = [], 0.0
    for text, fill in zip([LABEL, *words], [INK, *fills], strict=True):
        wide = measure(text)
        boxes.append(
            f'<rect x="{at:.1f}" width="{wide + 2 * PAD_PX:.1f}" height="{HEIGHT_PX}" fill="{fill}"/>'
            f'<text x="{at + PAD_PX:.1f}" y="14" textLength="{wide:.1f}" lengthAdjust="spacingAndGlyphs">{text}</text>'
        )
        at += wide + 2 * PAD_PX
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{at:.1f}" height="{HEIGHT_PX}" role="img" '
        f'aria-label="{title}"><title>{title}</title>'
        f'<clipPath id="r"><rect width="{at:.1f}" height="{HEIGHT_PX}" rx="3"/></clipPath>'
        f'<g clip-path="url(#r)" fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="{SIZE_PX}">'
        f"{''.join(boxes)}</g></svg>\n"
    )


def show_endpoint(found: Judgement) -> str:
    """Returns JSON that shields.io draws a badge from, served at an address of the user's own.

    Source: shields.io, Endpoint Badge: schemaVersion 1, label, message, color.
    """
    counts = {} if found.refused else count_verdicts(found)
    color = FILL[next(iter(counts), UNDECIDED)].removeprefix("#")
    told = {"schemaVersion": 1, "label": LABEL, "message": " · ".join(tell_counts(found)), "color": color}
    return json.dumps(told, ensure_ascii=False, indent=2) + "\n"


def measure(text: str) -> float:
    """Returns the width of a text as it is drawn.

    Example:
        >>> measure("mm") > 3 * measure("ii")
        True
    """
    return sum(_WIDE.get(letter, _USUAL) for letter in text) * SIZE_PX
