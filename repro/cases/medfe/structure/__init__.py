"""Structure images: what is left of photographs once their texture is smoothed away; one method per module.

Source: the paper supervises its structure branch by images from relative total variation (Xu et al. 2012); the other
methods are what related work takes.
"""

from typing import assert_never

import numpy as np
import numpy.typing as npt
import torch

from repro.cases.medfe.params.data import StructureParams
from repro.cases.medfe.structure.edges import canny_edges
from repro.cases.medfe.structure.gradients import l0_gradient_minimisation
from repro.cases.medfe.structure.total_variation import relative_total_variation

BATCH_PX = 2**19
"""Pixels that are smoothed at once: bounds memory without changing a result."""


def smooth_images(images: npt.NDArray[np.uint8], params: StructureParams) -> npt.NDArray[np.uint8]:
    """Returns the structure images of photographs.

    Args:
        images: (B, 3, H, W) uint8.
        params: method and its constants.

    Returns:
        (B, 3, H, W) uint8.
    """
    structure = np.empty_like(images)
    size = max(1, BATCH_PX // (images.shape[2] * images.shape[3]))
    for start in range(0, len(images), size):
        structure[start : start + size] = _smooth_batch(images[start : start + size], params)
    return structure


def _smooth_batch(images: npt.NDArray[np.uint8], params: StructureParams) -> npt.NDArray[np.uint8]:
    match params.method:
        case "rtv":
            smooth = relative_total_variation(
                _to_float(images), params.rtv_lambda, params.rtv_sigma_px, params.rtv_sharpness, params.rtv_iterations
            )
            return _to_bytes(smooth)
        case "l0":
            return _to_bytes(l0_gradient_minimisation(_to_float(images)))
        case "canny":
            return canny_edges(images)
        case _:
            assert_never(params.method)


def _to_float(images: npt.NDArray[np.uint8]) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(images)).float() / 255


def _to_bytes(images: torch.Tensor) -> npt.NDArray[np.uint8]:
    return (images * 255).round().clamp(0, 255).byte().numpy()
