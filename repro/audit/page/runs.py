"""Sections on what became of the runs: failures and their rates, cost, and all runs, where every number leads to."""

import html
from typing import Final

import pandas as pd

from repro.audit.counted import count_of
from repro.audit.page.subject import ALL_RUNS, Subject, badge, code, long, paragraph, show_p, show_settings
from repro.audit.page.tables import show_number, table_html
from repro.audit.statistics.outcomes import FULL
from repro.audit.statistics.results import MISSING

JOULES_PER_KWH = 3.6e6
NOT_PUBLISHED: Final = "not published"


def show_failures(subject: Subject) -> str:
    """Returns every run that failed, diverged or has not been run, what stands in for it, and the rates by option."""
    failures = subject.analysis.failures
    if failures.empty:
        return paragraph("No run failed, diverged or is missing.")
    counts = failures["status"].value_counts()
    said = ", ".join(f"{number} {status}" for status, number in counts.items())
    shown = paragraph(f"{said}. Failed and diverged runs are outcomes, and enter every test.")
    broken, missing = (failures[(failures["status"] == MISSING) == absent] for absent in (False, True))
    shown += _tell_stand_ins(subject) + _show_rates(subject)
    if len(broken):
        rows = broken.set_index("run")[["seed", "status", "reason", "path"]]
        rows["reason"] = [long(html.escape(str(text))) for text in rows["reason"]]
        shown += table_html(rows, "Runs that failed or diverged", {"reason": str})
    if len(missing):
        said = count_of(len(missing), "run") + " without a result yet"
        shown += f"<details><summary>{said}</summary>{_list_missing(subject, missing)}</details>"
    return shown


def _tell_stand_ins(subject: Subject) -> str:
    """Returns the value that a failed run takes in each metric, after the whole training."""
    noise = subject.analysis.noise
    told = noise[(noise["train_fraction"] == FULL) & noise["stand_in"].notna()]
    if told.empty:
        return ""
    listed = ", ".join(
        f"{subject.show(row['stand_in'], row['metric'])} {html.escape(subject.metric(row['metric']).unit)}".rstrip()
        + f" in {code(row['metric'])}"
        for _, row in told.iterrows()
    )
    return paragraph(
        "In each metric a failed run stands two noise standard deviations to the bad side of what its variant's other "
        f"runs lead one to expect: {listed}; further, if one of these runs was worse than that. One that failed can so "
        "move its own variant, and not the whole study."
    )


def _show_rates(subject: Subject) -> str:
    """Returns for each option how often runs failed, with the exact test; nothing where no run failed."""
    rates = subject.analysis.failure_rates
    if not (rates["failed"] + rates["baseline_failed"]).any():
        return ""
    rows = pd.DataFrame(
        {
            "option": [f"{code(row['option'])} for {code(row['baseline'])}" for _, row in rates.iterrows()],
            "verdict": [badge(verdict) for verdict in rates["verdict"]],
            "failed": [_show_share(row, "") for _, row in rates.iterrows()],
            "failed with the baseline's": [_show_share(row, "baseline_") for _, row in rates.iterrows()],
            "p": [show_p(p) for p in rates["p"]],
            "p adjusted": [show_p(p) for p in rates["p_adjusted"]],
            "smallest p": [show_p(p) for p in rates["smallest_p"]],
        },
        index=pd.Index(rates["detail"], name="detail"),
    )
    test = "Boschloo's exact test on runs"
    if (rates["trials"] == "variants").any():
        test = "exact permutation of variants, as a combination that always fails is one event"
    caption = (
        f"How often runs failed, by option: {test}. Runs that are missing have not failed. Smallest p: what as many "
        "failures could have given, however they had fallen, before adjustment."
    )
    return table_html(rows, caption, dict.fromkeys(rows.columns, str))


def _show_share(row: "pd.Series[int]", side: str) -> str:
    absent = int(row[f"{side}planned"]) - int(row[f"{side}run"])
    return f"{row[f'{side}failed']} of {row[f'{side}run']}" + (f" ({absent} missing)" if absent else "")


def _list_missing(subject: Subject, missing: pd.DataFrame) -> str:
    """Returns one row for each variant that lacks seeds."""
    settings = {variant.id: variant for variant in subject.plan.grown().variants}
    rows = {
        variant: {
            "role": settings[str(variant)].role,
            "options that differ": show_settings(settings[str(variant)].settings),
            "seeds": _ranges(sorted(part["seed"].astype(int))),
            "reason": "; ".join(part["reason"].unique()),
        }
        for variant, part in missing.groupby("variant", sort=False)
    }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("variant")
    return table_html(table, "Variants with runs that are missing", {"options that differ": str})


def _ranges(numbers: list[int]) -> str:
    """Returns "0 to 4, 7" for 0, 1, 2, 3, 4, 7."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)


def show_cost(subject: Subject) -> str:
    """Returns hours and, where it was measured, energy."""
    if subject.analysis.cost.empty or not subject.analysis.cost["runs"].iloc[0]:
        return paragraph("No run has been run.")
    row = subject.analysis.cost.iloc[0]
    cards = {
        "runs done": str(int(row["runs"])),
        "wall-clock of all runs": _show_hours(row["hours"]),
        "of it in failed runs": _show_hours(row["hours_lost"]),
        "mean per run": f"{row['hours'] * 3600 / row['runs']:.1f} s",
        "energy": _show_energy(float(row["joules"])),
    }
    items = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in cards.items())
    extra = paragraph(f"{html.escape(str(row['note']))}.") if row["note"] else ""
    return f'<dl class="cards">{items}</dl>{extra}'


def _show_energy(joules: float) -> str:
    if pd.isna(joules):
        return "not measured"
    kwh = joules / JOULES_PER_KWH
    return f"{kwh:.2f} kWh" if kwh >= 0.1 else f"{1000 * kwh:.2f} Wh"


def _show_hours(hours: float) -> str:
    if hours == 0:
        return "none"
    return f"{hours:.2f} hours" if hours >= 0.1 else f"{hours * 60:.1f} min"


def show_runs(subject: Subject) -> str:
    """Returns all runs by variant, each with its evidence and its entry in the tracking store."""
    values = _main_values(subject)
    settings = {variant.id: variant for variant in subject.plan.grown().variants}
    groups = []
    for variant, part in subject.results.runs.groupby("variant", sort=False):
        item = settings[str(variant)]
        head = f'<h4 id="variant-{variant}">{code(variant)} {item.role} {show_settings(item.settings)}</h4>'
        rows = "".join(_run_row(subject, str(run), row, values) for run, row in part.iterrows())
        groups.append(f"{head}<table><tbody>{rows}</tbody></table>")
    note_on_links = "<p>The run links open while <code>mlflow ui</code> serves the tracking store.</p>"
    return (
        f'<div id="{ALL_RUNS}">{note_on_links}<details><summary>{count_of(len(subject.results.runs), "run")}</summary>'
        f'<div class="scroll runs">{"".join(groups)}</div></details></div>'
    )


def _main_values(subject: Subject) -> "pd.Series[float]":
    rows = subject.take(subject.results.rows)
    return rows.groupby("run", observed=True)["value"].mean() if len(rows) else pd.Series(dtype=float)


def _run_row(subject: Subject, run: str, row: "pd.Series[str]", values: "pd.Series[float]") -> str:
    link = f'<a href="{html.escape(str(row["link"]))}">run</a>' if row["link"] else NOT_PUBLISHED
    value = subject.show(float(values[run])) if run in values.index else html.escape(str(row["status"]))
    seconds = "" if pd.isna(row["seconds"]) else f"{show_number(float(row['seconds']), 0)} s"
    return (
        f'<tr id="run-{html.escape(run)}"><th scope="row">seed {row["seed"]}</th><td class="number">{value}</td>'
        f'<td class="number">{seconds}</td><td>{link}</td><td>{code(row["path"])}</td></tr>'
    )
