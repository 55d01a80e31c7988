"""What a GPU asks of the step, as far as a CPU can show it: no value is looked at, layouts and compilers fit."""

from contextlib import nullcontext

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from repro import paths
from repro.audit.ledger.readings import merge_reading
from repro.cases.medfe.devices import check_compiler
from repro.cases.medfe.params import Params
from repro.cases.medfe.training import step as step_module
from repro.cases.medfe.training.batches import Batch
from repro.cases.medfe.training.step import Players, Terms
from repro.errors import UserError
from tiny import TINY, random_batch, tiny_params

CPU, META = torch.device("cpu"), torch.device("meta")
"""Tensors of `meta` have no values: whatever would wait for a GPU to know one fails there."""

RUNS = {
    **{
        reading: merge_reading(paths.ABLATIONS, reading, "laptop") | TINY
        for reading in ("paper", "release", "replication")
    },
    "wgan_gp": {"loss.adv": "wgan_gp", "loss.local_region": "hole_box", "loss.adv_input": "composite_with_mask"},
    "hole_area": {"loss.pixel_form": "hole_area", "model.encoder_convolution": "partial"},
}


class HostCopyError(Exception):
    """A tensor of the host entered the step."""


class NothingFromTheHost(TorchDispatchMode):
    """Refuses tensors of the CPU; numbers are none, and neither are the step counters of an unfused Adam."""

    def __torch_dispatch__(self, function, _types, arguments=(), named=None):
        for leaf in tree_leaves((arguments, named)):
            if isinstance(leaf, torch.Tensor) and leaf.device.type == "cpu" and leaf.dim() > 0:
                raise HostCopyError(str(function))
        return function(*arguments, **(named or {}))


@pytest.fixture
def on_meta(monkeypatch) -> None:
    """Lets the players live on `meta`, which knows no autocast and no fused Adam."""
    adam = step_module.Adam
    monkeypatch.setattr(step_module, "autocast", lambda *_: nullcontext())
    monkeypatch.setattr(step_module, "Adam", lambda weights, **options: adam(weights, **(options | {"fused": False})))


def step_on_meta(params: Params) -> Terms:
    players = Players(params, META)
    batch = Batch(*(item.to(META) for item in random_batch(params)))
    players.step(batch, 0)  # after which what is made once has been made
    with NothingFromTheHost():
        return players.step(batch, 1)


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.usefixtures("on_meta")
def test_no_step_waits_for_the_device(name: str) -> None:
    assert {term.device for term in step_on_meta(tiny_params(RUNS[name])).values()} == {META}


@pytest.mark.usefixtures("on_meta")
@pytest.mark.parametrize(
    ("loss", "error"),
    [
        (lambda output, *_: output.mean() * float(output.mean() > 0), RuntimeError),
        (lambda output, *_: output[output > 0].mean(), Exception),
        (lambda output, *_: (output * torch.ones(1).to(META)).mean(), HostCopyError),
    ],
    ids=["reads a value", "shape depends on values", "copies from the host"],
)
def test_the_check_can_fail(monkeypatch, loss, error: type[Exception]) -> None:
    monkeypatch.setattr(step_module, "pixel_loss", loss)
    with pytest.raises(error):
        step_on_meta(tiny_params())


def step_twice(overrides: dict[str, object]) -> np.ndarray:
    params = tiny_params(overrides)
    players = Players(params, CPU)
    return np.array([list(players.step(random_batch(params), number).values()) for number in range(2)])


def assert_the_same(one: np.ndarray, other: np.ndarray) -> None:
    """Compares two steps; the second one more loosely, as Adam's first step turns rounding into its sign."""
    assert one[0] == pytest.approx(other[0], rel=1e-5)
    assert one[1] == pytest.approx(other[1], rel=1e-2)


def test_channels_last_computes_the_same() -> None:
    assert_the_same(step_twice({"runtime.channels_last": True}), step_twice({}))


@pytest.mark.filterwarnings("ignore:Dynamo detected a call to a `functools.lru_cache`")  # it traces what is inside
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # by the compiler itself
def test_compiled_networks_compute_the_same(monkeypatch) -> None:
    compiled = []

    def compile_eagerly(network, **options):
        compiled.append(type(network).__name__)
        return real(network, backend="eager", **options)

    real = torch.compile
    monkeypatch.setattr(torch, "compile", compile_eagerly)
    monkeypatch.setattr("repro.cases.medfe.training.execution.check_compiler", lambda: None)
    penalised = {"loss.adv": "wgan_gp"}  # its gradients of gradients go around the compiler
    wanted = step_twice(penalised)
    assert not compiled
    assert_the_same(step_twice(penalised | {"runtime.compile": True}), wanted)
    assert sorted(compiled) == ["Discriminators", "Generator", "VggLoss"]
    torch._dynamo.reset()


def test_no_compiler_is_said_in_words(monkeypatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(UserError, match=r"runtime.compile=true, but there is no C\+\+ compiler here"):
        check_compiler()


def losses(precision: str, seed: int, steps: int) -> np.ndarray:
    """Returns (steps, 3): pixel, perceptual and adversarial term of a short training on the same batches."""
    overrides = {
        "runtime.precision": precision,
        "seed": seed,
        "training.steps": steps,
        "optimisation.schedule": "constant",
    }
    params = tiny_params(overrides)
    players = Players(params, CPU)
    names = ("pixel", "perceptual", "adversarial_global")
    rows = [players.step(random_batch(params, number % 4), number) for number in range(steps)]
    return np.array([[float(row[name]) for name in names] for row in rows])


def test_bf16_stays_within_the_noise_of_seeds() -> None:
    steps, seeds = 6, (0, 1, 2)
    exact = np.stack([losses("float32", seed, steps) for seed in seeds])
    rounded = np.stack([losses("bf16", seed, steps) for seed in seeds[:2]])
    noise = exact.std(axis=0, ddof=1).mean(axis=0)
    exact = exact[: len(rounded)]
    assert (rounded != exact).any()
    assert (np.abs(rounded - exact).mean(axis=(0, 1)) < noise).all()
