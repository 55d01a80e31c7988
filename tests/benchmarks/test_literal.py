"""The generator against its literal formulation, over batches, sizes, holes and readings."""

import pytest
import torch

from benchmarks.literal import LiteralGenerator
from repro import paths
from repro.audit.ledger.readings import load_reading
from repro.audit.ledger.values import flatten
from repro.cases.medfe.initialisation import initialise
from repro.cases.medfe.model import Generator, convolution
from tiny import random_batch, tiny_params


def both(overrides: dict, dtype: torch.dtype) -> tuple[float, float, float]:
    """Returns the relative errors of output, structure and texture."""
    params = tiny_params(overrides)
    generator = Generator(params.model)
    initialise(generator, "xavier", 0, "generator")
    generator = generator.to(dtype).eval()
    batch = random_batch(params)
    with torch.inference_mode():
        ours = generator(batch.image.to(dtype), batch.hole)
        literal = LiteralGenerator(generator)(batch.image.to(dtype), batch.hole)
    return tuple(float((a - b).norm() / b.norm()) for a, b in zip(ours, literal, strict=True))


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
    assert max(both(model | chosen, torch.float64)) < 1e-9
    # where counting kernels are no ones, counts near zero lose digits; see the reference output of the release
    assert max(both(model | chosen, torch.float32)) < (5e-4 if reading == "release" else 5e-5)
    ones = {"model.partial_scaling": "one_over_sum"}
    assert max(both(model | chosen | ones, torch.float32)) < 5e-5


@pytest.mark.parametrize("scaling", ["one_over_sum", "window_over_sum", "counting_kernels"])
@pytest.mark.parametrize("update", ["per_layer", "fixed"])
@pytest.mark.parametrize("layout", ["transposed", "reshaped"])
def test_equals_it_under_every_scaling_update_and_layout(scaling: str, update: str, layout: str) -> None:
    chosen = {"model.partial_scaling": scaling, "model.mask_update": update, "model.bilateral_layout": layout}
    assert max(both(chosen, torch.float64)) < 1e-9


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
    assert max(both(model | small | {"model.bilateral": "propagation"}, torch.float64)) < 1e-9


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
