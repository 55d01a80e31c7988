"""One photograph and one mask, of any size, through a checkpoint; known pixels come back as they were."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from repro.audit.ledger.yaml_text import check_regular
from repro.cases.medfe.checkpoint import load_generator
from repro.cases.medfe.data.decode import (
    FORMATS,
    TURNED,
    UNKNOWN,
    UnreadableImageError,
    decode_image,
    find_turn,
    open_image,
)
from repro.cases.medfe.data.files import read_bytes
from repro.cases.medfe.masks.files import decode_mask
from repro.cases.medfe.training.batches import scale_bytes
from repro.errors import UserError
from repro.storage import written_file

LOSSLESS = (".png", ".tif", ".tiff", ".bmp")
MIN_PX = 64
HOLE_FROM = 128
"""Grey value, of 255, from which on a mask's pixel is hole."""


class Photograph(NamedTuple):
    """A photograph to be filled.

    Attributes:
        pixels: (H, W, 3) uint8 RGB, upright.
        stored: height and width in its file.
        conversions: what its file holds otherwise; empty where the pixels are the file's own.
        profile: the colour profile that the pixels are meant in.
        frames: how many pictures its file holds, of which this is the first.
    """

    pixels: np.ndarray
    stored: tuple[int, int]
    conversions: tuple[str, ...]
    profile: bytes | None
    frames: int


def inpaint_file(checkpoint: Path, photo: Path, mask: Path, output: Path) -> str:
    """Fills the hole of a photograph and writes an RGB image of the same size.

    Returns:
        Which share of the photograph was hole, and what the output does not keep of its file.

    Raises:
        UserError: a file cannot be read, they do not belong together, the output is one of them, or its format would
            change known pixels.
    """
    if output.suffix.lower() not in LOSSLESS:
        raise UserError(
            f"{output}: known pixels stay untouched only in a lossless file; use one of {', '.join(LOSSLESS)}"
        )
    for read in (photo, mask, checkpoint):
        if output.exists() and read.exists() and output.samefile(read):
            raise UserError(f"{output} would be replaced, and is what is read\n  name another output")
    photograph, (hole, mask_turned) = _read_photograph(photo), _read_hole(mask)
    _check_place(photo, photograph, mask, hole, mask_turned=mask_turned)
    generator = load_generator(checkpoint, "last")
    filled = inpaint(generator, photograph.pixels, hole, 2**generator.model.depth)
    conversions = list(photograph.conversions)
    keeps = photograph.profile and output.suffix.lower() != ".bmp" and set(conversions) <= {TURNED}
    if photograph.profile and not keeps:
        conversions.append("with a colour profile")
    if photograph.frames > 1:
        conversions.append(f"the first of {photograph.frames} frames or pages")
    with written_file(output) as partial:
        profile = {"icc_profile": photograph.profile} if keeps else {}
        Image.fromarray(filled).save(partial, format=Image.registered_extensions()[output.suffix.lower()], **profile)
    filled_share = f"{hole.mean():.1%} of {photo} was hole"
    return filled_share + (
        f"\n  {output} is upright 8-bit RGB; {photo} was: {', '.join(conversions)}" if conversions else ""
    )


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


def _read_photograph(file: Path) -> Photograph:
    with _told_to_user(file):
        content = read_bytes(file)
        with open_image(content) as opened:
            width, height = opened.size
            profile = opened.info.get("icc_profile")
            frames = getattr(opened, "n_frames", 1)
        image, conversions = decode_image(content)
    return Photograph(np.array(image), (height, width), conversions, profile, frames)


def _read_hole(file: Path) -> tuple[np.ndarray, bool]:
    """Returns (H, W) bool, True where the mask is white, and whether its own EXIF tag has turned it."""
    with _told_to_user(file):
        content = read_bytes(file)
        hole = decode_mask(content, "hole_is_white")
        with open_image(content) as opened:
            tagged = find_turn(opened) is not None
            opened.load()  # which turns a TIFF, and takes its tag away
            turn = find_turn(opened)
    upright = hole if turn is None else np.array(Image.fromarray(hole).transpose(turn))
    return upright >= HOLE_FROM, tagged


def _check_place(photo: Path, photograph: Photograph, mask: Path, hole: np.ndarray, *, mask_turned: bool) -> None:
    """Checks that a mask lies on its photograph as it was meant to."""
    shape = photograph.pixels.shape[:2]
    turned = TURNED in photograph.conversions and not mask_turned
    if turned and photograph.stored in (shape, hole.shape):
        raise UserError(
            f"{photo} is turned by its EXIF tag; {mask} may have been drawn on it as it is stored\n"
            "  save the photograph upright, and draw the mask on that"
        )
    if hole.shape != shape:
        sizes = [f"{width}x{height}" for height, width in (hole.shape, shape)]
        raise UserError(
            f"{mask} is {sizes[0]}, {photo} is {sizes[1]}; a mask has its photograph's size, white in the hole"
        )
    if not hole.any():
        raise UserError(f"{mask} is nowhere white, so that there is nothing to fill; a mask is white in the hole")
    if hole.all():
        raise UserError(
            f"{mask} is white all over, so that nothing is known; a mask is white in the hole, black around"
        )


@contextmanager
def _told_to_user(file: Path) -> Iterator[None]:
    """Turns what keeps an image from being read into an error for the user.

    Raises:
        UserError: it is no regular file, the block has raised UnreadableImageError, or Pillow warns of its size.
    """
    check_regular(file, "expected an image")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except UnreadableImageError as error:
        expected = f"\n  expected {', '.join(FORMATS)}" if str(error) == UNKNOWN else ""
        raise UserError(f"{file} cannot be read: {error}{expected}") from None
