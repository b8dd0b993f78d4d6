"""Scores of rows with values that training hardly saw."""

import numpy as np
import pyarrow as pa

from jaxad.data.tables.encoding import fit_encoding
from jaxad.data.tables.events import raise_scores

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
