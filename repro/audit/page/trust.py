"""Section on how far the verdicts can be trusted: how often those of such a study were right where the truth is known.

The figures were measured beforehand, on tables of runs that nobody here made; the section looks up those of the study's
own design at the nearest size, and says what they rest on and what they do not.
"""

import html
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from repro.audit.counted import count_of
from repro.audit.page.subject import NO_BREAK, NOTHING, Subject, code, note, paragraph, show_ratio
from repro.audit.page.tables import table_html
from repro.audit.statistics.calibration import (
    COVERED,
    WRONG,
    Calibration,
    Rate,
    Row,
    find_nearest,
    load_calibration,
)
from repro.audit.statistics.outcomes import FULL
from repro.audit.statistics.results import run_means
from repro.audit.statistics.tails import FARTHEST, HEAVY, USUAL, tail_share
from repro.audit.study.declaration import Study

GOALS = {
    "coverage": ("95 % intervals that hold the true effect", f"{100 * COVERED:.0f} %"),
    "one_nil": ("false matters with one detail nil", f"{100 * WRONG:.0f} % at most"),
    "half_nil": ("false matters with half of them nil", f"{100 * WRONG:.0f} % at most"),
    "all_nil": ("false matters with all nil", f"{100 * WRONG:.0f} % at most"),
    "equivalent": ("any false equivalent with all on the margin", f"{100 * WRONG:.0f} % at most"),
}
"""The figures of a row that have a goal, as a reader is told them, and what is meant."""
SIZE, FOUND, PROMISE = "details x seeds", "found to matter at 1, 2, 4 SD", "effect promised at 80 % power is found"
WIDTH = "width of the intervals, the least is 1"


def show_trust(subject: Subject) -> str:
    """Returns the figures of the study's own design at the nearest size that was tried, or why there are none."""
    study, details = subject.study, len(subject.plan.levels)
    if not details:
        return paragraph("The study varies no detail, so that there is no verdict to be trusted.")
    if study.seeds < 2:
        return paragraph("With one seed no detail gets a verdict, so that there is none to be trusted.")
    measured = load_calibration()
    rows = find_nearest(measured.rows, study.design, details, study.seeds)
    if not rows:
        return paragraph(f"The design {code(study.design)} was not tried on surfaces whose truth is known.")
    lead = paragraph(_tell_tried(rows, study, details))
    told = _tell_missed(measured, rows) + _tell_tail(subject)
    return lead + told + _tabulate(measured, rows) + _tell_grounds(measured, rows, study)


def _tell_tail(subject: Subject) -> str:
    """Returns a caution where a few runs hold most of the variance of the main metric; else nothing."""
    roles = {variant.id: variant.role for variant in subject.plan.grown().variants}
    means = run_means(subject.results)
    main = means[(means["metric"] == subject.main) & (means["train_fraction"] == FULL)]
    own = main[main["variant"].isin([variant for variant, role in roles.items() if role in ("baseline", "arm")])]
    share = tail_share(own["value"].to_numpy(dtype=np.float64))
    if not share > HEAVY:
        return ""
    return note(
        f"The {100 * FARTHEST:.0f} % of the runs that lie farthest out hold {100 * share:.0f} % of the variance of "
        f"{html.escape(subject.label())} (normal noise: {100 * USUAL:.0f} %). Of such outcomes intervals cover less "
        "often than they say; a study of its logarithm, declared beforehand, would be on safer ground."
    )


def _tell_tried(rows: Sequence[Row], study: Study, details: int) -> str:
    own = f"{count_of(details, 'detail')}, {count_of(study.seeds, 'seed')}"
    same = all((row.details, row.seeds) == (details, study.seeds) for row in rows)
    said = f"of its size ({own})" if same else f"as near to its size ({own}) as was tried"
    subgrids = count_of(sum(row.subgrids for row in rows), "random subgrid")
    nil = [rate.value for row in rows for rate in (row.one_nil, row.half_nil, row.all_nil)]
    return (
        f"Verdicts are worth as much as they are right where the truth is known. Studies of the design "
        f"{code(study.design)}, {said}, were planned, run and judged by the code that judged this one, on {subgrids} "
        "of tables in which every combination was trained several times. Their 95 % intervals held the true effect in "
        f"{_span(row.coverage.value for row in rows)}; a detail without effect was said to matter in {_span(nil)}, and "
        f"any detail on the margin to be equivalent in {_span(row.equivalent.value for row in rows)}, where "
        f"{100 * WRONG:.0f} % are meant at most."
    )


def _span(values: Iterable[float]) -> str:
    found = sorted(values)
    low, high = f"{100 * found[0]:.0f}", f"{100 * found[-1]:.0f}"
    return f"{high}{NO_BREAK}%" if low == high else f"{low} to {high}{NO_BREAK}%"


def _tell_missed(measured: Calibration, rows: Sequence[Row]) -> str:
    missed = {measured.surfaces[row.surface]: row.misses() for row in rows if row.misses()}
    if not missed:
        return paragraph("No surface misses what is meant by more than chance (two Monte Carlo errors).")
    items = "; ".join(
        f"<b>{html.escape(surface)}</b> ({', '.join(GOALS[name][0] for name in names)})"
        for surface, names in missed.items()
    )
    return note(f"By more than chance (two Monte Carlo errors), what is meant is missed on {items}.")


def _tabulate(measured: Calibration, rows: Sequence[Row]) -> str:
    lines = {
        title: [meant, *(_show(getattr(row, name), name in row.misses()) for row in rows)]
        for name, (title, meant) in GOALS.items()
    }
    sizes = [f"{row.details}{NO_BREAK}x{NO_BREAK}{row.seeds}" for row in rows]
    found = [f",{NO_BREAK}".join(f"{100 * rate.value:.0f}" for rate in row.power) + f"{NO_BREAK}%" for row in rows]
    lines = (
        {SIZE: ["", *sizes]}
        | lines
        | {
            FOUND: ["", *found],
            PROMISE: ["80 %", *(_show(row.measured or row.planned) for row in rows)],
            WIDTH: ["", *(show_ratio(row.oracle) for row in rows)],
        }
    )
    columns = ["meant", *(measured.surfaces[row.surface] for row in rows)]
    table = pd.DataFrame.from_dict(lines, orient="index", columns=columns).rename_axis("share")
    caption = "With their Monte Carlo errors; in bold what misses its goal by more than two of them"
    return table_html(table, caption, dict.fromkeys(columns, str))


def _show(rate: Rate, misses: bool = False) -> str:
    if pd.isna(rate.value):
        return NOTHING
    said = f"{100 * rate.value:.1f}{NO_BREAK}%"
    error = f"<small>±{NO_BREAK}{100 * rate.error:.1f}</small>"
    return f"{f'<b>{said}</b>' if misses else said} {error}"


def _tell_grounds(measured: Calibration, rows: Sequence[Row], study: Study) -> str:
    counted = "any in a study" if rows[0].correction == "Holm" else "their share among all that are said to matter"
    spreads = " and ".join(f"{spread:g}" for spread in measured.spreads)
    items = [
        "The truth is the mean of the stored repeats, which a run draws from with replacement: averaged over all cells "
        "of the subgrid, or at the baseline where details vary one at a time.",
        "Nil: the true effect was taken off all cells, interactions and repeats left as they are. False "
        f"<em>matters</em> are {counted} ({rows[0].correction}).",
        f"SD: the standard deviation of a run. What a seed does to all variants ({measured.seed_shift:g} SD), and to "
        f"the effect of each option ({spreads} SD in turn), is simulated, as the tables share no seeds.",
        "Found: details that get the verdict <em>matters</em> where the effect is so large. Promise: how often the "
        "smallest effect that is said to be seen with 80 % power is found, by the error that the tests use.",
        "Width: of the 95 % interval, beside the narrowest if noise and the interactions that the design mixes in were "
        "known in size.",
        *_tell_beyond(rows, study),
        f"Measured on {measured.date} by {code(measured.command)} with {html.escape(measured.data)}: multilayer "
        "perceptrons (HPOLib for regression, HPOBench for classes) and cells of image classifiers (NAS-Bench-201).",
    ]
    listed = "".join(f"<li>{item}</li>" for item in items)
    return f"<details><summary>What this rests on, and what it does not</summary><ul>{listed}</ul></details>"


def _tell_beyond(rows: Sequence[Row], study: Study) -> list[str]:
    """Returns what the study has that those of the table had not."""
    said = [
        "This study's own surface is none of these: it may bend more, and its runs may fail, which none of these did. "
        "Its secondary outcomes, verdicts on pairs and on claims were not counted."
    ]
    if study.sequential is not None:
        said.append("Those studies were looked at once; this one may be looked at while seeds are added.")
    if study.correction not in (None, rows[0].correction):
        said.append(f"Those studies were corrected by {rows[0].correction}, this one is by {study.correction}.")
    return said
