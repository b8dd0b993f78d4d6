"""`jaxad fit` without the name of a detector."""

import numpy as np
import pandas as pd
import pytest

import jaxad
from jaxad.cli import main
from jaxad.recommendation import recommend

QUICK = ("--set", "trees=5", "--set", "members=5")


@pytest.fixture
def fit(tmp_path, capsys):
    """Run `jaxad fit` on a file, and return its exit code and what it printed."""

    def run(path, *options):
        code = main([str(arg) for arg in ("fit", path, "--out", tmp_path / "m", *options)])
        return code, "".join(capsys.readouterr())

    return run


@pytest.mark.parametrize("labels", [False, True])
def test_tables_are_for_auto(fit, tmp_path, labels):
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 3)), columns=["a", "b", "c"])
    if labels:
        frame["label"] = (np.arange(40) < 3).astype(int)
    frame.to_csv(tmp_path / "t.csv", index=False)
    code, out = fit(tmp_path / "t.csv", *QUICK)
    assert code == 0
    assert "No detector is named; auto (members=5; trees=5) is used" in out
    fitted, _ = jaxad.load(tmp_path / "m")
    assert fitted.detector.name == "auto"
    assert len(fitted.models[0].trees) == 5 * labels
    paths = [str(tmp_path / name) for name in ("m", "t.csv", "s.csv")]
    assert main(["score", *paths[:2], "--out", paths[2]]) == 0


def test_images_are_for_what_is_recommended(fit, tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (20, 6, 6, 1), dtype=np.uint8)
    np.savez(tmp_path / "i.npz", X=x)
    found = recommend(kind="image", rows=20)
    code, out = fit(tmp_path / "i.npz")
    assert code == 0 and f"No detector is named; {found.detector}" in out
    assert found.reasons[0] in out
    fitted, _ = jaxad.load(tmp_path / "m")
    assert fitted.detector.name == found.detector


def test_texts_need_a_name(fit, tmp_path):
    (tmp_path / "t.jsonl").write_text('{"text": "a word"}\n{"text": "another word"}\n' * 5)
    code, out = fit(tmp_path / "t.jsonl")
    assert code == 2
    assert "DETECTOR must be named for texts" in out and "jaxad recommend" in out
    assert not (tmp_path / "m").exists()
