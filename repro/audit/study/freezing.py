"""Plans as files: frozen before anything runs, with every later change as a dated sentence.

A plan and a folder flow in; the plan flows out as it stands frozen. Knows nothing of how plans are made.
"""

from pathlib import Path

from pydantic import ValidationError

from repro.audit.study.deviations import describe_deviations
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
