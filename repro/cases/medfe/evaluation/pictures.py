"""Which results are shown, and the grid that shows them.

Pairs are chosen by rule, never by hand: the median of every bucket and the worst of all, by the model's PSNR over the
hole.
"""

from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL.Image import Image

from repro.cases.medfe.baselines import BASELINES, Baseline, Hole, fill
from repro.cases.medfe.evaluation.pairs import Pairs
from repro.cases.medfe.grids import Picture, Row, picture_grid, show_hole

HEADINGS: Final[dict[Baseline, str]] = {
    "constant": "constant",
    "known_mean": "known mean",
    "telea": "Telea",
    "navier_stokes": "Navier-Stokes",
    "biharmonic": "biharmonic",
}


class Case(NamedTuple):
    """A pair that is shown, and the rule that chose it."""

    rule: str
    image: int
    bucket: str


def choose_cases(model: pd.DataFrame) -> list[Case]:
    """Returns the median of each bucket and the worst of all; of two that are equal, the one that comes first.

    Args:
        model: the model's rows of one output; of an even number, the lower median is taken.
    """
    ranked = model.sort_values(["psnr_hole_db", "image", "bucket"], kind="stable")
    cases = [_case("median", part, (len(part) - 1) // 2) for _, part in ranked.groupby("bucket")]
    return [*cases, _case("worst", ranked, 0)]


def _case(rule: str, ranked: pd.DataFrame, place: int) -> Case:
    row = ranked.iloc[place]
    return Case(rule, int(row["image"]), str(row["bucket"]))


def draw_cases(
    cases: list[Case], fills: list[NDArray[np.float64]], pairs: Pairs, model: pd.DataFrame, baselines: pd.DataFrame
) -> Image:
    """Returns one line per case: input, model, each measured baseline, truth.

    Args:
        cases: what is shown.
        fills: for each case the model's raw output (3, S, S) float64 in [0, 255].
        pairs: where the images and holes are.
        model: the model's rows of one output, for the captions.
        baselines: rows of the baselines, for the captions; without rows, they are left out.
    """
    measured = set(baselines["method"])
    shown = [name for name in BASELINES if name in measured]
    psnr = {**_psnr_by_name(model), **_psnr_by_name(baselines)}
    rows = [_row(case, raw, pairs, psnr, shown) for case, raw in zip(cases, fills, strict=True)]
    return picture_grid(["input", "model", *(HEADINGS[name] for name in shown), "truth"], rows)


def _psnr_by_name(table: pd.DataFrame) -> dict[tuple[str, int, str], float]:
    names = zip(table["method"], table["image"], table["bucket"], strict=True)
    return dict(zip(names, table["psnr_hole_db"], strict=True))


def _row(
    case: Case,
    raw: NDArray[np.float64],
    pairs: Pairs,
    psnr: dict[tuple[str, int, str], float],
    shown: list[Baseline],
) -> Row:
    pair = pairs.read(case.image, case.bucket)
    truth, hole = pair.truth[0], pair.hole[0]
    fills: dict[str, NDArray[np.float64]] = {"model": np.where(hole, raw, truth)}
    fills |= {name: fill(name, Hole(truth, hole)) for name in shown}
    pictures = [
        Picture(image.round().astype(np.uint8), f"{psnr[name, case.image, case.bucket]:.1f} dB")
        for name, image in fills.items()
    ]
    given = Picture(show_hole(truth, hole), f"{100 * hole.mean():.0f} % hole")
    return Row(_label(case), [given, *pictures, Picture(truth, "")])


def _label(case: Case) -> str:
    low, high = map(int, case.bucket.split("-"))
    return f"{case.rule}\n{low}-{high} %"
