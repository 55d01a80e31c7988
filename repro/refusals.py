"""What the machine refuses, as something that a user can put right: which file, why, and what to do.

Where a process ends, at the command line and in the `main` of a stage, nothing but one message is left of an error of
the operating system; and before work begins, it is tried whether what it comes to can be written.
"""

import errno
import io
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from repro.errors import UserError

MOST_LETTERS = 400
"""Of what an error says by itself."""
_PARTIAL = re.compile(r"\.(.+)\.[0-9a-f]+-\d+-[0-9a-f]+\.partial")
"""Where `repro.storage` writes what is to become the file inside."""
_NO_MEMORY = re.compile(r"(can't|cannot) allocate memory|out of memory|not enough memory", re.IGNORECASE)
LONGEST_PARTIAL = 40
"""Bytes that such a name has more than the file's own."""
PROBE_BYTES = 4096
CIRCLE = "Symlink loop from "
"""As `pathlib` says it before Python 3.13, in an error without a number."""
ROOM = "make room on that disk, and start the same command again"
RIGHT = "write where you may, or get the right to: ls -ld shows whose it is"
REMEDIES = {
    errno.ENOSPC: ROOM,
    errno.EDQUOT: "make room within your quota, and start the same command again",
    errno.EFBIG: "the disk or a limit (ulimit -f) allows no file of this size",
    errno.EACCES: RIGHT,
    errno.EPERM: RIGHT,
    errno.EROFS: "it can be read only; copy the project to where you may write",
    errno.ENOTDIR: "a file stands where a folder is expected: move it away, or name another place",
    errno.EEXIST: "a file stands where a folder is expected: move it away, or name another place",
    errno.EISDIR: "a folder stands where a file is expected: name a file",
    errno.ENOTEMPTY: "something else writes there as well: name another place",
    errno.ENAMETOOLONG: "give it a shorter name",
    errno.ENOENT: "check the path",
    errno.ELOOP: "links there lead in a circle: remove one",
    errno.EMFILE: "too many files are open: ulimit -n 4096, or fewer runs at once",
    errno.ENFILE: "too many files are open on this machine",
    errno.EIO: "the disk cannot be read or written there: look after it",
    errno.ESTALE: "the network disk was lost: mount it again, and start the same command again",
    errno.ETXTBSY: "it is being run: wait, or name another place",
    errno.EBUSY: "another program uses it: wait, or name another place",
}


@contextmanager
def one_message(name: str, *, speaks: bool = True) -> Iterator[None]:
    """Ends the process with exit status 2 and one message, if the user or the machine's owner can put it right.

    Args:
        name: of the command or stage, before the message.
        speaks: whether this one of several processes says it.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # of letters that the terminal cannot show
    try:
        try:
            with _as_system_errors():
                yield
        finally:
            sys.stdout.flush()  # or the interpreter tells of a full disk after the end, in its own words
    except BrokenPipeError:  # whoever reads what is printed has read enough
        _drop_output()
        raise SystemExit(1) from None
    except (UserError, OSError, MemoryError) as error:
        if speaks:
            print(f"{name}: {_show_letters(str(explain(error)))}", file=sys.stderr)
        _drop_output()
        raise SystemExit(2) from None


@contextmanager
def _as_system_errors() -> Iterator[None]:
    """Raises what torch says of missing memory, and `pathlib` of links in a circle, as the system's own errors."""
    try:
        yield
    except RuntimeError as error:
        said = str(error)
        if said.startswith(CIRCLE):
            name = said.removeprefix(CIRCLE).strip("'")
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), name) from None
        if _NO_MEMORY.search(said):
            raise MemoryError from None
        raise


def explain(error: UserError | OSError | MemoryError) -> UserError:
    """Returns what the user reads of an error: which file, why, what to do.

    Example:
        >>> print(explain(PermissionError(13, "Permission denied", "reports/build")))
        reports/build: permission denied
          write where you may, or get the right to: ls -ld shows whose it is
    """
    if isinstance(error, UserError):
        return error
    if isinstance(error, MemoryError):
        return UserError("there is not enough memory\n  end other programs, make fewer runs at once, or smaller ones")
    if isinstance(error, shutil.Error) and error.args and isinstance(error.args[0], list) and error.args[0]:
        source, target, why = error.args[0][0]
        return UserError(f"{source} cannot be copied to {target}: {_one_line(str(why))}")
    why = _one_line(error.strerror or str(error) or type(error).__name__)
    remedy = REMEDIES.get(error.errno or 0, "")
    file = _name_of(error)
    if not file and error.errno == errno.ENOENT:
        return UserError("the folder that this was started in is not there any more\n  cd into the project again")
    if not file and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG):
        file = "what was being written, or printed"
    said = f"{file}: {why[:1].lower()}{why[1:]}" if file else why
    return UserError(f"{said}\n  {remedy}" if remedy else said)


def check_file(file: Path) -> None:
    """Checks that a file can be written, before the work that makes it; nothing is left behind.

    Raises:
        UserError: it cannot, and why.
    """
    if file.is_dir():
        raise UserError(f"{_show(file)} is a folder\n  name a file in it")
    _try(file, file.parent)


def check_folder(folder: Path, made: Collection[str] | None = None) -> None:
    """Checks that a folder can be written or replaced, before the work that fills it; nothing is left behind.

    Args:
        folder: which need not be there.
        made: what such a folder holds where it is replaced; None: it is added to.

    Raises:
        UserError: it cannot be written, or holds what was not made by what replaces it.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{_show(folder)} is a file, where a folder is expected\n  move it away, or name another place")
    if made is not None and folder.is_dir():
        foreign = sorted(item.name for item in folder.iterdir() if item.name not in made)
        if foreign:
            raise UserError(
                f"{_show(folder)} holds {foreign[0]!r}, which this command did not make, and would be replaced whole\n"
                "  move it away, or name another place"
            )
    _try(folder, folder if folder.is_dir() else folder.parent)


def check_braces(project: Path) -> None:
    """Checks that the folder of a project can be named to DVC and papermill, which fill in what stands in braces.

    Raises:
        UserError: it cannot.
    """
    if set("{}") & set(str(project.resolve())):
        raise UserError(
            f"{_show(project)}: DVC cannot work below a folder with {{ or }} in its name\n  rename the folder"
        )


def _try(path: Path, place: Path) -> None:
    """Writes and removes a block in a folder, or the nearest one above that is there, for a path in it."""
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise UserError(f"{_show(path)} cannot be written: {place} is a file\n  move it away, or name another place")
    try:
        with suppress(FileNotFoundError):
            path.stat()  # links that lead in a circle
        longest = os.pathconf(place, "PC_NAME_MAX") - LONGEST_PARTIAL
        new = path.relative_to(place).parts
        if any(len(os.fsencode(part)) > longest for part in new):
            raise UserError(
                f"{_show(path)} cannot be written: a part of it has more than {longest} bytes\n"
                f"  {REMEDIES[errno.ENAMETOOLONG]}"
            )
        with tempfile.TemporaryFile(dir=place) as stream:
            stream.write(bytes(PROBE_BYTES))
    except OSError as error:
        told = _one_line(error.strerror or str(error))
        told = f"{told[:1].lower()}{told[1:]} in {_show(place.resolve())}"
        remedy = REMEDIES.get(error.errno or 0, "name another place")
        raise UserError(f"{_show(path)} cannot be written: {told}\n  {remedy}") from None


def _name_of(error: OSError) -> str:
    named = error.filename2 if error.filename2 is not None else error.filename
    if named is None or isinstance(named, int):
        return ""
    path = Path(os.fsdecode(named))
    parts = [found[1] if (found := _PARTIAL.fullmatch(part)) else part for part in path.parts]
    return _show(Path(*parts)) if parts else ""


def _show(path: Path) -> str:
    text = _one_line(str(path))
    return text if len(text) < 160 else f"{text[:60]}...{text[-60:]}"


def _one_line(text: str) -> str:
    return _show_letters(" ".join(text.split()))[:MOST_LETTERS]


def _show_letters(text: str) -> str:
    """Returns a text without what would steer the terminal: parts of it were written by anyone."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in text)


def _drop_output() -> None:
    """Sends what is still to be printed nowhere, since it cannot be."""
    try:
        sys.stdout.flush()
    except OSError:
        with open(os.devnull, "wb") as nowhere:  # noqa: PTH123
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
