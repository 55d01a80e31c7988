"""The training loop: step, log, validate, checkpoint; killed anywhere, it goes on to the same bits."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from filelock import FileLock, Timeout

from repro.errors import UserError
from repro.medfe.checkpoint import Checkpoint, save_checkpoint
from repro.medfe.devices import describe_environment, set_up_device
from repro.medfe.losses.vgg import describe_vgg
from repro.medfe.params import Params
from repro.medfe.training.batches import TrainingBatches
from repro.medfe.training.progress import training_progress
from repro.medfe.training.resume import ResumeState, pack_players, resume_key, unpack_players
from repro.medfe.training.step import Players, Terms
from repro.medfe.training.validation import Validation, open_validation
from repro.storage import write_json, written_folder

CODE = Path(__file__).parents[1]
"""Code that a training depends on: a resumed one must not go on with other code."""

Row = dict[str, float]
Tick = Callable[[int, Row], None]


class Training:
    """One variant and seed, from its first step or from where it was left."""

    def __init__(self, params: Params, prepared: Path, masks: Path, device: torch.device) -> None:
        self.params, self.device = params, device
        self.players = Players(params, device)
        self.batches = TrainingBatches(
            prepared, masks, params.augmentation, params.loss.local_region, params.seed, params.training.batch_size
        )
        self.validation: Validation = open_validation(prepared, masks, device)
        self.step = 0
        self.seconds = 0.0
        self.history: list[Row] = []
        self.best: dict[str, Any] = {"step": 0, "psnr_db": float("-inf"), "weights": {}}
        self._sums: Terms = {}

    def run(self, state: ResumeState, samples: Path, tick: Tick) -> None:
        """Trains to the end.

        Raises:
            UserError: a term is no longer finite.
        """
        training = self.params.training
        started = time.monotonic() - self.seconds
        while self.step < training.steps:
            terms = self.players.step(self.batches.batch(self.step).to(self.device), self.step)
            self._sums = {name: self._sums.get(name, 0) + term for name, term in terms.items()}
            self.step += 1
            ended = self.step == training.steps
            if ended or self.step % training.log_every_steps == 0:
                tick(self.step, self._log())
            if ended or self.step % training.validate_every_steps == 0:
                self._validate(samples)
            self.seconds = time.monotonic() - started
            if ended or self.step % training.checkpoint_every_steps == 0:
                state.save(self.pack())

    def _log(self) -> Row:
        before = self.history[-1]["step"] if self.history else 0
        row = {"step": self.step} | {name: float(term) / (self.step - before) for name, term in self._sums.items()}
        broken = [name for name, value in row.items() if not torch.isfinite(torch.tensor(value))]
        if broken:
            raise UserError(
                f"the training diverged at step {self.step}: {', '.join(broken)} is no longer finite\n"
                "  try a lower optimisation.learning_rate; the variant is recorded as it is in params.yaml"
            )
        self._sums = {}
        self.history.append(row)
        return row

    def _validate(self, samples: Path) -> None:
        generator, precision = self.players.generator, self.params.runtime.precision
        psnr = self.validation.psnr_db(generator, self.params.training.batch_size, precision)
        if self.history and self.history[-1]["step"] == self.step:
            self.history[-1]["validation_psnr_hole_db"] = psnr
        if psnr > self.best["psnr_db"]:
            weights = {name: value.detach().cpu().clone() for name, value in generator.state_dict().items()}
            self.best = {"step": self.step, "psnr_db": psnr, "weights": weights}
        file = samples / f"step_{self.step:07d}.png"
        self.validation.write_samples(generator, self.params.model.hole_fill, precision, file)

    def pack(self) -> dict[str, Any]:
        """Returns all that the rest of the training depends on; random streams follow from the step."""
        kept = {"step": self.step, "seconds": self.seconds, "history": self.history, "best": self.best}
        return kept | {"sums": self._sums, "players": pack_players(self.players)}

    def unpack(self, state: dict[str, Any]) -> None:
        """Goes back to a packed state."""
        unpack_players(self.players, state["players"])
        self.step, self.seconds, self.history = state["step"], state["seconds"], state["history"]
        self.best = state["best"]
        self._sums = {name: term.to(self.device) for name, term in state["sums"].items()}


def train(params: Params, prepared: Path, masks: Path, folder: Path, states: Path) -> None:
    """Trains the variant of `params` and writes checkpoint, history, samples and record into `folder`.

    Args:
        params: the whole tree.
        prepared: photographs and structure targets, see `repro.medfe.data`.
        masks: hole masks, see `repro.medfe.masks`.
        folder: replaced when the training is over, not before.
        states: where resume states are kept.

    Raises:
        UserError: see `Training.run`, `make_vgg_loss` and `set_up_device`.
    """
    device = set_up_device(params.runtime)
    environment = describe_environment(device)
    relevant = {name: value for name, value in params.resolved().items() if name != "evaluation"}
    key = resume_key({"params": relevant, "environment": environment}, [prepared, masks, *sorted(CODE.rglob("*.py"))])
    state = ResumeState(states, key)
    with _alone(states / f"{key}.lock"):
        training = Training(params, prepared, masks, device)
        saved = state.load()
        if saved is not None:
            training.unpack(saved)
        samples = states / f"{key}.samples"
        with training_progress(params.training.steps, training.step) as tick:
            training.run(state, samples, tick)
        _write_outputs(training, environment, samples, folder)
        state.remove()
        shutil.rmtree(samples, ignore_errors=True)


def _write_outputs(training: Training, environment: dict[str, Any], samples: Path, folder: Path) -> None:
    params = training.params
    trained = {name: value for name, value in params.resolved().items() if name != "evaluation"}
    last = {name: value.detach().cpu() for name, value in training.players.generator.state_dict().items()}
    figures = {
        "validation_psnr_hole_db": training.history[-1]["validation_psnr_hole_db"],
        "best_validation_psnr_hole_db": training.best["psnr_db"],
        "best_step": training.best["step"],
    }
    with written_folder(folder) as partial:
        origin = {"seed": params.seed, "last_step": training.step, "best_step": training.best["step"]}
        model = params.model.model_dump(mode="json")
        save_checkpoint(partial / "checkpoint.pt", Checkpoint(model, origin, last, training.best["weights"]))
        pd.DataFrame(training.history).to_csv(partial / "history.csv", index=False)
        write_json(partial / "metrics.json", figures)
        record = {
            "params": trained,
            "environment": environment,
            "vgg": describe_vgg(params.loss),
            "seconds": training.seconds,
            "parameters": sum(parameter.numel() for parameter in training.players.generator.parameters()),
        }
        write_json(partial / "record.json", record)
        (partial / "samples").mkdir()
        for file in sorted(samples.glob("*.png")):
            shutil.copyfile(file, partial / "samples" / file.name)


def _alone(lock: Path) -> FileLock:
    """Returns the lock of a training; says so where another process holds it, and waits."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    held = FileLock(lock)
    try:
        held.acquire(timeout=0)
    except Timeout:
        print("train: the same training runs in another process; waiting for it", flush=True)
    else:
        held.release()
    return held
