"""Feedback: labels of a file in place of those of the table."""

import pytest

from jaxad.cli import main
from jaxad.data.tables.feedback import merge_feedback
from jaxad.data.tables.options import TableOptions
from jaxad.errors import ConfigError, DataError

LABELS = [None, 1, "0", True]
IDS = ["tx1", "tx2", "tx3", 4]


def merge(tmp_path, text, labels=LABELS, ids=IDS, **options):
    path = tmp_path / "feedback.csv"
    path.write_text(text)
    return merge_feedback(labels, ids, 4, path, TableOptions(**options))


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("id,label\ntx1,1\n", {}, ["1", "1", "0", "true"]),
        ("id,label\ntx2,0\n4,1\n", {}, [None, "0", "0", "1"]),
        ("row,label\n2,1\n1,0\n", {}, [None, "0", "1", "true"]),
        ("row,label\n2,fraud\n1,\n", {}, [None, "1", "fraud", "true"]),
        ("row,label\n2,fraud\n1,?\n", {"missing": ("?",)}, [None, "1", "fraud", "true"]),
        ("id,label,why\n4.0,,unsure\ntx1,true,seen\n", {}, ["true", "1", "0", "true"]),
        ("tx,Class\ntx3,1\n", {"id": "tx", "label": "Class"}, [None, "1", "1", "true"]),
        ("tx,label\ntx3,1\n", {"id": "tx", "label": "Class"}, [None, "1", "1", "true"]),
        ("id;label\ntx3;1\n", {"delimiter": ";"}, [None, "1", "1", "true"]),
        ("row,label\n0,1\n0,0\n", {}, ["0", "1", "0", "true"]),
    ],
)
def test_labels_of_the_file_override_those_of_the_table(tmp_path, text, options, expected):
    assert merge(tmp_path, text, **options) == expected


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("id,label\ntx9,1\ntx1,1\n", "the table has no id 'tx9'"),
        ("row,label\n4,1\n", "no row '4'"),
        ("row,label\n-1,1\n", "no row '-1'"),
        ("id,label\n,1\n", "no id None"),
        ("id,truth\ntx1,1\n", "lacks a column label"),
        ("name,label\ntx1,1\n", "lacks a column id or row"),
        ("id,label\n", "no rows"),
    ],
)
def test_what_cannot_be_assigned_is_refused(tmp_path, text, match):
    with pytest.raises(DataError, match=match):
        merge(tmp_path, text)


def test_ids_need_a_table_with_ids(tmp_path):
    with pytest.raises(ConfigError, match="--id"):
        merge(tmp_path, "id,label\ntx1,1\n", ids=None)
    merged = merge(tmp_path, "row,label\n0,1\n", labels=None, ids=None)
    assert merged == ["1", None, None, None]


def test_an_id_of_several_rows_is_that_of_all(tmp_path):
    merged = merge(tmp_path, "id,label\na,1\n", labels=None, ids=["a", "b", "a", "c"])
    assert merged == ["1", None, "1", None]


def test_the_command_line_takes_feedback(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = [f"tx{i},{i % 7},{i % 5}" for i in range(40)]
    (tmp_path / "rows.csv").write_text("\n".join(["tx,a,b", *lines]) + "\n")
    (tmp_path / "feedback.csv").write_text("id,label\ntx3,fraud\ntx4,ok\ntx5,\n")
    fit = ["fit", "rows.csv", "iforest", "--set", "trees=5", "--id", "tx"]
    fit += ["--feedback", "feedback.csv"]
    assert main([*fit, "--positive", "fraud", "--normal", "ok", "--out", "one"]) == 0
    out = capsys.readouterr().out
    assert "38 unlabelled rows, 1 labelled anomalies and 1 verified normal rows" in out
    assert main([*fit, "--out", "two"]) == 1
    assert "column 'label' holds fraud, ok" in capsys.readouterr().err
    (tmp_path / "feedback.csv").write_text("id,label\ntx99,1\n")
    assert main([*fit, "--out", "two"]) == 1
    assert "no id 'tx99'" in capsys.readouterr().err
