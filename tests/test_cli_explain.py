"""`jaxad explain`: the pictures it writes, what it prints, and how it refuses."""

import numpy as np
import pytest

import jaxad
from jaxad.cli import main
from jaxad.explain import heatmaps, pixel_auroc

pytest.importorskip("matplotlib")


@pytest.fixture
def folder(fitted, tmp_path, monkeypatch):
    """A saved FCDD, and the toy images in a file with masks."""
    monkeypatch.chdir(tmp_path)
    jaxad.save(fitted("fcdd"), "model")
    return tmp_path


def write_images(toy_for, **more):
    test = toy_for("fcdd").test
    mask = (test.x[..., 0] > 0.75) & (test.label == 1)[:, None, None]
    np.savez("images.npz", x=test.x, y=test.label, mask=mask, **more)
    return test.x, mask


def run(capsys, *argv):
    code = main(["explain", *map(str, argv)])
    return code, *capsys.readouterr()


def test_it_draws_both_ends_and_measures_pixels(folder, fitted, toy_for, capsys):
    x, mask = write_images(toy_for)
    code, out, _ = run(capsys, "model", "images.npz", "--out", "maps", "--most", 5)
    assert code == 0
    for name in ("highest.png", "lowest.png"):
        assert (folder / "maps" / name).read_bytes().startswith(b"\x89PNG")
    pooled, each = pixel_auroc(heatmaps(fitted("fcdd"), x).mean(axis=0), mask)
    assert "120 images scored with 2 seed(s); heat maps of kind map" in out
    assert f"Pixel AUROC {100 * pooled:.1f}; mean over images {100 * each:.1f}" in out


def test_files_that_are_there_stay(folder, toy_for, capsys):
    write_images(toy_for)
    argv = ("model", "images.npz", "--out", "maps", "--most", 2, "--kind", "gradient")
    assert run(capsys, *argv)[0] == 0
    code, _, err = run(capsys, *argv)
    assert code == 2 and "has highest.png already" in err
    assert run(capsys, *argv, "--force")[0] == 0


def test_what_it_cannot_explain_is_refused(folder, fitted, toy_for, capsys):
    write_images(toy_for)
    np.savez("small.npz", x=np.zeros((3, 8, 8, 1), np.float32))
    code, _, err = run(capsys, "model", "small.npz", "--out", "maps")
    assert code == 1 and "trained on (12, 12, 1)" in err
    argv = ("model", "images.npz", "--out", "maps")
    code, _, err = run(capsys, *argv, "--kind", "reconstruction")
    assert code == 2 and "has no heat maps of kind 'reconstruction'" in err
    code, _, err = run(capsys, *argv, "--most", 0)
    assert code == 2 and "--most 0 must be at least 1" in err
    jaxad.save(fitted("autoencoder"), "of_tables")
    code, _, err = run(capsys, "of_tables", "images.npz", "--out", "maps")
    assert code == 2 and "examples of shape (6,)" in err
