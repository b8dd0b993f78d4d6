"""Encodings of jaxad 0.2: rows become the same numbers, in the same order."""

import json

import numpy as np
import pyarrow as pa
import pytest

from jaxad.data.tables.encoding import Encoding
from jaxad.data.tables.legacy import convert_columns, describe_numbers
from jaxad.errors import DataError

# As jaxad 0.2 wrote them for numbers with gaps, categories with gaps, and numbers without.
COLUMNS = [
    {"name": "size", "kind": "number", "median": 2.0, "missing": True, "categories": []},
    {
        "name": "colour",
        "kind": "category",
        "median": 0.0,
        "missing": False,
        "categories": ["1.5", "True", "blue", "missing", "red"],
    },
    {"name": "count", "kind": "number", "median": 7.0, "missing": False, "categories": []},
]


def test_rows_become_the_same_numbers():
    encoding = convert_columns(COLUMNS)
    assert encoding.names == [
        *("size", "count", "missingindicator_size"),
        *("colour_1.5", "colour_true", "colour_blue", "colour_missing", "colour_red"),
    ]
    table = pa.table(
        {
            "count": ["1", "", "3"],
            "size": [None, 4.0, 5.0],
            "colour": ["red", None, "new"],
        }
    )
    found = encoding.apply(table)
    np.testing.assert_array_equal(
        found.x,
        [[2, 1, 1, 0, 0, 0, 0, 1], [4, 7, 0, 0, 0, 0, 1, 0], [5, 3, 0, 0, 0, 0, 0, 0]],
    )
    assert not len(found.events.row)
    again = Encoding.restore(json.loads(json.dumps(encoding.dump())))
    assert again == encoding


@pytest.mark.parametrize(
    "values",
    [
        [],
        None,
        [1],
        [COLUMNS[0] | {"kind": "date"}],
        [COLUMNS[0] | {"median": float("nan")}],
        [COLUMNS[0] | {"missing": 1}],
        [COLUMNS[1] | {"categories": []}],
        [COLUMNS[1] | {"categories": ["1", "1.0"]}],
        [COLUMNS[1] | {"more": 1}],
    ],
    ids=str,
)
def test_other_values_are_refused(values):
    with pytest.raises(DataError):
        convert_columns(values)


def test_a_table_of_numbers_alone():
    encoding = describe_numbers(("a", "b"), 300, [0.5, 2.0])
    found = encoding.apply(pa.table({"a": ["1", ""], "b": [1.0, 2.0]}))
    np.testing.assert_array_equal(found.x, [[1, 1], [0.5, 2]])
    assert found.events.describe(1) == ["gap in `a`"]
