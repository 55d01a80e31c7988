"""Sections on what became of the runs: failures, cost, and the list of all runs, where every number leads to."""

import html

import pandas as pd

from repro.audit.page.subject import ALL_RUNS, Subject, code, count, long, paragraph, show_settings
from repro.audit.page.tables import show_number, table_html
from repro.audit.statistics.results import MISSING

JOULES_PER_KWH = 3.6e6


def show_failures(subject: Subject) -> str:
    """Returns every run that failed, diverged or has not been run."""
    failures = subject.analysis.failures
    if failures.empty:
        return paragraph("No run failed, diverged or is missing.")
    counts = failures["status"].value_counts()
    said = ", ".join(f"{number} {status}" for status, number in counts.items())
    shown = paragraph(f"{said}. Failed and diverged runs are outcomes, and enter every test.")
    broken, missing = (failures[(failures["status"] == MISSING) == absent] for absent in (False, True))
    if len(broken):
        rows = broken.set_index("run")[["seed", "status", "reason", "path"]]
        rows["reason"] = [long(html.escape(str(text))) for text in rows["reason"]]
        shown += table_html(rows, "Runs that failed or diverged", {"reason": str})
    if len(missing):
        said = count(len(missing), "run") + " without a result yet"
        shown += f"<details><summary>{said}</summary>{_list_missing(subject, missing)}</details>"
    return shown


def _list_missing(subject: Subject, missing: pd.DataFrame) -> str:
    """Returns one row for each variant that lacks seeds."""
    settings = {variant.id: variant for variant in subject.plan.variants}
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
    settings = {variant.id: variant for variant in subject.plan.variants}
    groups = []
    for variant, part in subject.results.runs.groupby("variant", sort=False):
        item = settings[str(variant)]
        head = f'<h4 id="variant-{variant}">{code(variant)} {item.role} {show_settings(item.settings)}</h4>'
        rows = "".join(_run_row(subject, str(run), row, values) for run, row in part.iterrows())
        groups.append(f"{head}<table><tbody>{rows}</tbody></table>")
    note_on_links = "<p>The run links open while <code>mlflow ui</code> serves the tracking store.</p>"
    return (
        f'<div id="{ALL_RUNS}">{note_on_links}<details><summary>{count(len(subject.results.runs), "run")}</summary>'
        f'<div class="scroll runs">{"".join(groups)}</div></details></div>'
    )


def _main_values(subject: Subject) -> "pd.Series[float]":
    rows = subject.take(subject.results.rows)
    return rows.groupby("run", observed=True)["value"].mean() if len(rows) else pd.Series(dtype=float)


def _run_row(subject: Subject, run: str, row: "pd.Series[str]", values: "pd.Series[float]") -> str:
    link = f'<a href="{html.escape(str(row["link"]))}">run</a>' if row["link"] else "not published"
    value = subject.show(float(values[run])) if run in values.index else html.escape(str(row["status"]))
    seconds = "" if pd.isna(row["seconds"]) else f"{show_number(float(row['seconds']), 0)} s"
    return (
        f'<tr id="run-{html.escape(run)}"><th scope="row">seed {row["seed"]}</th><td class="number">{value}</td>'
        f'<td class="number">{seconds}</td><td>{link}</td><td>{code(row["path"])}</td></tr>'
    )
