"""`jaxad clean`: a folder that remembers, files that a person edits, and how it refuses."""

import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import jaxad.cli.clean
from jaxad.utils.files import lock_folder

OPTIONS = ("--budget", "6", "--batch", "3", "--detector", "iforest", "--alpha", "0.2")


@pytest.fixture
def begun(cli):
    """The program, in a folder with a table and a session that has asked for 3 rows."""
    x = np.random.default_rng(0).normal(size=(120, 3))
    x[:8] += 8
    table = pd.DataFrame(x, columns=list("abc")).assign(note=np.where(x[:, 0] > 0, "=a", "b"))
    table.assign(key=[f"{i:03d}" for i in range(120)]).to_csv("mine.csv", index=False)
    ended = cli("clean", "mine.csv", "--session", "s", "--id", "key", *OPTIONS)
    assert ended.code == 0 and "0 of 6 answers; 3 rows are asked for in " in ended.out
    return cli


def read():
    return pd.read_csv("s/ask.csv", dtype=str, keep_default_na=False)


def fill(change=lambda lines: lines, **format):
    """Answer the questions truthfully, but for a change, and write them as a spreadsheet may."""
    lines = read().to_dict("records")
    for line in lines:
        line["label"] = "1" if int(line["key"]) < 8 else "normal"
    with open("s/ask.csv", "w", newline="", encoding=format.pop("encoding", "utf-8")) as file:
        writer = csv.writer(file, **format)
        writer.writerow(lines[0])
        writer.writerows(line.values() for line in change(lines))


def answers():
    about = json.loads(Path("s/session.json").read_text())
    return {a["row"]: a["label"] for a in about["answers"]}


def test_a_session_from_the_first_question_to_the_detector(begun):
    asked = read()
    assert asked.columns.tolist() == ["key", *"abc", "note", "suspicion", "reason", "label"]
    assert not asked.label.any() and set(asked.note) <= {"'=a", "b"}  # no formulas
    # Semicolons, a byte order mark, other line ends, other order; a row that was not asked for.
    spare = {"key": "100", **dict.fromkeys("abc", "9,5"), "x": "", "y": "", "z": "", "label": "0"}
    fill(
        lambda lines: [*lines[::-1], spare],
        delimiter=";",
        lineterminator="\r\n",
        encoding="utf-8-sig",
    )
    ended = begun("clean", "--session", "s")
    assert ended.code == 0 and "3 of 6 answers" in ended.out
    assert answers()[100] is False
    fill(encoding="utf-16")
    ended = begun("clean", "--session", "s")
    assert ended.code == 0 and "rows to drop" in ended.out and "threshold" in ended.out
    suspects = pd.read_csv("s/result/suspects.csv", dtype={"key": str})
    clean = pd.read_csv("s/result/clean.csv", dtype={"key": str})
    table = pd.read_csv("mine.csv", dtype={"key": str})
    assert sorted([*suspects.key, *clean.key]) == table.key.tolist()
    assert clean.columns.tolist() == table.columns.tolist()
    verified = suspects[suspects.verified].key.astype(int)
    assert len(verified) >= 4 and (verified < 8).all()
    assert "expected share" in Path("s/result/report.html").read_text()
    assert begun("score", "s/result/detector", "mine.csv", "--out", "out.csv").code == 0
    assert pd.read_csv("out.csv").anomaly[:8].all()
    # Another answer after the end gives another result.
    first = verified.iloc[0]
    Path("s/ask.csv").write_text(f"key,label\n{first:03d},0\n")
    ended = begun("clean", "--session", "s")
    assert ended.code == 0 and "the earlier answer is replaced by the new one" in ended.out
    assert f"{first:03d}" in pd.read_csv("s/result/clean.csv", dtype=str).key.tolist()
    # An answer can be taken back, and is then one of the budget again.
    Path("s/ask.csv").write_text(f"key,label\n{first:03d},?\n")
    ended = begun("clean", "--session", "s")
    assert ended.code == 0 and "the earlier answer is taken back" in ended.out
    assert answers()[first] is None and "5 of 6 answers" in ended.out


@pytest.mark.slow
def test_a_session_that_is_killed_loses_nothing(begun, monkeypatch):
    fill()
    told = read()

    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(jaxad.cli.clean, "write_frame", stop)  # after the answers have been kept
        assert begun("clean", "--session", "s").code == 130
    assert read().equals(told) and len(answers()) == 6
    assert begun("clean", "--session", "s").code == 0
    new = read()
    assert len(new) == 3 and not set(new.key) & set(told.key)
    assert sum(label is not None for label in answers().values()) == 3
    with monkeypatch.context() as patch:
        fill()
        patch.setattr(jaxad.cli.clean.SessionRecord, "save", stop)
        assert begun("clean", "--session", "s").code == 130
    assert begun("clean", "--session", "s").code == 0
    assert sum(label is not None for label in answers().values()) == 6


@pytest.mark.slow
def test_without_answers_the_questions_stay_and_empty_ones_are_refused(begun):
    first = read()
    assert begun("clean", "--session", "s").code == 0 and read().equals(first)
    fill(lambda lines: [lines[0] | {"label": ""}, lines[1]])  # the third line is deleted
    assert "1 of 6 answers" in begun("clean", "--session", "s").out
    assert not set(read().key) & set(first.key)


@pytest.mark.slow
def test_wrong_answers_are_refused_and_change_nothing(begun):
    before = Path("s/session.json").read_text()
    for change, message in (
        (lambda lines: [*lines, lines[0] | {"key": "abc"}], "line 5: the table has no row whose"),
        (lambda lines: [*lines, lines[0] | {"key": ""}], "the table has no row whose key is"),
        (lambda lines: [*lines, lines[0] | {"label": "normal"}], "is answered twice"),
        (lambda lines: [lines[0] | {"label": "perhaps"}], "'perhaps' has no meaning"),
    ):
        asked = Path("s/ask.csv").read_text()
        fill(change)
        ended = begun("clean", "--session", "s")
        assert ended.code == 1 and message in ended.err
        assert Path("s/session.json").read_text() == before
        Path("s/ask.csv").write_text(asked)
    Path("s/ask.csv").write_text("a,b\n1,2\n")
    assert "has no column 'key'" in begun("clean", "--session", "s").err


@pytest.mark.slow
def test_the_labels_of_the_table_are_those_of_the_answers(cli):
    """Where 1 is a normal row in the table, it is one in the answers, and the command says so."""
    x = np.random.default_rng(0).normal(size=(60, 2))
    table = pd.DataFrame(x, columns=["a", "b"]).assign(label=[2, 1, *[0] * 58])
    table.to_csv("mine.csv", index=False)
    begin = ("clean", "mine.csv", "--session", "s", *OPTIONS, "--positive", "2", "--normal", "1")
    assert "(2 or anomaly; 1 or normal; ? if it cannot be told)" in cli(*begin).out
    asked = read()
    asked.assign(label="0").to_csv("s/ask.csv", index=False)
    ended = cli("clean", "--session", "s")
    assert ended.code == 1 and "'0' has no meaning: give 2 or anomaly, 1 or normal" in ended.err
    asked.assign(label="1").to_csv("s/ask.csv", index=False)
    assert "3 of 6 answers" in cli("clean", "--session", "s").out
    assert [answers()[int(row)] for row in asked.row] == [False] * 3


@pytest.mark.slow
def test_names_that_are_alike_as_numbers_are_told_apart(cli):
    x = np.random.default_rng(0).normal(size=(40, 2))
    names = ["7", "007", "12e4", "120000", *(str(10**18 + i) for i in range(36))]
    pd.DataFrame(x, columns=["a", "b"]).assign(key=names).to_csv("mine.csv", index=False)
    assert cli("clean", "mine.csv", "--session", "s", "--id", "key", *OPTIONS).code == 0
    lines = "".join(f"{name},{i % 2}\n" for i, name in enumerate(names[:6]))
    Path("s/ask.csv").write_text(f"key,label\n{lines}")
    assert cli("clean", "--session", "s").code == 0
    assert [answers()[row] for row in range(6)] == [False, True] * 3
    pd.read_csv("mine.csv", dtype=str).assign(key="x").to_csv("other.csv", index=False)
    ended = cli("clean", "other.csv", "--session", "t", "--id", "key", *OPTIONS)
    assert ended.code == 1 and "'x' is that of several rows" in ended.err


@pytest.mark.slow
@pytest.mark.parametrize("row", range(0, 40, 8))
def test_a_number_that_is_not_finite_is_named_wherever_it_is(cli, row):
    x = np.random.default_rng(0).normal(size=(40, 2))
    x[row, 1] = np.inf
    pd.DataFrame(x, columns=["a", "b"]).to_csv("mine.csv", index=False)
    ended = cli("clean", "mine.csv", "--session", "s", *OPTIONS)
    assert ended.code == 1
    assert f"mine.csv: column 'b' holds inf in row {row}; numbers must be finite" in ended.err


@pytest.mark.slow
@pytest.mark.parametrize("name", ["label", "reason", "suspicion", "verified"])
def test_ids_may_have_the_name_of_a_column_that_is_written(cli, name):
    x = np.random.default_rng(0).normal(size=(40, 2))
    table = pd.DataFrame(x, columns=list("ab")).assign(**{name: [f"k{i}" for i in range(40)]})
    table.to_csv("mine.csv", index=False)
    assert cli("clean", "mine.csv", "--session", "s", "--id", name, *OPTIONS).code == 0
    asked = read()
    assert set(asked["id"]) <= set(table[name]) and not asked.label.any()


def test_wrong_use_is_refused(begun):
    for argv, message in (
        (("mine.csv", "--session", "s"), "holds a session already"),
        (("--session", "s", "--budget", "9"), "--budget is fixed when a session begins"),
        (("mine.csv", "--session", "t", "--budget", "500"), "budget must be at most"),
        (("mine.csv", "--session", "t", "--id", "note"), "must hold a different id for each row"),
        (("mine.npz", "--session", "t"), "mine.npz: cannot be read"),
        (("mine.csv", "--session", "t", "--label-noise", "0.7"), "label_noise must be in"),
    ):
        ended = begun("clean", *argv)
        assert ended.code in (1, 2) and message in ended.err
    assert "it has no session.json" in begun("clean", "--session", "t").err
    with lock_folder("s", "jaxad clean", "wait"):
        assert "another jaxad clean" in begun("clean", "--session", "s").err
    Path("mine.csv").write_text(Path("mine.csv").read_text() + "1,2,3,b,200\n")
    assert "has changed since the session began" in begun("clean", "--session", "s").err


def test_a_session_can_be_ended_before_its_budget(begun):
    fill()
    assert begun("clean", "--session", "s", "--finish").code == 0
    assert pd.read_csv("s/result/suspects.csv").verified.sum() == 3


@pytest.mark.parametrize(
    "record",
    [
        "",
        "[]",
        '{"format": "other"}',
        '{"format": "jaxad-cleaning", "version": 9}',
        '{"format": "jaxad-cleaning", "version": 1, "options": {"budget": -1}}',
    ],
)
def test_a_broken_record_is_an_error_that_names_it(cli, tmp_path, record):
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "session.json").write_text(record)
    ended = cli("clean", "--session", "s")
    assert ended.code == 1 and "'s' is not a folder of jaxad clean" in ended.err.replace(
        str(tmp_path) + "/", ""
    )
