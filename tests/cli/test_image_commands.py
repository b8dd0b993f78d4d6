"""Folders of pictures at the commands: file names in, file names out."""

import csv
import os
import shutil

import numpy as np
import pytest
from picture_folders import make_mvtec, write_picture
from PIL import Image

import jaxad
from jaxad.data.protocol.labelled_rows import read_labelled_rows
from jaxad.data.tables.options import TableOptions
from jaxad.errors import ConfigError, DataError, DataWarning
from jaxad.saving import open_detector, save_trained
from jaxad.saving.pictures import get_picture_format, read_pictures

STRANGE = ["a,b.png", "=1+1.png", "two\nlines.png", os.fsdecode(b"caf\xe9.png")]


def read_csv(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def tiles(tmp_path_factory):
    return make_mvtec(tmp_path_factory.mktemp("tiles") / "tile", train=8, test=2)


@pytest.fixture(scope="module")
def model(tiles, tmp_path_factory):
    """A detector of 16x16 grey pictures, fitted to a folder."""
    out = tmp_path_factory.mktemp("model") / "m"
    data = jaxad.data.protocol.training_file.load_training_file(
        tiles, options=TableOptions(positive=("crack",))
    )
    detector = jaxad.make("knn", data.train)
    save_trained(jaxad.fit(detector, data.train), data, out, file="tile")
    return out


def test_a_plain_folder_is_fitted_and_scored_by_file_name(cli, tiles, tmp_path):
    train, new = tiles / "train/good", tmp_path / "new"
    for i, name in enumerate(STRANGE):
        write_picture(new / name, i, mode="L", bright=100 * (i == 2))
    (new / "broken.png").write_bytes((train / "000.png").read_bytes()[:60])
    write_picture(new / "wide.png", size=(20, 16), mode="L")
    ended = cli("fit", train, "knn", "--out", "m")
    assert ended.code == 0 and "8 unlabelled rows" in ended.out
    assert "16x16 pixels, grey, 8 bits" in ended.out
    ended = cli("score", "m", new, "--out", "scores.csv")
    assert ended.code == 3
    assert "broken.png: cannot be read" in ended.err
    assert "wide.png: has the size 20x16" in ended.err and "16x16; resize it" in ended.err
    rows = {row["file"]: float(row["score"]) for row in read_csv("scores.csv")}
    assert next(iter(rows)) == "'=1+1.png" and len(rows) == 6
    good = {name: score for name, score in rows.items() if not np.isnan(score)}
    assert max(good, key=good.__getitem__) == r"two\nlines.png"
    assert set(rows) - set(good) == {"broken.png", "wide.png"} and r"caf\xe9.png" in good
    ended = cli("score", "m", new, "--out", "more.csv", "--strict")
    assert ended.code == 1 and "broken.png: cannot be read" in ended.err
    ended = cli("score", "m", new / STRANGE[0], "--out", "one.csv")
    assert ended.code == 0 and [row["file"] for row in read_csv("one.csv")] == ["a,b.png"]


def test_mvtecs_layout_gives_labels_masks_and_a_test_part(tiles, model):
    saved = open_detector(model)
    assert saved.images == (16, 16, 1, 8, None)
    rows = read_labelled_rows(tiles, TableOptions(positive=("crack",)))
    assert rows.label.tolist() == [0] * 8 + [-1] * 2 and rows.id == "file"
    assert rows.mask.sum(axis=(1, 2)).tolist() == [0] * 8 + [16] * 2
    assert rows.ids[-1] == "test/crack/001.png"
    rows = read_labelled_rows(tiles, TableOptions(normal=("good",)))
    assert rows.label.tolist() == [1] * 8 and rows.mask is None
    assert read_labelled_rows(tiles).label is None
    with pytest.raises(DataError, match=r"dent is not a class.*good, crack, hole"):
        read_labelled_rows(tiles, TableOptions(positive=("dent",)))
    (part,) = saved.score_file(tiles)
    assert part.ids.to_pylist()[0] == "test/crack/000.png" and part.count == 6
    assert part.label.tolist() == ["crack"] * 2 + ["good"] * 2 + ["hole"] * 2
    assert part.mean[4:].min() > part.mean[2:4].max()
    folder = jaxad.data.images.layouts.open_pictures(tiles).select("test")
    (piece,) = read_pictures(saved, folder, masks=True)
    assert piece.mask.sum(axis=(1, 2)).tolist() == [16, 16, 0, 0, 16, 16]


def test_folders_of_classes_are_labels(tmp_path):
    for group in ("bad", "fine", "odd"):
        for i in range(2):
            write_picture(tmp_path / group / f"{i}.png", i)
    with pytest.raises(DataError, match=r"holds .*bad.*fine.*--positive"):
        read_labelled_rows(tmp_path)
    known = TableOptions(positive=("bad",), normal=("fine",), missing=("odd",))
    assert read_labelled_rows(tmp_path, known).label.tolist() == [-1, -1, 1, 1, 0, 0]
    assert read_labelled_rows(tmp_path, TableOptions(label="none")).label is None
    known = TableOptions(positive=("bad",), missing=("odd",))
    found = read_labelled_rows(tmp_path, known, truth="class")
    assert found.label is None and found.hidden.tolist() == [1, 1, 0, 0, 0, 0]
    plain = TableOptions(positive=("bad",))
    with pytest.raises(ConfigError, match=r"plain folder.*one folder for each class"):
        read_labelled_rows(tmp_path / "bad", plain)
    with pytest.raises(ConfigError, match="--id applies only to tables"):
        read_labelled_rows(tmp_path, TableOptions(id="x"))
    with pytest.raises(ConfigError, match="--size 8 applies only to folders"):
        read_labelled_rows(tmp_path / "x.npz", TableOptions(size="8"))


def test_the_format_of_training_is_that_of_scoring(tmp_path):
    for i in range(4):
        write_picture(tmp_path / f"train/{i}.png", i, size=(20, 12), mode="L")
    write_picture(tmp_path / "new/colour.jpg", 1, size=(33, 21))
    Image.fromarray(np.zeros((12, 20), np.uint16)).save(tmp_path / "new/deep.png")
    load = jaxad.data.protocol.training_file.load_training_file
    data = load(tmp_path / "train", options=TableOptions(size="crop(8)"))
    fitted = jaxad.fit(jaxad.make("knn", data.train), data.train)
    save_trained(fitted, data, tmp_path / "m", file="train")
    saved = open_detector(tmp_path / "m")
    assert get_picture_format(saved) == (8, 8, 1, 8, "crop")
    (part,) = saved.score_file(tmp_path / "new")
    assert part.x.shape == (2, 8, 8, 1) and list(part.bad) == [1]
    assert "16 bits" in part.bad[1] and np.isfinite(part.mean[0])
    with pytest.raises(ConfigError, match=r"fixed in training.*8x8"):
        list(saved.score_file(f"resize(9):{tmp_path / 'new'}"))


def test_detectors_of_arrays_take_pictures_of_their_size(tmp_path, tiles):
    x = np.random.default_rng(0).random((9, 16, 16, 1), np.float32)
    train = jaxad.as_train_data(x)
    jaxad.save(jaxad.fit(jaxad.make("knn", train), train), tmp_path / "m")
    (part,) = open_detector(tmp_path / "m").score_file(tiles / "test")
    assert part.count == 6 and np.isfinite(part.mean).all()
    train = jaxad.as_train_data(x.reshape(9, -1))
    jaxad.save(jaxad.fit(jaxad.make("knn", train), train), tmp_path / "table")
    with pytest.raises(DataError, match="does not take pictures"):
        list(open_detector(tmp_path / "table").score_file(tiles))


@pytest.mark.parametrize("more", [(), ("--time", "t", "--window", 2)])
def test_a_size_is_refused_for_tables_and_series(cli, tmp_path, more):
    lines = ["t,a", *(f"2020-01-01 00:0{i},{i % 3}" for i in range(9))]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    ended = cli("fit", tmp_path / "t.csv", "knn", *more, "--size", 8, "--out", "m")
    assert ended.code == 2 and "--size" in ended.err


def test_broken_training_pictures_are_left_out_or_refused(tiles, tmp_path):
    shutil.copytree(tiles / "train/good", tmp_path / "t")
    (tmp_path / "t/003.png").write_bytes(b"x")
    with pytest.warns(DataWarning, match=r"1 file is left out.*003\.png"):
        rows = read_labelled_rows(tmp_path / "t")
    assert len(rows.x) == 7 and "003.png" not in rows.ids
    with pytest.raises(DataError, match=r"003\.png.*leave --strict out"):
        read_labelled_rows(tmp_path / "t", strict=True)


@pytest.mark.slow
def test_explain_and_audit_name_files(cli, tiles, tmp_path):
    layers = ("--set", "layers=conv(4), pool, conv(4)")
    ended = cli("fit", tiles, "fcdd", *layers, "--epochs", "1", "--out", "m")
    assert ended.code == 0, ended.err
    ended = cli("explain", "m", tiles, "--out", "maps", "--most", "2")
    assert ended.code == 0 and "6 images scored" in ended.out and "AUROC" in ended.out
    ended = cli("audit", tiles / "train", "knn", "--seeds", "1", "--out", "r.csv")
    assert ended.code == 0, ended.err
    assert "8 unlabelled pictures ranked" in ended.out and "Most suspicious pictures" in ended.out
    assert {row["file"] for row in read_csv("r.csv")} == {f"good/{i:03}.png" for i in range(8)}


def test_other_commands_take_folders(cli, tiles, model, tmp_path):
    ended = cli("recommend", tiles, "--size", "8", "--positive", "crack", "--json")
    assert ended.code == 0, ended.err
    assert '"kind": "image"' in ended.out and '"--size", "8"' in ended.out
    none = ("--contamination", "0", "--labelled-anomalies", "0", "--seeds", "1")
    ended = cli("run", "tile", "knn", "--data-dir", tiles.parent, "--size", "8", *none)
    assert ended.code == 0, ended.err
    assert "tile-8x8:" in ended.out and "good" in ended.out
    assert "100.0" in ended.out  # bright squares are easily found
    ended = cli("audit", tiles, "knn", "--out", "r.csv", "--plot", tiles / "train/good/a.png")
    assert ended.code == 2 and "whose pictures are read" in ended.err
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/a.md").touch()
    for command in (
        ("fit", "notes", "knn", "--out", "m"),
        ("score", model, "notes", "--out", "s.csv"),
    ):
        ended = cli(*command)
        assert ended.code in (1, 2) and "without pictures" in ended.err and "a.md" in ended.err
    ended = cli("score", model, tmp_path / "gone", "--out", "s.csv")
    assert ended.code != 0 and "gone" in ended.err
