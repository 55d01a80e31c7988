"""Section on how stable the verdicts are: between half and full training, and from metric to metric."""

import pandas as pd

from repro.audit.page.subject import Subject, badge, code, paragraph
from repro.audit.page.tables import table_html
from repro.audit.statistics.outcomes import FULL, HALF


def show_stability(subject: Subject) -> str:
    """Returns how often each verdict was given per metric, and what half the training says of each detail."""
    verdicts = subject.analysis.verdicts
    if verdicts.empty:
        return paragraph("The study varies no detail, so that there is no verdict on any.")
    return _count_stable(subject) + _count_verdicts(subject) + _compare(subject)


def _count_stable(subject: Subject) -> str:
    main = subject.take(subject.analysis.verdicts).dropna(subset=["stable"])
    if main.empty:
        return paragraph("Half of the training was not measured.")
    same = int(main["stable"].sum())
    return paragraph(
        f"By {code(subject.main)}, {same} of {len(main)} verdicts on details are the same after half and "
        "after the whole training."
    )


def _count_verdicts(subject: Subject) -> str:
    full = subject.analysis.verdicts[subject.analysis.verdicts["train_fraction"] == FULL]
    table = pd.crosstab(full["metric"], full["verdict"]).reindex(list(subject.study.metrics), fill_value=0)
    table = table[[str(verdict) for verdict in full["verdict"].unique()]].rename_axis("metric")
    shared = full[full["stable"].notna()].groupby("metric")["stable"]
    table["the same at half the training"] = [
        f"{int(shared.sum()[metric])} of {shared.size()[metric]}" if metric in shared.groups else "not measured"
        for metric in table.index
    ]
    return table_html(table, "How many details got which verdict, by metric")


def _compare(subject: Subject) -> str:
    verdicts = subject.analysis.verdicts
    found = {
        (row["detail"], row["metric"], row["train_fraction"]): str(row["verdict"]) for _, row in verdicts.iterrows()
    }
    rows = {
        detail: {
            metric: _pair(found.get((detail, metric, HALF)), found.get((detail, metric, FULL)))
            for metric in subject.study.metrics
        }
        for detail in subject.plan.levels
    }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("detail")
    caption = "Verdict after the whole training, with that after half of it where it was another"
    return table_html(table, caption, dict.fromkeys(table.columns, str))


def _pair(half: str | None, full: str | None) -> str:
    if full is None:
        return "not judged"
    return badge(full) if half in (None, full) else f"{badge(full)} <small>at half: {half}</small>"
