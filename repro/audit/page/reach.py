"""What effects can be trusted for: their size once selected, verdicts out of reach, and units that are a sample."""

import html
from math import isfinite

import pandas as pd

from repro.audit.counted import count_of
from repro.audit.page.subject import Subject, badge, code, paragraph
from repro.audit.page.tables import table_html
from repro.audit.statistics.outcomes import FULL
from repro.audit.statistics.reach import find_reach
from repro.audit.statistics.verdicts import EQUIVALENT, MATTERS


def describe_shrinkage(subject: Subject) -> str:
    """Returns what the shrunken estimates are for, where there are any."""
    shrunken = subject.take(subject.analysis.shrunken)
    if shrunken.empty or shrunken["shrunken"].isna().all():
        return ""
    return paragraph(
        "An effect that is picked out because it is large is too large on average (winner's curse), and more so the "
        "noisier it is. Shrunken: what is to be expected of it given how far all options of this study lie from "
        "nothing; verdicts rest on the effect as measured, and a size to be quoted is the shrunken one."
    )


def show_reach(subject: Subject) -> str:
    """Returns for every metric which verdicts were in reach, from the errors by which the effects were tested."""
    reach = find_reach(subject.plan, subject.analysis.effects)
    reach = reach[reach["train_fraction"] == FULL] if len(reach) else reach
    if reach.empty:
        return ""
    closed = [str(row["metric"]) for _, row in reach.iterrows() if not row["possible"]]
    said = ""
    if closed:
        names = ", ".join(code(name) for name in closed)
        said = paragraph(
            f"By {names} no detail could have been called equivalent, were its effect nil: the intervals are too wide "
            "for the margin. That none is called so says nothing on the details."
        )
    rows = pd.DataFrame(
        {
            "margin": [_unit(subject, row, "margin") for _, row in reach.iterrows()],
            "half of a 90 % interval": [_span(subject, row, "narrowest", "widest") for _, row in reach.iterrows()],
            "equivalent in reach of": [f"{row['possible']} of {row['details']}" for _, row in reach.iterrows()],
            "nothing is called equivalent": [
                f"in {_from_to(f'{low:.0%}', f'{high:.0%}')}"
                for low, high in zip(reach["chance_low"], reach["chance_high"], strict=True)
            ],
            "found in 80 %": [_span(subject, row, "detectable_low", "detectable_high") for _, row in reach.iterrows()],
        },
        index=pd.Index(reach["metric"], name="metric"),
    )
    caption = (
        "What the tests could have said, at the errors by which the effects were tested: details that would have been "
        "equivalent if all estimates had been nil; how often an option that does nothing is called so, and which "
        "effect is found in 80 %, if it is true of one alone. From the best to the worst measured option."
    )
    return said + table_html(rows, caption)


def _unit(subject: Subject, row: "pd.Series[float]", name: str) -> str:
    metric = str(row["metric"])
    return f"{subject.show(float(row[name]), metric)} {subject.metric(metric).unit}".rstrip()


def _span(subject: Subject, row: "pd.Series[float]", low: str, high: str) -> str:
    metric = str(row["metric"])
    ends = [
        subject.show(float(row[name]), metric) if isfinite(float(row[name])) else "out of reach" for name in (low, high)
    ]
    return _from_to(*ends)


def _from_to(low: str, high: str) -> str:
    return low if low == high else f"{low} to {high}"


def describe_units(subject: Subject, metric: str | None = None) -> str:
    """Returns which verdicts hold for the units measured and not for others of their kind."""
    units = subject.take(subject.analysis.units, metric)
    if units.empty:
        return ""
    row = units.iloc[0]
    if row["refused"]:
        return paragraph(
            f"Other units: {html.escape(str(row['refused']))}, so that effects hold for what was measured alone."
        )
    judged = subject.take(subject.analysis.verdicts, metric)
    verdicts = dict(zip(judged["detail"], judged["verdict"].astype(str), strict=True))
    elsewhere = dict(zip(units["detail"], units["verdict"].astype(str), strict=True))
    firm = [detail for detail, verdict in verdicts.items() if verdict in (MATTERS, EQUIVALENT)]
    here = [detail for detail in firm if detail in elsewhere and elsewhere[detail] != verdicts[detail]]
    what = f"{count_of(int(row['units']), 'unit')}"
    if row["groups"] < row["units"]:
        what += f" in {count_of(int(row['groups']), 'group')}"
    said = (
        f"The intervals above speak of other seeds on the same {what}. These are a sample, too: the column "
        "<i>other units</i> takes them for one (detail x unit, beside detail x seed). "
    )
    if row["groups"] == row["units"]:
        said += "It takes units for independent; where several were cut from one source it is still too narrow. "
    if here:
        said += (
            f"Verdicts that hold for these units only: {', '.join(f'{code(d)} {badge(verdicts[d])}' for d in here)}."
        )
    elif firm:
        said += "Every verdict that says equivalent or matters holds for other units of the kind as well."
    else:
        said += "No verdict says equivalent or matters, here or for other units."
    return paragraph(said)
