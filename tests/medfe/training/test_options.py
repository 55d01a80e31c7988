"""Every option of every detail that the training reads: it trains, and it changes something."""

from typing import Any

import numpy as np
import pytest
import torch

from repro.audit.choice import Detail, show_value, walk_details
from repro.medfe.params import Params
from repro.medfe.training.step import Players
from tiny import random_batch, tiny_params

TRAINED = ("model.", "loss.", "optimisation.")
LATE_STEP = 9
"""Of ten, so that the schedules differ."""


CONTEXT: dict[str, dict[str, Any]] = {
    "model.depth": {"data.image_px": 128},
    "model.spatial_window": {"data.image_px": 192, "model.bilateral_sigma": 96.0},
    "model.mask_update": {"model.mask_to_branch": "nearest"},
    "model.residual_kernel": {"data.image_px": 256},
    "model.residual_dilations": {"data.image_px": 256},
    "model.norm_levels": {"data.image_px": 128},
    "loss.style_layers": {"loss.vgg": "vgg19"},
}
"""What else has to be chosen for a detail to show, beyond its own `only_if`."""


def trained_details() -> list[Detail]:
    return [detail for detail in walk_details(Params) if detail.key.startswith(TRAINED)]


def cases() -> list[Any]:
    return [
        pytest.param(detail, value, id=f"{detail.key}={show_value(value)}")
        for detail in trained_details()
        for value in detail.choice.options
    ]


def with_option(detail: Detail, value: Any) -> Params:
    shown = {"loss.perceptual_weight": 0.1, "loss.style_weight": 1.0, "loss.adv": "ragan"}
    conditions = {key: values[0] for key, values in detail.choice.only_if.items()}
    return tiny_params(shown | conditions | CONTEXT.get(detail.key, {}) | {detail.key: value})


def train_once(params: Params) -> tuple[dict[str, float], torch.Tensor, torch.Tensor]:
    """Returns the terms, and all weights before and after one step; weights are followed by their gradients."""
    players = Players(params, torch.device("cpu"))
    before = torch.cat([item.detach().flatten().clone() for item in players.generator.parameters()])
    terms = players.step(random_batch(params), LATE_STEP)
    after = torch.cat([item.detach().flatten() for item in players.generator.parameters()])
    return {name: float(term) for name, term in terms.items()}, before, after


def fingerprint(params: Params) -> np.ndarray:
    """Returns numbers that differ where two steps differ: terms, gradients and new weights of both players."""
    players = Players(params, torch.device("cpu"))
    batch = random_batch(params)
    numbers = [float(term) for _ in range(2) for term in players.step(batch, LATE_STEP).values()]
    for network in (players.generator, players.discriminators):
        for parameter in network.parameters():
            numbers += [float(parameter.detach().double().norm())]
            numbers += [float(parameter.grad.double().norm())] if parameter.grad is not None else []
    return np.array(numbers)


def differ(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape != other.shape or not np.allclose(one, other, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize(("detail", "value"), cases())
def test_every_option_trains(detail: Detail, value: Any) -> None:
    terms, before, after = train_once(with_option(detail, value))
    assert all(np.isfinite(list(terms.values())))
    assert torch.isfinite(after).all()
    assert not torch.equal(before, after)


@pytest.mark.parametrize("detail", trained_details(), ids=lambda detail: detail.key)
def test_every_option_changes_something(detail: Detail) -> None:
    seen = {value: fingerprint(with_option(detail, value)) for value in detail.choice.options}
    for one, mine in seen.items():
        for other, others in seen.items():
            if one != other and one not in detail.choice.inert and other not in detail.choice.inert:
                assert differ(mine, others), f"{detail.key}: {one} and {other} give the same step"


@pytest.mark.parametrize("detail", [d for d in trained_details() if d.choice.inert], ids=lambda detail: detail.key)
def test_an_inert_option_changes_nothing(detail: Detail) -> None:
    reference = next(value for value in detail.choice.options if value not in detail.choice.inert)
    wanted = train_once(with_option(detail, reference))[0]
    for value in detail.choice.inert:
        assert train_once(with_option(detail, value))[0] == pytest.approx(wanted, rel=1e-4)


def test_the_check_for_a_change_can_fail() -> None:
    same = fingerprint(tiny_params())
    assert not differ(same, fingerprint(tiny_params()))
    assert differ(same, fingerprint(tiny_params({"loss.pixel_weight": 1.001})))
