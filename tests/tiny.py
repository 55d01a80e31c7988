"""The plainest reading of the paper, shrunk to a size at which a test can train it."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from ruamel.yaml import YAML

from repro import paths
from repro.audit.ledger.readings import merge_reading
from repro.audit.ledger.values import override_values
from repro.cases.medfe.params import Params
from repro.cases.medfe.training.batches import Batch, place_region

PARAMS_FILE = Path(__file__).parent.parent / "params.yaml"

TINY = {
    "model.base_width": 4,
    "model.stream_layers": 2,
    "loss.vgg_width": 0.0625,
    "training.steps": 10,
    "training.batch_size": 2,
    "runtime.threads": 1,
}


def tiny_values(overrides: dict[str, Any] | None = None) -> dict[str, Any]:
    """Returns the nested values of the reading `paper`, shrunk, with overrides under dotted keys."""
    values = YAML(typ="safe", pure=True).load(PARAMS_FILE.read_text())
    override_values(values, merge_reading(paths.ABLATIONS, "paper", "laptop") | {"seed": 0} | TINY | (overrides or {}))
    return values


def tiny_params(overrides: dict[str, Any] | None = None) -> Params:
    """Returns `tiny_values` as the checked tree."""
    return Params.model_validate(tiny_values(overrides))


def random_batch(params: Params, seed: int = 0) -> Batch:
    """Returns a batch of smooth noise with a hole of irregular shape in each image."""
    generator = torch.Generator().manual_seed(seed)
    size, count = params.data.image_px, params.training.batch_size

    def smooth(channels: int) -> torch.Tensor:
        coarse = torch.rand(count, channels, 9, 9, generator=generator) * 2 - 1
        return torch.nn.functional.interpolate(coarse, size=(size, size), mode="bilinear", align_corners=False)

    hole = smooth(1) > 0.3
    rng = np.random.default_rng(seed)
    return Batch(
        smooth(3).clamp(-1, 1),
        smooth(3).clamp(-1, 1),
        hole,
        torch.tensor([place_region(item[0].numpy(), params.loss.local_region, rng) for item in hole]),
        torch.rand(count, 1, 1, 1, generator=generator),
    )
