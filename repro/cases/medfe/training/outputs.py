"""What a training that has ended leaves on disk: checkpoints, history, samples, record.

Knows nothing of steps and losses.
"""

import shutil
from pathlib import Path
from typing import Any

import pandas as pd

from repro import paths
from repro.cases.medfe.checkpoint import Checkpoint, save_checkpoint
from repro.cases.medfe.losses.vgg import describe_vgg
from repro.cases.medfe.training.trainer import Training
from repro.storage import write_json, written_folder


def write_outputs(training: Training, identity: dict[str, Any], samples: Path, folder: Path, *, half: bool) -> None:
    """Replaces `folder` by what a training has left.

    Args:
        training: has taken its last step.
        identity: params and environment, for the record.
        samples: folder of the sample pictures.
        folder: see `repro.paths.TRAIN`.
        half: whether the checkpoint after half the steps is written too.
    """
    figures = {
        "validation_psnr_hole_db": training.history[-1]["validation_psnr_hole_db"],
        "best_validation_psnr_hole_db": training.best["psnr_db"],
        "best_step": training.best["step"],
    }
    record = identity | {
        "vgg": describe_vgg(training.params.loss),
        "seconds": training.seconds,
        "parameters": sum(parameter.numel() for parameter in training.players.generator.parameters()),
    }
    with written_folder(folder) as partial:
        last = {"step": training.step, "weights": training.weights(), "best": training.best}
        save_checkpoint(partial / paths.CHECKPOINT, _checkpoint(training, last))
        if half:
            assert training.half is not None
            save_checkpoint(partial / paths.HALF, _checkpoint(training, training.half))
        pd.DataFrame(training.history).to_csv(partial / paths.HISTORY, index=False)
        write_json(partial / paths.METRICS, figures)
        write_json(partial / paths.RECORD, record)
        (partial / paths.SAMPLES).mkdir()
        for file in sorted(samples.glob("*.png")):
            shutil.copyfile(file, partial / paths.SAMPLES / file.name)


def _checkpoint(training: Training, moment: dict[str, Any]) -> Checkpoint:
    """Returns the checkpoint of a moment; before the first validation its own weights are the best ones."""
    params, best = training.params, moment["best"]
    validated = best["step"] > 0
    origin = {
        "seed": params.seed,
        "last_step": moment["step"],
        "best_step": best["step"] if validated else moment["step"],
    }
    model = params.model.model_dump(mode="json")
    return Checkpoint(model, origin, moment["weights"], best["weights"] if validated else moment["weights"])
