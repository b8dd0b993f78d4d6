"""Folders of pictures: which files are found, and in which layout."""

import os
from pathlib import Path

import numpy as np
import pytest
from picture_folders import make_mvtec, write_mask, write_picture
from PIL import Image

import jaxad
from jaxad.data.images.files import find_pictures, natural_key, show_name
from jaxad.data.images.layouts import is_image_source, open_pictures, parse_source
from jaxad.data.images.sizes import ImageFormat, ImageSize, parse_size
from jaxad.errors import ConfigError, DataError, DataWarning


def names(root, **options):
    return [p.name for p in open_pictures(root, **options).pictures]


def touch(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


def test_pictures_are_found_in_natural_order_and_hidden_files_passed_over(tmp_path):
    touch(tmp_path, "10.png", "2.PNG", "b/1.jpeg", "a.bmp", ".x.png", ".d/1.png", "c.txt", "d.TIF")
    assert find_pictures(tmp_path) == ["2.PNG", "10.png", "a.bmp", "b/1.jpeg", "d.TIF"]
    assert sorted(["a10", "a9b2", "a9b10", "a09b2"], key=natural_key)[-1] == "a10"


def test_links_are_followed_and_loops_end(tmp_path):
    touch(tmp_path, "real/1.png", "real/2.png")
    (tmp_path / "real/loop").symlink_to(tmp_path)
    (tmp_path / "linked").symlink_to(tmp_path / "real")
    (tmp_path / "self").symlink_to(tmp_path / "self")
    assert find_pictures(tmp_path) == ["real/1.png", "real/2.png"]


@pytest.mark.parametrize(
    "name, shown",
    [
        ("a,b.png", "a,b.png"),
        ("a\nb.png", r"a\nb.png"),
        (os.fsdecode(b"caf\xe9.png"), r"caf\xe9.png"),
        ("ü.png", "ü.png"),
    ],
)
def test_names_are_shown_as_printable_text(name, shown):
    assert show_name(name) == shown
    assert show_name(name).encode()


def test_layouts_are_recognised(tmp_path):
    assert open_pictures(touch(tmp_path / "a", "1.png", "b/2.png")).layout == "folder"
    assert open_pictures(touch(tmp_path / "b", "good/1.png")).layout == "folder"
    assert open_pictures(touch(tmp_path / "c", "ok/1.png", "bad/x/1.png")).classes == ("bad", "ok")
    found = open_pictures(make_mvtec(tmp_path / "d", 2, 1))
    assert (found.layout, found.classes, found.masked) == ("mvtec", ("good", "crack", "hole"), True)
    assert [p.mask for p in found.select("train").pictures] == [None, None]
    assert "ground_truth/hole/000_mask.png" in [p.mask for p in found.select("test").pictures]
    assert names(tmp_path / "a/1.png") == ["1.png"]


def test_layouts_and_sizes_have_names(tmp_path):
    touch(tmp_path, "ok/1.png", "bad/1.png")
    assert open_pictures(f"folder:{tmp_path}").layout == "folder"
    assert parse_source("pad(8x4):classes:a:b") == ("a:b", "classes", ImageSize(8, 4, "pad"))
    assert parse_source("classes:crop(8):x") == ("x", "classes", ImageSize(8, 8, "crop"))
    assert parse_source("c:/tiles") == ("c:/tiles", None, None)
    assert str(parse_size("crop(8x4)")) == "crop(8x4)" and parse_size(64) == (64, 64, "resize")
    with pytest.raises(DataError, match="not in MVTec's layout"):
        open_pictures(f"mvtec:{tmp_path}")
    with pytest.raises(ConfigError, match="apply only to such"):
        open_pictures(f"folder:{touch(tmp_path, 'x.csv')}/x.csv")


@pytest.mark.parametrize(
    "wrong",
    [{}, {"height": 0}, {"width": 1e9}, {"channels": 2}, {"depth": True}, {"way": "cut"}, {"x": 1}],
)
def test_a_format_is_restored_only_if_it_is_one(wrong):
    good = ImageFormat(4, 6, 1, 16, "pad").dump()
    assert ImageFormat.restore(good) == (4, 6, 1, 16, "pad")
    with pytest.raises(DataError, match="images"):
        ImageFormat.restore(good | wrong if wrong else wrong)


@pytest.mark.parametrize(
    "text", ["", "0", "64x", "crop(64", "64)", "-1", "99999", "fill(3)", "6.5"]
)
def test_other_sizes_are_refused(text):
    with pytest.raises(ConfigError, match="WIDTHxHEIGHT"):
        parse_size(text)


def test_folders_without_pictures_say_what_they_hold(tmp_path):
    with pytest.raises(DataError, match="has no pictures; it holds nothing"):
        open_pictures(tmp_path)
    touch(tmp_path, "notes.txt")
    with pytest.raises(DataError, match=r"it holds notes.txt. Pictures end in \.png"):
        open_pictures(tmp_path)
    assert not is_image_source(tmp_path) and not is_image_source("features:model:a.png")
    assert is_image_source("gone.png")
    with pytest.raises(DataError, match="no such folder"):
        open_pictures(tmp_path / "missing")


def test_several_data_sets_in_one_folder_are_named(tmp_path):
    for name in ("bottle", "cable"):
        make_mvtec(tmp_path / name, 2, 1)
    with pytest.raises(DataError, match=r"layout: bottle, cable\. Give one"):
        open_pictures(tmp_path)
    touch(tmp_path, "notes.txt")
    assert {"bottle", "cable"} <= set(jaxad.data.list_datasets(tmp_path))
    assert jaxad.load_dataset("cable", data_dir=tmp_path).name == "cable"


def test_a_data_set_has_classes_parts_and_masks(tmp_path):
    data = jaxad.load_dataset(make_mvtec(tmp_path / "bottle", mode="RGB"))
    assert data.class_names == ("good", "crack", "hole") and data.normal_classes() == (0,)
    assert data.x.shape == (12, 16, 16, 3) and data.x_test.shape == (9, 16, 16, 3)
    assert data.y_test.tolist() == [1, 1, 1, 0, 0, 0, 2, 2, 2]
    assert (
        not data.mask.any()
        and data.mask_test.sum(axis=(1, 2)).tolist() == [16] * 3 + [0] * 3 + [16] * 3
    )
    split = jaxad.contaminate(data, 0)
    assert split.test.label.sum() == 6 and split.setting["normal_classes"] == ["good"]
    small = jaxad.load_dataset(tmp_path / "bottle", size="pad(8)")
    assert small.x.shape[1:] == (8, 8, 3) and small.mask_test.sum(axis=(1, 2))[0] == 4
    assert small.name == "bottle-8x8-pad"


def test_a_folder_is_read_again_when_a_file_changes(tmp_path):
    make_mvtec(tmp_path, 2, 1)
    before = jaxad.load_dataset(tmp_path)
    assert jaxad.load_dataset(tmp_path) is before
    write_picture(tmp_path / "train/good/002.png", mode="L")
    assert len(jaxad.load_dataset(tmp_path).x) == 3


def test_defects_that_are_moved_to_train_keep_their_masks_and_are_drawn(tmp_path):
    make_mvtec(tmp_path, train=6)
    with pytest.raises(DataError, match=r"no anomalies: all 6 are in its test part.*train/<def"):
        jaxad.contaminate(tmp_path, 0, labelled_anomalies=1)
    (tmp_path / "train/crack").mkdir()
    (tmp_path / "test/crack/000.png").rename(tmp_path / "train/crack/000.png")
    split = jaxad.contaminate(tmp_path, 0, labelled_anomalies=1)
    assert split.train.mask is not None and split.test.mask is not None
    assert split.train.mask.sum(axis=(1, 2))[split.train.label == -1].tolist() == [16]
    assert split.test.label.sum() == 5 and (split.test.mask.sum(axis=(1, 2)) > 0).sum() == 5


def test_masks_must_match_their_pictures(tmp_path):
    make_mvtec(tmp_path, 2, 1)
    write_mask(tmp_path / "ground_truth/crack/000.png")
    with pytest.raises(DataError, match=r"000_mask.png: .*crack/000.png is a mask of the same"):
        jaxad.load_dataset(tmp_path)
    (tmp_path / "ground_truth/crack/000.png").unlink()
    write_mask(tmp_path / "ground_truth/crack/007_mask.png")
    with pytest.raises(DataError, match=r"007_mask.png: there is no picture test/crack/007"):
        jaxad.load_dataset(tmp_path)
    write_picture(tmp_path / "test/crack/007.png", mode="L")
    write_mask(tmp_path / "ground_truth/crack/007_mask.png", (8, 16))
    with pytest.raises(DataError, match=r"007_mask.png has the size 8x16 .* its picture 16x16"):
        jaxad.load_dataset(tmp_path)
    (tmp_path / "ground_truth/crack/007_mask.png").unlink()
    with pytest.raises(DataError, match=r"crack/007.png has no mask; add it to ground_truth/crack"):
        jaxad.load_dataset(tmp_path)


def test_broken_files_are_left_out_with_a_warning(tmp_path):
    for i in range(3):
        write_picture(tmp_path / f"{i}.png", i)
    (tmp_path / "1.png").write_bytes((tmp_path / "1.png").read_bytes()[:100])
    touch(tmp_path, "3.png")
    (tmp_path / "4.png").write_text("no picture")
    with pytest.warns(DataWarning) as told:
        data = jaxad.load_dataset(tmp_path)
    assert len(data.x) == 2 and data.x.dtype == np.uint8
    text = " ".join(str(one.message) for one in told)
    assert "1.png cannot be read" in text and "3.png has 0 bytes" in text
    assert "4.png is not a PNG" in text
    for name in ("0.png", "2.png"):
        (tmp_path / name).write_text("no picture")
    with pytest.raises(DataError, match="No picture can be read"):
        jaxad.load_dataset(tmp_path)


def test_sizes_and_depths_must_be_the_same(tmp_path):
    write_picture(tmp_path / "1.png")
    write_picture(tmp_path / "2.png", size=(8, 16))
    with pytest.raises(
        DataError, match=r"16x16 \(1 pictures\), 8x16 \(1 pictures\); 2\.png.*--size"
    ):
        jaxad.load_dataset(tmp_path)
    assert jaxad.load_dataset(tmp_path, size=12).x.shape == (2, 12, 12, 3)
    Image.fromarray(np.zeros((16, 16), np.uint16)).save(tmp_path / "3.png")
    with pytest.raises(DataError, match=r"1 pictures have 16 bits, such as 3\.png, and 2 have 8"):
        jaxad.load_dataset(tmp_path, size=12)
