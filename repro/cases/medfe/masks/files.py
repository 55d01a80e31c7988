"""Irregular holes from image files, e.g. the sets that NVIDIA published with Liu et al. 2018.

A folder tree is read once, each file is sorted into the bucket of its hole ratio at the wanted size, and masks are
drawn from the files of a bucket. The files are not trusted: links are not followed, only the formats and sizes that
photographs may have are opened, and what cannot be used is counted with its reason.
"""

from collections import Counter
from pathlib import Path
from typing import NamedTuple, assert_never

import numpy as np
import numpy.typing as npt
from PIL import Image

from repro import paths
from repro.cases.medfe.data.decode import UNSUPPORTED, UnreadableImageError, open_image
from repro.cases.medfe.data.files import list_files, read_bytes
from repro.cases.medfe.masks.buckets import BUCKETS
from repro.cases.medfe.masks.threads import map_in_threads
from repro.cases.medfe.params.masks import Binarise, MasksParams, Polarity
from repro.errors import UserError

OUTSIDE = "hole ratio outside 1-60 %"
NO_MASK = "no mask: more than a quarter of its pixels is neither black nor white"
IN_ALPHA = "no mask: its hole is drawn in transparency; export it as white on black"

MARGIN = 48
"""Grey values so near to black or white count as such: what JPEG and smoothed edges make of a mask."""
LARGEST_BETWEEN = 0.25
"""Share of other grey values from which on a picture is no mask. Source: our inference; photographs have most there."""


class MaskFiles(NamedTuple):
    """The usable files of a folder by bucket name, and how many were left out for which reason."""

    by_bucket: dict[str, list[Path]]
    left_out: dict[str, int]
    polarity: Polarity
    binarise: Binarise

    def draw(self, rng: np.random.Generator, size_px: int, low: float, high: float) -> npt.NDArray[np.bool_]:
        """Returns the mask of a random file of the bucket (low, high]; arguments as `draw_strokes`."""
        name = next(bucket.name for bucket in BUCKETS if (bucket.low, bucket.high) == (low, high))
        files = self.by_bucket[name]
        return read_mask_file(files[rng.integers(len(files))], size_px, self.polarity, self.binarise)


def index_mask_files(params: MasksParams, size_px: int) -> MaskFiles:
    """Reads all files below `params.root` and sorts them into buckets.

    Raises:
        UserError: no such folder, or a bucket without files.
    """
    root = paths.locate(params.root)
    if not root.is_dir():
        raise UserError(f"masks.root: there is no folder {params.root}; put the mask files there, or set masks.root")
    by_bucket: dict[str, list[Path]] = {bucket.name: [] for bucket in BUCKETS}
    names, refused = list_files(root)
    left_out = Counter(item.reason for item in refused)

    def sort_in(name: str) -> str:
        """Returns the bucket of a file, or why it is left out."""
        try:
            ratio = read_mask_file(root / name, size_px, params.polarity, params.binarise).mean()
        except UnreadableImageError as error:
            return str(error)
        return next((bucket.name for bucket in BUCKETS if bucket.low < ratio <= bucket.high), OUTSIDE)

    for name, place in zip(names, map_in_threads(sort_in, names, "mask files"), strict=True):
        if place in by_bucket:
            by_bucket[place].append(root / name)
        else:
            left_out[place] += 1
    _check_filled(by_bucket, left_out, params)
    return MaskFiles(by_bucket, dict(left_out), params.polarity, params.binarise)


def read_mask_file(file: Path, size_px: int, polarity: Polarity, binarise: Binarise) -> npt.NDArray[np.bool_]:
    """Returns the mask that an image file of any mode and size holds.

    Grey is resized bilinearly and becomes a mask only then, as the releases do.

    Returns:
        (size_px, size_px) bool, True where there is a hole.

    Raises:
        UnreadableImageError: the file gives no image, for one of the reasons that photographs have, or no mask.
    """
    grey = decode_mask(read_bytes(file), polarity)
    resized = np.asarray(Image.fromarray(grey).resize((size_px, size_px), Image.Resampling.BILINEAR))
    match binarise:
        case "positive":
            threshold = 1
        case "half":
            threshold = 128
        case "full":
            threshold = 255
        case _:
            assert_never(binarise)
    hole: npt.NDArray[np.bool_] = resized >= threshold
    return hole


def decode_mask(content: bytes, polarity: Polarity) -> npt.NDArray[np.uint8]:
    """Returns the mask in the bytes of an image file, at its own size and as it is stored, EXIF orientation or not.

    What is transparent is no hole: programs that draw put a white hole on a transparent ground. A file whose largest
    value is one is taken for a mask of zeros and ones.

    Returns:
        (H, W) uint8, 255 where there is a hole, 0 where there is none, little between.

    Raises:
        UnreadableImageError: no image, or one that is no mask.
    """
    with open_image(content) as image:
        deep = image.mode.startswith("I") or image.mode == "F"
        alpha = None if deep else _alpha(image)
        grey = _reduce_to_8_bits(image) if deep else _brightest(image)
    grey = grey * np.uint8(255) if grey.max() <= 1 else grey
    if alpha is not None and not alpha.all():
        grey = np.where(alpha, grey, np.uint8(0 if polarity == "hole_is_white" else 255))
    if ((grey > MARGIN) & (grey < 255 - MARGIN)).mean() > LARGEST_BETWEEN:
        raise UnreadableImageError(NO_MASK)
    hole: npt.NDArray[np.uint8] = grey if polarity == "hole_is_white" else 255 - grey
    if alpha is not None and not alpha.all() and hole.max() < 128:
        raise UnreadableImageError(IN_ALPHA)
    return hole


def _brightest(image: Image.Image) -> npt.NDArray[np.uint8]:
    """Returns the brightest channel of each pixel, (H, W) uint8: a red brush on black is a hole too."""
    brightest: npt.NDArray[np.uint8] = np.asarray(image.convert("RGB")).max(axis=2)
    return brightest


def _alpha(image: Image.Image) -> npt.NDArray[np.bool_] | None:
    """Returns where an image is more opaque than not, (H, W) bool; None for one that has no transparency."""
    if "transparency" not in image.info and image.mode not in ("RGBA", "LA", "PA", "RGBa", "La"):
        return None
    opaque: npt.NDArray[np.bool_] = np.asarray(image.convert("RGBA").getchannel("A")) >= 128
    return opaque


def _reduce_to_8_bits(image: Image.Image) -> npt.NDArray[np.uint8]:
    values = np.asarray(image).astype(np.float32)
    if not np.isfinite(values).all():
        raise UnreadableImageError(UNSUPPORTED)
    if values.max() > 255:
        values *= 255 / 65535
    grey: npt.NDArray[np.uint8] = np.rint(values.clip(0, 255)).astype(np.uint8)
    return grey


def _check_filled(by_bucket: dict[str, list[Path]], left_out: Counter[str], params: MasksParams) -> None:
    if all(by_bucket.values()):
        return
    counts = ", ".join(f"{name} %: {len(files)}" for name, files in by_bucket.items())
    reasons = "".join(f", {reason}: {count}" for reason, count in left_out.items())
    raise UserError(
        f"masks.root: {params.root} has no mask file for some hole ratios ({counts}{reasons})\n"
        f"add files for them, or check masks.polarity ({params.polarity}) and masks.binarise ({params.binarise})"
    )
