"""Feedback: labels of a file in place of those of the table."""

import numpy as np
import pytest

from jaxad.data.tables.feedback import override_labels
from jaxad.data.tables.options import TableOptions
from jaxad.errors import ConfigError, DataError

LABEL = np.array([0, -1, 0, 1], np.int8)
IDS = ["tx1", "tx2", "tx3", 4]


def override(tmp_path, text, ids=IDS, **options):
    path = tmp_path / "feedback.csv"
    path.write_text(text)
    return override_labels(LABEL, ids, path, TableOptions(**options)).tolist()


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("id,label\ntx1,1\n", {}, [-1, -1, 0, 1]),
        ("id,label\ntx2,0\n4,1\n", {}, [0, 0, 0, -1]),
        ("row,label\n2,1\n1,0\n", {}, [0, 0, -1, 1]),
        ("row,label\n2,fraud\n1,ok\n", {"positive": ("fraud",)}, [0, 0, -1, 1]),
        ("row,label\n1,ok\n", {"positive": ("fraud",)}, [0, 0, 0, 1]),
        ("row,label\n1,ok\n2,\n", {"normal": ("ok",)}, [0, 1, 0, 1]),
        ("row,label\n1,0\n", {"normal": ("0",)}, [0, 1, 0, 1]),
        ("id,label,why\n4.0,,unsure\ntx1,true,seen\n", {}, [-1, -1, 0, 1]),
        ("tx,Class\ntx3,1\n", {"id": "tx", "label": "Class"}, [0, -1, -1, 1]),
        ("id;label\ntx3;1\n", {"delimiter": ";"}, [0, -1, -1, 1]),
        ("row,label\n0,1\n0,0\n", {}, [0, -1, 0, 1]),
        ("row,label\n0,0\n0,1\n", {}, [-1, -1, 0, 1]),
    ],
)
def test_labels_of_the_file_override_those_of_the_table(tmp_path, text, options, expected):
    assert override(tmp_path, text, **options) == expected
    assert LABEL.tolist() == [0, -1, 0, 1]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("id,label\ntx9,1\ntx1,1\n", "the table has no id 'tx9'"),
        ("row,label\n4,1\n", "no row '4'"),
        ("row,label\n-1,1\n", "no row '-1'"),
        ("id,label\n,1\n", "no id None"),
        ("id,truth\ntx1,1\n", "lacks a column label"),
        ("name,label\ntx1,1\n", "lacks a column id or row"),
        ("id,label\ntx1,7\n", "--positive"),
        ("id,label\n", "no rows"),
    ],
)
def test_what_cannot_be_assigned_is_refused(tmp_path, text, match):
    with pytest.raises(DataError, match=match):
        override(tmp_path, text)


def test_ids_need_a_table_with_ids(tmp_path):
    with pytest.raises(ConfigError, match="--id"):
        override(tmp_path, "id,label\ntx1,1\n", ids=None)
    assert override(tmp_path, "row,label\n0,1\n", ids=None) == [-1, -1, 0, 1]


def test_an_id_of_several_rows_is_that_of_all(tmp_path):
    assert override(tmp_path, "id,label\na,1\n", ids=["a", "b", "a", "c"]) == [-1, -1, -1, 1]
