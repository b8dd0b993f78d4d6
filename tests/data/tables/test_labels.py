"""The one convention of labels."""

import numpy as np
import pandas as pd
import pytest

from jaxad.data.tables.labels import as_text, as_training_labels
from jaxad.errors import ConfigError, DataError


@pytest.mark.parametrize("value", [1, 1.0, "1", " 1.0 ", np.int8(1), np.float32(1), b"1"])
def test_equal_numbers_have_one_text(value):
    assert as_text(value) == "1"


@pytest.mark.parametrize("value", [None, float("nan"), pd.NA, pd.NaT, "", "  ", np.nan])
def test_a_missing_value_has_no_text(value):
    assert as_text(value) is None


def test_names_are_kept():
    assert [as_text(v) for v in ("NA", "nan", "1_000", "inf", "True", True, 1.5)] == [
        "NA", "nan", "1_000", "inf", "true", "true", "1.5",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "y",
    [
        [1, 0, -1, 1],
        [True, False, False, True],
        [1.0, np.nan, 0.0, 1.0],
        ["1", "0", "", "1.0"],
        pd.Series([1, pd.NA, 0, 1], dtype="Int64"),
        pd.Series([True, None, False, True], dtype="boolean"),
        pd.Series(["1", None, "0", "1"], dtype="category"),
        np.array([[1], [0], [0], [1]]),
        np.ma.masked_array([1, 1, 0, 1], mask=[False, True, False, False]),
    ],
)
def test_one_marks_anomalies_and_nothing_is_a_trusted_normal(y):
    assert as_training_labels(y).tolist() == [-1, 0, 0, -1]


def test_named_values_are_anomalies_and_verified_normals():
    y = ["fraud", "ok", None, "fraud"]
    assert as_training_labels(y, positive="fraud").tolist() == [-1, 0, 0, -1]
    assert as_training_labels(y, positive="fraud", normal=["ok"]).tolist() == [-1, 1, 0, -1]
    assert as_training_labels([1, 0, -1], normal=0).tolist() == [-1, 1, 0]
    assert as_training_labels([2, 3, 0], positive=[2, 3]).tolist() == [-1, -1, 0]
    assert as_training_labels([0, 1, 1], positive=0).tolist() == [-1, 0, 0]


@pytest.mark.parametrize(
    ("y", "options", "message"),
    [
        (["fraud", "ok"], {}, "fraud, ok.*--positive"),
        ([2, 0], {}, "y holds 2;"),
        (["dos", "probe", "ok"], {"positive": "dos"}, "ok, probe.*--missing"),
        (["fraud", "ok"], {"positive": "frued"}, "positive frued is not a value of y"),
        ([0, 0], {"normal": 2}, "normal 2 is not a value"),
        (np.zeros((2, 2)), {}, "shape"),
    ],
)
def test_a_value_without_meaning_is_an_error(y, options, message):
    with pytest.raises(DataError, match=message):
        as_training_labels(y, **options)


def test_a_value_has_one_meaning():
    with pytest.raises(ConfigError, match="both hold 1"):
        as_training_labels([1, 0], positive=1, normal="1.0")
    with pytest.raises(ConfigError, match="always unlabelled"):
        as_training_labels([1, 0], positive=[np.nan])
