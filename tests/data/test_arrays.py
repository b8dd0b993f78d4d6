"""What is taken as rows, as labels, and as a data set."""

import numpy as np
import pandas as pd
import pytest

from jaxad.data import Dataset, as_train_data, from_arrays, load_dataset
from jaxad.errors import ConfigError, DataError

TABLE = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])


def test_table_keeps_its_precision_and_counts_its_classes():
    x = np.array([[1.7e9 + 0.25], [1.7e9 + 0.5]])
    data = from_arrays(x, ["b", "a"])
    assert data.x.dtype == np.float64
    np.testing.assert_array_equal(data.x, x)
    assert data.class_names == ("a", "b")
    np.testing.assert_array_equal(data.y, [1, 0])


@pytest.mark.parametrize("shape", [(3, 4, 5), (3, 4, 5, 1)])
def test_grey_images_have_a_channel_axis_and_stay_bytes(shape):
    data = from_arrays(np.zeros(shape, np.uint8), [0, 1, 2])
    assert data.x.shape == (3, 4, 5, 1)
    assert data.x.dtype == np.uint8


def test_table_of_bytes_becomes_float():
    assert from_arrays(np.zeros((2, 3), np.uint8), [0, 1]).x.dtype == np.float32


def test_zeros_and_ones_are_taken_for_normal_and_anomaly():
    data = from_arrays(TABLE, [0.0, 1.0, 0.0])
    assert data.anomaly
    assert data.class_names == ("normal", "anomaly")
    assert not from_arrays(TABLE, [0, 1, 2]).anomaly
    assert not from_arrays(TABLE, [0, 1, 0], class_names=["dog", "cat"]).anomaly


def test_words_of_both_parts_share_one_numbering():
    data = from_arrays(TABLE, ["b", "c", "b"], x_test=TABLE, y_test=["a", "c", "b"])
    assert data.class_names == ("a", "b", "c")
    assert data.y_test is not None
    np.testing.assert_array_equal(data.y_test, [0, 2, 1])


def test_arrays_of_a_data_set_are_read_only_and_the_given_ones_are_not():
    x = TABLE.copy()
    data = from_arrays(x, [0, 1, 0])
    with pytest.raises(ValueError, match="read-only"):
        data.x[0, 0] = 1.0
    x[0, 0] = 1.0


def test_pair_of_arrays_and_data_set_are_sources():
    data = load_dataset((TABLE, [0, 1, 0]))
    assert load_dataset(data) is data


def test_repr_is_one_short_line():
    assert repr(from_arrays(TABLE, [0, 1, 0])) == (
        "Dataset('arrays': 3 rows of float64 (2,), 1 anomalies)"
    )


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (TABLE, [0, 1], "x has 3 rows, y has 2"),
        (TABLE[:1], [0], r"shape \(1, 2\); it must have at least 2 rows"),
        (TABLE[:0], [], "at least 2 rows"),
        (TABLE[:, :0], [0, 1, 0], "no empty axis"),
        (TABLE[:, 0], [0, 1, 0], r"shape \(3,\); give one row for each example"),
        ([[1.0, 2.0], [3.0, np.nan], [np.inf, 1.0]], [0, 1, 0], r"2 values.*row 1, column 1: nan"),
        ([[1.0, 1e300], [1.0, 1.0]], [0, 1], "too large for float32.*row 0, column 1"),
        ([[1.0, "red"], [2.0, "blue"]], [0, 1], "'red' in row 0 of column 1"),
        ([[1.0], [2.0 + 1j]], [0, 1], "complex128"),
        (TABLE, [0, 0.5, 1], "y holds 0.5 in row 1; labels must be integers"),
        (TABLE, [0, np.nan, 1], "1 missing labels, the first in row 1"),
        (TABLE, ["a", None, "b"], "1 missing labels, the first in row 1"),
        (TABLE, [[0, 1], [1, 0], [0, 0]], "y has shape"),
        (TABLE, [1j, 0, 1], "y is of type complex128"),
    ],
)
def test_unusable_arrays_are_refused(x, y, message):
    if y == ["a", None, "b"]:
        y = np.array(y, object)
    with pytest.raises(DataError, match=message):
        from_arrays(x, y)


def test_bad_value_in_a_frame_is_named_by_its_column():
    frame = pd.DataFrame({"age": [1.0, 2.0], "colour": ["red", "blue"]})
    with pytest.raises(DataError, match="column 'colour'"):
        from_arrays(frame, [0, 1])
    with pytest.raises(DataError, match="row 1, column 'size'"):
        from_arrays(pd.DataFrame({"age": [1.0, 2.0], "size": [1.0, np.nan]}), [0, 1])


def test_bad_pixel_is_named_by_its_position():
    x = np.zeros((2, 3, 3, 1))
    x[1, 2, 0, 0] = np.inf
    with pytest.raises(DataError, match=r"row 1, position \(2, 0, 0\)"):
        from_arrays(x, [0, 1])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"anomaly": True}, "y holds 2; with anomaly=True"),
        ({"class_names": ("a", "b")}, "class 2, but class_names has 2"),
        ({"x_test": TABLE}, "x_test and y_test belong together"),
        ({"x_test": TABLE[:, :1], "y_test": np.zeros(3)}, "rows of x_test"),
        ({"x_test": TABLE, "y_test": np.zeros(2)}, "x_test has 3 rows, y_test has 2"),
    ],
)
def test_parts_that_do_not_fit_are_refused(fields, message):
    with pytest.raises(DataError, match=message):
        Dataset("odd", TABLE, np.array([0, 1, 2]), **fields)


def test_names_for_labels_that_are_names_are_refused():
    with pytest.raises(ConfigError, match="leave class_names out"):
        from_arrays(TABLE, ["a", "b", "a"], class_names=["x", "y"])


def test_class_is_found_by_name_and_number_or_its_neighbours_are_named():
    data = from_arrays(TABLE, ["cat", "dog", "cat"])
    assert data.class_number("dog") == data.class_number(np.int64(1)) == 1
    assert data.class_numbers(["dog", 0]) == (0, 1)
    with pytest.raises(
        ConfigError, match=r"unknown class.*'dot'. Did you mean 'dog'\? Known: cat, dog"
    ):
        data.class_number("dot")
    with pytest.raises(ConfigError, match="no class is given"):
        data.class_numbers([])


def test_train_data_of_own_rows():
    train = as_train_data(TABLE, [0, -1, 1])
    assert train.x.dtype == np.float32
    assert train.label.dtype == np.int8
    assert int(train.count) == 3
    assert int(train.features) == 2
    np.testing.assert_array_equal(as_train_data(TABLE).label, [0, 0, 0])
    assert as_train_data(np.zeros((2, 4, 4), np.uint8)).x.shape == (2, 4, 4, 1)


@pytest.mark.parametrize(
    ("x", "label", "message"),
    [
        (TABLE, [0, 1], r"label has shape \(2,\)"),
        (TABLE, [0, 1, 2], "label holds 2; allowed are -1"),
        (TABLE, [0, 0.5, 1], "label holds 0.5"),
        (TABLE[:1], None, "at least 2 rows"),
        (TABLE[0], None, r"give one row for each example"),
        (TABLE * np.nan, None, "missing"),
    ],
)
def test_unusable_train_data_is_refused(x, label, message):
    with pytest.raises(DataError, match=message):
        as_train_data(x, label)
