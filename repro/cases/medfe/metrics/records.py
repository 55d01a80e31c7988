"""MEDFE's metrics, one record each: how a metric is computed, which difference counts, how it is shown.

Columns of tables, headline figures, outcomes of studies, report and names in the tracking store follow from `METRICS`.
No record needs torch before it computes, so that a study is planned without it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from repro.audit.study.metric import Metric

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from repro.cases.medfe.metrics.comparison import Comparison
    from repro.cases.medfe.metrics.learned import FrechetDistance, NotComputed, PairDistance
    from repro.cases.medfe.metrics.protocol import Protocol


@dataclass(frozen=True, kw_only=True)
class ImageMetric(Metric):
    """A metric of each filled image, measured under every evaluation protocol.

    Attributes:
        compute: from filled images beside the true ones, and the protocol, to (B,) float64; NaN where it has no value.
        undefined: why it may have none; names the protocol's choices in braces.
    """

    compute: "Callable[[Comparison, Protocol], Tensor]"
    undefined: str = "it has no value for some image"


@dataclass(frozen=True, kw_only=True)
class LearnedPairMetric(Metric):
    """A metric of each filled image by a trained network; measured by the headline protocol's choices alone.

    Attributes:
        open_network: from the device to what measures pairs of images, or why nothing does.
    """

    open_network: "Callable[[torch.device], PairDistance | NotComputed]"


@dataclass(frozen=True, kw_only=True)
class LearnedSetMetric(Metric):
    """A metric of all filled images together by a trained network; measured on the headline output alone.

    Attributes:
        open_network: from the number of different true images and the device to what takes the images in, or why
            nothing does.
    """

    open_network: "Callable[[int, torch.device], FrechetDistance | NotComputed]"


def _open_lpips(device: "torch.device") -> "PairDistance | NotComputed":
    from repro.cases.medfe.metrics.learned import open_lpips

    return open_lpips(device)


def _lpips_obstacle() -> str:
    from repro.cases.medfe.metrics.learned import lpips_obstacle

    return lpips_obstacle()


def _open_fid(images: int, device: "torch.device") -> "FrechetDistance | NotComputed":
    from repro.cases.medfe.metrics.learned import open_fid

    return open_fid(images, device)


def _fid_obstacle() -> str:
    from repro.cases.medfe.metrics.learned import fid_obstacle

    return fid_obstacle()


METRICS: Final[tuple[ImageMetric | LearnedPairMetric | LearnedSetMetric, ...]] = (
    ImageMetric(
        name="psnr_hole_db",
        title="hole PSNR",
        unit="dB",
        direction="higher",
        decimals=2,
        how="peak signal-to-noise ratio of the mean squared error over the hole, at most 100 dB",
        margin=0.3,
        why="0.3 dB are 7 % of the mean squared error in the hole; less we would not call an improvement",
        compute=lambda fill, _: fill.psnr_db(fill.mse_hole),
    ),
    ImageMetric(
        name="psnr_db",
        title="PSNR",
        unit="dB",
        direction="higher",
        decimals=2,
        how="peak signal-to-noise ratio of the mean squared error over the whole image, at most 100 dB",
        compute=lambda fill, _: fill.psnr_db(fill.mse),
    ),
    ImageMetric(
        name="ssim",
        title="SSIM",
        direction="higher",
        decimals=3,
        how="structural similarity over the windows inside the image (Wang et al. 2004, equation 13)",
        margin=0.01,
        why="a hundredth of the range from no likeness to identity; less we would not call an improvement",
        compute=lambda fill, protocol: fill.ssim(protocol.ssim_window),
        undefined="the window {ssim_window} does not fit into the images",
    ),
    ImageMetric(
        name="l1_hole",
        title="hole L1",
        unit="of the range",
        direction="lower",
        decimals=4,
        how="mean absolute error over the hole, on the scale [0, 1]",
        margin=0.005,
        why="0.005 of the range of values are 1.3 of 255 grey levels, about one step of an 8-bit image",
        compute=lambda fill, _: fill.mae_hole,
    ),
    ImageMetric(
        name="l1",
        title="L1",
        unit="of the range",
        direction="lower",
        decimals=4,
        how="mean absolute error over the whole image, on the scale [0, 1]",
        compute=lambda fill, _: fill.mae,
    ),
    LearnedPairMetric(
        name="lpips",
        title="LPIPS",
        direction="lower",
        decimals=3,
        how="learned perceptual distance by AlexNet (Zhang et al. 2018), on colour images",
        open_network=_open_lpips,
        obstacle=_lpips_obstacle,
    ),
    LearnedSetMetric(
        name="fid",
        title="FID",
        direction="lower",
        decimals=1,
        how="Frechet distance of InceptionV3's 2048 features (Heusel et al. 2017), on colour images of whole bytes",
        aggregation="whole",
        open_network=_open_fid,
        obstacle=_fid_obstacle,
    ),
)
"""The headline first; `dvc metrics` shows the first eight."""

HEADLINE: Final = METRICS[0]
IMAGE_METRICS: Final = tuple(metric for metric in METRICS if isinstance(metric, ImageMetric))
PAIR_METRICS: Final = tuple(metric for metric in METRICS if isinstance(metric, LearnedPairMetric))
SET_METRICS: Final = tuple(metric for metric in METRICS if isinstance(metric, LearnedSetMetric))
COLUMNS: Final = tuple(metric.name for metric in (*IMAGE_METRICS, *PAIR_METRICS))
"""What a row of a table of images holds."""
