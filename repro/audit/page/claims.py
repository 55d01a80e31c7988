"""Sections on the claims of a study: one screen of verdicts, then the table that they rest on."""

import html

import pandas as pd

from repro.audit.counted import count_of
from repro.audit.page.subject import Subject, badge, code, long, note, paragraph
from repro.audit.page.tables import table_html
from repro.audit.page.tasks import show_scaled, show_tasks


def show_title(subject: Subject) -> str:
    """Returns the study's question as the heading of the page."""
    return f"<h1>{html.escape(subject.study.title)}</h1>"


def show_opening(subject: Subject) -> str:
    """Returns what was run, at which scale, and how much of it is there."""
    plan, runs = subject.plan, subject.results.runs
    declared, states = subject.study, runs["status"].value_counts()
    done = int(states.get("ok", 0))
    others = ", ".join(f"{number} {status}" for status, number in states.items() if status != "ok")
    varied = count_of(len(plan.levels), "detail") if plan.levels else "Controls only"
    if declared.found is not None:
        return _open_found(subject, f"{varied}, {count_of(len(plan.variants), 'variant')}", f"{done} ok", others)
    ran = (
        f"{varied}, design {code(declared.design)}, {count_of(len(plan.grown().variants), 'variant')}, "
        f"{subject.link(count_of(len(runs), 'run'), [])}: {done} ok{f', {others}' if others else ''}. "
        f"Reading {code(declared.reading)}, frozen {html.escape(plan.frozen[:10])} with fingerprint "
        f"{code(plan.fingerprint[:12])}."
    )
    caution = (
        f"<b>Scale {code(declared.scale)}.</b> Every verdict below holds for this scale, these test items and these "
        "seeds alone; it neither confirms nor refutes numbers that the paper measured at its own scale."
    )
    return paragraph(ran) + note(caution)


def _open_found(subject: Subject, varied: str, done: str, others: str) -> str:
    """Returns the opening of a study of runs that were there before it."""
    found = subject.study.found
    if found is None:
        return ""
    how = f"paired by the {found.replicate}" if found.paired else "with seeds of their own, compared unpaired"
    runs = subject.link(count_of(len(subject.results.runs), "run"), [])
    ran = f"{varied}, {runs} {how}: {done}{f', {others}' if others else ''}; read from {code(found.table)}."
    caution = (
        "<b>Exploratory: found, not planned.</b> No plan was frozen before these runs. How many tables, outcomes and "
        "options were looked at is not known, and no correction can take account of it."
    )
    return paragraph(ran) + note(caution)


def show_claim_verdicts(subject: Subject) -> str:
    """Returns one card per claim, and one line that counts the verdicts on details."""
    claims, verdicts = subject.analysis.claims, subject.take(subject.analysis.verdicts)
    cards = "".join(
        f"<div><dt>{html.escape(row['text'])}</dt><dd>{badge(row['verdict'])}</dd></div>"
        for _, row in claims.iterrows()
    )
    shown = f'<dl class="cards claims">{cards}</dl>' if cards else paragraph("The study declares no claims.")
    return shown + _count_verdicts(subject, verdicts)


def _count_verdicts(subject: Subject, verdicts: pd.DataFrame) -> str:
    if verdicts.empty:
        return paragraph("The study varies no detail, so that there is no verdict on any.")
    groups = [
        f"{badge(str(verdict))} {', '.join(code(detail) for detail in part['detail'])}"
        for verdict, part in verdicts.groupby("verdict", sort=False)
    ]
    items = "".join(f"<li>{group}</li>" for group in groups)
    return paragraph(f"Verdicts on the varied details, by {code(subject.main)}:") + f"<ul>{items}</ul>"


def show_claims(subject: Subject) -> str:
    """Returns the table of claims: reported, reproduced, difference, noise floor, verdict."""
    claims = subject.analysis.claims
    if claims.empty:
        return paragraph("The study declares no claims.")
    rows = []
    for place, (_, row) in enumerate(claims.iterrows()):
        metric = row["metric"]
        scale = subject.study.claims[place].scale
        difference = show_scaled(subject, row, metric, scale)
        reported = "not available" if pd.isna(row["reported"]) else subject.show(row["reported"], metric)
        rows.append(
            {
                "claim": row["text"],
                "verdict": long(f"{badge(row['verdict'])} <small>{html.escape(row['reason'])}</small>"),
                f"better less other, {subject.metric(metric).unit}".rstrip(", "): difference,
                "survives": _show_survival(row),
                "reproduced": f"{subject.show(row['reproduced'], metric)} <small>"
                f"{subject.show_interval(row['reproduced_low'], row['reproduced_high'], metric)}</small>",
                "reported": reported,
                "noise floor": subject.show(row["noise_sd"], metric),
                "metric": subject.label(metric),
            }
        )
    table = pd.DataFrame(rows).set_index("claim")
    html_columns = [str(name) for name in table if name not in ("reported", "noise floor", "metric")]
    caption = (
        "Intervals: 95 %, over seeds. Noise floor: standard deviation over seeds of the replicated baseline. "
        "Reproduced: mean of the runs with the option that is claimed to be better. Its interval holds what a seed "
        "does to all variants alike, and has as many degrees of freedom as seeds less one; a difference is free of it. "
        "Survives: share of the combinations of the other details under which the option is better at all, and by more "
        "than the margin, over the surfaces that the runs leave possible."
    )
    shown = table_html(table, caption, dict.fromkeys(html_columns, str)) + _show_sources(claims)
    return shown + show_tasks(subject)


def _show_sources(claims: pd.DataFrame) -> str:
    """Returns where each claim stands, and what its survival was counted over."""
    items = "".join(
        f"<li>{html.escape(row['text'])}: {html.escape(row['source'])}; {html.escape(str(row['survival_note']))}</li>"
        for _, row in claims.iterrows()
    )
    return f"<details><summary>Sources, and what survival was counted over</summary><ul>{items}</ul></details>"


def _show_survival(row: "pd.Series[float]") -> str:
    if pd.isna(row["survival"]):
        return f"not known <small>{html.escape(str(row['survival_note']))}</small>"
    return f"{_show_share(row, 'survival')} by more than the margin: {_show_share(row, 'survival_margin')}"


def _show_share(row: "pd.Series[float]", name: str) -> str:
    return f"{row[name]:.0%} <small>({row[f'{name}_low']:.0%} to {row[f'{name}_high']:.0%})</small>"
