"""Vectors of texts from a file, alone and with their texts."""

import numpy as np
import pytest

from jaxad.data import load_dataset, load_table
from jaxad.data.sources.embeddings import split_embeddings
from jaxad.errors import ConfigError, DataError

X = np.arange(12, dtype=np.float32).reshape(4, 3)


@pytest.fixture
def folder(tmp_path):
    np.savez(tmp_path / "v.npz", X=X)
    np.savez(tmp_path / "y.npz", X=X, y=[0, 0, 0, 1])
    rows = "\n".join(f"n{i},{','.join(map(str, row))}" for i, row in enumerate(X))
    (tmp_path / "v.csv").write_text(f"name,a,b,c\n{rows}\n")
    for i in range(4):
        path = tmp_path / "texts" / ("sea" if i else "land") / f"{i}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"text {i}")
    return tmp_path


def test_vectors_get_the_names_labels_and_texts_of_a_folder(folder):
    table = load_table(f"embeddings:{folder / 'v.npz'}:{folder / 'texts'}")
    np.testing.assert_array_equal(table.x, X)
    assert table.ids is not None and table.ids[0] == "land/0.txt" and table.id == "file"
    assert table.texts is not None and table.texts.tolist() == [f"text {i}" for i in range(4)]
    assert table.class_names == ("land", "sea") and table.y is not None
    data = load_dataset(f"embeddings:v.npz:{folder / 'texts'}", data_dir=folder)
    assert data.class_names == ("land", "sea") and data.name == "v"


def test_vectors_alone_and_in_a_table(folder):
    assert load_dataset(f"embeddings:{folder / 'y.npz'}").y.tolist() == [0, 0, 0, 1]
    from jaxad.data.tables.options import TableOptions

    table = load_table(f"embeddings:{folder / 'v.csv'}", options=TableOptions(id="name"))
    np.testing.assert_array_equal(table.x, X)
    assert table.ids is not None and table.ids.tolist() == ["n0", "n1", "n2", "n3"]


@pytest.mark.parametrize(
    ("source", "error", "says"),
    [
        ("embeddings:", ConfigError, "embeddings:FILE:TEXTS"),
        ("embeddings:v.npz:", ConfigError, "embeddings:FILE:TEXTS"),
        ("embeddings:v.npz:v.csv", DataError, "v.csv does not hold texts"),
        ("embeddings:i.npz", DataError, "give one vector for each text"),
        ("embeddings:v.npz:few.jsonl", DataError, "4 vectors and few.jsonl has 1 texts"),
    ],
)
def test_what_does_not_fit_is_refused(folder, monkeypatch, source, error, says):
    monkeypatch.chdir(folder)
    np.savez("i.npz", X=np.zeros((4, 3, 2)))
    (folder / "few.jsonl").write_text('{"text": "one"}')
    with pytest.raises(error, match=says):
        load_table(source)


def test_a_source_is_split_at_the_first_colon():
    assert split_embeddings("embeddings:a.npz:b/c.jsonl") == ("a.npz", "b/c.jsonl")
    assert split_embeddings("embeddings:a.npz") == ("a.npz", None)
