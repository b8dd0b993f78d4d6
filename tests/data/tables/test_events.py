"""Scores of rows with values that training hardly saw."""

import numpy as np
import pyarrow as pa
import pytest

from jaxad.data.tables.encoding import Encoding, fit_encoding
from jaxad.data.tables.events import raise_scores
from jaxad.errors import DataError

TABLE = pa.table({"c": ["a", "b"] * 100, "x": np.arange(200.0)})
NEW = pa.table({"c": ["a", "new", None, "b"], "x": ["1", "text", "2", ""]})


def test_events_by_row_and_by_column():
    events = fit_encoding(TABLE).apply(NEW).events
    np.testing.assert_allclose(events.smallest, [1, 1 / 202, 1 / 202, 1 / 202])
    assert [events.describe(row) for row in range(4)] == [
        [],
        ["unseen category in `c`", "text in place of a number in `x`"],
        ["gap in `c`"],
        ["gap in `x`"],
    ]
    assert events.tally() == {
        ("unseen category", "c"): 1,
        ("gap", "c"): 1,
        ("gap", "x"): 1,
        ("text in place of a number", "x"): 1,
    }
    some = events.select(np.array([False, False, True, True]))
    assert some.rows == 2
    assert [some.describe(row) for row in range(2)] == [["gap in `c`"], ["gap in `x`"]]
    assert fit_encoding(TABLE).apply(TABLE).events.tally() == {}


def test_scores_are_raised_to_the_quantile_of_training():
    reference = np.arange(200.0)
    events = fit_encoding(TABLE).apply(NEW).events
    raised = raise_scores(np.array([-5.0, -5.0, 500.0, np.nan]), events, reference)
    np.testing.assert_array_equal(raised, [-5, 199, 500, np.nan])
    table = TABLE.set_column(1, "x", pa.array(np.arange(200.0), mask=np.arange(200) == 7))
    events = fit_encoding(table).apply(NEW).events
    raised = raise_scores(np.zeros(4), events, reference)
    assert raised[3] == np.quantile(reference, 1 - 2 / 202, method="higher")


def test_without_events_or_training_scores_nothing_changes():
    scores = np.arange(4.0)
    encoding = fit_encoding(TABLE)
    none = encoding.apply(TABLE.slice(0, 4)).events
    assert raise_scores(scores, none, np.arange(9.0)) is scores
    assert raise_scores(scores, encoding.apply(NEW).events, np.zeros(0)) is scores


def test_another_value_than_the_constant_of_training_is_an_event():
    table = pa.table(
        {"n": [7.0, 7.0, None] * 40, "t": [True] * 120, "x": np.arange(120.0), "zero": [0] * 120}
    )
    new = pa.table(
        {
            "n": [7.0, 7.000001, 7.001, None, -7.0],
            "t": [True, True, False, True, None],
            "x": [0.0, 500.0, 1.0, 1.0, 1.0],
            "zero": [0.0, 0.0, 0.0, 1e-30, 0.0],
        }
    )
    encoding = fit_encoding(table)
    assert encoding.apply(table).events.tally() == {}
    for one in (encoding, Encoding.restore(encoding.dump())):
        events = one.apply(new).events
        assert [events.describe(row) for row in range(5)] == [
            [],
            [],
            ["unlike the constant of training in `n`", "unlike the constant of training in `t`"],
            ["unlike the constant of training in `zero`"],
            ["unlike the constant of training in `n`", "gap in `t`"],
        ]


def test_a_constant_is_one_but_for_rounding_and_has_ten_values():
    table = pa.table({"r": [0.3, 0.1 + 0.2] * 50, "few": [5.0] * 9 + [None] * 91})
    events = fit_encoding(table).apply(pa.table({"r": [9.0, 0.3], "few": [6.0, 6.0]})).events
    assert events.describe(0) == ["unlike the constant of training in `r`"]
    assert events.describe(1) == []


def test_the_description_of_a_constant_column_is_checked():
    stored = fit_encoding(pa.table({"n": [1.0] * 10, "x": np.arange(10.0)})).dump()
    assert [column.get("constant") for column in stored["columns"]] == [True, None]
    stored["columns"][0]["constant"] = "yes"
    with pytest.raises(DataError, match="broken"):
        Encoding.restore(stored)
