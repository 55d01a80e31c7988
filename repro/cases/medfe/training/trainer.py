"""The trainer: step, log, validate, checkpoint; resumed from any checkpoint, it goes on to the same bits.

In memory it keeps the history, the weights with the best validation PSNR and, for the audit's effect of the train
fraction, those after half the steps.
"""

import math
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import torch
from torch import Tensor

from repro.cases.medfe.checkpoint import check_weights
from repro.cases.medfe.params import Params
from repro.cases.medfe.training.batches import TrainingBatches
from repro.cases.medfe.training.distributed import gather
from repro.cases.medfe.training.execution import memory_format
from repro.cases.medfe.training.prefetch import open_prefetcher
from repro.cases.medfe.training.step import AdversarialTrainer, Terms, training_seed
from repro.cases.medfe.training.training_state import Best, Half, TrainingState, TrainingStateFile
from repro.cases.medfe.training.validation import Validation, open_validation
from repro.errors import DivergedError
from repro.processes import ALONE, Process

Row = dict[str, float]
Tick = Callable[[int, Row], None]
Weights = dict[str, Tensor]


class Trainer:
    """Trains one variant with one seed, from its first step or from where it was left."""

    def __init__(
        self, params: Params, prepared: Path, masks: Path, device: torch.device, process: Process = ALONE
    ) -> None:
        self.params, self.device, self.process = params, device, process
        self.adversarial = AdversarialTrainer(params, device, process)
        batch_size, seed = params.training.batch_size, training_seed(params)
        self.batches = TrainingBatches(
            prepared, masks, params.augmentation, params.loss.local_region, seed, batch_size, process
        )
        self.validation: Validation = open_validation(prepared, masks, device)
        self.step = 0
        self.seconds = 0.0
        self.history: list[Row] = []
        self.best: Best = {"step": 0, "psnr_db": float("-inf"), "weights": {}}
        self.half: Half | None = None
        self._sums: Terms = {}

    def run(self, state: TrainingStateFile, samples: Path, tick: Tick) -> None:
        """Trains to the end; of several processes the first one validates and keeps the state.

        Raises:
            DivergedError: a term is no longer finite.
        """
        training, leads = self.params.training, self.process.leads
        started = time.monotonic() - self.seconds
        with closing(open_prefetcher(self.batches, self.device, memory_format(self.params.runtime))) as prefetcher:
            while self.step < training.steps:
                terms = self.adversarial.step(prefetcher.batch(self.step), self.step)
                self._sums = {name: self._sums.get(name, 0) + term for name, term in terms.items()}
                self.step += 1
                if self._is_due(training.log_every_steps):
                    tick(self.step, self._log())
                if leads and self._is_due(training.validate_every_steps):
                    self._validate(samples)
                if leads and self.step == half_of(training.steps):
                    self.half = {"step": self.step, "weights": self.weights(), "best": self.best}
                self.seconds = time.monotonic() - started
                if leads and self._is_due(training.checkpoint_every_steps) and self.step < training.steps:
                    state.save(self.pack())

    def weights(self) -> Weights:
        """Returns a copy of the generator's weights, on the CPU."""
        return {name: value.detach().cpu().clone() for name, value in self.adversarial.generator.state_dict().items()}

    def _is_due(self, every_steps: int) -> bool:
        return self.step % every_steps == 0 or self.step == self.params.training.steps

    def _log(self) -> Row:
        before = self.history[-1]["step"] if self.history else 0
        sums = torch.stack(list(self._sums.values()))
        if self.process.ranks > 1:
            sums = gather(sums).mean(0)
        row: Row = {"step": self.step}
        row |= {name: total / (self.step - before) for name, total in zip(self._sums, sums.tolist(), strict=True)}
        broken = [name for name, value in row.items() if not math.isfinite(value)]
        if broken:
            raise DivergedError(
                f"the training diverged at step {self.step}: {', '.join(broken)} is no longer finite\n"
                "  try a lower optimisation.learning_rate; the variant is recorded as it is in params.yaml"
            )
        self._sums = {}
        self.history.append(row)
        return row

    def _validate(self, samples: Path) -> None:
        generator, precision = self.adversarial.generator, self.params.runtime.precision
        psnr = self.validation.psnr_db(generator, self.params.training.batch_size, precision)
        if self.history and self.history[-1]["step"] == self.step:
            self.history[-1]["validation_psnr_hole_db"] = psnr
        if psnr > self.best["psnr_db"]:
            self.best = {"step": self.step, "psnr_db": psnr, "weights": self.weights()}
        file = samples / f"step_{self.step:07d}.png"
        self.validation.write_samples(generator, self.params.model.hole_fill, precision, file)

    def pack(self) -> TrainingState:
        """Returns all that the rest of the training depends on."""
        return {
            "step": self.step,
            "seconds": self.seconds,
            "history": self.history,
            "best": self.best,
            "half": self.half,
            "adversarial": self.adversarial.pack(),
        }

    def unpack(self, state: TrainingState) -> None:
        """Goes back to a packed state.

        Raises:
            ValueError: it is not one of this training; the trainer may then hold some of it.
        """
        own, steps = self.adversarial.generator.state_dict(), self.params.training.steps
        half = [] if state["half"] is None else [state["half"], state["half"]["best"]]
        for moment in (state["best"], *half):
            if moment["weights"]:  # there are none before the first validation
                check_weights(moment["weights"], own)
        if not 0 < state["step"] <= steps or (state["half"] is None) != (state["step"] < half_of(steps)):
            raise ValueError(f"step {state['step']} is none of this training of {steps} steps, or its half is missing")
        self.adversarial.unpack(state["adversarial"])
        self.step, self.seconds, self.history = state["step"], state["seconds"], state["history"]
        self.best, self.half = state["best"], state["half"]


def half_of(steps: int) -> int:
    """Returns half of a number of steps, 1 at least."""
    return max(1, steps // 2)
