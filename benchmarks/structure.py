"""Structure by relative total variation, per image, against SciPy's sparse direct solution of the same systems.

Ours is the whole smoothing of a batch, weights included; the reference's share is the factorisation and solution alone,
of systems assembled beforehand. `solve_by_scipy` is also the oracle of the tests.
"""

import sys
from collections.abc import Iterator
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import scipy.sparse
import scipy.sparse.linalg
import torch
from PIL import Image
from torch import Tensor

from benchmarks.timing import Row, compare, measure_here, run_apart
from repro.cases.medfe.data.crops import resize_to_square
from repro.cases.medfe.data.datasets.installed import open_photos
from repro.cases.medfe.data.writing import to_array
from repro.cases.medfe.structure.total_variation import LEAST_SIGMA_PX, find_weights, relative_total_variation

Ordering = Literal["COLAMD", "MMD_AT_PLUS_A"]
"""SciPy's default, and the one among its orderings that is fastest here."""

MODULE: Final = "benchmarks.structure"
THREADS: Final = 2
PAIRS: Final = 3
SIZE_PX: Final = 256
OURS, REFERENCE = 8, 2
"""Photographs that each side smooths: as few as seconds ask for."""
SMOOTHING, SIGMA_PX, SHARPNESS, ITERATIONS = 0.015, 3.0, 0.001, 3
"""Source: data/Matlab/generate_structure_images.m @9adf889."""

_Values = npt.NDArray[Any]


def rows() -> Iterator[Row]:
    """Yields one row for each ordering."""
    yield _row("COLAMD")
    yield _row("MMD_AT_PLUS_A")


def _row(ordering: Ordering) -> Row:
    measured = compare(lambda: run_apart(MODULE, "ours"), lambda: run_apart(MODULE, ordering), PAIRS)
    ours, reference = measured.ours.seconds / OURS, measured.reference.seconds / REFERENCE
    return Row(
        f"structure, {SIZE_PX} px, {ITERATIONS} systems, batch {OURS}",
        f"{ours:.3f} s/image",
        f"{reference:.2f} s/image, scipy.sparse.linalg.splu, {ordering}, solving only",
        measured.times_faster * OURS / REFERENCE,
        None,
        "",
    )


def load_photographs(count: int) -> Tensor:
    """Returns (count, 3, SIZE_PX, SIZE_PX) float32 in [0, 1]: squares of the installed photographs, in turn."""
    catalogue = open_photos()
    files = [file for name in catalogue.published["train"] for file in catalogue.find_views(name).values()]
    squares = [to_array(resize_to_square(Image.open(file).convert("RGB"), SIZE_PX)) for file in files[:count]]
    return torch.from_numpy(np.stack(squares)).float() / 255


def assemble(right: _Values, down: _Values) -> scipy.sparse.csc_array:
    """Returns I + L in float64, for edge weights to the right (H, W - 1) and down (H - 1, W)."""
    height, width = right.shape[0], down.shape[1]
    number = np.arange(height * width).reshape(height, width)
    first = np.concatenate([number[:, :-1].ravel(), number[:-1].ravel()])
    second = np.concatenate([number[:, 1:].ravel(), number[1:].ravel()])
    weight = np.concatenate([right.ravel(), down.ravel()]).astype(np.float64)
    ends = np.r_[: len(first), : len(first)], np.r_[first, second]
    signs = np.r_[np.ones(len(first)), -np.ones(len(first))]
    incidence = scipy.sparse.coo_array((signs, ends), shape=(len(first), number.size)).tocsr()
    laplacian = incidence.T @ scipy.sparse.diags_array(weight) @ incidence
    return (scipy.sparse.eye_array(number.size) + laplacian).tocsc()


def smooth_by_scipy(image: Tensor) -> tuple[Tensor, list[scipy.sparse.csc_array]]:
    """Returns the structure of an image (C, H, W) float64 in [0, 1], and the matrices of its systems."""
    right_side, structure, sigma_px = image.flatten(1).T.numpy(), image[None], SIGMA_PX
    matrices = []
    for _ in range(ITERATIONS):
        right, down = find_weights(structure, sigma_px, SHARPNESS)
        matrices.append(assemble(SMOOTHING / 2 * right[0, 0].numpy(), SMOOTHING / 2 * down[0, 0].numpy()))
        solution = scipy.sparse.linalg.spsolve(matrices[-1], right_side)
        structure = torch.from_numpy(np.ascontiguousarray(solution.T)).view_as(structure)
        sigma_px = max(sigma_px / 2, LEAST_SIGMA_PX)
    return structure[0], matrices


def main(side: Literal["ours"] | Ordering) -> None:
    """Measures one side in this process."""
    torch.set_num_threads(THREADS)
    if side == "ours":
        images = load_photographs(OURS)
        measure_here(lambda: relative_total_variation(images, SMOOTHING, SIGMA_PX, SHARPNESS, ITERATIONS), repeats=3)
        return
    images = load_photographs(REFERENCE).double()
    systems = [(matrix, image.flatten(1).T.numpy()) for image in images for matrix in smooth_by_scipy(image)[1]]

    def solve() -> None:
        for matrix, right_side in systems:
            scipy.sparse.linalg.splu(matrix, permc_spec=side).solve(right_side)

    measure_here(solve, repeats=2)


if __name__ == "__main__":
    main(sys.argv[1])  # type: ignore[arg-type]
