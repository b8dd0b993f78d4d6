"""Files written here and read back; broken ones are named."""

import numpy as np
import pandas as pd
import pytest

from jaxad.data import load_dataset, load_table
from jaxad.data.tables.options import TableOptions
from jaxad.errors import ConfigError, DataError

X = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
Y = np.arange(12) % 2


def frame(**columns) -> pd.DataFrame:
    return pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": X[:, 2]} | columns)


def write(table: pd.DataFrame, path) -> None:
    if path.suffix == ".csv":
        table.to_csv(path, index=False)
    else:
        table.to_parquet(path)


@pytest.fixture(params=["table.csv", "table.parquet"])
def path(request, tmp_path):
    return tmp_path / request.param


def test_npz_of_rows_and_labels(tmp_path):
    np.savez(tmp_path / "a.npz", X=X, y=Y.astype(np.uint8))
    data = load_dataset(tmp_path / "a.npz")
    np.testing.assert_array_equal(data.x, X)
    np.testing.assert_array_equal(data.y, Y)
    assert data.y.dtype == np.int64
    assert data.anomaly
    assert data.name == "a"


def test_npz_of_images_in_two_parts_with_class_names(tmp_path):
    images = np.arange(12 * 4 * 5, dtype=np.uint8).reshape(12, 4, 5)
    np.savez_compressed(
        tmp_path / "i.npz",
        x_train=images[:8],
        y_train=np.arange(8) % 3,
        x_test=images[8:],
        y_test=np.arange(4) % 3,
        classes=np.array(["cat", "dog", "elk"]),
    )
    data = load_dataset(str(tmp_path / "i.npz"))
    np.testing.assert_array_equal(data.x[..., 0], images[:8])
    np.testing.assert_array_equal(data.x_test[..., 0], images[8:])
    assert data.class_names == ("cat", "dog", "elk")


@pytest.mark.parametrize("keep", [0, 10, 200, 0.5, 0.95])
def test_truncated_npz_is_named(tmp_path, keep):
    path = tmp_path / "short.npz"
    np.savez(path, X=X, y=Y)
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content)) if keep < 1 else keep])
    with pytest.raises(DataError, match=r"short.npz: not a complete npz file"):
        load_dataset(path)


def test_npz_with_a_flipped_byte_is_named(tmp_path):
    path = tmp_path / "flipped.npz"
    np.savez_compressed(path, X=X, y=Y)
    content = bytearray(path.read_bytes())
    content[120] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"flipped.npz: not a complete npz file"):
        load_dataset(path)


def test_npz_of_pickled_objects_is_not_loaded(tmp_path):
    path = tmp_path / "pickle.npz"
    np.savez(path, X=np.array([{}, []], object), y=[0, 1])
    with pytest.raises(DataError, match=r"pickle.npz: holds pickled objects"):
        load_dataset(path)


def test_npz_of_other_arrays_or_lengths_is_refused(tmp_path):
    np.savez(tmp_path / "other.npz", vectors=X)
    with pytest.raises(DataError, match="holds vectors; give the arrays X and y"):
        load_dataset(tmp_path / "other.npz")
    with pytest.raises(DataError, match="holds vectors; give the array X"):
        load_table(tmp_path / "other.npz")
    np.savez(tmp_path / "lengths.npz", X=X, y=Y[:-1])
    with pytest.raises(DataError, match="lengths: x has 12 rows, y has 11"):
        load_dataset(tmp_path / "lengths.npz")
    np.save(tmp_path / "array.npy", X)
    (tmp_path / "array.npy").rename(tmp_path / "array.npz")
    with pytest.raises(DataError, match=r"array.npz: not a complete npz"):
        load_dataset(tmp_path / "array.npz")


@pytest.mark.parametrize("name", ["label", "Anomaly", "y", "outlier"])
def test_label_column_is_found_by_name_wherever_it_is(path, name):
    table = frame(**{name: Y})
    write(table[[name, "a", "b", "c"]], path)
    data = load_dataset(path)
    np.testing.assert_allclose(data.x, X, rtol=1e-6)
    np.testing.assert_array_equal(data.y, Y)
    assert data.anomaly


def test_label_column_is_the_last_one_or_the_one_asked_for(path):
    write(frame(kind=np.where(Y, "odd", "even"), size=Y), path)
    data = load_dataset(path)
    assert data.anomaly and data.x.shape == (12, 6)  # even, odd and other
    write(frame(size=Y + 1.5, kind=np.where(Y, "odd", "even")), path)
    data = load_dataset(path)
    assert data.class_names == ("even", "odd")
    assert data.x.shape == (12, 4)
    write(frame(kind=Y + 3), path)
    assert load_dataset(path, label="kind").classes == (3, 4)


def test_file_without_a_header_is_read_from_its_first_row(tmp_path):
    path = tmp_path / "bare.csv"
    np.savetxt(path, np.column_stack([X, Y]), delimiter=",")
    data = load_dataset(path)
    np.testing.assert_allclose(data.x, X, rtol=1e-6)
    np.testing.assert_array_equal(data.y, Y)


def test_table_without_labels_is_for_scoring(path):
    write(frame(), path)
    table = load_table(path)
    np.testing.assert_allclose(table.x, X, rtol=1e-6)
    assert table.y is None
    assert table.columns == ("a", "b", "c")
    with pytest.raises(DataError, match="If this is not the label column"):
        load_dataset(path)
    write(frame(label=np.where(Y, "odd", "even")), path)
    table = load_table(path)
    assert table.columns == ("a", "b", "c")
    assert table.class_names == ("even", "odd")
    np.testing.assert_array_equal(table.y, Y)


def test_a_frame_is_a_data_set_and_a_table_has_options(path):
    table = frame(day=pd.date_range("2024-01-01", periods=12), label=Y)
    data = load_dataset(table)
    assert data.name == "table" and data.anomaly and len(data.x) == 12
    np.testing.assert_allclose(data.x[:, :3], X, rtol=1e-6)
    write(table, path)
    options = TableOptions(drop=("day",))
    np.testing.assert_allclose(load_dataset(path, options=options).x, X, rtol=1e-6)
    with pytest.raises(ConfigError, match="needs labels"):
        load_dataset(path, label="none")


def test_columns_that_look_like_labels_are_not_read_as_features(path):
    write(frame(Class=Y), path)
    with pytest.raises(ConfigError, match=r"--label Class.*--label none"):
        load_table(path)
    assert load_table(path, label="Class").x.shape == (12, 3)
    assert load_table(path, label="none").x.shape == (12, 4)


def test_one_row_can_be_scored_but_is_no_data_set(path):
    write(frame(label=Y)[:1], path)
    assert load_table(path).x.shape == (1, 3)
    with pytest.raises(DataError, match="at least 2 rows"):
        load_dataset(path)


def test_npz_for_scoring(tmp_path):
    np.savez(tmp_path / "a.npz", X=X)
    assert load_table(tmp_path / "a.npz").y is None
    np.savez(tmp_path / "b.npz", x=X, y=Y)
    np.testing.assert_array_equal(load_table(tmp_path / "b.npz").y, Y)


def test_bad_columns_are_named(path):
    write(frame(d=[1e39] * 12, label=Y), path)
    with pytest.raises(DataError, match="'d'"):
        load_dataset(path)
    write(frame(label=[np.nan, *Y[1:]]), path)
    with pytest.raises(DataError, match="column 'label' has 1 missing labels, the first in row 0"):
        load_dataset(path)
    write(frame(label=[None, *["b"] * 11]), path)
    with pytest.raises(DataError, match="column 'label' has 1 missing labels"):
        load_dataset(path)


def test_absent_and_ambiguous_label_columns_are_refused(path):
    write(frame(label=Y, outlier=Y), path)
    with pytest.raises(ConfigError, match="any of label, outlier may be the label column"):
        load_dataset(path)
    with pytest.raises(
        ConfigError, match=r"label \(--label\) 'class' is not a column. Columns are a, b, c"
    ):
        load_table(path, label="class")


def test_broken_and_missing_tables_are_named(path):
    with pytest.raises(DataError, match=r"table.*: no such file"):
        load_table(path)
    path.write_bytes(b"")
    with pytest.raises(DataError, match=r"table.*: (cannot be read|the file is empty)"):
        load_dataset(path)
    path.write_bytes(b"PAR1\xff\xfe,\n1,2,3,4\n")
    with pytest.raises(DataError, match=r"table.*: (cannot be read|each row has 4 values)"):
        load_dataset(path)


def test_missing_npz_and_other_suffixes_are_refused(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        load_table(tmp_path / "none.npz")
    (tmp_path / "a.txt").write_text("1")
    with pytest.raises(ConfigError, match=r"ends in \.npz, \.csv, \.tsv, \.parquet"):
        load_dataset(tmp_path / "a.txt")


def test_changed_file_is_read_again(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, X=X, y=Y)
    first = load_dataset(path)
    assert load_dataset(path) is first
    np.savez(path, X=X[:4], y=Y[:4])
    assert len(load_dataset(path).x) == 4
