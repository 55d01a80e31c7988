"""The command's names and rows, and what the profile calls matrix work."""

import pytest
import torch

from benchmarks.__main__ import ROWS, main, show
from benchmarks.profiling import KINDS, REST, kind_of, share_by_kind
from benchmarks.step import load_step_params, make_batch
from benchmarks.timing import Clock, Row, read_clock, stolen_share


def test_an_unknown_row_is_refused_with_those_that_are_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["speed"]) == 2
    assert "there is no row speed; there are: matrix, generator" in capsys.readouterr().err


def test_every_line_has_the_columns_of_the_head() -> None:
    line = show(Row("work", "1 s", "2 s", 2.0, None, ""))
    assert line == "| work | 1 s | 2 s | 2.00 |  |  |"
    assert len(set(ROWS)) == len(ROWS)


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ("aten::mkldnn_convolution", 0),
        ("FrequencyConvolutionBackward", 0),
        ("aten::baddbmm_", 0),
        ("aten::im2col", 1),
        ("aten::native_group_norm_backward", 2),
        ("aten::_fused_adam_", 4),
    ],
)
def test_operations_have_their_kind(operation: str, kind: int) -> None:
    assert kind_of(operation) == list(KINDS)[kind]
    assert kind_of("aten::mul") == REST


def test_shares_sum_to_one() -> None:
    square = torch.ones(64, 64)
    shares = share_by_kind(lambda: (square @ square).relu())
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["norms"] == 0
    assert shares["convolutions and matrix products"] > 0


def test_a_step_is_measured_at_the_scale_it_names() -> None:
    params = load_step_params("release", "gpu", 2)
    assert params.data.image_px == 256
    assert params.model.base_width == 64
    assert params.loss.vgg_weights == "random"
    batch = make_batch(params)
    assert batch.image.shape == (2, 3, 256, 256)
    assert float(batch.hole.float().mean()) == 0.25


def test_the_share_that_other_guests_took() -> None:
    before = read_clock()
    assert stolen_share(before, before) == 0
    assert stolen_share(before, Clock(before.stolen + 30, before.busy + 70)) == 0.3
