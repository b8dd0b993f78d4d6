"""`jaxad explain` for images: overlays, the list, the page, and files that are odd."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import jaxad
from jaxad.explain import heatmaps, measure_pixels
from jaxad.explain.pixels import collect_pixels

pytest.importorskip("matplotlib")


@pytest.fixture
def images(cli, fitted, toy_for):
    """A saved FCDD, and twelve toy images."""
    jaxad.save(fitted("fcdd"), "model")
    return toy_for("fcdd").test.x[:12]


def write_png(path, pixels):
    """Write an image, of floats in [0, 1] or of bytes, in grey."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    pixels = np.squeeze(pixels)
    Image.fromarray(as_bytes(pixels)).save(path)


def as_bytes(x):
    return x if x.dtype == np.uint8 else np.round(255 * np.clip(x, 0, 1)).astype(np.uint8)


def explain(cli, source, *argv):
    return cli("explain", "model", source, "--out", "maps", *argv)


def read_list():
    with open("maps/images.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_every_file_of_a_folder_has_its_overlay_row_and_metrics(cli, fitted, images):
    """Odd names are escaped or made safe, a broken file is left out, and kinds have rows."""
    names = ["test/good/a.png", "test/good/=1+1.png", "test/crack/<b>&.png", "test/hole/é $x$.png"]
    masks = np.zeros((4, 12, 12), np.uint8)
    masks[2, 3:6, 3:6] = masks[3, 8:11, 2:4] = 255
    write_png("tiles/train/good/0.png", images[0])
    for i, name in enumerate(names):
        write_png(f"tiles/{name}", images[i])
        if masks[i].any():
            write_png(f"tiles/{name.replace('test', 'ground_truth')[:-4]}_mask.png", masks[i])
    Path("tiles/test/good/broken.png").write_bytes(b"no picture")
    ended = explain(cli, "tiles", "--most", 1, "--all")
    assert ended.code == 3, ended.err
    rows = {row["file"].lstrip("'"): row for row in read_list()}
    assert set(rows) == {*names, "test/good/broken.png"}
    assert rows["test/good/broken.png"]["score"] == "nan"
    assert [rows[name]["kind"] for name in names] == ["good", "good", "crack", "hole"]
    for name in names:
        path = Path("maps") / rows[name]["overlay"]
        assert path.read_bytes().startswith(b"\x89PNG") and "<" not in path.name
    maps = heatmaps(fitted("fcdd"), as_bytes(images[:4])).mean(axis=0)
    found = measure_pixels(collect_pixels(maps, masks > 0))
    assert f"Pixel AUROC {100 * found.auroc:.1f}" in ended.out
    assert f"AUPRO {100 * found.aupro:.1f}" in ended.out
    assert re.search(r"^crack +1 +1 ", ended.out, re.MULTILINE)
    page = Path("maps/images.html").read_text(encoding="utf-8")
    assert "<b>&." not in page and "broken.png" in page and 'src="http' not in page
    assert page.count("<img") == page.count("alt=") == 2


@pytest.mark.parametrize("most", [3])
def test_rows_of_a_file_are_named_by_number_and_empty_masks_have_no_metrics(cli, images, most):
    np.savez("i.npz", x=images, mask=np.zeros(images.shape[:3], np.uint8))
    ended = explain(cli, "i.npz", "--most", most)
    assert ended.code == 0 and "AUROC" not in ended.out, ended.err
    rows = read_list()
    assert [int(row["row"]) for row in rows] == list(range(12))
    ranked = sorted(rows, key=lambda row: -float(row["score"]))
    drawn = {row["row"] for row in ranked[:most] + ranked[-most:]}
    assert {row["row"] for row in rows if row["overlay"]} == drawn
    assert {f"row_{i}.png" for i in drawn} == {p.name for p in Path("maps/overlays").iterdir()}
    assert explain(cli, "i.npz").code == 2
    # Overlays that the list names are replaced, and other files stay.
    Path("maps/overlays/mine.png").write_bytes(b"mine")
    assert explain(cli, "i.npz", "--most", 1, "--force").code == 0
    drawn = {Path(row["overlay"]).name for row in read_list() if row["overlay"]}
    assert len(drawn) == 2
    assert {p.name for p in Path("maps/overlays").iterdir()} == {*drawn, "mine.png"}


def test_a_single_image_is_explained(cli, images):
    np.savez("one.npz", x=images[:1])
    assert explain(cli, "one.npz").code == 0
