"""The trained model, evaluated: a checkpoint becomes a function that fills holes."""

from pathlib import Path

from torch import Tensor

from repro import paths
from repro.cases.medfe.checkpoint import load_generator
from repro.cases.medfe.devices import set_up_device
from repro.cases.medfe.evaluation.fills import evaluate_fill
from repro.cases.medfe.evaluation.pairs import open_pairs
from repro.cases.medfe.evaluation.tables import read_table
from repro.cases.medfe.params.evaluation import EvaluationParams
from repro.cases.medfe.params.runtime import RuntimeParams


def evaluate_model(
    checkpoint: Path,
    prepared: Path,
    masks: Path,
    baselines: Path,
    params: EvaluationParams,
    runtime: RuntimeParams,
    folder: Path,
) -> None:
    """Writes the files of `evaluate_fill` for a checkpoint.

    The network runs in float32, also if it was trained under autocast: one protocol for all variants.

    Args:
        checkpoint: of the training.
        prepared: folder of the images.
        masks: folder of the holes.
        baselines: folder that `evaluate_baselines` wrote.
        params: checkpoint to take and headline protocol.
        runtime: where the network runs.
        folder: is replaced once everything has been computed.

    Raises:
        UserError: there is no GPU where one is asked for, the holes were made for other images, or the model fills
            with values that are not finite.
    """
    device = set_up_device(runtime)
    generator = load_generator(checkpoint, params.checkpoint).to(device).eval()

    def fill(image: Tensor, hole: Tensor) -> Tensor:
        filled: Tensor = generator(image, hole).image
        return filled

    evaluate_fill(fill, open_pairs(prepared, masks), read_table(baselines / paths.IMAGES), params, device, folder)
