"""Plans as files: frozen before anything runs, with every later change as a dated sentence."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from repro.audit.counted import count_of
from repro.audit.ledger.choice import show_value
from repro.audit.ledger.values import shorten
from repro.audit.ledger.yaml_text import check_regular
from repro.audit.study.declaration import study_name
from repro.audit.study.plan import Batch, Budget, Look, Plan, fingerprint_of
from repro.errors import UserError
from repro.storage import written_file

_ID: Final = re.compile(r"[0-9A-Za-z]\w*")
"""What names a variant; its runs, their params and their stages are called after it."""


def freeze(plan: Plan, folder: Path) -> Plan:
    """Writes a plan atomically as `<study>.json`, and returns it as it stands there.

    Where the study is frozen already, its first date, its deviations and its looks stay, and what differs now is added
    to the deviations with the date of the new plan. A plan with the fingerprint of the frozen one changes nothing.

    Raises:
        UserError: what is there is no plan.
    """
    file = locate_plan(folder, plan.study)
    if os.path.lexists(file):
        before = load_plan(file)
        if before.fingerprint == plan.fingerprint:
            return before
        date = plan.frozen[: len("2026-11-22")]
        said = [f"{date}: {sentence}" for sentence in describe_deviations(before, plan)]
        kept: dict[str, Any] = {"frozen": before.frozen, "looks": before.looks}
        if before.batches and _has_rows_of(before, plan):
            kept |= {"batches": before.batches, "budget": before.budget}
        elif before.batches:
            said.append(f"{date}: {count_of(len(before.batches), 'batch')} of the plan as it was left behind")
        plan = plan.model_copy(update=kept | {"deviations": [*before.deviations, *said]})
    _write(plan, file)
    return plan


def record_look(plan: Plan, look: Look, folder: Path) -> Plan:
    """Adds a look to the frozen plan of a study, atomically, and returns the plan as it stands there.

    A look at the runs and seeds of the last one is none: nothing is added.

    Raises:
        UserError: the study is not frozen, or the file there is no plan.
    """
    file = locate_plan(folder, plan.study)
    frozen = load_plan(file)  # what was planned or looked at meanwhile stays
    if is_new(frozen, look):
        frozen = frozen.model_copy(update={"looks": [*frozen.looks, look]})
        _write(frozen, file)
    return frozen


def record_batch(plan: Plan, batch: Batch, folder: Path) -> Plan:
    """Adds a batch to a frozen plan, atomically and before any of its runs; returns the plan as it is then.

    Where the frozen plan has another number of batches than the given one, somebody else has added some: they stand.

    Raises:
        UserError: the study is not frozen, or the file there is no plan.
    """
    file = locate_plan(folder, plan.study)
    frozen = load_plan(file)
    if len(frozen.batches) == len(plan.batches):
        frozen = frozen.model_copy(update={"batches": [*frozen.batches, batch]})
        _write(frozen, file)
    return frozen


def record_budget(plan: Plan, budget: Budget, folder: Path) -> Plan:
    """Writes the budget of a study's batches into its frozen plan, atomically, and returns the plan as it is then.

    Raises:
        UserError: the study is not frozen, or the file there is no plan.
    """
    file = locate_plan(folder, plan.study)
    frozen = load_plan(file)
    if frozen.budget != budget:
        frozen = frozen.model_copy(update={"budget": budget})
        _write(frozen, file)
    return frozen


def _has_rows_of(before: Plan, now: Plan) -> bool:
    """Says whether batches that were chosen for one plan fit another: the same rows and runs, drawn alike."""
    drawn = [(plan.declaration["design"], plan.declaration.get("randomisation")) for plan in (before, now)]
    same = (before.levels, before.values, before.runs) == (now.levels, now.values, now.runs)
    return same and drawn[0] == drawn[1]


def is_new(plan: Plan, look: Look) -> bool:
    """Says whether a look shows other runs than the last one that the plan has."""
    return not plan.looks or (plan.looks[-1].seeds, plan.looks[-1].runs) != (look.seeds, look.runs)


def _write(plan: Plan, file: Path) -> None:
    with written_file(file) as partial:  # in the order of the declaration, which names the main metric first
        partial.write_text(plan.model_dump_json(indent=2) + "\n", encoding="utf-8")


def locate_plan(folder: Path, study: str) -> Path:
    """Returns the file of a study's frozen plan.

    Raises:
        UserError: no study can have that name.
    """
    if study_name(Path(f"{study}.yaml")) != study:
        raise UserError(f"{study!r} is no name of a study")
    return folder / f"{study}.json"


def load_plan(file: Path) -> Plan:
    """Reads a frozen plan.

    Raises:
        UserError: the file is missing or holds no plan, or one that is not as it was frozen.
    """
    try:
        check_regular(file, "`repro plan` freezes a study once it is moved away")
        content = file.read_bytes()
    except OSError as error:
        once = " once it is moved away" * os.path.lexists(file)
        raise UserError(f"{file} cannot be read ({error.strerror}); `repro plan` freezes a study{once}") from None
    remedy = f"get it back by: git checkout {file}"
    plan = read_plan(content, str(file), remedy)
    if plan.study != file.stem:  # looks and batches would be noted in the plan of another
        raise UserError(f"{file} is no frozen plan: it is that of {shorten(plan.study)!r}\n  {remedy}")
    return plan


def read_plan(content: bytes, where: str, remedy: str) -> Plan:
    """Reads a frozen plan, whose names become those of files and stages, and whose fingerprint has to be its own.

    Args:
        content: of its file.
        where: it comes from, for the message.
        remedy: what mends it, a command or a short sentence.

    Raises:
        UserError: it is no plan, or not as it was frozen.
    """
    try:
        plan = Plan.model_validate_json(content)
        fault = _find_fault(plan)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        fault = f"{place}: {first['msg']}" if place else first["msg"]
    if fault:
        raise UserError(f"{where} is no frozen plan: {fault}\n  {remedy}")
    return plan


def _find_fault(plan: Plan) -> str:
    """Says what of a plan is not as it is frozen; empty: nothing. Looks are noted later, and name nothing."""
    variants = [variant.id for variant in plan.variants]
    known = {*variants, *(variant.id for batch in plan.batches for variant in batch.variants)}
    if strange := [name for name in known if not _ID.fullmatch(name)]:
        return f"{shorten(strange[0])!r} is no id of a variant"
    for runs in (plan.runs, *(batch.runs for batch in plan.batches)):
        for run in runs:
            if run.variant not in known or run.id != f"{run.variant}-s{run.seed}" or run.seed < 0:
                return f"{shorten(run.id)!r} is no run of its variants"
        if len({run.id for run in runs}) < len(runs):
            return "a run stands in it twice"
    if not variants or not plan.runs or len(set(variants)) < len(variants):
        return "variants or runs are missing, or stand in it twice"
    _ = plan.declared
    if fingerprint_of(plan.declaration, plan.values, plan.variants, plan.runs) != plan.fingerprint:
        return "its fingerprint is another one, so it was changed after it had been frozen"
    arms = [variant.settings for variant in plan.variants if variant.role == "arm"]
    for key, options in plan.levels.items():  # no part of the fingerprint, and follow from what is
        having = [plan.values.get(key), *(settings[key] for settings in arms if key in settings)]
        if any(option not in having for option in options) or len(options) < len({*map(show_value, having)}):
            return f"the options of {shorten(key)!r} are not those of its variants"
    return ""


def describe_deviations(before: Plan, now: Plan) -> list[str]:
    """Returns one sentence for each difference that can change what a study says; titles and reasons cannot."""
    first, second = before.declaration, now.declaration
    plain = ("reading", "scale", "design", "variants", "generators", "correction", "baseline_seeds")
    said = [_became(name, first.get(name), second.get(name)) for name in plain if first.get(name) != second.get(name)]
    said += [*_randomisation(first, second), *_seeds(before, now)]
    main, other = (next(iter(declared["metrics"])) for declared in (first, second))
    said += [_became("main metric", main, other)] if main != other else []
    said += _levels(before, now)
    said += _nested("base", first.get("base") or {}, second.get("base") or {})
    said += [item for name in ("metrics", "controls") for item in _nested(name, first[name], second[name])]
    said += _claims(first["claims"], second["claims"])
    said += [
        f"baseline changed: {_became(key, before.values.get(key, 'absent'), now.values.get(key, 'absent'))}"
        for key in sorted(before.values.keys() | now.values.keys())
        if before.values.get(key, ...) != now.values.get(key, ...)
    ]
    moved = {variant.id for variant in before.variants} ^ {variant.id for variant in now.variants}
    if moved and not said:
        said.append(f"the ids of {len(moved)} variants changed, though nothing declared did")
    return said


def _randomisation(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[str]:
    one, other = first.get("randomisation", "none"), second.get("randomisation", "none")
    if one == other or first["design"] != second["design"]:
        return []
    keep = "; `randomisation: none` in the study keeps the rows as they were" if one == "none" else ""
    return [_became("randomisation", one, other) + keep]


def _seeds(before: Plan, now: Plan) -> list[str]:
    """Returns what became of the number of seeds, and of how many a sequential study may reach, after any looks."""
    one, other = before.declaration, now.declaration
    said, looks = [], before.seeds_looked_at()
    at = f"after {count_of(len(before.looks), 'look')}, at {' and '.join(map(str, looks))} seeds" if looks else ""
    if one["seeds"] != other["seeds"]:
        sentence = _became("seeds", one["seeds"], other["seeds"])
        if looks and other["seeds"] > one["seeds"]:
            allowed = one.get("sequential")
            sentence += f" {at}: " + (
                f"as the study declares, up to {allowed['most_seeds']}"
                if allowed is not None and other["seeds"] <= allowed["most_seeds"]
                else "it is a sequential study now, and its p-values are those of one"
            )
        said.append(sentence)
    if one.get("sequential") != other.get("sequential"):
        most = [(declared.get("sequential") or {}).get("most_seeds", "none") for declared in (one, other)]
        sentence = _became("sequential: most_seeds", *most)
        said.append(f"{sentence} {at}: what was seen may have led to it" if looks else sentence)
    return said


def _levels(before: Plan, now: Plan) -> list[str]:
    said = [f"detail {key} added" for key in now.levels if key not in before.levels]
    said += [f"detail {key} taken out" for key in before.levels if key not in now.levels]
    for key in before.levels.keys() & now.levels.keys():
        # the first option is the baseline's, whose change is told with the baseline
        one, other = before.levels[key][1:], now.levels[key][1:]
        said += [f"option {key}={show_value(option)} added" for option in other if option not in one]
        said += [f"option {key}={show_value(option)} taken out" for option in one if option not in other]
    return sorted(said)


def _nested(name: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Returns the differences of a mapping of declared parts, e.g. of metrics by name; reasons do not count."""
    said = []
    for key in sorted(before.keys() | now.keys()):
        one, other = before.get(key), now.get(key)
        if one == other:
            continue
        if one is None or other is None:
            said.append(f"{name}: {key} {'added' if one is None else 'taken out'}")
        elif not all(isinstance(part, Mapping) for part in (one, other)):
            said.append(f"{name}: {_became(key, one, other)}")
        else:
            fields = [field for field in other if field != "why" and one.get(field) != other[field]]
            said += [f"{name}: {_became(f'{key} {field}', one.get(field), other[field])}" for field in fields]
    return said


def _claims(before: list[Mapping[str, Any]], now: list[Mapping[str, Any]]) -> list[str]:
    said = [f"claim {claim['text']!r} added or changed" for claim in now if claim not in before]
    kept = [claim["text"] for claim in now]
    return said + [f"claim {claim['text']!r} taken out" for claim in before if claim["text"] not in kept]


def _became(name: str, before: Any, now: Any) -> str:
    return f"{name} {_show(before)} became {_show(now)}"


def _show(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={show_value(item)}" for key, item in value.items())
    return show_value(value)
