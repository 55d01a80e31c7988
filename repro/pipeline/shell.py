"""What every stage does around its one function: params first, one at a time, errors that can be read.

Nothing heavy is imported here, so that a bad value is refused before torch has even started to load.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from repro import paths
from repro.cases.medfe.params import Params, load_params
from repro.processes import alone, this_process
from repro.refusals import check_file, check_folder, one_message
from repro.storage import hash_json

os.environ.setdefault("GOMP_SPINCOUNT", "1000")
# Threads that wait give way soon: two trainings on two cores otherwise take five times as long, one alone is no slower.


@contextmanager
def stage(name: str, *outputs: Path) -> Iterator[Params]:
    """Yields the checked params of the working tree while no other process runs this stage in it.

    A `dvc` that is killed leaves its stage running; the lock makes a second start wait for it instead of racing it.
    What can be put right ends the process with exit status 2 and one message. Of several processes under `torchrun`,
    which meet the same errors, the first one locks and speaks for all.

    Args:
        name: of the stage.
        outputs: what it writes; that it can be written is tried before the work.
    """
    leads = this_process().leads
    with one_message(name, speaks=leads):
        params = load_params(paths.PARAMS)
        if leads:
            for output in outputs:
                (check_file if output.suffix else check_folder)(output)
        with _only_one(name) if leads else nullcontext():
            yield params


def _only_one(name: str) -> AbstractContextManager[None]:
    tree = hash_json(str(paths.PARAMS.resolve().parent))[:12]
    lock = paths.state() / "locks" / f"{name}-{tree}.lock"
    return alone(lock, f"{name}: another process runs this stage here; waiting for it to end")
