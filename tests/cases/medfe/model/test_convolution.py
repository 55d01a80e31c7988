"""The ways to convolve against torch's own convolution, forward and backward, and when each is taken."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from repro.cases.medfe.model.convolution import (
    Convolution,
    TransposedConvolution,
    choose_way,
)
from repro.cases.medfe.model.encoder import ResidualBlock
from repro.cases.medfe.model.frequency_convolution import FrequencyConvolution
from repro.cases.medfe.model.layers import pad_same
from repro.cases.medfe.model.matrix_convolution import convolve_by_matrix, transpose_by_matrix
from tiny import tiny_params

pytestmark = pytest.mark.numerical


def draw(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(sum(shape))).requires_grad_()


def gradients(result: Tensor, *inputs: Tensor) -> tuple[Tensor, ...]:
    weights = torch.arange(result.numel(), dtype=result.dtype).cos().view(result.shape)
    return torch.autograd.grad((result * weights).sum(), inputs)


@pytest.mark.parametrize("kernel", [3, 5, 7])
@pytest.mark.parametrize(("height", "width"), [(8, 8), (9, 11), (5, 3), (1, 17)])
def test_frequencies_convolve_as_directly(kernel: int, height: int, width: int) -> None:
    features, weight = draw(2, 3, height, width), draw(4, 3, kernel, kernel)
    ours, direct = FrequencyConvolution.apply(features, weight), F.conv2d(features, weight, padding=kernel // 2)
    torch.testing.assert_close(ours, direct, rtol=1e-12, atol=1e-12)
    for given, expected in zip(gradients(ours, features, weight), gradients(direct, features, weight), strict=True):
        torch.testing.assert_close(given, expected, rtol=1e-12, atol=1e-12)


def test_frequencies_round_no_worse_than_four_times_a_direct_convolution() -> None:
    features, weight = draw(1, 64, 32, 32), draw(64, 64, 7, 7)
    exact = F.conv2d(features, weight, padding=3)
    low = features.float(), weight.float()
    ours, direct = FrequencyConvolution.apply(*low), F.conv2d(*low, padding=3)
    errors = [float((result - exact).detach().norm() / exact.detach().norm()) for result in (ours, direct)]
    assert errors[0] < 4 * errors[1]


@pytest.mark.parametrize("frozen", [0, 1])
def test_frequencies_skip_the_gradient_that_nobody_asks_for(frozen: int) -> None:
    inputs = [draw(1, 2, 8, 8), draw(2, 2, 5, 5)]
    inputs[frozen] = inputs[frozen].detach()
    wanted = inputs[1 - frozen]
    given = gradients(FrequencyConvolution.apply(*inputs), wanted)[0]
    torch.testing.assert_close(given, gradients(F.conv2d(*inputs, padding=2), wanted)[0])


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "dilation"), [(4, 2, 1, 1), (3, 1, 0, 2), (3, 1, 1, 1), (1, 1, 0, 1), (1, 2, 0, 1)]
)
@pytest.mark.parametrize("count", [1, 3])
def test_a_matrix_product_convolves_as_directly(
    kernel: int, stride: int, padding: int, dilation: int, count: int
) -> None:
    features, weight = draw(count, 3, 8, 6), draw(5, 3, kernel, kernel)
    settings = {"stride": stride, "padding": padding, "dilation": dilation}
    ours, direct = convolve_by_matrix(features, weight, **settings), F.conv2d(features, weight, **settings)
    torch.testing.assert_close(ours, direct, rtol=1e-12, atol=1e-12)
    for given, expected in zip(gradients(ours, features, weight), gradients(direct, features, weight), strict=True):
        torch.testing.assert_close(given, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("count", [1, 3])
def test_a_matrix_product_transposes_as_directly(count: int) -> None:
    features, weight = draw(count, 3, 4, 6), draw(3, 5, 4, 4)
    ours = transpose_by_matrix(features, weight, stride=2, padding=1)
    direct = F.conv_transpose2d(features, weight, stride=2, padding=1)
    torch.testing.assert_close(ours, direct, rtol=1e-12, atol=1e-12)
    for given, expected in zip(gradients(ours, features, weight), gradients(direct, features, weight), strict=True):
        torch.testing.assert_close(given, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("shape", "weight", "stride", "way"),
    [
        ((1, 512, 8, 8), (512, 512, 4, 4), 2, "matrix"),
        ((16, 512, 16, 16), (512, 512, 4, 4), 2, "direct"),
        ((1, 256, 32, 32), (256, 256, 7, 7), 1, "frequency"),
        ((1, 256, 32, 32), (256, 256, 3, 3), 1, "frequency"),
        ((1, 768, 32, 32), (256, 768, 1, 1), 1, "matrix"),
        ((2, 768, 32, 32), (256, 768, 1, 1), 1, "direct"),
        ((1, 256, 16, 16), (256, 256, 1, 1), 1, "direct"),
        ((8, 64, 8, 8), (64, 64, 7, 7), 1, "direct"),
    ],
)
def test_the_way_follows_from_shapes(shape: tuple[int, ...], weight: tuple[int, ...], stride: int, way: str) -> None:
    padding = 1 if stride == 2 else weight[-1] // 2
    found = choose_way(torch.empty(shape), torch.empty(weight), stride=stride, padding=padding, dilation=1)
    assert found == way


def test_elsewhere_than_on_a_cpu_in_full_precision_the_way_is_torchs() -> None:
    features, weight = torch.empty(1, 256, 32, 32, device="meta"), torch.empty(256, 256, 7, 7, device="meta")
    assert choose_way(features, weight, stride=1, padding=3, dilation=1) == "direct"
    features, weight = torch.empty(1, 256, 32, 32), torch.empty(256, 256, 7, 7)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert choose_way(features, weight, stride=1, padding=3, dilation=1) == "direct"


def test_the_layers_are_torchs_with_bias_and_names() -> None:
    features = torch.randn(1, 256, 8, 8, dtype=torch.float64)
    for ours, theirs in (
        (Convolution(256, 256, 4, stride=2, padding=1), torch.nn.Conv2d(256, 256, 4, stride=2, padding=1)),
        (
            TransposedConvolution(256, 128, 4, stride=2, padding=1),
            torch.nn.ConvTranspose2d(256, 128, 4, stride=2, padding=1),
        ),
    ):
        ours.load_state_dict(theirs.state_dict())
        torch.testing.assert_close(ours.double()(features), theirs.double()(features))


def test_a_residual_block_on_one_position_is_that_of_the_padded_map() -> None:
    block = ResidualBlock(tiny_params({"model.norm": "none"}).model, 3).double()
    position = draw(2, 3, 1, 1)
    literal = position
    for index, (convolution, dilation) in enumerate(zip(block.convolutions, block.dilations, strict=True)):
        literal = convolution(pad_same(block.activation(literal) if index else literal, block.kernel, dilation))
    ours, literal, weights = block(position), position + literal, list(block.parameters())
    torch.testing.assert_close(ours, literal, rtol=1e-12, atol=1e-12)
    for given, expected in zip(gradients(ours, *weights), gradients(literal, *weights), strict=True):
        torch.testing.assert_close(given, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("size", "dilation"), [((5, 7), 1), ((5, 7), 2), ((2, 4), 1)])
def test_the_same_size_by_reflection_or_else_by_the_edge(size: tuple[int, int], dilation: int) -> None:
    features = torch.randn(2, 3, *size, dtype=torch.float64, requires_grad=True)
    total = 3 * dilation
    padding = [total // 2, total - total // 2] * 2
    mode = "reflect" if min(size) > padding[1] else "replicate"
    ours, torchs = pad_same(features, 4, dilation), F.pad(features, padding, mode=mode)
    assert torch.equal(ours, torchs)
    of_ours, of_torchs = (torch.autograd.grad((item**2).sum(), features)[0] for item in (ours, torchs))
    torch.testing.assert_close(of_ours, of_torchs)
