"""Data frames: what becomes of each kind of column, in pandas and polars."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest

from jaxad.data.frames import Encoding, as_frame, fit_encoding
from jaxad.errors import DataError

NAMES = [
    "size",
    "count",
    "ok",
    "missingindicator_size",
    "colour_blue",
    "colour_green",
    "colour_missing",
    "colour_red",
    "level_high",
    "level_low",
]


def test_each_kind_of_column_by_hand(frame_of):
    frame = frame_of()
    encoding = fit_encoding(as_frame(frame), 32)
    assert encoding.names == NAMES
    median = frame["size"].median()
    expected = np.column_stack(
        [
            frame["size"].fillna(median),
            frame["count"],
            frame["ok"],
            frame["size"].isna(),
            *(frame["colour"].fillna("missing") == c for c in ("blue", "green", "missing", "red")),
            *(frame["level"] == level for level in ("high", "low")),
        ]
    ).astype(float)
    np.testing.assert_array_equal(encoding.apply(as_frame(frame)), expected)


def test_an_encoding_from_its_description_is_the_same(frame_of):
    frame = frame_of()
    encoding = fit_encoding(as_frame(frame), 2)
    again = Encoding.from_columns(encoding.columns)
    new = as_frame(frame_of(seed=1))
    np.testing.assert_array_equal(again.apply(new), encoding.apply(new))
    assert again.names == encoding.names


def test_pandas_and_polars_score_the_same_and_names_are_kept(estimator, frame_of):
    frame = frame_of()
    det = estimator().fit(frame)
    assert det.encoded_names_ == NAMES
    assert det.feature_names_in_.tolist() == list(frame.columns)
    assert det.n_features_in_ == 5
    polars = pl.from_pandas(frame)
    expected = det.anomaly_score(frame)
    np.testing.assert_array_equal(det.anomaly_score(polars), expected)
    np.testing.assert_array_equal(estimator().fit(polars).anomaly_score(frame), expected)
    with_categories = polars.with_columns(pl.col("level").cast(pl.Categorical))
    np.testing.assert_array_equal(det.anomaly_score(with_categories), expected)


def test_nullable_and_exact_numbers_are_numbers():
    frame = pd.DataFrame(
        {
            "whole": pd.array([1, None, 3], dtype="Int64"),
            "truth": pd.array([True, None, False], dtype="boolean"),
            "exact": [Decimal("0.5"), None, Decimal(2)],
            "arrow": pd.array([1.5, None, 2.5], dtype="float64[pyarrow]"),
        }
    )
    encoding = fit_encoding(as_frame(frame), 32)
    assert [c.kind for c in encoding.columns] == ["number"] * 4
    expected = [[1, 1, 0.5, 1.5], [2, 0.5, 1.25, 2], [3, 0, 2, 2.5]]
    np.testing.assert_array_equal(encoding.apply(as_frame(frame))[:, :4], expected)


def test_rare_and_new_categories_are_zero_everywhere():
    frame = pd.DataFrame({"c": ["a"] * 5 + ["b"] * 3 + ["rare"], "x": np.arange(9.0)})
    encoding = fit_encoding(as_frame(frame), 2)
    assert encoding.columns[0].categories == ("a", "b")
    new = pd.DataFrame({"c": ["rare", "new", None, "a"], "x": [0.0, np.nan, 0.0, 0.0]})
    np.testing.assert_array_equal(
        encoding.apply(as_frame(new)), [[0, 0, 0], [4, 0, 0], [0, 0, 0], [0, 1, 0]]
    )


def test_an_empty_column_and_one_of_one_value_are_allowed(estimator, frame_of):
    frame = frame_of().assign(none=np.nan, nothing=None, same="x")
    det = estimator().fit(frame)
    assert np.isfinite(det.anomaly_score(frame)).all()


def test_words_where_training_had_numbers_and_other_columns_are_refused(estimator, frame_of):
    frame = frame_of()
    det = estimator().fit(frame)
    wrong = frame.assign(count=frame["count"].astype(object))
    wrong.loc[3, "count"] = "many"
    with pytest.raises(DataError, match="'many' in row 3"):
        det.predict(wrong)
    written = frame.assign(count=frame["count"].astype(str))  # as a csv file has it
    np.testing.assert_array_equal(det.anomaly_score(written), det.anomaly_score(frame))
    for other in (
        frame.drop(columns="ok"),
        frame.rename(columns={"ok": "fine"}),
        frame.iloc[:, ::-1],
    ):
        with pytest.raises(ValueError, match="feature names"):
            det.predict(other)


def test_an_array_in_place_of_a_frame_has_its_columns_in_order(estimator, frame_of):
    frame = frame_of()
    det = estimator().fit(frame)
    with pytest.warns(UserWarning, match="feature names"):
        scores = det.anomaly_score(frame.to_numpy(object))
    np.testing.assert_array_equal(scores, det.anomaly_score(frame))


@pytest.mark.parametrize(
    ("column", "says"),
    [
        ([datetime.date(2024, 1, 1)] * 60, "date"),
        (pd.date_range("2024", periods=60), "Timestamp"),
        ([[1, 2]] * 60, "list"),
        ([1j] * 60, "complex"),
        ([np.inf] * 60, "finite in float32"),
        ([1.0] * 59 + [1e39], r"row 59"),
    ],
    ids=["dates", "times", "lists", "complex", "infinite", "large"],
)
def test_columns_that_are_neither_numbers_nor_categories_are_refused(
    estimator, column, says, frame_of
):
    with pytest.raises(DataError, match=rf"'x' holds .*{says}"):
        estimator().fit(frame_of().assign(x=column))


def test_frames_without_rows_columns_or_with_two_of_a_name_are_refused(estimator, frame_of):
    frame = frame_of()
    for wrong in (frame.iloc[:0], frame.iloc[:, :0], pd.concat([frame, frame], axis=1)):
        with pytest.raises(DataError):
            estimator().fit(wrong)
