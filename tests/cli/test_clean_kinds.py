"""`jaxad clean` of pictures, series and texts: names in, names out."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import jaxad
from tests.picture_folders import make_mvtec, write_picture

SMALL = ("--budget", "4", "--batch", "2")


def answer(by, wrong):
    """Answer the questions of a session; `wrong` says which names are anomalies."""
    asked = pd.read_csv("s/ask.csv", dtype=str, keep_default_na=False)
    asked["label"] = [str(int(wrong(name))) for name in asked[by]]
    asked.to_csv("s/ask.csv", index=False)
    return asked


def end(cli, by, wrong):
    """Answer and go on until the result is there."""
    while not Path("s/result").exists():
        asked = answer(by, wrong)
        done = cli("clean", "--session", "s")
        assert done.code == 0, done.err
    return asked, done


def test_pictures_are_asked_for_and_dropped_by_their_files(cli):
    for i in range(24):
        write_picture(Path(f"tiles/{i:02}.png"), i, (8, 8), "L", bright=150 * (i in (3, 7)))
    Path("tiles/broken.png").write_bytes(b"no picture")
    settings = ("--detector", "iforest", "--alpha", "0.3")
    done = cli("clean", "tiles", "--session", "s", *SMALL, *settings)
    assert done.code == 0 and "2 pictures are asked for" in done.out and "broken.png" in done.err
    asked, done = end(cli, "file", lambda name: name in ("03.png", "07.png"))
    assert list(asked) == ["file", "suspicion", "reason", "label"]
    assert "pictures to drop" in done.out and '"fixed(' in done.out
    suspects, clean = (pd.read_csv(f"s/result/{name}.csv") for name in ("suspects", "clean"))
    assert {"03.png", "07.png"} <= set(suspects.file) | set(clean.file)
    assert sorted([*suspects.file, *clean.file]) == [f"{i:02}.png" for i in range(24)]
    assert cli("score", "s/result/detector", "tiles", "--out", "o.csv").code == 3  # broken.png
    Path("s/ask.csv").write_text("file,label\nmissing.png,1\n")
    done = cli("clean", "--session", "s")
    assert done.code == 1 and "the table has no row whose file is 'missing.png'" in done.err
    Path("tiles/00.png").unlink()
    done = cli("clean", "--session", "s")
    assert done.code == 1 and "has changed since the session began" in done.err
    done = cli("clean", "tiles", "--session", "tiles/s")
    assert done.code == 2 and "is in the folder" in done.err


def test_labelled_defects_of_mvtec_are_known_from_the_beginning(tmp_path):
    make_mvtec(tmp_path / "m", size=(8, 8))
    session = jaxad.clean(f"mvtec:{tmp_path / 'm'}", positive="crack", budget=2, detector="knn")
    assert (session.labels == -1).sum() == 3
    assert session.ask(2).file.str.startswith("train/good/").all()
    result = session.result()
    assert set(result.suspects.file[:3]) == {f"test/crack/{i:03}.png" for i in range(3)}


def test_windows_of_series_are_named_by_their_time_and_cut_out(cli):
    rng, place = np.random.default_rng(0), np.arange(96)
    table = pd.DataFrame({"t": place * 10, "a": np.sin(place) + rng.normal(0, 0.05, 96)})
    table.loc[24:27, "a"] += 9
    table.to_csv("ts.csv", index=False)
    cut = ("--time", "t", "--window", "8", "--stride", "2")
    done = cli("clean", "ts.csv", *cut, "--session", "s", *SMALL, "--detector", "iforest")
    assert done.code == 0 and "2 windows are asked for" in done.out, done.err
    assert answer("time", lambda name: name == "240").time[0] == "240"
    asked, done = end(cli, "time", lambda name: name == "240")
    assert list(asked) == ["time", "until", "suspicion", "reason", "label"]
    assert "windows to drop" in done.out and "threshold" not in done.out
    suspects, clean = (pd.read_csv(f"s/result/{name}.csv") for name in ("suspects", "clean"))
    assert suspects.loc[suspects.verified, ["time", "until"]].to_numpy().tolist() == [[240, 310]]
    assert not set(clean.t) & set(range(240, 320)) and list(clean) == ["t", "a"]
    assert cli("score", "s/result/detector", "ts.csv", "--out", "o.csv").code == 0
    assert pd.read_csv("o.csv").score.idxmax() in range(24, 28)
    done = cli("clean", "ts.csv", *cut, "--session", "r", "--reference", "0.2")
    assert done.code == 2 and "reference (--reference) must be 0 for windows" in done.err


@pytest.mark.slow
def test_a_series_without_times_gets_them_so_that_cuts_are_seen(cli):
    values = np.random.default_rng(0).normal(size=80)
    values[16:24] += 9
    pd.DataFrame({"Data": values, "Label": 0}).to_csv("ts.csv", index=False)
    done = cli("clean", "ts.csv", "--window", "8", "--session", "s", "--budget", "1", "--detector",
               "iforest")  # fmt: skip
    assert done.code == 0, done.err
    end(cli, "time", lambda name: True)
    assert pd.read_csv("s/result/clean.csv").time.tolist() == [*range(16), *range(24, 80)]


@pytest.mark.parametrize("form", ["csv", pytest.param("folder", marks=pytest.mark.slow)])
def test_texts_are_asked_for_without_word_vectors(cli, form):
    texts = [f"the cat sat on mat number {'abcdef'[i % 6]}" for i in range(20)]
    texts[4] = "Wechselkurse fallen \u4e2d\u6587"
    if form == "csv":
        pd.DataFrame({"text": texts}).to_csv("texts.csv", index=False)
    else:
        Path("texts.csv").mkdir()
        for i, text in enumerate(texts):
            Path(f"texts.csv/{i:02}.txt").write_text(text, encoding="utf-8")
    done = cli("clean", "texts.csv", "--session", "s", *SMALL)
    assert done.code == 0 and "2 texts are asked for" in done.out, done.err
    by, odd = ("row", "4") if form == "csv" else ("file", "04.txt")
    asked, done = end(cli, by, lambda name: name == odd)
    assert list(asked) == [by, "text", "suspicion", "reason", "label"]
    assert "no detector is trained" in done.out
    suspects = pd.read_csv("s/result/suspects.csv", dtype=str)
    assert suspects[by].tolist() == [odd] and "\u4e2d\u6587" in suspects.text[0]
    assert len(pd.read_csv("s/result/clean.csv")) == 19
