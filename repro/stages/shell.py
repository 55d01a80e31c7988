"""What every stage does around its one function: params first, one at a time, errors that can be read.

Nothing heavy is imported here, so that a bad value is refused before torch has even started to load.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from repro import paths
from repro.errors import UserError
from repro.medfe.params import Params, load_params
from repro.storage import hash_json

os.environ.setdefault("GOMP_SPINCOUNT", "1000")
# Threads that wait give way soon: two trainings on two cores otherwise take five times as long, one alone is no slower.


@contextmanager
def stage(name: str) -> Iterator[Params]:
    """Yields the checked params of the working tree while no other process runs this stage in it.

    A `dvc` that is killed leaves its stage running; the lock makes a second start wait for it instead of racing it.
    A `UserError` ends the process with exit status 2 and its message alone.
    """
    try:
        params = load_params(paths.PARAMS)
        with _only_one(name):
            yield params
    except UserError as error:
        print(f"{name}: {error}", file=sys.stderr)
        raise SystemExit(2) from None


@contextmanager
def _only_one(name: str) -> Iterator[None]:
    tree = hash_json(str(paths.PARAMS.resolve().parent))[:12]
    folder = paths.state() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{name}-{tree}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f"{name}: another process runs this stage here; waiting for it to end", file=sys.stderr)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
