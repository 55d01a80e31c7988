"""Plans as files: frozen before anything runs, with every later change as a dated sentence."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from repro.audit.ledger.choice import show_value
from repro.audit.study.plan import Plan
from repro.errors import UserError
from repro.storage import written_file


def freeze(plan: Plan, folder: Path) -> Plan:
    """Writes a plan atomically as `<study>.json`, and returns it as it stands there.

    Where the study is frozen already, its first date and its deviations stay, and what differs now is added to them
    with the date of the new plan. A plan with the fingerprint of the frozen one changes nothing.

    Raises:
        UserError: the file there is no plan.
    """
    file = locate_plan(folder, plan.study)
    if file.is_file():
        before = load_plan(file)
        if before.fingerprint == plan.fingerprint:
            return before
        date = plan.frozen[: len("2026-11-22")]
        said = [f"{date}: {sentence}" for sentence in describe_deviations(before, plan)]
        plan = plan.model_copy(update={"frozen": before.frozen, "deviations": [*before.deviations, *said]})
    with written_file(file) as partial:  # in the order of the declaration, which names the main metric first
        partial.write_text(plan.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return plan


def locate_plan(folder: Path, study: str) -> Path:
    """Returns the file of a study's frozen plan."""
    return folder / f"{study}.json"


def load_plan(file: Path) -> Plan:
    """Reads a frozen plan.

    Raises:
        UserError: the file is missing or holds no plan.
    """
    try:
        return Plan.model_validate_json(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror}); `repro plan` freezes a study") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UserError(
            f"{file} is no frozen plan: {where}: {first['msg']}\n  get it back by: git checkout {file}"
        ) from None


def describe_deviations(before: Plan, now: Plan) -> list[str]:
    """Returns one sentence for each difference that can change what a study says; titles and reasons cannot."""
    first, second = before.declaration, now.declaration
    plain = ("reading", "scale", "design", "variants", "generators", "seeds", "baseline_seeds")
    said = [_became(name, first[name], second[name]) for name in plain if first[name] != second[name]]
    main, other = (next(iter(declared["metrics"])) for declared in (first, second))
    said += [_became("main metric", main, other)] if main != other else []
    said += _levels(before, now)
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
