"""What DVC leaves behind when it is killed: locks of processes that are gone, and files that are half-written.

DVC keeps the locks of paths in `.dvc/tmp/rwlock`, under the number of the process that holds them; a number tells
nothing once another program has been given it, or while nobody has waited for the dead process.
"""

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

PROCESSES = Path("/proc")
KNOWN_HASHES = {"md5", "md5-dos2unix"}
"""Those that DVC computes of files on a disk: of another it raises what nobody can read."""


class Holder(NamedTuple):
    """A process that holds the lock of a path."""

    path: str
    pid: int
    command: str


def release_dead(repo: Any) -> list[Holder]:
    """Releases the locks of processes that are gone; returns who holds one.

    Args:
        repo: that of DVC.

    Raises:
        DvcException: another process of DVC does not let go of the file of locks.
    """
    with _guarded(repo) as file:
        if os.path.lexists(file) and not file.is_file():
            set_aside(file, "it is no regular file")
        try:
            held = json.loads(file.read_text(encoding="utf-8"))
            kept = {mode: _live(held.get(mode, {}), single=mode == "write") for mode in ("read", "write")}
        except FileNotFoundError:
            return []
        except (ValueError, TypeError, KeyError, AttributeError):
            set_aside(file, "DVC was killed over it, and holds no lock")
            return []
        if kept != {mode: held.get(mode, {}) for mode in kept}:
            file.write_text(json.dumps(kept), encoding="utf-8")  # half-written, it would be set aside
        return [
            Holder(path, each["pid"], each["cmd"])
            for entries in kept.values()
            for path, held_by in entries.items()
            for each in (held_by if isinstance(held_by, list) else [held_by])
        ]


def set_aside(file: Path, why: str) -> None:
    """Gives a half-written file another name, and says so."""
    other = file.with_name(f"{file.name}.broken")
    file.replace(other)
    print(f"{file.name} is set aside as {other.name}: {why}", file=sys.stderr)


def set_aside_broken(repo: Any, pipelines: Iterable[Path]) -> None:
    """Sets aside what DVC has recorded of pipelines where that is damaged; it is made again from its cache."""
    from dvc.utils.serialize import YAMLFileCorruptedError
    from dvc.utils.strictyaml import YAMLValidationError

    for pipeline in pipelines:
        recorded = pipeline.with_suffix(".lock")
        if not (pipeline.is_file() and os.path.lexists(recorded)):
            continue
        if not recorded.is_file():
            set_aside(recorded, "it is no regular file; it is made again from DVC's cache")
            repo._reset()
            continue
        try:
            stages = repo.stage.load_all(str(pipeline))
            if {each.hash_name for stage in stages for each in (*stage.deps, *stage.outs)} - KNOWN_HASHES:
                raise ValueError("a hash that DVC cannot compute")
        except (YAMLValidationError, YAMLFileCorruptedError, ValueError, TypeError, AttributeError):
            set_aside(recorded, "it is half-written or damaged; it is made again from DVC's cache")
            repo._reset()


@contextmanager
def _guarded(repo: Any) -> Iterator[Path]:
    """Yields DVC's file of locks while no other process edits it."""
    from dvc.lock import make_lock
    from dvc.rwlock import RWLOCK_FILE, RWLOCK_LOCK

    folder = Path(repo.tmp_dir)
    by_link = repo.config["core"].get("hardlink_lock", False)
    with make_lock(str(folder / RWLOCK_LOCK), tmp_dir=str(folder), hardlink_lock=by_link):
        yield folder / RWLOCK_FILE


def _live(entries: Mapping[str, Any], *, single: bool) -> dict[str, Any]:
    """Returns, of locks by path, those of processes that hold them."""
    found: dict[str, Any] = {}
    for path, held_by in entries.items():
        live = [each for each in ([held_by] if single else held_by) if _runs(int(each["pid"]), str(each["cmd"]))]
        if live:
            found[path] = live[0] if single else live
    return found


def _runs(pid: int, command: str) -> bool:
    """Tells whether a process runs a command, as DVC notes it: the program's file, and its arguments."""
    try:
        told = (PROCESSES / str(pid) / "cmdline").read_bytes()
    except FileNotFoundError:
        return not PROCESSES.joinpath("self").exists() and _exists(pid)
    except OSError:
        return True
    words = told.rstrip(b"\0").replace(b"\0", b" ").decode(errors="replace")
    return bool(words) and words.endswith(command.partition(" ")[2])


def _exists(pid: int) -> bool:
    """Tells whether there is a process of that number, where the system says no more."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
