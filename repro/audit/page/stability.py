"""Section on stability: of the verdicts by training and metric, and of the runs by what options do to their spread.

An option may leave the mean where it is and change how far runs stray from it. That is a finding, and a caution to
the tests of the means.
"""

import html

import pandas as pd

from repro.audit.page.subject import Subject, badge, code, long, note, paragraph, show_p, show_ratio
from repro.audit.page.tables import table_html
from repro.audit.statistics.outcomes import FULL, HALF
from repro.audit.statistics.spread import CHANGES


def show_stability(subject: Subject) -> str:
    """Returns how often each verdict was given per metric, what half the training says, and the spread by option."""
    verdicts = subject.analysis.verdicts
    if verdicts.empty:
        return paragraph("The study varies no detail, so that there is no verdict on any.")
    return _count_stable(subject) + _count_verdicts(subject) + _compare(subject) + _show_spread(subject)


def _show_spread(subject: Subject) -> str:
    """Returns by how much each option changes the spread over seeds in the main metric."""
    spread = subject.take(subject.analysis.spread)
    if spread.empty or spread["p"].isna().all():
        return paragraph("There are too few runs to compare the spread over seeds of any option with the baseline's.")
    rows = pd.DataFrame(
        {
            "option": [f"{code(row['option'])} for {code(row['baseline'])}" for _, row in spread.iterrows()],
            "verdict": [badge(verdict) for verdict in spread["verdict"]],
            "ratio of SDs": [
                subject.link(show_ratio(ratio), runs)
                for ratio, runs in zip(spread["ratio"], spread["runs"], strict=True)
            ],
            "95 % interval": [
                f"{show_ratio(low)} to {show_ratio(high)}" if pd.notna(low) else "no interval"
                for low, high in zip(spread["low"], spread["high"], strict=True)
            ],
            "p": [show_p(p) for p in spread["p"]],
            "p adjusted": [show_p(p) for p in spread["p_adjusted"]],
            "from": [long(html.escape(str(units))) for units in spread["units"]],
        },
        index=pd.Index(spread["detail"], name="detail"),
    )
    caption = f"Spread of {subject.label()} with each option over that with the baseline's, failed runs left out: " + (
        "over seeds, deviations from the arms' medians in pairs (Brown and Forsythe)."
        if subject.study.design == "one_at_a_time"
        else "between the runs of a variant, less what a seed shifts in all of them (Welch, variants as replicates)."
    )
    return _tell_unequal(subject) + table_html(rows, caption, dict.fromkeys(rows.columns, str))


def _tell_unequal(subject: Subject) -> str:
    """Returns which details change the spread, in any metric, and what this means for the tests of their means."""
    spread = subject.analysis.spread
    found = spread[(spread["verdict"] == CHANGES) & (spread["train_fraction"] == FULL)]
    if found.empty:
        return paragraph("No option was found to change how far runs stray over the seeds.")
    named = ", ".join(
        f"{code(detail)} ({', '.join(map(code, part['metric'].unique()))})"
        for detail, part in found.groupby("detail", sort=False)
    )
    means = (
        "The tests of the means allow for skewed noise of unequal spread as far as that is possible"
        if subject.study.design == "one_at_a_time"
        else "The tests of the means take one error for all variants, which an average of both spreads is"
    )
    return note(f"The spread over seeds is changed by {named}: a finding by itself. {means}.")


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
