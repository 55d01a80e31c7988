"""A training from params to files: locked, resumed where it was left, alone or by several processes.

Params and prepared folders flow in, one folder of results flows out. Knows nothing of steps and losses.
"""

import shutil
from contextlib import nullcontext
from pathlib import Path

from repro.cases.medfe.devices import describe_environment, set_up_device
from repro.cases.medfe.params import Params
from repro.cases.medfe.training.distributed import joined
from repro.cases.medfe.training.outputs import write_outputs
from repro.cases.medfe.training.progress import training_progress
from repro.cases.medfe.training.trainer import Training
from repro.cases.medfe.training.training_state import ResumeState, resume_key
from repro.errors import DivergedError, UserError
from repro.processes import Process, alone, this_process

CODE = Path(__file__).parents[1]
"""Code that a training depends on: a resumed one must not go on with other code."""


def train(params: Params, prepared: Path, masks: Path, folder: Path, states: Path, *, half: bool = False) -> None:
    """Trains the variant of `params` and writes checkpoint, history, samples and record into `folder`.

    Under `torchrun` its processes train together, each on its rows of every batch; they read the same files, and the
    first one writes.

    Args:
        params: the whole tree.
        prepared: photographs and structure targets, see `repro.cases.medfe.data`.
        masks: hole masks, see `repro.cases.medfe.masks`.
        folder: replaced when the training is over, not before.
        states: where resume states are kept.
        half: whether the checkpoint after half the steps is written too.

    Raises:
        UserError: the batch cannot be shared by the processes; see `Training.run`, `make_vgg_loss` and
            `set_up_device`.
    """
    process = this_process()
    if params.training.batch_size % process.ranks:
        raise UserError(
            f"training.batch_size={params.training.batch_size} cannot be shared by {process.ranks} processes; "
            "take a multiple of their number, or other processes"
        )
    device = set_up_device(params.runtime, process)
    trained = {name: value for name, value in params.resolved().items() if name != "evaluation"}
    identity = {"params": trained, "environment": describe_environment(device) | {"processes": process.ranks}}
    key = resume_key(identity, [prepared, masks, *sorted(CODE.rglob("*.py"))])
    waiting = "train: the same training runs in another process; waiting for it"
    with alone(states / f"{key}.lock", waiting) if process.leads else nullcontext(), joined(process, device):
        training = Training(params, prepared, masks, device, process)
        state, samples = ResumeState(states, key), states / f"{key}.samples"
        saved = state.load()
        if saved is not None:
            training.unpack(saved)
        try:
            with training_progress(params.training.steps, training.step, shown=process.leads) as tick:
                training.run(state, samples, tick)
            if process.leads:
                write_outputs(training, identity, samples, folder, half=half)
        except DivergedError:
            _forget(state, samples, process)
            raise
        _forget(state, samples, process)


def _forget(state: ResumeState, samples: Path, process: Process) -> None:
    """Removes what a training that is over would have been resumed from."""
    if process.leads:
        state.remove()
        shutil.rmtree(samples, ignore_errors=True)
