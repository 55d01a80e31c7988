"""One photograph and one mask, of any size, through a checkpoint; known pixels come back as they were."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from repro.cases.medfe.checkpoint import load_generator
from repro.cases.medfe.data.decode import UnreadableImageError, decode_image
from repro.cases.medfe.masks.files import spread_zeros_and_ones
from repro.cases.medfe.training.batches import scale_bytes
from repro.errors import UserError
from repro.storage import written_file

LOSSLESS = (".png", ".tif", ".tiff", ".bmp")
MIN_PX = 64
HOLE_FROM = 128
"""Grey value, of 255, from which on a mask's pixel is hole."""


def inpaint_file(checkpoint: Path, photo: Path, mask: Path, output: Path) -> None:
    """Fills the hole of a photograph and writes an RGB image of the same size.

    Raises:
        UserError: a file cannot be read, the sizes differ, or the output's format would change known pixels.
    """
    if output.suffix.lower() not in LOSSLESS:
        raise UserError(
            f"{output}: known pixels stay untouched only in a lossless file; use one of {', '.join(LOSSLESS)}"
        )
    image, hole = _read(photo), _read_hole(mask)
    if hole.shape != image.shape[:2]:
        sizes = [f"{width}x{height}" for height, width in (hole.shape, image.shape[:2])]
        raise UserError(
            f"{mask} is {sizes[0]}, {photo} is {sizes[1]}; a mask has its photograph's size, white in the hole"
        )
    if not hole.any():
        raise UserError(f"{mask} is black all over, so that there is nothing to fill; a mask is white in the hole")
    generator = load_generator(checkpoint, "last")
    filled = inpaint(generator, image, hole, 2**generator.model.depth)
    with written_file(output) as partial:
        Image.fromarray(filled).save(partial, format=Image.registered_extensions()[output.suffix.lower()])


@torch.inference_mode()
def inpaint(generator: nn.Module, image: np.ndarray, hole: np.ndarray, multiple_px: int) -> np.ndarray:
    """Returns the photograph with its hole filled.

    Args:
        generator: takes (1, 3, H, W) in [-1, 1] and (1, 1, H, W) bool.
        image: (H, W, 3) uint8.
        hole: (H, W) bool.
        multiple_px: H and W are padded to multiples of it by repeating the edge, and cut back.
    """
    height, width = hole.shape
    known = scale_bytes(torch.from_numpy(image)).permute(2, 0, 1)[None]
    missing = torch.from_numpy(hole)[None, None]
    padding = (0, _missing_px(width, multiple_px), 0, _missing_px(height, multiple_px))
    output: Tensor = generator(
        F.pad(known, padding, mode="replicate"), F.pad(missing.float(), padding, mode="replicate") > 0
    ).image
    pixels = output[0, :, :height, :width].clamp(-1, 1).add(1).mul(127.5).round().to(torch.uint8)
    return np.where(hole[..., None], pixels.permute(1, 2, 0).numpy(), image)


def _missing_px(size_px: int, multiple_px: int) -> int:
    wanted = max(MIN_PX, -(-size_px // multiple_px) * multiple_px)
    return wanted - size_px


def _read_hole(file: Path) -> np.ndarray:
    """Returns (H, W) bool, True where the brightest channel is white."""
    hole: np.ndarray = spread_zeros_and_ones(_read(file).max(axis=2)) >= HOLE_FROM
    return hole


def _read(file: Path) -> np.ndarray:
    try:
        return np.array(decode_image(file.read_bytes()).image)
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror})") from None
    except UnreadableImageError as error:
        raise UserError(f"{file} cannot be read: {error}") from None
