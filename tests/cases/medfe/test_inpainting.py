"""What a photograph's file holds is kept or said, and a mask lies where it was drawn."""

import os
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageCms

from repro.cases.medfe import inpainting
from repro.errors import UserError

PIXELS = np.random.default_rng(0).integers(0, 256, (70, 90, 3), dtype=np.uint8)


@pytest.fixture(autouse=True)
def grey_filling(monkeypatch):
    """The network fills with grey."""
    monkeypatch.setattr(inpainting, "load_generator", lambda *_: SimpleNamespace(model=SimpleNamespace(depth=3)))
    monkeypatch.setattr(
        inpainting,
        "inpaint",
        lambda _network, image, hole, _multiple: np.where(hole[..., None], 128, image).astype("u1"),
    )


@pytest.fixture
def fill(tmp_path):
    def call(photo, hole, output="out.png", mask_tag=1):
        mask = Image.fromarray(hole)
        mask.save(tmp_path / "mask.png", exif=_tag(mask_tag))
        said = inpainting.inpaint_file(tmp_path, photo, tmp_path / "mask.png", tmp_path / output)
        return said, tmp_path / output

    return call


def _tag(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def hole_in_corner(height, width):
    hole = np.zeros((height, width), np.uint8)
    hole[:9, :20] = 255
    return hole


def test_the_profile_is_kept_where_the_pixels_are(tmp_path, fill):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(PIXELS).save(tmp_path / "photo.png", icc_profile=profile)
    for output, kept in (("out.png", True), ("out.tif", True), ("out.bmp", False)):
        said, file = fill(tmp_path / "photo.png", hole_in_corner(70, 90), output)
        with Image.open(file) as image:
            assert image.info.get("icc_profile") == (profile if kept else None)
            assert np.array_equal(np.asarray(image)[9:], PIXELS[9:])
        assert ("with a colour profile" in said) == (not kept)


@pytest.mark.parametrize(
    ("image", "was"),
    [
        (Image.fromarray(PIXELS[..., 0].astype(np.uint16) * 257), "16-bit"),
        (Image.fromarray(PIXELS).convert("CMYK"), "CMYK"),
        (Image.fromarray(PIXELS).convert("RGBA"), "RGB with alpha"),
        (Image.fromarray(PIXELS), ""),
    ],
    ids=["16-bit", "CMYK", "alpha", "RGB"],
)
def test_what_is_not_kept_is_said(tmp_path, fill, image, was):
    image.save(tmp_path / "photo.tif")
    said, _ = fill(tmp_path / "photo.tif", hole_in_corner(70, 90))
    assert said.partition("\n")[0] == f"2.9% of {tmp_path / 'photo.tif'} was hole"
    assert said.endswith(f"was: {was}" if was else "hole")


def test_a_mask_on_a_turned_photograph(tmp_path, fill):
    for orientation in (3, 6):
        Image.fromarray(PIXELS).save(tmp_path / f"turned_{orientation}.png", exif=_tag(orientation))
    for photo, shape in (("turned_3.png", (70, 90)), ("turned_6.png", (70, 90))):
        with pytest.raises(UserError, match=r"turned by its EXIF tag.*\n  save the photograph upright"):
            fill(tmp_path / photo, hole_in_corner(*shape))
    said, file = fill(tmp_path / "turned_6.png", hole_in_corner(90, 70))
    assert "EXIF orientation" in said
    expected = np.rot90(PIXELS, -1)
    assert np.array_equal(np.asarray(Image.open(file))[9:], expected[9:])
    _, file = fill(tmp_path / "turned_3.png", hole_in_corner(70, 90), mask_tag=3)
    filled = np.asarray(Image.open(file))
    assert np.array_equal(filled[:61], PIXELS[::-1, ::-1][:61])
    assert (filled[61:, 70:] == 128).all()


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (PIXELS, "no mask"),
        (np.zeros((70, 90), np.uint8), "nowhere white"),
        (np.full((70, 90), 4095, np.uint16), "nowhere white"),
        (np.full((70, 90), 255, np.uint8), "nothing is known"),
    ],
    ids=["photo", "black", "dark in 16 bits", "white"],
)
def test_what_is_no_mask_is_refused(tmp_path, fill, mask, message):
    Image.fromarray(PIXELS).save(tmp_path / "photo.png")
    with pytest.raises(UserError, match=message):
        fill(tmp_path / "photo.png", mask)
    assert not (tmp_path / "out.png").exists()


def test_a_turned_mask_lies_where_it_does_in_every_format(tmp_path, fill):
    Image.fromarray(PIXELS).save(tmp_path / "photo.png")
    _, png = fill(tmp_path / "photo.png", hole_in_corner(70, 90), "png.png", mask_tag=3)
    Image.fromarray(hole_in_corner(70, 90)).save(tmp_path / "mask.tif", tiffinfo={0x0112: 3})
    inpainting.inpaint_file(tmp_path, tmp_path / "photo.png", tmp_path / "mask.tif", tmp_path / "tif.png")
    assert np.array_equal(np.asarray(Image.open(png)), np.asarray(Image.open(tmp_path / "tif.png")))
    assert (np.asarray(Image.open(png))[-9:, -20:] == 128).all()


def test_more_frames_than_one_are_said(tmp_path, fill):
    first, second = Image.fromarray(PIXELS), Image.fromarray(PIXELS[::-1].copy())
    first.save(tmp_path / "photo.png", save_all=True, append_images=[second])
    said, _ = fill(tmp_path / "photo.png", hole_in_corner(70, 90))
    assert said.endswith("was: the first of 2 frames or pages")


@pytest.mark.parametrize("name", ["photo.png", "mask.png"])
def test_no_output_replaces_what_is_read(tmp_path, fill, name):
    Image.fromarray(PIXELS).save(tmp_path / "photo.png")
    with pytest.raises(UserError, match=f"{name} would be replaced, and is what is read"):
        fill(tmp_path / "photo.png", hole_in_corner(70, 90), name)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "photo.png")), PIXELS)


def test_what_is_no_image_is_refused_without_waiting_or_warning(tmp_path, fill, monkeypatch, recwarn):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "text.png").write_text("no image")
    for name, reason in (
        ("pipe.png", "is no regular file; expected an image"),
        ("", "is a folder; expected an image"),
        ("absent.png", "cannot be read: file that is not there"),
        ("text.png", "cannot be read: no image of a known format\n  expected PNG, JPEG"),
    ):
        with pytest.raises(UserError, match=f"{name} {reason}"):
            fill(tmp_path / name, hole_in_corner(70, 90))
    Image.fromarray(PIXELS).save(tmp_path / "large.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5_000)
    with pytest.raises(UserError, match="more pixels than the limit"):
        fill(tmp_path / "large.png", hole_in_corner(70, 90))
    assert not recwarn.list
