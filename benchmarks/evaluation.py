"""The metrics of an evaluation, all protocols in one pass, against torchmetrics called for each image.

Torchmetrics computes fewer: PSNR over the whole image, and SSIM with the Gaussian window (its flat windows count
beyond the border and leave the variance biased), so that a third of the protocols is asked of it. Ours computes all,
with five measures each.
"""

import sys
from collections.abc import Iterator
from typing import Final

import torch
from torch import Tensor

from benchmarks.timing import Row, compare, measure_here, run_apart
from repro.cases.medfe.metrics.measure import measure
from repro.cases.medfe.metrics.protocol import ALL, round_bytes, select_colour, select_output

MODULE: Final = "benchmarks.evaluation"
THREADS: Final = 2
PAIRS: Final = 3
IMAGES: Final = {64: (32, 4), 256: (4, 1)}
"""How many images ours and torchmetrics measure, by their side in pixels: as few as seconds ask for."""
ASKED: Final = tuple(protocol for protocol in ALL if protocol.ssim_window == "gaussian_11")


def rows() -> Iterator[Row]:
    """Yields one row for each size."""
    yield from map(_row, IMAGES)


def _row(size_px: int) -> Row:
    measured = compare(
        lambda: run_apart(MODULE, "ours", str(size_px)), lambda: run_apart(MODULE, "torchmetrics", str(size_px)), PAIRS
    )
    many, few = IMAGES[size_px]
    return Row(
        f"evaluation, {size_px} px, {len(ALL)} protocols",
        f"{many / measured.ours.seconds:.1f} images/s",
        f"{few / measured.reference.seconds:.2f} images/s, torchmetrics, {len(ASKED)} protocols",
        measured.times_faster * many / few,
        None,
        "",
    )


def make_images(count: int, size_px: int) -> tuple[Tensor, Tensor, Tensor]:
    """Returns fills and true images (B, 3, S, S) float64 in [0, 255], and holes (B, 1, S, S) bool."""
    generator = torch.Generator().manual_seed(0)
    shape = (count, 3, size_px, size_px)
    truth = torch.randint(0, 256, shape, generator=generator).double()
    raw = (truth + 20 * torch.randn(shape, generator=generator, dtype=torch.float64)).clamp(0, 255)
    hole = torch.rand(len(raw), 1, size_px, size_px, generator=generator) < 0.3
    return raw, truth, hole


def measure_by_torchmetrics(raw: Tensor, truth: Tensor, hole: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Returns PSNR and SSIM of each image and protocol that is asked of torchmetrics."""
    from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

    found = []
    for image, true, where in zip(raw.split(1), truth.split(1), hole.split(1), strict=True):
        for protocol in ASKED:
            fill = round_bytes(select_output(image, true, where, protocol.output), protocol.rounding)
            pair = [select_colour(item, protocol.colour) / 255 for item in (fill, true)]
            psnr = peak_signal_noise_ratio(*pair, data_range=1.0)
            ssim = structural_similarity_index_measure(*pair, data_range=1.0, sigma=1.5)
            found.append((psnr, ssim))
    return found


@torch.inference_mode()
def main(side: str, size_px: int) -> None:
    """Measures one side in this process."""
    torch.set_num_threads(THREADS)
    many, few = IMAGES[size_px]
    if side == "ours":
        images = make_images(many, size_px)
        measure_here(lambda: list(measure(*images, ALL)), repeats=3)
    else:
        images = make_images(few, size_px)
        measure_here(lambda: measure_by_torchmetrics(*images), repeats=1)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
