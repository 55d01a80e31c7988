"""The rows of the GPU, run on the processor at a size that it can carry."""

import pytest
import torch

from benchmarks import gpu
from tiny import tiny_params

CPU = torch.device("cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_without_a_gpu_one_line_says_so(capsys):
    assert list(gpu.rows()) == []
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("literal", [False, True])
def test_a_step_is_measured(literal):
    params = tiny_params({"runtime.precision": "bf16", "runtime.channels_last": True})
    measured = gpu.measure_step(params, literal, CPU, steps=1)
    assert measured["seconds"] > 0
    assert measured["breaks"] == 0
    assert (measured["operations"] > 0) is not literal


def test_the_literal_generator_is_the_one_that_is_trained():
    params = tiny_params()
    trainer = gpu.AdversarialTrainer(params, CPU)
    gpu._take_literally(trainer)
    literal = trainer.networks.generator
    ours, theirs = (next(network.parameters()).clone() for network in (trainer.generator, literal))
    trainer.step(gpu.make_batch(params), 0)
    assert torch.equal(next(trainer.generator.parameters()), ours)
    assert not torch.equal(next(literal.parameters()), theirs)


def test_operations_grow_with_the_batch():
    counts = []
    for batch in (1, 3):
        params = tiny_params({"training.batch_size": batch})
        counts.append(gpu.count_operations(gpu.AdversarialTrainer(params, CPU), gpu.make_batch(params)))
    assert counts[1] == pytest.approx(3 * counts[0], rel=0.05)


def test_a_row_says_which_share_of_the_peak_is_reached():
    ours = {"seconds": 0.5, "operations": 2e12, "peak_mib": 100.0, "breaks": 0.0}
    row = gpu._row(4, ours, {"seconds": 2.0}, peak_flops=1e13)
    assert "8.0 images/s, 40% of the peak" in row.ours
    assert row.ratio == 16


def test_the_rate_of_matrix_products_is_measured():
    assert gpu.matrix_rate(CPU, 64) > 0
