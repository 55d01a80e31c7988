"""The generator against its literal formulation, over batches, sizes, holes and readings."""

import pytest
import torch

from benchmarks.literal import LiteralGenerator
from repro import paths
from repro.audit.ledger.readings import load_reading
from repro.audit.ledger.values import flatten
from repro.cases.medfe.initialisation import initialise
from repro.cases.medfe.model import Generator, convolution
from rounding import relative_error, rounding_units, unit_roundoff
from tiny import random_batch, tiny_params

pytestmark = pytest.mark.numerical

BOTH_ROUND = 2
"""In float64 the literal formulation, which stands for the exact result, rounds as well."""


def error_over_rounding(overrides: dict, dtype: torch.dtype) -> float:
    """Returns the largest error of output, structure and texture, over what rounding to `dtype` may do to them.

    The error is that against the literal formulation in float64.
    """
    params = tiny_params(overrides)
    generator = Generator(params.model)
    initialise(generator, "xavier", 0, "generator")
    generator, batch = generator.eval(), random_batch(params)
    literal, image = LiteralGenerator(generator).double(), batch.image.double()
    with torch.no_grad():
        exact = literal(image, batch.hole)
        ours = generator.to(dtype)(batch.image.to(dtype), batch.hole)
    units = rounding_units(lambda: literal(image, batch.hole))
    errors = [relative_error(a, b) for a, b in zip(ours, exact, strict=True)]
    return max(error / (unit_roundoff(dtype) * count) for error, count in zip(errors, units, strict=True))


@pytest.mark.parametrize("size", [64, 128])
@pytest.mark.parametrize("reading", ["paper", "release"])
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("mask", ["nearest", "mean_5_16", "max_pool", "empty"])
def test_equals_the_literal_formulation(size: int, reading: str, count: int, mask: str) -> None:
    model = {f"model.{key}": value for key, value in flatten(load_reading(paths.ABLATIONS, reading)["model"]).items()}
    chosen = {
        "data.image_px": size,
        "training.batch_size": count,
        "model.mask_to_branch": mask,
        "model.stream_layers": 2,
    }
    assert error_over_rounding(model | chosen, torch.float64) < BOTH_ROUND
    assert error_over_rounding(model | chosen, torch.float32) < 1
    if reading == "release":  # whose counting kernels sum to nearly zero here and there, which lets rounding do much
        ones = {"model.partial_scaling": "one_over_sum"}
        assert error_over_rounding(model | chosen | ones, torch.float32) < 1


@pytest.mark.parametrize("scaling", ["one_over_sum", "window_over_sum", "counting_kernels"])
@pytest.mark.parametrize("update", ["per_layer", "fixed"])
@pytest.mark.parametrize("layout", ["transposed", "reshaped"])
def test_equals_it_under_every_scaling_update_and_layout(scaling: str, update: str, layout: str) -> None:
    chosen = {"model.partial_scaling": scaling, "model.mask_update": update, "model.bilateral_layout": layout}
    assert error_over_rounding(chosen, torch.float64) < BOTH_ROUND


def take_always(way: str, monkeypatch) -> None:
    """Lifts the bounds from which a way pays, so that small networks take it wherever it is possible."""
    monkeypatch.setattr(convolution, "MATRIX_WEIGHTS", 0)
    monkeypatch.setattr(convolution, "MATRIX_POSITIONS", 10**9 if way == "matrix" else 0)
    monkeypatch.setattr(convolution, "FREQUENCY_KERNEL", 3)
    monkeypatch.setattr(convolution, "FREQUENCY_CHANNELS", 1)
    monkeypatch.setattr(convolution, "FREQUENCY_ROWS", 1)


@pytest.mark.parametrize("reading", ["paper", "release", "replication"])
@pytest.mark.parametrize("way", ["matrix", "frequency"])
def test_equals_it_whichever_way_is_taken(reading: str, way: str, monkeypatch) -> None:
    take_always(way, monkeypatch)
    model = {f"model.{key}": value for key, value in flatten(load_reading(paths.ABLATIONS, reading)["model"]).items()}
    small = {"model.stream_layers": 2, "model.range_similarity": "sigmoid_product", "model.spatial_window": "grid"}
    assert error_over_rounding(model | small | {"model.bilateral": "propagation"}, torch.float64) < BOTH_ROUND


@pytest.mark.parametrize("mask", ["max_pool", "empty"])
@pytest.mark.parametrize("weights", ["shared", "separate"])
@pytest.mark.parametrize("way", ["matrix", "frequency"])
def test_the_gradients_are_the_same_whichever_way_is_taken(mask: str, weights: str, way: str, monkeypatch) -> None:
    take_always(way, monkeypatch)
    params = tiny_params({"model.mask_to_branch": mask, "model.branch_weights": weights, "model.norm": "instance"})
    generator = Generator(params.model)
    initialise(generator, "xavier", 0, "generator")
    generator = generator.double().eval()
    literal = LiteralGenerator(generator)
    batch = random_batch(params)
    gradients = []
    for network in (generator, literal):
        image = batch.image.double().requires_grad_()
        output = network(image, batch.hole)
        sum(item.square().mean() for item in output).backward()
        weights = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
        gradients.append([image.grad, *weights])
    assert len(gradients[0]) > 50
    for given, expected in zip(*gradients, strict=True):
        torch.testing.assert_close(given, expected, rtol=1e-7, atol=1e-9 * float(expected.abs().max()) + 1e-14)
