"""Section on how the study was designed: what it could and could not see, deviations, looks, controls."""

import html
from collections.abc import Callable
from datetime import UTC, datetime

import pandas as pd

from repro.audit.counted import count_of
from repro.audit.page.adaptive import show_batches
from repro.audit.page.subject import Subject, badge, code, long, note, paragraph, show_ratio, show_settings
from repro.audit.page.tables import table_html
from repro.audit.statistics.completion import take_look
from repro.audit.statistics.minimum_detectable_effect import detectable_effects, tell_shared_seeds
from repro.audit.statistics.multiplicity import correction_of
from repro.audit.statistics.outcomes import FULL
from repro.audit.study.aliases import alias_table, describe_aliases, list_groups
from repro.audit.study.freezing import is_new
from repro.audit.study.looks import describe_looks
from repro.audit.study.plan import Look
from repro.audit.study.randomisation import describe_randomisation


def show_design(subject: Subject) -> str:
    """Returns runs, aliases, power, deviations, looks and controls."""
    parts: tuple[Callable[[Subject], str], ...] = (
        _arms,
        _unseen,
        _aliases,
        _detectable,
        _correction,
        _deviations,
        _looks,
        show_batches,
        _controls,
    )
    if (found := subject.study.found) is not None:
        # nothing was planned: no ledger to look into, no power promised, no looks kept, no controls
        parts = (_arms, _aliases, _detectable, _correction) if found.paired else (_arms, _aliases, _correction)
    return "".join(part(subject) for part in parts)


def _arms(subject: Subject) -> str:
    roles = {variant.id: variant.role for variant in subject.plan.variants}
    runs = pd.Series([roles[run.variant] for run in subject.plan.runs], dtype=str)
    table = pd.DataFrame(
        {"variants": pd.Series(list(roles.values())).value_counts(), "runs": runs.value_counts()}
    ).rename_axis("role")
    came = "found" if subject.study.found else "planned"
    caption = f"What was {came}; seeds are the replicates, what is measured in a run is nested in it"
    return table_html(table, caption) + _left_out(subject)


def _left_out(subject: Subject) -> str:
    items = "".join(
        f"<li>{show_settings(item.settings)}: {html.escape(item.reason)}</li>" for item in subject.plan.left_out
    )
    return f"<p>Left out by the constraints:</p><ul>{items}</ul>" if items else ""


def _unseen(subject: Subject) -> str:
    others = sum(key not in subject.plan.levels for key in subject.choices)
    return paragraph(
        f"What could not be seen: {count_of(others, 'detail')} of the ledger stand at the baseline's options, options "
        "that the study does not list were not run, and other data, scales and lengths of training may say otherwise."
    )


def _aliases(subject: Subject) -> str:
    if not subject.plan.levels:
        return ""
    randomised = "" if subject.study.found else describe_randomisation(subject.plan.declaration)
    said = paragraph(html.escape(f"{randomised} {describe_aliases(subject.plan)}".strip()))
    table = list_groups(alias_table(subject.plan))
    if table.empty:
        return said
    shown = table.set_index("effect")[["aliases", "strength"]]
    shown = shown.assign(aliases=[long(html.escape(str(text))) for text in shown["aliases"]])
    listed = table_html(
        shown, "Correlation of the columns of the design", {"aliases": str, "strength": lambda value: show_ratio(value)}
    )
    return f"{said}<details><summary>Alias table, {count_of(len(shown), 'row')}</summary>{listed}</details>"


def _detectable(subject: Subject) -> str:
    measured = {
        str(row["metric"]): float(row["sd"])
        for _, row in subject.analysis.noise.iterrows()
        if row["train_fraction"] == FULL and pd.notna(row["sd"])
    }
    effects = subject.analysis.effects
    contrasts = effects[(effects["kind"] == "contrast") & (effects["train_fraction"] == FULL)]
    found = detectable_effects(subject.plan, measured, contrasts)
    shared = tell_shared_seeds(subject.plan)
    rows = pd.DataFrame(
        {
            "smallest effect": [
                f"{row['effect']:.3g} {row['unit']}".rstrip() if row["effect"] < float("inf") else "none"
                for _, row in found.iterrows()
            ],
            "margin": found["margin"].tolist(),
            "nothing is called equivalent": [
                "not known" if pd.isna(chance) else f"in {chance:.0%}" for chance in found["equivalence"]
            ],
            "test": [long(html.escape(f"{row['test']}, each at {row['alpha']:.2g}")) for _, row in found.iterrows()],
            "note": [long(html.escape(f"{note}. {shared}".rstrip())) for note in found["note"]],
        },
        index=pd.Index(found["metric"], name="metric"),
    )
    floor = "given the measured noise floor" if measured else "in standard deviations over seeds, not yet measured"
    if contrasts["se"].notna().any():
        floor = "by the error that the tests use"
    return table_html(rows, f"Smallest effect seen with 80 % power, {floor}", {"test": str, "note": str})


def _deviations(subject: Subject) -> str:
    if not subject.plan.deviations:
        return paragraph(f"No deviation: the plan stands as it was frozen on {subject.plan.frozen[:10]}.")
    items = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in subject.plan.deviations)
    return f"<p>Deviations from the plan frozen on {subject.plan.frozen[:10]}:</p><ul>{items}</ul>"


def _correction(subject: Subject) -> str:
    study = subject.study
    why = "as the study declares" if study.correction else f"by its design, {study.design}"
    correction = correction_of(study)
    return paragraph(html.escape(f"The p-values of its details are adjusted for their number: {correction}, {why}."))


def _looks(subject: Subject) -> str:
    """Returns what was seen of the study when, this page included."""
    plan = subject.plan
    now = take_look(plan, subject.results, subject.analysis.verdicts, datetime.now(UTC))
    looks = [(look.date, look) for look in plan.looks]
    if is_new(plan, now):
        looks.append(("this page", now))
    rows = pd.DataFrame(
        {
            "seeds complete": [look.seeds for _, look in looks],
            "runs": [look.runs for _, look in looks],
            "settled": [
                long(
                    ", ".join(f"{code(detail)} {html.escape(word)}" for detail, word in look.settled.items()) or "none"
                )
                for _, look in looks
            ],
        },
        index=pd.Index([date for date, _ in looks], name="look"),
    )
    said = paragraph(html.escape(describe_looks(plan, now.seeds)))
    return said + table_html(rows, "Looks at the results", {"settled": str})


def _settled(look: Look) -> str:
    return ", ".join(f"{code(detail)} {html.escape(verdict)}" for detail, verdict in look.settled.items()) or "none"


def _controls(subject: Subject) -> str:
    controls = subject.analysis.controls
    if controls.empty:
        return note(
            "The study has no controls: nothing shows that it could find an effect, or that it would not invent one."
        )
    rows = pd.DataFrame(
        {
            "metric": [metric or "all" for metric in controls["metric"]],
            "expected": controls["expected"].tolist(),
            "found": controls["found"].tolist(),
            "passed": [_outcome(row["found"], row["passed"]) for _, row in controls.iterrows()],
            "how": [long(html.escape(str(text))) for text in controls["detail"]],
        },
        index=pd.Index(controls["control"], name="control"),
    )
    return table_html(rows, "Controls", {"passed": badge, "how": str})


def _outcome(found: str, passed: bool) -> str:
    return "passed" if passed else "not measured" if "not measured" in found else "failed"
