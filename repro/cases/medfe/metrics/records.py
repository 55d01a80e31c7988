"""The records of the metrics."""

from repro.audit.study.metric import Metric

METRICS = (
    Metric(
        "psnr_hole_db",
        "hole PSNR",
        "higher",
        2,
        "PSNR over the hole",
        "dB",
        margin=0.3,
        why="0.3 dB are 7 % of the mean squared error in the hole",
    ),
    Metric("psnr_db", "PSNR", "higher", 2, "PSNR over the image", "dB"),
    Metric("ssim", "SSIM", "higher", 3, "SSIM over the image", margin=0.01, why="a hundredth of the range"),
    Metric(
        "l1_hole",
        "hole L1",
        "lower",
        4,
        "mean absolute error over the hole",
        "of the range",
        margin=0.005,
        why="1.3 of 255 grey levels",
    ),
    Metric("l1", "L1", "lower", 4, "mean absolute error over the image", "of the range"),
)
