"""Folders of texts and vectors of texts on the command line."""

import numpy as np
import pandas as pd
import pytest

WORDS = ["ship", "port", "crew", "sail"]


@pytest.fixture
def texts(tmp_path):
    """24 texts of four words, the last about something else; and two that cannot be scored."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "texts"
    folder.mkdir()
    for i in range(24):
        words = ["bank", "loan"] if i == 23 else rng.choice(WORDS, 6)
        (folder / f"{i}.txt").write_text(" ".join(words))
    vectors = np.eye(6, 8) + 0.1 * rng.normal(size=(6, 8))
    lines = zip([*WORDS, "bank", "loan"], vectors, strict=True)
    (tmp_path / "v.txt").write_text("\n".join(f"{w} {' '.join(map(str, v))}" for w, v in lines))
    return folder


def test_fit_score_and_audit_a_folder_by_mean_vectors(cli, texts):
    assert cli("fit", "mean:v.txt:texts", "knn", "--out", "m").code == 0
    (texts / "bad.txt").write_bytes(b"\0\1\2")
    (texts / "none.txt").write_text("quux!")
    ended = cli("score", "m", "mean:v.txt:texts", "--out", "s.csv")
    assert ended.code == 3 and "none of its 1 words has a vector" in ended.err
    scores = pd.read_csv("s.csv").set_index("file").score
    assert scores.idxmax() == "23.txt" and list(scores.index)[:3] == ["0.txt", "1.txt", "2.txt"]
    assert scores.index[scores.isna()].tolist() == ["bad.txt", "none.txt"]
    assert cli("explain", "m", "mean:v.txt:texts", "--out", "p", "--most", "2").code == 3
    assert "bank loan" in (texts.parent / "p" / "texts" / "1.html").read_text()
    ended = cli("audit", "mean:v.txt:texts", "knn", "--out", "a.csv")
    assert ended.code == 0 and "2 of 26 rows cannot be used" in ended.err
    assert "24 unlabelled texts ranked" in ended.out
    first = pd.read_csv("a.csv").iloc[0]
    assert first.file == "23.txt" and first.text == "bank loan"


def test_vectors_with_their_texts(cli, texts):
    rng = np.random.default_rng(1)
    np.savez("e.npz", X=np.concatenate([rng.normal(size=(23, 5)), np.full((1, 5), 9.0)]))
    assert cli("fit", "embeddings:e.npz", "knn", "--out", "m").code == 0
    assert cli("score", "m", "embeddings:e.npz:texts", "--out", "s.csv").code == 0
    assert pd.read_csv("s.csv").set_index("file").score.idxmax() == "23.txt"
    ended = cli("score", "m", "embeddings:e.npz:texts", "--out", "e.npz", "--force")
    assert ended.code == 2
