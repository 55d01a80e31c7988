"""A training from params to files: locked, resumed where it was left, in one process or in several.

Of equal trainings that are started at once one runs; the others wait for it and then take their own turn.
"""

import shutil
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pandas as pd

from repro import paths
from repro.cases.medfe.checkpoint import Checkpoint, save_checkpoint
from repro.cases.medfe.devices import describe_environment, set_up_device
from repro.cases.medfe.losses.vgg import describe_vgg
from repro.cases.medfe.params import Params
from repro.cases.medfe.training.distributed import process_group
from repro.cases.medfe.training.progress import training_progress
from repro.cases.medfe.training.trainer import Trainer
from repro.cases.medfe.training.training_state import Half, TrainingStateFile, resume_key
from repro.checksums import CHECKSUMS
from repro.errors import DivergedError, UserError
from repro.processes import Process, alone, this_process
from repro.storage import write_json, written_folder

CODE = Path(__file__).parents[1]
"""All code of this case: a resumed training must not go on with other code."""


def train(params: Params, prepared: Path, masks: Path, folder: Path, states: Path, *, half: bool = False) -> None:
    """Trains the variant of `params` and writes checkpoint, history, samples and record into `folder`.

    Under `torchrun` its processes train together, each on its rows of every batch; they read the same files, and the
    first one writes.

    Args:
        params: the whole tree.
        prepared: photographs and structure targets, see `repro.cases.medfe.data`.
        masks: hole masks, see `repro.cases.medfe.masks`.
        folder: replaced when the training is over, not before.
        states: where the state of an interrupted training is kept.
        half: whether the checkpoint at train fraction 0.5 is written too.

    Raises:
        UserError: the batch cannot be shared by the processes; see `Trainer.run`, `make_vgg_loss` and
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
    key = resume_key(identity, [prepared / CHECKSUMS, masks / CHECKSUMS, *sorted(CODE.rglob("*.py"))])
    waiting = "train: the same training runs in another process; waiting for it"
    with alone(states / f"{key}.lock", waiting) if process.leads else nullcontext(), process_group(process, device):
        state, samples = TrainingStateFile(states, key, leads=process.leads), states / f"{key}.samples"
        trainer = state.resume(lambda: Trainer(params, prepared, masks, device, process))
        try:
            with training_progress(params.training.steps, trainer.step, shown=process.leads) as tick:
                trainer.run(state, samples, tick)
            if process.leads:
                write_outputs(trainer, identity, samples, folder, half=half)
        except DivergedError:
            _forget(state, samples, process)
            raise
        _forget(state, samples, process)


def write_outputs(trainer: Trainer, identity: dict[str, Any], samples: Path, folder: Path, *, half: bool) -> None:
    """Replaces `folder` by checkpoints, history, samples and record of a training that has ended.

    Args:
        trainer: has taken its last step.
        identity: params and environment, for the record.
        samples: folder of the sample pictures.
        folder: see `repro.paths.TRAIN`.
        half: whether the checkpoint at train fraction 0.5 is written too.
    """
    figures = {
        "validation_psnr_hole_db": trainer.history[-1]["validation_psnr_hole_db"],
        "best_validation_psnr_hole_db": trainer.best["psnr_db"],
        "best_step": trainer.best["step"],
    }
    record = identity | {
        "vgg": describe_vgg(trainer.params.loss),
        "seconds": trainer.seconds,
        "parameters": sum(parameter.numel() for parameter in trainer.adversarial.generator.parameters()),
    }
    with written_folder(folder) as partial:
        last: Half = {"step": trainer.step, "weights": trainer.weights(), "best": trainer.best}
        save_checkpoint(partial / paths.CHECKPOINT, _checkpoint(trainer, last))
        if half:
            assert trainer.half is not None
            save_checkpoint(partial / paths.HALF, _checkpoint(trainer, trainer.half))
        pd.DataFrame(trainer.history).to_csv(partial / paths.HISTORY, index=False)
        write_json(partial / paths.METRICS, figures)
        write_json(partial / paths.RECORD, record)
        (partial / paths.SAMPLES).mkdir()
        for file in sorted(samples.glob("*.png")):
            shutil.copyfile(file, partial / paths.SAMPLES / file.name)


def _checkpoint(trainer: Trainer, moment: Half) -> Checkpoint:
    """Returns the checkpoint of a moment; before the first validation its own weights are the best ones."""
    params, best = trainer.params, moment["best"]
    validated = best["step"] > 0
    origin = {
        "seed": params.seed,
        "last_step": moment["step"],
        "best_step": best["step"] if validated else moment["step"],
    }
    model = params.model.model_dump(mode="json")
    return Checkpoint(model, origin, moment["weights"], best["weights"] if validated else moment["weights"])


def _forget(state: TrainingStateFile, samples: Path, process: Process) -> None:
    """Removes what a training that has ended would have been resumed from."""
    if process.leads:
        state.remove()
        shutil.rmtree(samples, ignore_errors=True)
