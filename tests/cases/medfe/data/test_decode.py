"""Every mode becomes the RGB values that arithmetic on the stored values gives; what is broken says why."""

import contextlib
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from repro.cases.medfe.data import decode
from repro.cases.medfe.data.decode import UnreadableImageError, decode_image

RAMP = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5
COLOURS = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)


def encode(image, format_, **options):
    stream = io.BytesIO()
    image.save(stream, format_, **options)
    return stream.getvalue()


def pixels(content):
    decoded = decode_image(content)
    assert decoded.image.mode == "RGB"
    return np.asarray(decoded.image), decoded.conversions


def on_white(colour, alpha):
    share = alpha[..., None] / 255
    return colour * share + 255 * (1 - share)


@pytest.mark.parametrize("format_", ["PNG", "BMP", "TIFF", "PPM"])
def test_rgb_is_taken_as_it_is(format_):
    values, conversions = pixels(encode(Image.fromarray(COLOURS), format_))
    assert np.array_equal(values, COLOURS)
    assert conversions == ()


@pytest.mark.parametrize(("format_", "options"), [("WEBP", {"lossless": True}), ("JPEG", {}), ("GIF", {})])
def test_other_formats_are_read(format_, options):
    smooth = Image.linear_gradient("L").resize((32, 32)).convert("RGB")
    values, _ = pixels(encode(smooth, format_, **options))
    assert np.abs(values.astype(int) - np.asarray(smooth)).max() <= 6


def test_grey_is_repeated():
    values, conversions = pixels(encode(Image.fromarray(RAMP), "PNG"))
    assert np.array_equal(values, np.stack([RAMP] * 3, axis=-1))
    assert conversions == ("grey",)


def test_bilevel_is_black_and_white():
    values, conversions = pixels(encode(Image.fromarray(RAMP > 100), "PNG"))
    assert np.array_equal(values[..., 0], np.where(RAMP > 100, 255, 0))
    assert conversions == ("grey",)


def test_alpha_is_laid_on_white():
    values, conversions = pixels(encode(Image.fromarray(np.dstack([COLOURS, RAMP])), "PNG"))
    assert np.abs(values - on_white(COLOURS, RAMP)).max() <= 1
    assert conversions == ("RGB with alpha",)


def test_grey_with_alpha_is_laid_on_white():
    image = Image.merge("LA", [Image.fromarray(RAMP), Image.fromarray(RAMP[::-1].copy())])
    values, conversions = pixels(encode(image, "PNG"))
    assert np.abs(values - on_white(np.stack([RAMP] * 3, -1), RAMP[::-1])).max() <= 1
    assert conversions == ("grey with alpha",)


def test_palette_is_looked_up():
    image = Image.fromarray(COLOURS).quantize(8)
    values, conversions = pixels(encode(image, "PNG"))
    palette = np.array(image.getpalette()).reshape(-1, 3)
    assert np.array_equal(values, palette[np.asarray(image)])
    assert conversions == ("palette",)


def test_palette_with_a_transparent_entry_is_laid_on_white():
    image = Image.fromarray(COLOURS).quantize(8)
    values, conversions = pixels(encode(image, "PNG", transparency=3))
    palette = np.array(image.getpalette()).reshape(-1, 3)
    palette[3] = 255
    assert np.array_equal(values, palette[np.asarray(image)])
    assert conversions == ("palette with alpha",)


def test_a_transparent_colour_becomes_white():
    key = tuple(int(value) for value in COLOURS[2, 3])
    values, conversions = pixels(encode(Image.fromarray(COLOURS), "PNG", transparency=key))
    assert (values[2, 3] == 255).all()
    assert conversions == ("RGB with alpha",)


def test_cmyk_is_converted():
    inks = Image.new("CMYK", (4, 4))
    inks.putdata([(255, 0, 0, 0)] * 8 + [(0, 0, 0, 255)] * 8)
    values, conversions = pixels(encode(inks, "TIFF"))
    assert values[0, 0].tolist() == [0, 255, 255]
    assert values[3, 3].tolist() == [0, 0, 0]
    assert conversions == ("CMYK",)


@pytest.mark.parametrize("format_", ["PNG", "TIFF"])
def test_16_bit_grey_keeps_its_range(format_):
    deep = (RAMP.astype(np.uint16) << 8) + 77
    values, conversions = pixels(encode(Image.fromarray(deep), format_))
    assert np.array_equal(values[..., 1], np.rint(deep / 65535 * 255).astype(np.uint8))
    assert conversions == ("16-bit",)


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width, height, depth, colour, content):
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(content)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def test_16_bit_colour_is_counted():
    rows = b"".join(b"\0" + (row.astype(np.uint16) << 8).astype(">u2").tobytes() for row in COLOURS)
    values, conversions = pixels(png(8, 6, 16, 2, rows))
    assert np.array_equal(values, COLOURS)
    assert conversions == ("16-bit",)


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (np.linspace(0, 1, 48).reshape(6, 8), np.rint(np.linspace(0, 255, 48)).reshape(6, 8)),
        (np.linspace(-40, 700, 48).reshape(6, 8), np.rint(np.linspace(0, 255, 48)).reshape(6, 8)),
        (np.full((6, 8), 3.0), np.zeros((6, 8))),
    ],
    ids=["unit range", "stretched", "constant"],
)
def test_32_bit_float(stored, expected):
    values, conversions = pixels(encode(Image.fromarray(stored.astype(np.float32)), "TIFF"))
    assert np.abs(values[..., 2] - expected).max() <= 1
    assert conversions == ("32-bit float",)


def test_32_bit_integer():
    values, conversions = pixels(encode(Image.fromarray(np.arange(48, dtype=np.int32).reshape(6, 8) * 9000), "TIFF"))
    assert values.min() == 0
    assert values.max() == 255
    assert conversions == ("32-bit integer",)


def test_not_a_number_is_refused():
    with pytest.raises(UnreadableImageError, match=decode.UNSUPPORTED):
        decode_image(encode(Image.fromarray(np.full((4, 4), np.nan, np.float32)), "TIFF"))


@pytest.mark.parametrize("format_", ["PNG", "TIFF", "JPEG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(format_, orientation):
    corner = Image.new("RGB", (32, 16), "black")
    corner.paste("white", (0, 0, 8, 8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encode(corner, format_, exif=exif)
    values, conversions = pixels(content)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(content))))
    assert values.shape == ((16, 32, 3) if orientation < 5 else (32, 16, 3))
    assert np.array_equal(values, expected)
    assert conversions == (("EXIF orientation",) if orientation > 1 else ())


@pytest.mark.fault("damage", "photograph")
def test_damaged_metadata_loses_no_image():
    values, _ = pixels(encode(Image.fromarray(COLOURS), "PNG", exif=b"Exif\0\0nonsense"))
    assert np.array_equal(values, COLOURS)


def test_first_frame_of_several():
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    values, _ = pixels(encode(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert (values == (255, 0, 0)).all()


GOOD = encode(Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)), "PNG")
GOOD_JPEG = encode(Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)), "JPEG")


@pytest.mark.fault("damage", "photograph")
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", decode.EMPTY),
        (b"a line of text\n", decode.UNKNOWN),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", decode.UNKNOWN),
        (GOOD[: len(GOOD) // 2], decode.DAMAGED),
        (GOOD_JPEG[: len(GOOD_JPEG) // 2], decode.DAMAGED),
        (GOOD[:41] + bytes(20) + GOOD[61:], decode.DAMAGED),
        (png(10_000, 10_000, 8, 0, b""), decode.TOO_MANY_PIXELS),
        (png(2**31 - 1, 2**31 - 1, 8, 0, b""), decode.TOO_MANY_PIXELS),
    ],
    ids=["empty", "text", "postscript", "cut png", "cut jpeg", "overwritten", "bomb", "huge bomb"],
)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_what_cannot_be_read_says_why(content, reason):
    with pytest.raises(UnreadableImageError, match=reason):
        decode_image(content)


@pytest.mark.fault("damage", "photograph")
@pytest.mark.parametrize("seed", range(40))
def test_random_damage_gives_an_image_or_the_named_error(seed):
    random = np.random.default_rng(seed)
    content = bytearray([GOOD, GOOD_JPEG][seed % 2])
    for place in random.integers(0, len(content), 20):
        content[place] = random.integers(256)
    with contextlib.suppress(UnreadableImageError):
        assert decode_image(bytes(content)).image.mode == "RGB"
