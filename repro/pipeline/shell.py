"""What every stage does around its one function: params first, one at a time, errors that can be read.

Nothing heavy is imported here, so that a bad value is refused before torch has even started to load.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from repro import paths
from repro.cases.medfe.params import Params, load_params
from repro.errors import UserError
from repro.processes import alone, this_process
from repro.storage import hash_json

os.environ.setdefault("GOMP_SPINCOUNT", "1000")
# Threads that wait give way soon: two trainings on two cores otherwise take five times as long, one alone is no slower.


@contextmanager
def stage(name: str) -> Iterator[Params]:
    """Yields the checked params of the working tree while no other process runs this stage in it.

    A `dvc` that is killed leaves its stage running; the lock makes a second start wait for it instead of racing it.
    A `UserError` ends the process with exit status 2 and its message alone. Of several processes under `torchrun`,
    which meet the same errors, the first one locks and speaks for all.
    """
    leads = this_process().leads
    try:
        params = load_params(paths.PARAMS)
        with _only_one(name) if leads else nullcontext():
            yield params
    except UserError as error:
        if leads:
            print(f"{name}: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def _only_one(name: str) -> AbstractContextManager[None]:
    tree = hash_json(str(paths.PARAMS.resolve().parent))[:12]
    lock = paths.state() / "locks" / f"{name}-{tree}.lock"
    return alone(lock, f"{name}: another process runs this stage here; waiting for it to end")
