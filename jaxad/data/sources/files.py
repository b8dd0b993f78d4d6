"""Reading of tables, images and texts from npz, csv, parquet and JSON lines files."""

import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8

from jaxad.data.arrays import as_label_column, as_masks, as_rows
from jaxad.data.dataset import Dataset, from_arrays
from jaxad.data.sources.sequences import PREFIX, as_windows
from jaxad.data.text.documents import (
    LINES,
    MEAN,
    holds_texts,
    read_suffix,
    read_text_dataset,
    read_texts,
    strip_suffix,
)
from jaxad.data.text.vectors import average_vectors, build_lexicon
from jaxad.data.text.vocabulary import Vocabulary, build_vocabulary, split_words
from jaxad.errors import ConfigError, DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LABEL_NAMES", "SUFFIXES", "Table", "load_table", "read_file", "split_mean"]

SUFFIXES = (".npz", ".csv", ".parquet", *LINES)
LABEL_NAMES = ("label", "y", "anomaly", "outlier")


class Table(NamedTuple):
    """Rows of a file, and their labels if it has any.

    Attributes:
        x: `(n, ...)` rows.
        y: `(n,)` int64 class numbers, or None.
        columns: Names of the columns of x; () for an npz file.
        class_names: Names of the classes 0, 1, ... if labels are strings; else ().
        mask: `(n, height, width)` uint8: 1 where a pixel is anomalous; None if unknown.
        vocabulary: The vocabulary of x if rows are documents.
    """

    x: Float[np.ndarray, "n *shape"]
    y: Int[np.ndarray, "n"] | None
    columns: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()
    mask: UInt8[np.ndarray, "n height width"] | None = None
    vocabulary: Vocabulary | None = None


def read_file(path: Path, label: str | None = None) -> Dataset:
    """Read a labelled npz, csv or parquet file.

    Args:
        path: The file.
        label: The label column of a csv or parquet file. Default: the column named label, y,
            anomaly or outlier, else the last one.

    Returns:
        The data set, named after the file. If all labels are 0 or 1, they mean normal and anomaly.

    Raises:
        DataError: The file is broken, or does not hold rows with labels.
        ConfigError: The label column does not exist, or the kind of file is not supported.
    """
    if _check_suffix(path) == ".npz":
        return _build_dataset(path, _read_npz(path))
    if holds_texts(path):
        return read_text_dataset(path, label)
    frame = _read_frame(path)
    label = _find_label(frame, path, label) or str(frame.columns[-1])
    y, names = _select_labels(frame, path, label)
    anomaly = not names and set(np.unique(y)) <= {0, 1}
    return Dataset(strip_suffix(path), _select_features(frame, path, label), y, names, anomaly)


def load_table(
    path: str | Path, *, label: str | None = None, vocabulary: Vocabulary | None = None
) -> Table:
    """Read the rows of a file, and their labels if it has any.

    Args:
        path: A csv, parquet or npz file; an npz file holds `X` or `x`, `y` if there are labels, and
            `mask` if anomalous pixels of images are known.
            With the prefix `sequence:`, columns are points in time of sequences of one channel.
        label: The label column of a csv or parquet file. Default: the column named label, y,
            anomaly or outlier if there is one; else all columns are features.
        vocabulary: The vocabulary by which texts are encoded. Default: one built from the file.

    Returns:
        The rows, and their labels if there are any.

    Raises:
        DataError: The file is missing or broken, or a feature is not a finite number.
        ConfigError: The label column does not exist, or the kind of file is not supported.
    """
    if str(path).startswith(PREFIX):
        table = load_table(str(path).removeprefix(PREFIX), label=label)
        return table._replace(x=as_windows(table.x, f"{path}"))
    if str(path).startswith(MEAN):
        vectors, name = split_mean(str(path))
        table = load_table(name, label=label)
        if table.vocabulary is None:
            raise DataError(f"{name} does not hold texts, which {MEAN} needs; leave {MEAN} out")
        x = average_vectors(table.x, build_lexicon(table.vocabulary, vectors, more=0))
        return table._replace(x=x, vocabulary=None)
    path = Path(path)
    if _check_suffix(path) != ".npz" and holds_texts(path):
        return _read_text_table(path, label, vocabulary)
    if _check_suffix(path) != ".npz":
        frame = _read_frame(path)
        label = _find_label(frame, path, label)
        y, names = (None, ()) if label is None else _select_labels(frame, path, label)
        columns = tuple(column for column in frame.columns if column != label)
        return Table(_select_features(frame, path, label), y, columns, names)
    arrays = _read_npz(path)
    if "x" not in arrays:
        raise DataError(
            f"{path} holds {_list_arrays(arrays)}; give the array X, and y if there are labels"
        )
    x = as_rows(arrays["x"], f"{path}: X", at_least=1)
    mask = as_masks(arrays["mask"], x, f"{path}: mask") if "mask" in arrays else None
    if "y" not in arrays:
        return Table(x, None, mask=mask)
    y, names = as_label_column(arrays["y"], f"{path}: y")
    return Table(x, y, class_names=names, mask=mask)


def split_mean(source: str) -> tuple[str, str]:
    """Split `mean:VECTORS:NAME` into the file of word vectors and the name of the data set.

    Raises:
        ConfigError: One of the two is missing.
    """
    vectors, colon, name = source.removeprefix(MEAN).partition(":")
    if not (vectors and colon and name):
        raise ConfigError(
            f"{source!r} must have the form mean:VECTORS:NAME, with a file of word vectors and a "
            "data set of texts"
        )
    return vectors, name


def _read_text_table(path: Path, label: str | None, vocabulary: Vocabulary | None) -> Table:
    """Read the texts of a file, encoded by a given vocabulary or by their own."""
    texts = read_texts(path, label)
    words = [split_words(text) for text in texts.text]
    vocabulary = vocabulary or build_vocabulary(words, path.resolve().parent)
    y, names = None, ()
    if texts.label is not None:
        y, names = as_label_column(texts.label, f"{path}: label")
    return Table(vocabulary.encode_words(words), y, class_names=names, vocabulary=vocabulary)


def _check_suffix(path: Path) -> str:
    """Return a file's suffix.

    Raises:
        ConfigError: Files of this kind are not supported.
    """
    if read_suffix(path) not in SUFFIXES:
        raise ConfigError(f"{path} must be a file that ends in {', '.join(SUFFIXES)}")
    return read_suffix(path)


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    """Read the arrays of an npz file by their names in lower case, without loading pickles."""
    try:
        # np.load does not close a file that it cannot read.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name.lower(): archive[name] for name in archive.files}
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file") from error
    except (OSError, EOFError, ValueError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        reason = "holds pickled objects, which are not loaded for safety"
        if "allow_pickle" not in str(error) or not zipfile.is_zipfile(path):
            reason = f"not a complete npz file ({error}); download it again"
        raise DataError(f"{path}: {reason}") from error


def _build_dataset(path: Path, arrays: dict[str, np.ndarray]) -> Dataset:
    """Build a data set from arrays `x, y` or `x_train, y_train, x_test, y_test`, with masks."""
    names: Any = ()
    for known in ("class_names", "classes"):
        if known in arrays and arrays[known].dtype.kind == "U":
            names = arrays[known].tolist()
    if {"x_train", "y_train"} <= arrays.keys():
        return from_arrays(
            arrays["x_train"],
            arrays["y_train"],
            name=path.stem,
            class_names=names,
            x_test=arrays.get("x_test"),
            y_test=arrays.get("y_test"),
            mask=arrays.get("mask_train"),
            mask_test=arrays.get("mask_test"),
        )
    if {"x", "y"} <= arrays.keys():
        x, y, mask = arrays["x"], arrays["y"], arrays.get("mask")
        return from_arrays(x, y, name=path.stem, class_names=names, mask=mask)
    raise DataError(
        f"{path} holds {_list_arrays(arrays)}; "
        "give the arrays X and y, or x_train, y_train, x_test and y_test"
    )


def _list_arrays(arrays: dict[str, np.ndarray]) -> str:
    return ", ".join(arrays) or "nothing"


def _read_frame(path: Path) -> "pd.DataFrame":
    """Read a csv or parquet file as a data frame with strings as column names."""
    import pandas as pd

    try:
        if _check_suffix(path) == ".parquet":
            frame = pd.read_parquet(path)
        else:
            first = pd.read_csv(path, header=None, nrows=1)
            is_data = all(pd.api.types.is_numeric_dtype(kind) for kind in first.dtypes)
            frame = pd.read_csv(path, header=None if is_data else 0)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file") from error
    except (ValueError, OSError) as error:  # includes the errors of pandas and pyarrow
        raise DataError(f"{path}: cannot be read ({error})") from error
    frame.columns = [str(column) for column in frame.columns]
    return frame


def _find_label(frame: "pd.DataFrame", path: Path, label: str | None) -> str | None:
    """Return the label column: the given one, or else the one with a usual name.

    Raises:
        ConfigError: The given column does not exist, or several have a usual name.
    """
    columns = list(frame.columns)
    if label is not None:
        if label not in columns:
            raise ConfigError(
                f"{path}: label={label!r} is not a column; columns are {', '.join(columns)}"
            )
        return label
    named = [column for column in columns if column.lower() in LABEL_NAMES]
    if len(named) > 1:
        raise ConfigError(
            f"{path}: any of {', '.join(named)} may be the label column; choose one with label="
        )
    return named[0] if named else None


def _select_features(frame: "pd.DataFrame", path: Path, label: str | None) -> np.ndarray:
    """Return all columns except the labels as an array of numbers."""
    features = frame if label is None else frame.drop(columns=label)
    return as_rows(features, str(path), at_least=1)


def _select_labels(
    frame: "pd.DataFrame", path: Path, label: str
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the class numbers of the label column, and the class names if it holds strings."""
    return as_label_column(frame[label].to_numpy(), f"{path}: column {label!r}")
