"""The pixel term by hand, and the targets at the branch grid."""

import pytest
import torch

from repro.cases.medfe.losses.pixels import pixel_loss, resize_target, supervision_loss

pytestmark = pytest.mark.numerical


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("whole", (4 * 0.5 + 12 * 0.1) / 16),
        ("hole_area", 0.5),
        ("valid_1_hole_6", (6 * 4 * 0.5 + 12 * 0.1) / 16),
        ("valid_10_hole_60", (60 * 4 * 0.5 + 10 * 12 * 0.1) / 16),
        ("valid_1_hole_5", (5 * 4 * 0.5 + 12 * 0.1) / 16),
    ],
)
def test_pixel_forms(form, expected: float) -> None:
    hole = torch.zeros(1, 1, 4, 4, dtype=torch.bool)
    hole[..., :2, :2] = True
    output = torch.where(hole, 0.5, 0.1).expand(1, 3, 4, 4)
    torch.testing.assert_close(pixel_loss(output, torch.zeros(1, 3, 4, 4), hole, form), torch.tensor(expected))


def test_an_empty_hole_costs_nothing() -> None:
    hole = torch.zeros(1, 1, 4, 4, dtype=torch.bool)
    assert pixel_loss(torch.ones(1, 3, 4, 4), torch.zeros(1, 3, 4, 4), hole, "hole_area") == 0


def test_targets_at_the_branch_grid() -> None:
    target = torch.arange(64.0).view(1, 1, 8, 8)
    size = torch.Size((1, 1))
    assert resize_target(target, size, "nearest").item() == 0
    assert resize_target(target, size, "bilinear").item() == target[0, 0, 3:5, 3:5].mean()
    assert abs(resize_target(target, size, "bilinear_antialias").item() - target.mean()) < 1e-4
    assert supervision_loss(torch.zeros(1, 1, 1, 1), target, "nearest") == 0
