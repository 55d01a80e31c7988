"""The figures of a run in one flat mapping, as `dvc metrics` shows them.

Tables of rows per image flow in, names with numbers flow out; a number that could not be computed is a sentence that
says why. Every image has one hole of every bucket, so that the plain mean over rows is the mean over images x buckets.
The images of one photograph are no independent samples: the number of photographs stands beside that of the images.
"""

from typing import Any, Final

import pandas as pd

from repro.cases.medfe.evaluation.tables import MEASURES
from repro.cases.medfe.metrics.learned import NotComputed
from repro.cases.medfe.metrics.protocol import Protocol

DECIMALS: Final = 6

Figures = dict[str, float | int | str]


def summarise(model: pd.DataFrame, baselines: pd.DataFrame, protocol: Protocol) -> Figures:
    """Returns the headline figures: overall and per bucket, those of each baseline, and the margins over them.

    Args:
        model: the model's rows of `images.csv`, composite and raw.
        baselines: rows of the baselines on the same pairs; may be empty.
        protocol: the headline protocol.
    """
    rows = model[model["output"] == protocol.output]
    figures: Figures = {name: _mean(rows[name], name, protocol) for name in MEASURES}
    for bucket, part in rows.groupby("bucket"):
        figures |= {f"{name}_{bucket}": _mean(part[name], name, protocol) for name in MEASURES}
    for baseline, part in baselines.groupby("method"):
        figures[f"{baseline}_psnr_hole_db"] = _number(part["psnr_hole_db"].mean())
        margin = rows["psnr_hole_db"].mean() - part["psnr_hole_db"].mean()
        figures[f"margin_over_{baseline}_db"] = _number(margin)
    counts: Figures = {"photographs": rows["photograph"].nunique(), "images": rows["image"].nunique()}
    return figures | counts | {"pairs": len(rows)}


def summarise_learned(model: pd.DataFrame, protocol: Protocol, lpips: Any, fid: Any) -> Figures:
    """Returns the mean LPIPS and the FID of the headline output, or why there is none.

    Args:
        model: the model's rows of `images.csv`.
        protocol: the headline protocol.
        lpips: `NotComputed`, or anything else where the rows hold it.
        fid: `NotComputed`, or the filled distance.
    """
    rows = model[model["output"] == protocol.output]
    return {
        "lpips": str(lpips) if isinstance(lpips, NotComputed) else _number(rows["lpips"].mean()),
        "fid": str(fid) if isinstance(fid, NotComputed) else _number(float(fid.compute())),
    }


def _mean(values: "pd.Series[float]", name: str, protocol: Protocol) -> float | str:
    if name == "ssim" and bool(values.isna().all()):
        return str(NotComputed(f"the window {protocol.ssim_window} does not fit into the images"))
    return _number(values.mean(skipna=False))


def _number(value: float) -> float:
    return round(float(value), DECIMALS)
