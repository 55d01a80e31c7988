"""A list of SHA-256 sums, as `sha256sum -c` reads it, and what has changed since it was written."""

import re
from collections.abc import Mapping
from hashlib import sha256

from repro.errors import UserError

_LINE = re.compile(r"([0-9a-f]{64})  (\S.*)")


def write_sums(files: Mapping[str, bytes]) -> bytes:
    """Returns the list for some files, sorted by name."""
    return "".join(f"{sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files)).encode()


def find_changes(listed: bytes, files: Mapping[str, bytes], where: str) -> list[str]:
    """Returns one line for each file that is not as the list says.

    Args:
        listed: of `write_sums`.
        files: the content that there is, without the list.
        where: the list lies, for messages.

    Raises:
        UserError: it is no such list.
    """
    expected = _read(listed, where)
    found = {name: sha256(content).hexdigest() for name, content in files.items()}
    said = [f"{name}: missing, though {where} lists it" for name in expected.keys() - found.keys()]
    said += [f"{name}: added, {where} does not list it" for name in found.keys() - expected.keys()]
    said += [
        f"{name}: changed, SHA-256 {found[name][:12]} and not {expected[name][:12]}"
        for name in expected.keys() & found.keys()
        if found[name] != expected[name]
    ]
    if not said and write_sums(files) != listed:
        said = [f"{where}: changed, not as it is written"]
    return sorted(said)


def _read(listed: bytes, where: str) -> dict[str, str]:
    expected = {}
    for number, line in enumerate(listed.decode("utf-8", errors="replace").splitlines(), 1):
        if (found := _LINE.fullmatch(line)) is None:
            raise UserError(f"{where} is damaged: line {number} is no SHA-256 with a name")
        expected[found[2]] = found[1]
    return expected
