"""Any image file becomes 8-bit RGB, or an error that says why not.

The bytes are not trusted: only the formats below are tried, and more pixels than Pillow's limit against decompression
bombs are refused. Colour profiles are ignored: the values are taken for sRGB.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, UnidentifiedImageError
from PIL.Image import Transpose
from PIL.TiffImagePlugin import TiffImageFile

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "PPM")
"""Of files with several frames or pages the first is taken."""

EMPTY = "empty file"
UNKNOWN = "no image of a known format"
DAMAGED = "truncated or damaged"
TOO_MANY_PIXELS = "more pixels than the limit against decompression bombs"
TURNED = "EXIF orientation"
"""The kind of conversion of an image that its EXIF tag turns."""
UNSUPPORTED = "pixel values that have no 8-bit RGB form"

_UPRIGHT = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
"""What undoes each value of the EXIF tag Orientation. Source: Exif 2.3, 4.6.4 A."""


class UnreadableImageError(Exception):
    """A file that gives no image; its text is one of the reasons above."""


class DecodedImage(NamedTuple):
    """An upright image of mode RGB, 8 bits per channel, and the kinds of conversion that made it so."""

    image: Image.Image
    conversions: tuple[str, ...]


def decode_image(content: bytes) -> DecodedImage:
    """Returns the image in the bytes of a file as upright 8-bit RGB; transparency is laid on white.

    Raises:
        UnreadableImageError: empty, of no known format, damaged, too many pixels, or values without an RGB form.
    """
    with open_image(content) as opened:
        return _decode(opened)


@contextmanager
def open_image(content: bytes) -> Iterator[Image.Image]:
    """Yields the image in the bytes of a file, not loaded yet; what loading it in the block raises is translated.

    Raises:
        UnreadableImageError: empty, of no known format, damaged, or too many pixels.
    """
    if not content:
        raise UnreadableImageError(EMPTY)
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as opened:
            limit = Image.MAX_IMAGE_PIXELS
            if limit is not None and opened.width * opened.height > limit:
                raise UnreadableImageError(TOO_MANY_PIXELS)
            yield opened
    except UnreadableImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise UnreadableImageError(TOO_MANY_PIXELS) from None
    except UnidentifiedImageError:
        raise UnreadableImageError(UNKNOWN) from None
    except Exception as error:  # Pillow's decoders raise almost anything on damaged or malicious bytes
        raise UnreadableImageError(DAMAGED) from error


def _decode(opened: Image.Image) -> DecodedImage:
    stored_16_bit, turned_by_pillow = _stored_in_16_bits(opened), _is_turned_on_loading(opened)
    opened.load()  # before the EXIF tags, whose reading loads a PNG too and would hide that it is damaged
    turn = find_turn(opened)
    rgb, kind = _to_rgb(opened)
    if turn is not None:
        rgb = rgb.transpose(turn)
    conversions = [kind] if kind else []
    if stored_16_bit and kind != "16-bit":
        conversions.append("16-bit")
    if turned_by_pillow or turn is not None:
        conversions.append(TURNED)
    return DecodedImage(rgb, tuple(conversions))


def find_turn(image: Image.Image) -> Transpose | None:
    """Returns what turns an image upright as its EXIF tag says; nothing where it lies so."""
    try:
        return _UPRIGHT.get(int(image.getexif().get(ExifTags.Base.Orientation, 1)))
    except Exception:  # damaged metadata is no reason to lose the image
        return None


def _is_turned_on_loading(image: Image.Image) -> bool:
    return isinstance(image, TiffImageFile) and image.tag_v2.get(ExifTags.Base.Orientation) in _UPRIGHT


def _stored_in_16_bits(image: Image.Image) -> bool:
    return any("16" in str(tile[3]) for tile in getattr(image, "tile", ()))


def _to_rgb(image: Image.Image) -> tuple[Image.Image, str | None]:
    """Returns the image in mode RGB and the kind of conversion, None where there was nothing to convert."""
    transparent = "transparency" in image.info
    match image.mode:
        case "RGB" if not transparent:
            return image.copy(), None
        case "1" | "L" if not transparent:
            return image.convert("RGB"), "grey"
        case "P" if not transparent:
            return image.convert("RGB"), "palette"
        case "1" | "L" | "LA" | "La":
            return _lay_on_white(image), "grey with alpha"
        case "P" | "PA":
            return _lay_on_white(image), "palette with alpha"
        case "RGB" | "RGBA" | "RGBa":
            return _lay_on_white(image), "RGB with alpha"
        case "CMYK":
            return image.convert("RGB"), "CMYK"
        case "RGBX" | "YCbCr" | "HSV":
            return image.convert("RGB"), image.mode
        case "I;16" | "I;16L" | "I;16B" | "I;16N":
            return _grey_from(np.asarray(image).astype(np.float64) / 65535), "16-bit"
        case "I":
            return _grey_from(_unit_range(np.asarray(image).astype(np.float64), full=65535)), "32-bit integer"
        case "F":
            return _grey_from(_unit_range(np.asarray(image).astype(np.float64), full=1)), "32-bit float"
        case _:
            raise UnreadableImageError(UNSUPPORTED)


def _lay_on_white(image: Image.Image) -> Image.Image:
    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")


def _unit_range(values: npt.NDArray[np.float64], full: float) -> npt.NDArray[np.float64]:
    """Returns values in [0, 1]: as they are if they lie in [0, full], else stretched between their extremes.

    Source: our inference; such files do not say which value is white.
    """
    if not np.isfinite(values).all():
        raise UnreadableImageError(UNSUPPORTED)
    low, high = float(values.min()), float(values.max())
    if low >= 0 and high <= full:
        return values / full
    return (values - low) / max(high - low, float(np.finfo(np.float64).tiny))


def _grey_from(values: npt.NDArray[np.float64]) -> Image.Image:
    return Image.fromarray(np.rint(values * 255).astype(np.uint8)).convert("RGB")
