"""Section on a stack: which parts are needed, the smallest that does as well as the whole, and what was tested."""

import html
from collections.abc import Sequence

import numpy as np
import pandas as pd

from repro.audit.page.subject import NOTHING, Subject, code, long, note, paragraph
from repro.audit.page.tables import table_html
from repro.audit.statistics.outcomes import tabulate_outcomes
from repro.audit.statistics.smallest_stack import Smallest, StackTest
from repro.audit.statistics.stack import StackAnswer, answer_stack
from repro.audit.statistics.stack_parts import NEEDED, NOT_NEEDED

_COLOURS = {NEEDED: "matters", NOT_NEEDED: "equivalent"}


def show_stack(subject: Subject) -> str:
    """Returns what a study of the design `stack` says of it; nothing for other studies, or if nothing was measured."""
    study, analysis = subject.study, subject.analysis
    if study.base is None:
        return ""
    outcomes = tabulate_outcomes(subject.plan, subject.results)[0]  # of the main metric at the full training
    heading = "<h2>Which parts are needed</h2>"
    if not np.isfinite(outcomes.values).any():
        return heading + paragraph("No run has been measured.")
    shared = [key for key in subject.choices if key not in subject.plan.levels]
    tables = (analysis.effects, analysis.interactions, analysis.verdicts)
    renamed = [sentence for sentence in subject.plan.deviations if "base: without" in sentence and "became" in sentence]
    earlier = [StackTest((), 0)] * len(renamed)  # each smallest stack that was declared before had its test
    answer = answer_stack(subject.plan, outcomes, *tables, shared, study.base.without, earlier)
    return heading + stack_html(answer) + _tell_next(answer)


def stack_html(answer: StackAnswer) -> str:
    """Returns an answer as HTML: in a sentence, part by part, and what it rests on."""
    rows = pd.DataFrame(
        {
            "answer": [
                f'<span class="verdict {_COLOURS.get(part.answer, "")}">{html.escape(part.answer)}</span>'
                for part in answer.parts
            ],
            "without it": [_show(part.estimate, "+.3g") for part in answer.parts],
            "95 % interval": [
                f"{part.low:.3g} to {part.high:.3g}" if np.isfinite(part.low) else "no interval"
                for part in answer.parts
            ],
            "where": [part.where for part in answer.parts],
            "options": [code(f"{part.final} → {part.base}") for part in answer.parts],
            "reason": [long(html.escape(part.reason)) for part in answer.parts],
        },
        index=pd.Index([part.key for part in answer.parts], name="part"),
    )
    unit = f", {answer.unit}" if answer.unit else ""
    caption = f"{answer.outcome}{unit}: the stack without a part less that with it; margin {answer.margin:g}"
    return "".join(
        [
            paragraph(f"<strong>{html.escape(answer.summarise())}</strong>"),
            table_html(rows, caption, {"answer": str, "options": str, "reason": str}),
            _show_smallest(answer.smallest),
            _listed("Tested", answer.tested),
            _listed("Not tested", answer.untested),
        ]
    )


def _show(value: float, how: str) -> str:
    return format(value, how) if np.isfinite(value) else NOTHING


def _show_smallest(smallest: Smallest) -> str:
    if not smallest.dropped:
        return paragraph(f"Smallest stack: {html.escape(smallest.test)}.")
    said = (
        f"Smallest stack: without {', '.join(map(code, smallest.dropped))}; with "
        f"{', '.join(map(code, smallest.kept)) or 'none of the differences'}. Predicted {smallest.predicted:+.3g} "
        f"against the whole (joint interval {smallest.low:.3g} to {smallest.high:.3g}), {html.escape(smallest.basis)}. "
        f"{html.escape(smallest.test)}."
    )
    return paragraph(said) if smallest.confirmed else note(said)


def _tell_next(answer: StackAnswer) -> str:
    """Says what to add to the study where the smallest stack has not been run."""
    if answer.smallest.confirmed or not answer.smallest.dropped:
        return ""
    keys = ", ".join(answer.smallest.dropped)
    return paragraph(
        f"To test it: add {code(f'without: [{keys}]')} below {code('base:')} in the study, then plan, sweep and report "
        "it again."
    )


def _listed(heading: str, sentences: Sequence[str]) -> str:
    items = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in sentences)
    return f"<p>{heading}:</p><ul>{items}</ul>" if items else ""
