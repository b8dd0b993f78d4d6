"""Ids in the csv files of commands: text that is a formula is escaped, and all else stays."""

import csv

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from jaxad.cli import main
from jaxad.cli.outputs import escape_frame, escape_table

IDS = ["=cmd|' /C calc'!A0", "+1+1", "@a", "-5", "\t=1", "plain", "\uff1d1"]
WANT = ["'=cmd|' /C calc'!A0", "'+1+1", "'@a", "-5", "'\t=1", "plain", "'\uff1d1"]


def test_text_of_tables_and_frames_is_escaped_and_numbers_are_not():
    table = pa.table({"id": [*IDS, None], "=n": np.arange(8)})
    assert escape_table(table)["id"].to_pylist() == [*WANT, None]
    assert escape_table(table)["=n"].to_pylist() == [*range(8)]
    frame = escape_frame(pd.DataFrame({"=id": [*IDS, None], "n": -np.arange(8.0)}))
    assert [*frame.columns] == ["'=id", "n"]
    assert frame["'=id"].tolist()[:-1] == WANT and frame["'=id"].isna().iloc[-1]
    assert frame["n"].tolist() == [-float(i) for i in range(8)]


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    ids = [IDS[i] if i < len(IDS) else f"row {i}" for i in range(60)]
    lines = [[name, *map(str, rng.normal(size=3))] for name in ids]
    with open("own.csv", "w", newline="") as out:
        csv.writer(out).writerows([["=id", "a", "b", "c"], *lines])
    return [name.strip() for name in ids]  # as the reader of tables reads them


def test_score_escapes_ids_in_csv_and_keeps_them_in_parquet(file):
    assert main(["fit", "own.csv", "pca", "--out", "m", "--id", "=id"]) == 0
    for out in ("scores.csv", "scores.parquet"):
        assert main(["score", "m", "own.csv", "--out", out]) == 0
    with open("scores.csv", newline="") as scores:
        header, *rows = csv.reader(scores)
    assert header[0] == "'=id"
    assert [row[0] for row in rows][: len(IDS)] == [w.replace("\t", "") for w in WANT]
    assert parquet.read_table("scores.parquet")["=id"].to_pylist() == file
