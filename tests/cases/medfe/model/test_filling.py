"""Both branches filled together against one after the other, and the parts that were put in another order."""

import pytest
import torch
import torch.nn.functional as F

from repro.cases.medfe.model import Generator
from repro.cases.medfe.model.filling import fill_together
from repro.cases.medfe.model.layers import InstanceNorm
from repro.cases.medfe.model.partial_convolution import PartialConvolution
from repro.cases.medfe.model.skips import Upsample
from tiny import tiny_params

pytestmark = pytest.mark.numerical


@pytest.mark.parametrize("norm", ["instance", "batch", "group"])
@pytest.mark.parametrize("weights", ["shared", "separate"])
@pytest.mark.parametrize("holes", [True, False])
def test_together_is_one_after_the_other(norm: str, weights: str, holes: bool) -> None:
    model = tiny_params({"model.norm": norm, "model.branch_weights": weights}).model
    generator = Generator(model).double()
    channels = 3 * 4 * 4
    levels = tuple(torch.randn(2, channels, 8, 8, dtype=torch.float64) for _ in range(2))
    known = (torch.rand(2, 1, 8, 8) > 0.4).double() if holes else None
    together = fill_together(model, (generator.texture, generator.structure), levels, known)
    for given, branch, level in zip(together, (generator.texture, generator.structure), levels, strict=True):
        expected = branch(level, known)
        torch.testing.assert_close(given.features, expected.features)
        torch.testing.assert_close(given.image, expected.image)


@pytest.mark.parametrize(("scaling", "looks"), [("window_over_sum", 6), ("counting_kernels", 12)])
def test_masks_are_looked_at_once_for_both_branches(scaling: str, looks: int, monkeypatch) -> None:
    """Three kernels by two layers, and once more for the counting kernels of the other branch."""
    model = tiny_params({"model.norm": "batch", "model.partial_scaling": scaling, "model.stream_layers": 2}).model
    generator = Generator(model)
    found = []
    real = PartialConvolution._look_at
    monkeypatch.setattr(
        PartialConvolution, "_look_at", lambda *given, **named: found.append(real(*given, **named)) or found[-1]
    )
    levels = tuple(torch.randn(2, 3 * 4 * 4, 8, 8) for _ in range(2))
    fill_together(model, (generator.texture, generator.structure), levels, torch.ones(2, 1, 8, 8))
    assert len(found) == looks


def test_nothing_missing_is_a_mask_of_ones() -> None:
    for scaling in ("one_over_sum", "window_over_sum", "counting_kernels"):
        generator = Generator(tiny_params({"model.partial_scaling": scaling}).model).double()
        fill = generator.texture.fill
        features = torch.randn(2, 16, 8, 8, dtype=torch.float64)
        torch.testing.assert_close(fill(features, None), fill(features, torch.ones_like(features[:, :1])))


def test_instance_norm_is_torchs() -> None:
    features = 3 + 2 * torch.randn(2, 8, 5, 7, dtype=torch.float64)
    for affine in (True, False):
        norm = InstanceNorm(8, affine=affine).double()
        if affine:
            torch.nn.init.normal_(norm.weight)
            torch.nn.init.normal_(norm.bias)
        expected = F.instance_norm(features, weight=norm.weight, bias=norm.bias, eps=norm.eps)
        torch.testing.assert_close(norm(features), expected)
    assert torch.equal(norm(features[..., :1, :1]), features[..., :1, :1])


def test_projecting_and_resizing_commute() -> None:
    upsampling = Upsample(tiny_params().model, 4, 6, 5).double().eval()
    equalised = torch.randn(2, 6, 8, 8, dtype=torch.float64)
    resized = F.interpolate(equalised, size=(32, 32), mode="bilinear", align_corners=False)
    torch.testing.assert_close(upsampling(equalised, torch.Size((32, 32))), upsampling.project(resized))
