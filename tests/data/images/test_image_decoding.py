"""Decoding of pictures: types, turns, sizes and limits."""

import os

import numpy as np
import pytest
from picture_folders import write_picture
from PIL import Image

from jaxad.data.images import decoding
from jaxad.data.images.decoding import decode, decode_mask, read_header
from jaxad.data.images.layouts import ImageFolder, Picture, open_pictures
from jaxad.data.images.reading import decode_pieces
from jaxad.data.images.sizes import ImageFormat
from jaxad.errors import DataError

FORM = ImageFormat(4, 6, 3)
GREY = ImageFormat(4, 6, 1)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "bmp"])
@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "LA", "RGBA"])
def test_all_types_are_read_in_colour_and_in_grey(tmp_path, mode, suffix):
    image = Image.new("RGB", (6, 4), (255, 255, 255)).convert(mode)
    path = tmp_path / f"x.{suffix}"
    try:
        image.save(path)
    except OSError:
        pytest.skip("files of this kind do not hold it")
    for form in (FORM, GREY):
        pixels = decode(path, form)
        assert pixels.shape == form.shape and pixels.dtype == np.uint8
        assert pixels.min() > 250
    assert read_header(path).grey == (mode in ("1", "L", "LA"))


def test_a_palette_of_greys_is_grey(tmp_path):
    image = Image.new("P", (6, 4), 3)
    for colours, grey in (([0, 0, 0, 9, 9, 9], True), ([0, 0, 0, 9, 9, 8], False)):
        image.putpalette(colours)
        image.save(tmp_path / "x.png")
        assert read_header(tmp_path / "x.png").grey == grey


def test_16_bits_are_kept(tmp_path):
    values = np.arange(24, dtype=np.uint16).reshape(4, 6) * 2500
    for name in ("x.png", "x.tif"):
        Image.fromarray(values).save(tmp_path / name)
        pixels = decode(tmp_path / name, GREY._replace(depth=16))
        assert np.allclose(pixels[..., 0] * 65535, values) and pixels.dtype == np.float32
        with pytest.raises(DataError, match="has 16 bits for each"):
            decode(tmp_path / name, GREY)
    Image.fromarray(np.zeros((4, 6), np.float32)).save(tmp_path / "f.tif")
    with pytest.raises(DataError, match="pixels of type 'F'"):
        decode(tmp_path / "f.tif", GREY)


def test_transparent_pixels_are_black(tmp_path):
    Image.new("RGBA", (6, 4), (200, 100, 50, 0)).save(tmp_path / "a.png")
    Image.new("RGBA", (6, 4), (200, 100, 50, 255)).save(tmp_path / "b.png")
    Image.new("P", (6, 4), 3).save(tmp_path / "c.png", transparency=3)
    assert decode(tmp_path / "a.png", FORM).max() == 0
    assert decode(tmp_path / "b.png", FORM)[0, 0].tolist() == [200, 100, 50]
    assert decode(tmp_path / "c.png", GREY).max() == 0


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
def test_turns_of_exif_data_are_applied(tmp_path, suffix):
    exif, path = Image.Exif(), tmp_path / f"x.{suffix}"
    exif[0x0112] = 6  # a quarter turn clockwise
    pixels = np.zeros((6, 4), np.uint8)
    pixels[:, :2] = 255
    Image.fromarray(pixels).save(path, exif=exif)
    found = decode(path, GREY)[..., 0]
    assert found[0].min() > 200 and found[-1].max() < 50
    assert decoding.measure(path) == (6, 4)


def test_sizes_are_changed_in_three_ways(tmp_path):
    pixels = np.zeros((4, 8), np.uint8)
    pixels[:, 2:6] = 255
    Image.fromarray(pixels).save(tmp_path / "x.png")
    square = ImageFormat(4, 4, 1)
    found = {w: decode(tmp_path / "x.png", square._replace(way=w))[..., 0] for w in ("crop", "pad")}
    assert found["crop"].min() == 255
    assert not found["pad"][0].any() and not found["pad"][3].any() and found["pad"][1:3].any()
    wide = decode(tmp_path / "x.png", square._replace(way="resize"))[..., 0]
    assert 0 < wide.mean() < 255
    with pytest.raises(DataError, match=r"8x4 \(WIDTHxHEIGHT\).*4x4"):
        decode(tmp_path / "x.png", square)


def test_masks_keep_thin_defects(tmp_path):
    mask = np.zeros((40, 40), np.uint8)
    mask[20] = 255
    Image.fromarray(mask).save(tmp_path / "x.png")
    found = decode_mask(tmp_path / "x.png", ImageFormat(4, 4, 1, way="resize"), (40, 40))
    assert found.sum() == 4
    Image.fromarray(mask // 255).save(tmp_path / "ones.png")
    assert decode_mask(tmp_path / "ones.png", ImageFormat(40, 40), (40, 40)).sum() == 40


def test_hostile_files_are_refused(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(DataError, match="not a regular file"):
        decode(tmp_path / "pipe.png", FORM)
    (tmp_path / "self.png").symlink_to("self.png")
    with pytest.raises(DataError, match="cannot be read"):
        decode(tmp_path / "self.png", FORM)
    frames = [Image.new("L", (6, 4), i) for i in range(2)]
    frames[0].save(tmp_path / "two.tif", save_all=True, append_images=frames[1:])
    with pytest.raises(DataError, match="several pictures"):
        decode(tmp_path / "two.tif", FORM)
    write_picture(tmp_path / "x.png", size=(6, 4))
    monkeypatch.setattr(decoding, "MOST_PIXELS", 23)
    with pytest.raises(DataError, match="too many pixels, 6x4"):
        decode(tmp_path / "x.png", FORM)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(DataError, match="too many pixels"):
        decode(tmp_path / "x.png", FORM)


def test_pieces_come_in_order_and_one_bad_file_stops_none(tmp_path):
    for i in range(10):
        write_picture(tmp_path / f"{i}.png", i, size=(6, 4))
    (tmp_path / "4.png").write_text("no picture")
    pieces = list(decode_pieces(open_pictures(tmp_path), FORM, 4))
    assert [len(piece.x) for piece in pieces] == [4, 4, 2]
    assert [name for p in pieces for name in p.names] == [f"{i}.png" for i in range(10)]
    assert [list(p.bad) for p in pieces] == [[], [0], []]
    assert np.array_equal(pieces[2].x[1], decode(tmp_path / "9.png", FORM))
    missing = ImageFolder(tmp_path, "folder", (Picture("gone.png"),))
    assert "No such file" in next(decode_pieces(missing, FORM, 4)).bad[0]
