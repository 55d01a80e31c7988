"""Every option of every detail that the training reads: it trains, and it changes something."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from idle_details import Idle, find_active, idle_details

from repro.audit.ledger.choice import Detail, walk_details
from repro.audit.ledger.conditions import find_disabling
from repro.cases.medfe.params import Params
from repro.cases.medfe.training.step import AdversarialTrainer
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
SHOWN = {"loss.perceptual_weight": 0.1, "loss.style_weight": 1.0, "loss.adv": "ragan"}


def trained_details() -> list[Detail]:
    return [detail for detail in walk_details(Params) if detail.key.startswith(TRAINED)]


def with_option(detail: Detail, value: Any) -> Params:
    conditions = {key: values[0] for key, values in detail.choice.only_if.items()}
    params = tiny_params(SHOWN | conditions | CONTEXT.get(detail.key, {}) | {detail.key: value})
    assert find_disabling(detail.choice, params.value) is None
    return params


def find_active_in_training(idle: Idle) -> str:
    context = {name: value for key in idle.first for name, value in CONTEXT.get(key, {}).items()}

    def result(settings: Mapping[str, Any]) -> np.ndarray:
        return train(tiny_params(SHOWN | context | dict(settings))).weights

    return find_active(idle, result, lambda one, other: not differ(one, other))


class Trained(NamedTuple):
    """What two steps gave.

    Attributes:
        terms: of the first step.
        moved: whether the generator has other weights afterwards.
        fingerprint: numbers that differ where two steps differ: terms, and gradients and new weights of all networks.
    """

    terms: dict[str, float]
    moved: bool
    fingerprint: np.ndarray
    weights: np.ndarray
    """Of the generator afterwards."""


@cache
def train(params: Params) -> Trained:
    """Takes two steps; options that are the same params take them once."""
    trainer, batch = AdversarialTrainer(params, torch.device("cpu")), random_batch(params)
    before = torch.cat([item.detach().flatten() for item in trainer.generator.parameters()])
    terms = [{name: float(term) for name, term in trainer.step(batch, LATE_STEP).items()} for _ in range(2)]
    after = torch.cat([item.detach().flatten() for item in trainer.generator.parameters()])
    numbers = [term for step in terms for term in step.values()]
    for network in (trainer.generator, trainer.discriminators):
        for parameter in network.parameters():
            numbers += [float(parameter.detach().double().norm())]
            numbers += [float(parameter.grad.double().norm())] if parameter.grad is not None else []
    return Trained(terms[0], not torch.equal(before, after), np.array(numbers), after.numpy())


def differ(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape != other.shape or not np.allclose(one, other, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("detail", trained_details(), ids=lambda detail: detail.key)
def test_every_option_trains_and_changes_something(detail: Detail) -> None:
    seen = {value: train(with_option(detail, value)) for value in detail.choice.options}
    for one, mine in seen.items():
        assert np.isfinite(mine.fingerprint).all(), f"{detail.key}: {one} does not train"
        assert mine.moved, f"{detail.key}: {one} moves nothing"
        for other, others in seen.items():
            if one != other and one not in detail.choice.inert and other not in detail.choice.inert:
                same = not differ(mine.fingerprint, others.fingerprint)
                assert not same, f"{detail.key}: {one} and {other} give the same step"


@pytest.mark.parametrize("detail", [d for d in trained_details() if d.choice.inert], ids=lambda detail: detail.key)
def test_an_inert_option_changes_nothing(detail: Detail) -> None:
    reference = next(value for value in detail.choice.options if value not in detail.choice.inert)
    wanted = train(with_option(detail, reference)).terms
    for value in detail.choice.inert:
        assert train(with_option(detail, value)).terms == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("idle", list(idle_details(trained_details())), ids=str)
def test_a_detail_without_effect_has_none(idle: Idle) -> None:
    assert not find_active_in_training(idle)


def test_a_forgotten_option_is_found() -> None:
    details = {detail.key: detail for detail in trained_details()}
    adv, steps = details["loss.adv"], details["optimisation.critic_steps"]
    all_but_one = tuple(option for option in adv.choice.options if option not in ("hinge", "none"))
    forgetful = replace(steps, choice=replace(steps.choice, unless={}, only_if={"loss.adv": all_but_one}))
    found = {str(idle): find_active_in_training(idle) for idle in idle_details([adv, forgetful])}
    assert found["loss.adv=none"] == ""
    assert found["loss.adv=hinge"].startswith("optimisation.critic_steps: has an effect with loss.adv=hinge")


def test_the_check_for_a_change_can_fail() -> None:
    same = train(tiny_params()).fingerprint
    assert not differ(same, train.__wrapped__(tiny_params()).fingerprint)
    assert differ(same, train(tiny_params({"loss.pixel_weight": 1.001})).fingerprint)
