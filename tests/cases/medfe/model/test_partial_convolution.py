"""The partial convolution against a second convolution that counts over all channels."""

import pytest
import torch
import torch.nn.functional as F

from repro.cases.medfe.model.branches import downsample_mask
from repro.cases.medfe.model.partial_convolution import PartialConvolution

pytestmark = pytest.mark.numerical


def counted(
    layer: PartialConvolution, features: torch.Tensor, valid: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The literal form: both convolutions over all channels."""
    kernels = torch.ones_like(layer.weight) if layer.counting is None else layer.counting
    spread = valid.expand_as(features)
    total = F.conv2d(features * spread, layer.weight, padding=layer.padding)
    count = F.conv2d(spread, kernels, padding=layer.padding)
    if layer.scaling == "window_over_sum":
        count = count / layer.weight[0].numel()
    return torch.where(count != 0, total / count, 0.0), (count != 0).to(features.dtype)


@pytest.mark.parametrize("scaling", ["one_over_sum", "window_over_sum", "counting_kernels"])
@pytest.mark.parametrize("kernel", [3, 5, 7])
def test_equals_counting_over_all_channels(scaling, kernel: int) -> None:
    torch.manual_seed(0)
    layer = PartialConvolution(4, 6, kernel, padding=kernel // 2, bias=False, scaling=scaling, update="per_layer")
    layer = layer.double()
    features = torch.randn(2, 4, 12, 12, dtype=torch.float64)
    valid = torch.ones(2, 1, 12, 12, dtype=torch.float64)
    valid[:, :, 1:11, 1:11] = 0
    result, passed = layer(features, valid)
    expected, mask = counted(layer, features, valid)
    torch.testing.assert_close(result, expected)
    assert torch.equal(passed.expand_as(mask), mask)
    assert (mask == 0).any()


def test_counts_that_cancel_out_give_zero_and_hide_nothing_from_the_next_layer() -> None:
    layer = PartialConvolution(1, 2, 3, padding=1, bias=False, scaling="counting_kernels", update="per_layer")
    layer.counting[0] = 0.0
    result, passed = layer(torch.ones(1, 1, 8, 8), torch.ones(1, 1, 8, 8))
    assert torch.equal(result[:, 0], torch.zeros(1, 8, 8))
    assert result[:, 1].abs().min() > 0
    assert torch.equal(passed, torch.ones(1, 1, 8, 8))


def test_a_fixed_mask_is_passed_on_as_it_came() -> None:
    layer = PartialConvolution(1, 1, 3, padding=1, bias=False, scaling="one_over_sum", update="fixed")
    valid = (torch.rand(1, 1, 8, 8) > 0.5).float()
    assert torch.equal(layer(torch.ones(1, 1, 8, 8), valid)[1], valid)


def test_a_bias_is_not_scaled() -> None:
    layer = PartialConvolution(1, 1, 3, padding=1, bias=True, scaling="one_over_sum", update="per_layer")
    torch.nn.init.constant_(layer.bias, 5.0)
    torch.nn.init.zeros_(layer.weight)
    valid = torch.zeros(1, 1, 8, 8)
    valid[..., 0, 0] = 1
    result, _ = layer(torch.ones(1, 1, 8, 8), valid)
    assert result[0, 0, 0, 0] == 5
    assert result[0, 0, 7, 7] == 0


def test_the_mask_on_the_branch_grid() -> None:
    hole = torch.zeros(1, 1, 64, 64)
    hole[..., 16:48, 16:48] = 1
    hole[..., 0, 0] = 1
    grid = torch.Size((8, 8))
    square = torch.zeros(8, 8)
    square[2:6, 2:6] = 1
    with_corner = square.clone()
    with_corner[0, 0] = 1
    assert torch.equal(downsample_mask(hole, grid, "nearest")[0, 0], with_corner)
    assert torch.equal(downsample_mask(hole, grid, "max_pool")[0, 0], with_corner)
    assert torch.equal(downsample_mask(hole, grid, "empty")[0, 0], torch.zeros(8, 8))
    assert torch.equal(downsample_mask(hole, grid, "mean_5_16")[0, 0], literal_mean(hole, 5 / 16))
    assert torch.equal(literal_mean(hole, 1.0), torch.zeros(8, 8))


def literal_mean(hole: torch.Tensor, threshold: float) -> torch.Tensor:
    """Three convolutions of sixteenths, then one comparison."""
    for _ in range(3):
        hole = F.conv2d(hole, torch.full((1, 1, 4, 4), 1 / 16), stride=2, padding=1)
    return (hole > threshold).float()[0, 0]
