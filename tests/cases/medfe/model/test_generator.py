"""The generator as a whole: shapes, sizes, batches, and the smallest maps."""

import pytest
import torch

from repro.cases.medfe.model import Generator
from repro.cases.medfe.model.generator import composite, fill_hole
from tiny import random_batch, tiny_params

pytestmark = pytest.mark.numerical


@pytest.mark.parametrize("size", [64, 128, 192])
@pytest.mark.parametrize("count", [1, 3])
def test_any_batch_and_any_size_that_the_levels_divide(size: int, count: int) -> None:
    params = tiny_params({"data.image_px": size, "training.batch_size": count})
    batch = random_batch(params)
    output = Generator(params.model)(batch.image, batch.hole)
    assert output.image.shape == batch.image.shape
    assert output.structure.shape == output.texture.shape == (count, 3, size // 8, size // 8)
    assert output.image.abs().max() <= 1


def test_an_image_is_filled_alike_alone_and_in_a_batch() -> None:
    params = tiny_params({"training.batch_size": 4})
    batch = random_batch(params)
    generator = Generator(params.model).double().eval()
    together = generator(batch.image.double(), batch.hole).image
    alone = torch.cat(
        [generator(image[None].double(), hole[None]).image for image, hole in zip(batch.image, batch.hole, strict=True)]
    )
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-12)


def test_what_lies_in_the_hole_is_not_looked_at() -> None:
    params = tiny_params()
    batch = random_batch(params)
    generator = Generator(params.model).eval()
    other = torch.where(batch.hole, -batch.image, batch.image)
    torch.testing.assert_close(generator(batch.image, batch.hole), generator(other, batch.hole), rtol=0, atol=0)


def test_only_the_hole_is_filled() -> None:
    batch = random_batch(tiny_params())
    filled = fill_hole(batch.image, batch.hole, "mean_colour")
    known = ~batch.hole.expand_as(filled)
    assert torch.equal(filled[known], batch.image[known])
    expected = torch.tensor([123.0, 104.0, 117.0]) / 127.5 - 1
    row, column = batch.hole[0, 0].nonzero()[0]
    torch.testing.assert_close(filled[0, :, row, column], expected)
    assert torch.equal(composite(batch.image, batch.hole, -batch.image)[known], batch.image[known])


def test_runs_under_bf16_autocast() -> None:
    params = tiny_params()
    batch = random_batch(params)
    generator = Generator(params.model).eval()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = generator(batch.image, batch.hole).image.float()
    assert (low - generator(batch.image, batch.hole).image).abs().mean() < 0.05
