"""What makes an outcome noisy, and what would make it quieter: `python -m benchmarks.outcome_noise STUDY FILE`.

Trains variants of a study and adds a line to FILE for each, so that a killed measurement goes on and a longer one adds
seeds. `ways` measures every way to make one number of a training (`benchmarks.outcome_ways`) on the same trainings;
`streams` lets one random stream follow the seed while the others stay; `pairs` sets other options beside the baseline,
by the seed they share. `show` prints the tables of what FILE holds.

    python -m benchmarks.outcome_noise ablations/screening.yaml noise.jsonl ways --seeds 12
    python -m benchmarks.outcome_noise ablations/screening.yaml noise.jsonl streams --seeds 8
    python -m benchmarks.outcome_noise ablations/screening.yaml noise.jsonl pairs --with '{"loss.adv": "hinge"}'
    python -m benchmarks.outcome_noise ablations/screening.yaml noise.jsonl show
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import torch

from benchmarks.outcome_tables import show_tables
from benchmarks.outcome_ways import Ways, mean_hole_psnr
from repro import paths
from repro.audit.study.declaration import load_study
from repro.case import Case, load_case
from repro.cases.medfe.evaluation.pairs import open_pairs
from repro.cases.medfe.inputs import make_holes, make_photographs
from repro.cases.medfe.params import Params
from repro.cases.medfe.training.batches import Batch, TrainingBatches
from repro.cases.medfe.training.step import AdversarialTrainer
from repro.storage import hash_json

STREAMS: Final = ("generator", "discriminators", "images", "holes")
"""Of a training: initial weights of either network; order and augmentation of images; masks, regions, mixes."""

LATE: Final = "second half"
"""Images and holes from half of the steps on."""

ROUNDING: Final = "rounding"
"""No stream: the generator's initial weights, each changed by a millionth part of itself."""

GROUPS: Final = {"both networks": ("generator", "discriminators"), "images and holes": ("images", "holes")}
"""Streams that are varied together."""

VARIED: Final = (*STREAMS, *GROUPS, LATE, ROUNDING)
PERTURBATION: Final = 1e-6


class Inputs(NamedTuple):
    """Folders of the prepared photographs and of their holes."""

    photographs: Path
    holes: Path


def main() -> None:
    """Measures, or prints what has been measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path)
    parser.add_argument("file", type=Path)
    parser.add_argument("part", choices=("ways", "streams", "pairs", "show"))
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--with", dest="settings", type=json.loads, default={}, help="JSON: options by dotted key")
    asked = parser.parse_args()
    if asked.part != "show":
        torch.set_num_threads(1)
        measure(asked.study, asked.file, asked.part, asked.seeds, asked.settings)
    print(show_tables([json.loads(line) for line in asked.file.read_text(encoding="utf-8").splitlines()]))


def measure(study: Path, file: Path, part: str, seeds: int, settings: Mapping[str, Any]) -> None:
    """Appends what one part measures and FILE lacks, one line for each training."""
    case = load_case()
    baseline = case.baseline(load_study(study, case.metrics).study)
    known = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    done = {tuple(json.loads(line)[name] for name in ("part", "named", "seed")) for line in known}
    for seed in range(seeds):
        for named in VARIED if part == "streams" else (json.dumps(settings, sort_keys=True),):
            if (part, named, seed) in done:
                continue
            params, inputs = _open(case, baseline, settings, seed)
            line: dict[str, Any] = {"part": part, "named": named, "seed": seed}
            if part == "ways":
                values, line["training_s"] = Ways(params, inputs.photographs, inputs.holes).measure()
                line["values"] = values
            else:
                line["values"] = {"last": train(params, inputs, named if part == "streams" else "")}
            with file.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(line) + "\n")


def train(params: Params, inputs: Inputs, varied: str = "") -> float:
    """Trains and returns the mean hole PSNR over all pairs, in dB.

    Args:
        params: of the run; its seed is that of every stream.
        inputs: of the run.
        varied: of `VARIED`: what follows the seed, while all else has seed 0; empty: all follow it.
    """
    moving = params
    still = params.model_copy(update={"seed": 0}) if varied else moving

    def has_seed(stream: str) -> Params:
        return moving if stream in GROUPS.get(varied, (varied,)) else still

    trainer = AdversarialTrainer(has_seed("generator"), torch.device("cpu"))
    if has_seed("discriminators") is not has_seed("generator"):
        other = AdversarialTrainer(has_seed("discriminators"), torch.device("cpu"))
        trainer.discriminators.load_state_dict(other.discriminators.state_dict())
    if varied == ROUNDING and params.seed:
        _perturb(trainer.generator, params.seed)
    images, holes = (_batches(has_seed(stream), inputs) for stream in ("images", "holes"))
    later = _batches(moving, inputs) if varied == LATE else None
    for step in range(params.training.steps):
        late = 2 * step >= params.training.steps
        trainer.step(later.batch(step) if later is not None and late else _join(images, holes, step), step)
    return mean_hole_psnr(trainer.generator, open_pairs(*inputs))


def _join(images: TrainingBatches, holes: TrainingBatches, step: int) -> Batch:
    """Returns a batch with the images of one seed and the holes of another."""
    return holes.batch(step)._replace(**{name: getattr(images.batch(step), name) for name in ("image", "structure")})


def _batches(params: Params, inputs: Inputs) -> TrainingBatches:
    region, size = params.loss.local_region, params.training.batch_size
    return TrainingBatches(*inputs, params.augmentation, region, params.seed, size)


@torch.no_grad()
def _perturb(network: torch.nn.Module, seed: int) -> None:
    noise = torch.Generator().manual_seed(seed)
    for weight in network.parameters():
        weight.mul_(1 + PERTURBATION * torch.randn(weight.shape, generator=noise))


def _open(case: Case, baseline: Mapping[str, Any], settings: Mapping[str, Any], seed: int) -> tuple[Params, Inputs]:
    """Returns the params of a run and its inputs, which are made where they are missing."""
    params: Params = case.resolve(baseline, settings, seed)
    values = params.model_dump(mode="json")
    root = paths.state() / "outcome_noise" / hash_json([values["data"], values["masks"]])[:12]
    inputs = Inputs(root / "photographs", root / "holes")
    if not inputs.photographs.is_dir():
        make_photographs(values, {}, inputs.photographs)
    if not inputs.holes.is_dir():
        make_holes(values, {"photographs": inputs.photographs}, inputs.holes)
    return params, inputs


if __name__ == "__main__":
    np.seterr(all="raise")
    main()
