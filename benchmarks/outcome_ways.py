"""Ways to make one number of a training: which weights, at which steps, on which pairs. All on the same training.

Weights: the last ones; their mean over the last steps (SWA) or an exponential one (EMA), with the statistics of the
batch norms averaged alike, or computed anew on training batches. Pairs: all, half of the crops, one of the photographs.

Source: Izmailov et al., Averaging Weights Leads to Wider Optima and Better Generalization (2018), algorithm 1, for the
mean of the weights and new statistics of the batch norms; Wu & Johnson, Rethinking "Batch" in BatchNorm (2021),
section 3, for these alone.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from repro.cases.medfe.evaluation.pairs import Pairs, open_pairs
from repro.cases.medfe.metrics.pixels import mean_over, psnr_db
from repro.cases.medfe.metrics.protocol import to_byte_scale
from repro.cases.medfe.model import Generator
from repro.cases.medfe.params import Params
from repro.cases.medfe.training.batches import TrainingBatches
from repro.cases.medfe.training.step import AdversarialTrainer

EVALUATED: Final = 10
"""Evaluations over the last quarter of the training, evenly spaced, the last one at its end."""
SHARES: Final = (1 / 8, 1 / 4, 1 / 2)
"""Of the training, over which weights are averaged."""
DECAY: Final = 0.9
"""Of the exponential mean, per step."""
CALIBRATED_ON: Final = 16
"""Batches that new statistics of the batch norms are computed on."""
UNTRAINED: Final = "before the first step"
OTHER_PAIRS: Final = "pairs: "
"""Begins the name of an outcome on fewer pairs than the last one has."""
TOGETHER: Final = 32
"""Pairs per forward pass."""

Weights = dict[str, Tensor]
Found = dict[str, tuple[float, float]]
"""By name of the way: the outcome in dB, and processor seconds beyond the training."""


class Ways:
    """One training on one thread, and all outcomes that can be made of it."""

    def __init__(self, params: Params, photographs: Path, holes: Path) -> None:
        self.params, self.pairs = params, open_pairs(photographs, holes)
        self.trainer = AdversarialTrainer(params, torch.device("cpu"))
        region, size = params.loss.local_region, params.training.batch_size
        self.batches = TrainingBatches(photographs, holes, params.augmentation, region, params.seed, size)

    def measure(self) -> tuple[Found, float]:
        """Trains, and returns the outcomes, and the processor seconds of the training alone."""
        steps, generator = self.params.training.steps, self.trainer.generator
        spacing = max(1, steps // 4 // EVALUATED)
        sums: dict[float, Weights] = {}
        moving: Weights = {}
        each: list[tuple[float, float]] = []
        before, training_s = self._time(generator), 0.0
        for step in range(steps):
            started = time.process_time()
            self.trainer.step(self.batches.batch(step), step)
            training_s += time.process_time() - started
            now = generator.state_dict()
            for share in SHARES:
                if step >= steps - round(share * steps):
                    sums[share] = _add(sums.get(share), now)
            moving = _follow(moving, now, max(1 - DECAY, 1 / (step + 1)))
            if (steps - 1 - step) % spacing == 0 and len(each) + (steps - 1 - step) // spacing < EVALUATED:
                each.append(self._time(generator))
        found = {UNTRAINED: before, **dict(self._of_pairs(generator))}
        for count in (3, 5, len(each)):
            values, seconds = zip(*each[-count:], strict=True)
            found[f"mean of the last {count} evaluations, {spacing} steps apart"] = float(np.mean(values)), sum(seconds)
        last = {name: value.clone() for name, value in generator.state_dict().items()}
        found["last weights, new statistics"] = self._of_weights(last, calibrated=True)
        found[f"exponential mean of the weights, {DECAY:g} a step"] = self._of_weights(moving)
        for share, total in sums.items():
            mean = {name: (value / round(share * steps)).to(last[name].dtype) for name, value in total.items()}
            found[f"mean of the weights over the last {share:.0%}"] = self._of_weights(mean)
            found[f"mean of the weights over the last {share:.0%}, new statistics"] = self._of_weights(
                mean, calibrated=True
            )
        return found, training_s

    def _of_pairs(self, generator: Generator) -> Iterator[tuple[str, tuple[float, float]]]:
        started = time.process_time()
        values = hole_psnr(generator, self.pairs).reshape(len(self.pairs.images), -1)
        seconds = time.process_time() - started
        names = np.array(self.pairs.photographs)
        yield "last", (float(values.mean()), seconds)
        yield f"{OTHER_PAIRS}half of the crops", (float(values[::2].mean()), seconds / 2)
        for name in dict.fromkeys(names):
            yield (
                f"{OTHER_PAIRS}{name} alone",
                (float(values[names == name].mean()), seconds * float((names == name).mean())),
            )

    def _of_weights(self, weights: Weights, *, calibrated: bool = False) -> tuple[float, float]:
        started = time.process_time()
        generator = Generator(self.params.model)
        generator.load_state_dict(weights)
        if calibrated:
            self._calibrate(generator)
        return mean_hole_psnr(generator, self.pairs), time.process_time() - started

    @torch.no_grad()
    def _calibrate(self, generator: Generator) -> None:
        """Computes the statistics of the batch norms anew, as plain means over batches that follow the training's."""
        generator.train()
        for norm in generator.modules():
            if isinstance(norm, nn.BatchNorm2d):
                norm.reset_running_stats()
                norm.momentum = None
        for number in range(CALIBRATED_ON):
            batch = self.batches.batch(self.params.training.steps + number)
            generator(batch.image, batch.hole)

    def _time(self, generator: Generator) -> tuple[float, float]:
        started = time.process_time()
        return mean_hole_psnr(generator, self.pairs), time.process_time() - started


def mean_hole_psnr(generator: Generator, pairs: Pairs) -> float:
    """Returns the mean over all pairs of the PSNR over the hole, in dB; the generator stays in its mode."""
    return float(hole_psnr(generator, pairs).mean())


@torch.inference_mode()
def hole_psnr(generator: Generator, pairs: Pairs) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Returns the PSNR over the hole of each pair, in dB, by the protocol of the headline without rounding."""
    trained, found = generator.training, []
    generator.eval()
    for batch in pairs.batches(TOGETHER):
        truth, hole = torch.from_numpy(batch.truth).double(), torch.from_numpy(batch.hole)[:, None]
        raw = to_byte_scale(generator(torch.where(hole, 0, truth / 127.5 - 1).float(), hole).image)
        found.append(psnr_db(mean_over((raw - truth).square(), hole), 255.0))
    generator.train(trained)
    values: np.ndarray[tuple[int], np.dtype[np.float64]] = torch.cat(found).numpy()
    return values


def _add(total: Weights | None, weights: Weights) -> Weights:
    if total is None:
        return {name: value.double().clone() for name, value in weights.items()}
    return {name: value + weights[name] for name, value in total.items()}


def _follow(mean: Weights, weights: Weights, rate: float) -> Weights:
    if not mean:
        return {name: value.clone() for name, value in weights.items()}
    return {
        name: torch.lerp(mean[name], value, rate) if value.is_floating_point() else value.clone()
        for name, value in weights.items()
    }
