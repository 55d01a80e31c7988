"""Results against the hashes that DVC has recorded: what a disk, an editor or a hand has changed is no result."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from repro import paths
from repro.errors import UserError

LOCK = Path("dvc.lock")


def check_recorded(results: Path, names: Iterable[str], lock: str) -> None:
    """Checks files of the results of the active variant.

    Args:
        results: the folder that holds them, wherever it lies.
        names: of files, relative to it; one that DVC has not recorded is not checked.
        lock: the text of DVC's lock file; one that cannot be read has recorded nothing.

    Raises:
        UserError: one is not what DVC has recorded.
    """
    recorded = dict(_outputs(lock))
    for name in names:
        outputs = [path for path in (Path(name), *Path(name).parents) if str(paths.RESULTS / path) in recorded]
        if not outputs:
            continue
        found, expected = results / outputs[0], recorded[str(paths.RESULTS / outputs[0])]
        if (_hash_folder(found) if found.is_dir() else _hash_file(found)) != expected:
            raise UserError(
                f"{found} is not what DVC has recorded of it\n"
                "  `dvc repro` makes it again, or brings it back; `dvc commit` records it as it is"
            )


def _outputs(lock: str) -> Iterator[tuple[str, str]]:
    try:
        stages: Mapping[str, Any] = YAML(typ="safe").load(lock)["stages"]
        for stage in stages.values():
            for output in stage.get("outs", ()):
                yield str(output["path"]), str(output["md5"])
    except (YAMLError, LookupError, TypeError, AttributeError):
        return


def _hash_file(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _hash_folder(folder: Path) -> str:
    """Returns DVC's hash of a folder: the MD5 of its files' names and MD5s, as JSON."""
    named = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if file.is_file()}
    listed = [{"md5": _hash_file(named[name]), "relpath": name} for name in sorted(named)]
    return hashlib.md5(json.dumps(listed, sort_keys=True).encode(), usedforsecurity=False).hexdigest() + ".dir"
