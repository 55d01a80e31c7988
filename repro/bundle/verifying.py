"""A bundle checked from itself alone: every byte, every number, and that each part says what the others do."""

from pathlib import Path
from typing import NamedTuple

from repro.bundle.archive import read_archive
from repro.bundle.contents import METADATA, derive_members
from repro.bundle.crate import find_misdescribed
from repro.checksums import CHECKSUMS
from repro.errors import UserError
from repro.kept.digests import find_changes
from repro.kept.folder import PAGE, read_kept
from repro.kept.rebuilding import Rebuilt, rebuild
from repro.kept.study import KeptStudy

_UNFIT = (
    UserError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What the statistics raise over rows that no study has given."""


class CheckedBundle(NamedTuple):
    """A bundle that was checked.

    Attributes:
        changed: one line for each file, or part of the archive, that is not as it was written.
        kept: the study; None where it cannot be read for what has changed.
        rebuilt: its page held against its rows; None likewise, and where it was not asked for.
    """

    changed: list[str]
    kept: KeptStudy | None
    rebuilt: Rebuilt | None


def check_bundle(file: Path, *, numbers: bool = True) -> CheckedBundle:
    """Checks a bundle.

    Args:
        file: the archive.
        numbers: whether to rebuild the numbers as well, beside the bytes.

    Raises:
        UserError: it is no bundle, or holds what a bundle does not.
    """
    members, damaged = read_archive(file)
    listed = members.pop(CHECKSUMS, None)
    if listed is None and not damaged:
        raise UserError(f"{file} is no bundle: it has no {CHECKSUMS}\n  `repro export STUDY -o FILE` writes one")
    known = [line.partition(":")[0] for line in damaged]
    try:
        changed = find_changes(listed, members, CHECKSUMS) if listed is not None else []
    except UserError as error:
        changed = [str(error)]
    changed = damaged + [line for line in changed if line.partition(":")[0] not in known]
    if not changed and METADATA not in members:
        changed = [f"{METADATA}: missing, though every bundle has it"]
    if not changed:
        told = {name: content for name, content in members.items() if name != METADATA}
        changed = find_misdescribed(members[METADATA], told)
    try:
        if PAGE not in members:
            raise UserError(f"{PAGE}: missing, though every bundle has it")
        kept = read_kept(members, "evidence")
        page = members[PAGE].decode()
    except (UserError, UnicodeDecodeError) as error:
        return CheckedBundle(changed or [str(error).splitlines()[0]], None, None)
    try:
        if not changed:
            derived = derive_members(kept, page)
            changed = [
                f"{name}: does not follow from evidence and page"
                for name in derived
                if derived[name] != members.get(name)
            ]
        return CheckedBundle(changed, kept, rebuild(page, kept) if numbers else None)
    except _UNFIT as error:
        said = " ".join(str(error).split()) or type(error).__name__
        return CheckedBundle([*changed, f"evidence: no study that can be analysed ({said})"], kept, None)
