"""Texts on the command line: run by the name of a class, fit, score raw texts."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from jaxad.cli import main

MONEY, SEA = ["bank", "dollar", "market", "trade"], ["ship", "port", "cargo", "crew"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    rng = np.random.default_rng(0)
    rows = [
        {"text": " ".join(rng.choice(words, 5)), "label": label, "split": part}
        for words, label in ((MONEY, "money"), (SEA, "sea"))
        for part in ["train"] * 30 + ["test"] * 10
    ]
    (folder / "news.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (folder / "money.jsonl").write_text(
        "\n".join(json.dumps({"text": r["text"]}) for r in rows[:30])
    )
    (folder / "new.csv").write_text("text\nthe bank and the dollar\nGoal!\nsloop\n")
    lines = [f"{word} {' '.join(map(str, rng.normal(size=8)))}" for word in [*MONEY, *SEA, "sloop"]]
    (folder / "v.txt").write_text("\n".join([*lines, "broken 1 2"]))
    return folder


SETTINGS = [
    "--epochs",
    "3",
    "--batch-size",
    "16",
    "--set",
    "attention_size=8",
    "--set",
    "contexts=2",
]


def test_run_takes_the_name_of_a_class_and_vectors_of_the_data_folder(folder, tmp_path, capsys):
    options = ["--normal-class", "sea", "--contamination", "0", "--labelled-anomalies", "0"]
    rest = ["--data-dir", str(folder), "--out", str(tmp_path / "r"), "--seeds", "1", "--json"]
    code = main(["run", "news", "cvdd", *options, *SETTINGS, "--set", "vectors=v.txt", *rest])
    out = capsys.readouterr()
    assert code == 0
    line = json.loads(out.out)
    assert line["normal_class"] == "sea" and line["config"]["vectors"] == "v.txt"
    assert "jaxad: warning:" in out.err and "1 broken line" in out.err


def test_fit_and_score_texts_and_say_which_have_no_known_word(folder, tmp_path, capsys):
    saved, out = str(tmp_path / "saved"), tmp_path / "scores.csv"
    vectors = ["--set", f"vectors={folder / 'v.txt'}"]
    code = main(["fit", str(folder / "money.jsonl"), "cvdd", "--out", saved, *SETTINGS, *vectors])
    assert code == 0, capsys.readouterr().err
    assert main(["score", saved, str(folder / "new.csv"), "--out", str(out)]) == 3
    assert "row 1: none of its 1 words has a vector" in capsys.readouterr().err
    scores = pd.read_csv(out).score
    assert np.isnan(scores[1]) and scores[0] < 0.5
    assert abs(scores[2] - 0.5) > 1e-3  # the word is of the file of vectors, not of training


def test_text_and_numbers_are_not_mixed_up(folder, tmp_path, capsys):
    table = tmp_path / "table.csv"
    pd.DataFrame(np.random.default_rng(0).normal(size=(40, 3))).to_csv(table, index=False)
    code = main(["fit", str(folder / "money.jsonl"), "deep_svdd", "--out", str(tmp_path / "a")])
    assert code == 1 and "deep_svdd takes numbers" in capsys.readouterr().err
    code = main(["fit", str(table), "cvdd", "--out", str(tmp_path / "b")])
    assert code == 1 and "cvdd takes text" in capsys.readouterr().err


def test_explain_writes_a_page_of_texts_and_says_the_words_of_contexts(folder, tmp_path, capsys):
    saved, out = str(tmp_path / "saved"), tmp_path / "out"
    assert main(["fit", str(folder / "money.jsonl"), "cvdd", "--out", saved, *SETTINGS]) == 0
    command = ["explain", saved, str(folder / "news.jsonl"), "--out", str(out), "--most", "2"]
    assert main(command) == 3  # no word of the texts about the sea is known
    printed = capsys.readouterr().out
    page = (out / "texts.html").read_text()
    assert len(list((out / "texts").iterdir())) == 4
    for words in re.findall(r"^Context \d: (.*)$", printed, re.MULTILINE):
        assert set(words.split(", ")) <= set(MONEY)
        assert f"</b> {words}</p>" in page
    assert page.count("<article>") == 4 and "<span style=" in page
    assert main(command) == 2 and "--force" in capsys.readouterr().err
    assert main([*command, "--force", "--kind", "gradient"]) == 2
