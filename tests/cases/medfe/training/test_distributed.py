"""Several processes train as one: the same losses and weights, one that dies ends all, and all go on from there."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
import torch
import two_ranks
from ruamel.yaml import YAML
from torch import nn

from prepared_on_disk import write_prepared
from repro import paths
from repro.cases.medfe.checkpoint import load_checkpoint
from repro.cases.medfe.params import Params
from repro.cases.medfe.training import loop
from repro.cases.medfe.training.distributed import GlobalBatchNorm, synchronise_norms
from repro.errors import UserError
from repro.processes import ALONE, Process, this_process
from rounding import HALF_THE_DIGITS, unit_roundoff

ROOT = Path(__file__).parents[4]
LENGTH = {
    "steps": 5,
    "batch_size": 4,
    "log_every_steps": 1,
    "validate_every_steps": 5,
    "checkpoint_every_steps": 1,
}
FLOAT32_TOLERANCE = 2**9 * unit_roundoff(torch.float32)
"""The sums behind a term have up to 2^18 summands, whose roundings go as far as the root of their number."""

BF16_TOLERANCE = 2 * 8 * unit_roundoff(torch.bfloat16)
"""A term or a statistic comes after up to 20 layers of three roundings each, of factors, sums and what follows.

60 roundings go as far as a random walk of 8 does, and there are two walks: sums that are added in another order fall to
the other side now and then.
"""


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def together(tmp_path_factory) -> list[dict]:
    """Returns what each of two processes computed for each variant."""
    folder = tmp_path_factory.mktemp("ranks")
    command = [sys.executable, two_ranks.__file__, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment(), timeout=120)
    assert done.returncode == 0, done.stderr
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


@pytest.mark.parametrize("name", two_ranks.VARIANTS)
def test_two_processes_take_the_steps_of_one(together, name: str) -> None:
    wanted = two_ranks.take_steps(two_ranks.variant_params(name), ALONE)
    mine, others = (one[name] for one in together)
    if name == "bf16":  # gradients are mostly rounding here, and so is what comes after a step
        tolerance, kinds, late = BF16_TOLERANCE, ("terms 0", "statistics"), "adversarial"
    else:
        tolerance, kinds, late = HALF_THE_DIGITS, ("terms 0", "statistics", "gradients", "terms 1"), "none"
    for kind in kinds:
        assert wanted[kind].keys() == mine[kind].keys()
        norms = {key: float(value.norm()) for key, value in wanted[kind].items()}
        least = max(norms.values(), default=0) / 100  # below which a value is zero but for rounding, as before a norm
        for key, value in wanted[kind].items():
            error = float(((mine[kind][key] + others[kind][key]) / 2 - value).norm())
            assert key.startswith(late) or error <= tolerance * max(norms[key], least), f"{kind}: {key}"
    for kind in ("gradients", "weights"):
        assert all(torch.equal(mine[kind][key], others[kind][key]) for key in mine[kind]), "they never drift apart"


@pytest.mark.numerical
def test_a_batch_norm_of_two_processes_is_replaced_wherever_it_stands(monkeypatch) -> None:
    """One process that plays both: what it gathers is its own batch twice, so that the statistics do not change."""
    monkeypatch.setattr("repro.cases.medfe.training.distributed.gather", lambda item: torch.stack([item, item]))
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(3)
    nn.init.normal_(norm.weight)
    network = nn.Sequential(nn.Sequential(norm), norm)
    features = torch.randn(4, 3, 5, 5)
    wanted, state = network(features), {name: value.clone() for name, value in network.state_dict().items()}
    norm.reset_running_stats()
    synchronise_norms(network)
    assert isinstance(network[1], GlobalBatchNorm)
    assert network[0][0] is network[1]
    assert torch.allclose(network(features), wanted, atol=1e-5)
    assert torch.allclose(network[1].running_mean, state["1.running_mean"], atol=1e-6)
    ratio = network[1].running_var / state["1.running_var"]
    assert ratio.tolist() == pytest.approx([1.0] * 3, rel=1e-2), "only the correction of the variance differs"
    assert network.eval()(features).shape == wanted.shape


def test_a_batch_that_cannot_be_shared_is_refused(tmp_path, monkeypatch) -> None:
    for name, value in {"RANK": "0", "WORLD_SIZE": "3", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "3"}.items():
        monkeypatch.setenv(name, value)
    assert this_process() == Process(0, 3, 0, 3)
    with pytest.raises(UserError, match=r"training.batch_size=4 cannot be shared by 3 processes"):
        loop.train(two_ranks.variant_params("ragan"), tmp_path, tmp_path, tmp_path / "run", tmp_path / "states")


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> tuple[Path, Params]:
    root = tmp_path_factory.mktemp("project")
    params, photographs, masks = write_prepared(root / "made")
    params = params.model_copy(update={"training": params.training.model_copy(update=LENGTH)})
    for made, place in ((photographs, paths.PREPARED), (masks, paths.MASKS)):
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        made.rename(root / place)
    YAML().dump(params.resolved(), root / paths.PARAMS)
    return root, params


def start(root: Path) -> subprocess.Popen[str]:
    """Starts `torchrun` on the stage."""
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    with (root / "log").open("w") as log:
        return subprocess.Popen([*launch, "-m", "repro.pipeline.train"], cwd=root, stderr=log, env=environment())


def wait_for(root: Path, process: subprocess.Popen[str], pattern: str) -> None:
    for _ in range(600):
        if list(root.glob(pattern)) or process.poll() is not None:
            break
        time.sleep(0.05)
    assert process.poll() is None, (root / "log").read_text()


@pytest.mark.whole
def test_torchrun_ends_with_one_line_when_a_process_dies_and_goes_on(project) -> None:
    root, params = project
    first = start(root)
    wait_for(root, first, ".repro/training/*.pt")
    ranks = {child.environ().get("RANK"): child for child in psutil.Process(first.pid).children()}
    os.kill(ranks["1"].pid, signal.SIGKILL)
    assert first.wait(60) != 0
    log = (root / "log").read_text()
    assert log.count("train: a process of this training was ended; the same command goes on from the last") == 1, log
    assert not (root / paths.TRAIN).exists()

    assert start(root).wait(120) == 0, (root / "log").read_text()
    assert (root / "log").read_text().count("resumed at step") == 1
    history = pd.read_csv(root / paths.TRAIN / paths.HISTORY)
    loop.train(params, root / paths.PREPARED, root / paths.MASKS, root / "one", root / "states")
    wanted = pd.read_csv(root / "one" / paths.HISTORY)
    assert list(history.columns) == list(wanted.columns)
    late = [column for column in wanted if column.startswith(("adversarial", "total"))]  # meet updated discriminators
    first, alone = (table.drop(columns=late).iloc[0].to_numpy() for table in (history, wanted))
    assert first == pytest.approx(alone, rel=FLOAT32_TOLERANCE, nan_ok=True)
    assert history.to_numpy() == pytest.approx(wanted.to_numpy(), rel=3e-2, abs=1e-3, nan_ok=True)
    both = [load_checkpoint(folder / paths.CHECKPOINT).last for folder in (root / paths.TRAIN, root / "one")]
    assert both[0].keys() == both[1].keys()
    assert np.isfinite(history["total"]).all()
