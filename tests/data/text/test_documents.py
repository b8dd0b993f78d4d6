"""Texts in memory and in files: fields, splits, labels, and what is wrong with a line."""

import gzip
import json

import numpy as np
import pytest

import jaxad
from jaxad.data import from_texts, load_dataset, load_table
from jaxad.data.sources.labels import read_labels
from jaxad.data.tables.options import TableOptions
from jaxad.data.text.reading import read_suffix, read_texts, strip_suffix
from jaxad.errors import ConfigError, DataError, DataWarning

ROWS = [
    {"text": "Ship sails, port closed", "label": "ship", "split": "train"},
    {"text": "dollar falls", "label": "money", "split": "test"},
    {"text": 'Dollar rises, "again"\n and again', "label": "money", "split": "train"},
    {"text": "ship lost", "label": "ship", "split": "test"},
]


def jsonl(path, rows=ROWS):
    text = "\n".join(json.dumps(row) for row in rows) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def csv(path, rows=ROWS):
    import pandas as pd

    pd.DataFrame(rows).to_csv(path, index=False)
    return path


@pytest.mark.parametrize(
    ("write", "name"),
    [(jsonl, "n.jsonl"), (jsonl, "n.jsonl.gz"), (csv, "n.csv"), (csv, "n.csv.gz")],
)
def test_every_kind_of_file_gives_the_same_data(tmp_path, write, name):
    write(tmp_path / name)
    data = load_dataset("n", data_dir=tmp_path)
    assert data.name == "n" and data.class_names == ("money", "ship")
    assert data.vocabulary is not None and data.x_test is not None and data.y_test is not None
    assert data.vocabulary.decode(data.x)[1] == ["dollar", "rises"]
    assert data.y.tolist() == [1, 0] and data.y_test.tolist() == [0, 1]
    assert data.vocabulary.decode(data.x_test) == [["dollar", "falls"], ["ship", "lost"]]


def test_a_split_of_texts_holds_numbers_of_words_and_their_vocabulary(tmp_path):
    texts = [f"word{'abc'[i % 3]} text" for i in range(40)]
    data = from_texts(texts, [i % 2 for i in range(40)], name="toy")
    split = jaxad.contaminate(data, 0, normal_class=0, contamination=0.1, seeds=2)
    assert split.train.vocabulary is data.vocabulary
    assert split.train.x.dtype == np.int32 and split.scaling.kind == "words"
    one = split.seed(1)
    assert one.train.vocabulary is data.vocabulary
    np.testing.assert_array_equal(one.scaling.apply(data.x[one.train_rows]), one.train.x)
    with pytest.raises(ConfigError, match="text is not scaled"):
        jaxad.contaminate(data, 0, normal_class=0, scaling="minmax")


def test_a_table_with_a_numeric_column_called_text_is_a_table(tmp_path):
    (tmp_path / "t.csv").write_text("text,size,label\n1.0,2.0,0\n2.0,1.0,1\n")
    data = load_dataset(tmp_path / "t.csv")
    assert data.vocabulary is None and data.x.shape == (2, 2)


def test_texts_without_labels_can_be_read_to_score_them(tmp_path):
    table = load_table(jsonl(tmp_path / "n.jsonl", [{"text": "ship"}, {"text": "port"}]))
    assert table.y is None and table.vocabulary is not None
    again = load_table(tmp_path / "n.jsonl", vocabulary=table.vocabulary)
    np.testing.assert_array_equal(again.x, table.x)
    with pytest.raises(DataError, match="has no field 'label'"):
        load_dataset(tmp_path / "n.jsonl")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('{"text": "a ship"}\n{"text": ', "line 2 is not JSON"),
        ('{"text": "a ship"}\n[1]', "line 2 must be a JSON object"),
        ('{"text": "a ship"}\n{"label": 1}', "1 of 2 rows have no text, the first is row 1"),
        ('{"text": 3}', "text of row 0 is int"),
        ('{"text": "ship", "split": "valid"}', "split holds 'valid'"),
        ("", "holds no texts"),
        ('{"text": "ship"}\xff', "line 1 is not JSON"),
    ],
)
def test_what_is_wrong_with_a_line_is_said(tmp_path, lines, message):
    path = tmp_path / "n.jsonl"
    path.write_bytes(lines.encode("latin-1"))
    with pytest.raises(DataError, match=message):
        read_texts(path)


def test_lines_without_a_label_are_unlabelled_and_no_part_of_a_data_set_of_classes(tmp_path):
    lines = [{"text": "ship", "label": 1}, {"text": "port"}, {"text": "oil", "label": None}]
    path = jsonl(tmp_path / "n.jsonl", lines)
    table = load_table(path)
    np.testing.assert_array_equal(read_labels(table, TableOptions(), path), [-1, 0, 0])
    with pytest.raises(DataError, match="2 of 3 rows have no label, the first is row 1"):
        load_dataset(path)


def test_files_that_are_not_there_broken_or_without_a_field_are_named(tmp_path):
    with pytest.raises(DataError, match=r"n\.jsonl: no such file"):
        read_texts(tmp_path / "n.jsonl")
    (tmp_path / "n.jsonl.gz").write_bytes(b"\x1f\x8b no gzip")
    with pytest.raises(DataError, match=r"n\.jsonl\.gz: cannot be read"):
        read_texts(tmp_path / "n.jsonl.gz")
    with pytest.raises(
        ConfigError, match="label='topic' is not a field; fields are text, label, split"
    ):
        read_texts(jsonl(tmp_path / "m.jsonl"), "topic")


def test_documents_without_a_word_are_counted():
    with pytest.warns(DataWarning, match="2 documents have no word"):
        data = from_texts(["ship", "12 %", "a I", "port"], [0, 0, 1, 1])
    assert (data.x > 0).any(axis=1).tolist() == [True, False, False, True]


def test_texts_of_no_strings_and_other_numbers_of_labels_are_errors():
    with pytest.raises(DataError, match="row 1 is float"):
        from_texts(["ship", float("nan")], [0, 1])
    with pytest.raises(DataError, match="x has 2 rows, y has 3"):
        from_texts(["ship", "port"], [0, 1, 1])


def test_means_turn_texts_into_a_table_that_any_detector_takes(tmp_path):
    jsonl(tmp_path / "n.jsonl")
    (tmp_path / "v.txt").write_text("ship 1 0\ndollar 0 2\nrises 0 1\n")
    data = load_dataset("mean:v.txt:n", data_dir=tmp_path)
    assert data.vocabulary is None
    np.testing.assert_allclose(data.x, [[1, 0], [0, 1]], atol=1e-6)
    table = load_table(f"mean:{tmp_path / 'v.txt'}:{tmp_path / 'n.jsonl'}")
    assert table.vocabulary is None and table.x.shape == (4, 2)
    with pytest.raises(DataError, match="digits does not hold texts"):
        load_dataset("mean:v.txt:digits")
    with pytest.raises(ConfigError, match="mean:VECTORS:NAME"):
        load_dataset("mean:v.txt")


@pytest.mark.parametrize(
    ("file", "kind", "name"),
    [
        ("a.jsonl", ".jsonl", "a"),
        ("a.b.jsonl.gz", ".jsonl", "a.b"),
        ("a.CSV", ".csv", "a"),
        ("a.csv.gz", ".csv", "a"),
        ("a.npz.gz", ".gz", "a.npz"),
    ],
)
def test_names_and_kinds_of_files(tmp_path, file, kind, name):
    assert (read_suffix(tmp_path / file), strip_suffix(tmp_path / file)) == (kind, name)
