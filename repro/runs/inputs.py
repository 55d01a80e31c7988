"""What the runs of all studies share: prepared photographs and holes, each made once and named by its params.

The params of a run flow in, the folders that it reads flow out. Knows nothing of studies, nor of how these folders
are made.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML

from repro import paths
from repro.cases.medfe.params import Params
from repro.errors import UserError
from repro.processes import alone
from repro.storage import hash_json

NAME_LENGTH = 10


class Sources(NamedTuple):
    """What a run reads: names, for the pipeline, and folders."""

    photographs: str
    holes: str

    @property
    def prepared(self) -> Path:
        """Folder of the prepared photographs."""
        return paths.RUN_DATA / self.photographs / paths.PREPARED.name

    @property
    def masks(self) -> Path:
        """Folder of the holes."""
        return paths.RUN_DATA / self.holes / paths.MASKS.name


def find_sources(params: Params) -> Sources:
    """Returns what the run with these params reads."""
    photographs, holes = params_of_sources(params)
    return Sources(hash_json(photographs)[:NAME_LENGTH], hash_json(holes)[:NAME_LENGTH])


def params_of_sources(params: Params) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the params that make the photographs and the holes of a run; these need to know how many images."""
    photographs = {"data": params.data.model_dump(mode="json")}
    return photographs, photographs | {"masks": params.masks.model_dump(mode="json")}


def params_file(name: str) -> Path:
    """Returns the params file of a run, or of something that runs share."""
    return paths.RUN_PARAMS / f"{name}.yaml"


@contextmanager
def making(what: str, name: str) -> Iterator[dict[str, Any]]:
    """Yields the params of something shared while no other process makes it; a `UserError` ends the process."""
    lock = paths.state() / "locks" / f"{what}-{name}.lock"
    try:
        values = _load(params_file(f"{what}-{name}"))
        with alone(lock, f"{what}: another process makes {name}; waiting for it to end"):
            yield values
    except UserError as error:
        print(f"{what}: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def _load(file: Path) -> dict[str, Any]:
    try:
        return dict(YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror}); `repro plan STUDY` writes it") from None
