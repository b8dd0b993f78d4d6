"""Reading of images, tables and texts from files."""

from pathlib import Path
from typing import Any

import numpy as np

from jaxad.data.arrays import as_label_column, as_masks, as_rows
from jaxad.data.bad_rows import replace_bad_rows
from jaxad.data.dataset import Dataset, from_arrays
from jaxad.data.images.datasets import read_image_table
from jaxad.data.images.layouts import is_image_source
from jaxad.data.sources.embeddings import EMBEDDINGS, add_texts, split_embeddings
from jaxad.data.sources.features import FEATURES, as_feature_table, parse_features
from jaxad.data.sources.loaded import Table
from jaxad.data.sources.sequences import PREFIX, as_windows
from jaxad.data.sources.text_tables import load_means, load_texts
from jaxad.data.tables.encoding import fit_encoding
from jaxad.data.tables.labels import as_text, is_number
from jaxad.data.tables.options import TableOptions
from jaxad.data.tables.reading import COLUMNAR, open_table, refuse_folder
from jaxad.data.tables.roles import assign_roles
from jaxad.data.tables.rows import TableRows, as_numbers, read_rows
from jaxad.data.text.documents import MEAN, read_text_dataset
from jaxad.data.text.lexicon import Lexicon
from jaxad.data.text.reading import LINES, holds_texts, read_suffix, strip_suffix
from jaxad.data.text.vocabulary import Vocabulary
from jaxad.errors import ConfigError, DataError
from jaxad.utils.packed import read_npz

__all__ = [
    "SUFFIXES",
    "TABLES",
    "is_table",
    "load_table",
    "read_file",
    "read_labelled_table",
]

TABLES = (".csv", ".tsv", *COLUMNAR)
SUFFIXES = (".npz", *TABLES, *LINES)


def read_file(path: Path, label: str | None = None, options: TableOptions | None = None) -> Dataset:
    """Read a labelled npz file, a table or texts.

    Args:
        path: The file, or a folder of text files.
        label: The label column of a table or field of texts. Default: the column named label, y,
            anomaly or outlier, else the last one.
        options: How a table is read.

    Returns:
        The data set, named after the file. If all labels are 0 or 1, they mean normal and anomaly.

    Raises:
        DataError: The file is broken, or does not hold rows with labels.
        ConfigError: The label column does not exist, or the kind of file is not supported.
    """
    if holds_texts(path):
        return read_text_dataset(path, label)
    if _check_suffix(path) == ".npz":
        return _build_dataset(path, _read_npz(path))
    return read_labelled_table(path, strip_suffix(path), label, options)


def read_labelled_table(
    source: Any, name: str, label: str | None = None, options: TableOptions | None = None
) -> Dataset:
    """Read a labelled table as a data set; its columns are encoded as numbers.

    Args:
        source: A file, or a table from memory.
        name: The name of the data set.
        label: The label column, as for `read_file`.
        options: How the table is read.

    Raises:
        DataError: The table cannot be read or encoded, or a label is missing.
        ConfigError: There is no such label column.
    """
    options = options or TableOptions()
    options = options if label is None else options._replace(label=label)
    opened = open_table(source, options)
    roles = assign_roles(opened.names, options, index=opened.index, what=opened.name)
    if options.label == "none":
        raise ConfigError("label (--label) none: a data set to evaluate detectors on needs labels")
    rows = read_rows(source, options._replace(label=roles.label or roles.features[-1]))
    assert rows.label is not None
    y, names = _number_classes(rows.label, f"{rows.name}: column {rows.roles.label!r}")
    anomaly = not names and set(np.unique(y)) <= {0, 1}
    x = as_rows(fit_encoding(rows.features).apply(rows.features).x, rows.name)
    return Dataset(name, x, y, names, anomaly)


def load_table(
    path: str | Path,
    *,
    label: str | None = None,
    vocabulary: Vocabulary | None = None,
    options: TableOptions | None = None,
    lexicon: Lexicon | None = None,
    lenient: bool = False,
) -> Table:
    """Read the rows of a file, and their labels if it has any.

    Args:
        path: A csv, parquet, feather or npz file, or texts in a file or folder, or a folder of
            pictures, plain or with one subfolder for each class; an npz file holds
            `X` or `x`, `y` if there are labels, and `mask` if anomalous pixels of images are known.
            With the prefix `sequence:`, columns are points in time of sequences of one channel;
            with `features:`, rows are features of images; with `embeddings:`, vectors of texts.
        label: The label column of a table. Default: the column named label, y, anomaly or outlier
            if there is one; "none": all columns are features.
        vocabulary: The vocabulary by which texts are encoded. Default: one built from the file.
        options: How a table is read, and the field that names texts.
        lexicon: The words that a detector of texts knows, in place of `vocabulary`; see
            `load_texts`.
        lenient: Whether lines of texts and pictures that cannot be read, and rows of an npz file
            that are not finite, are bad rows; else lines and rows are errors, and pictures are left
            out.

    Returns:
        The rows, and their labels if there are any. The columns of a table are encoded as numbers.

    Raises:
        DataError: The file is missing or broken, or its rows cannot be encoded.
        ConfigError: The label column does not exist, or the kind of file is not supported.
    """
    if str(path).startswith(PREFIX):
        return _load_sequences(str(path), label, options, lenient)
    if str(path).startswith(FEATURES):
        folder, name = parse_features(path)
        table = load_table(name, label=label, options=options, lenient=lenient)
        return as_feature_table(table, folder, name)
    if str(path).startswith(EMBEDDINGS):
        return _load_embeddings(str(path), label, options, lenient)
    if str(path).startswith(MEAN):
        return load_means(str(path), label, options and options.id, lenient=lenient)
    if is_image_source(path):
        return read_image_table(str(path), options and options.size, lenient)
    path = Path(path)
    if holds_texts(path):
        id = options and options.id
        return load_texts(path, label, id, vocabulary=vocabulary, lexicon=lexicon)
    if _check_suffix(path) != ".npz":
        rows = _read_rows(path, label, options)
        encoding = fit_encoding(rows.features)
        return _build_table(rows, encoding.apply(rows.features).x, tuple(encoding.names))
    arrays = _read_npz(path)
    if "x" not in arrays:
        raise DataError(
            f"{path} holds {_list_arrays(arrays)}; give the array X, and y if there are labels"
        )
    x, bad = replace_bad_rows(arrays["x"]) if lenient else (arrays["x"], None)
    x = as_rows(x, f"{path}: X", at_least=1)
    mask = as_masks(arrays["mask"], x, f"{path}: mask") if "mask" in arrays else None
    if "y" not in arrays:
        return Table(x, None, mask=mask, bad=bad)
    y, names = as_label_column(arrays["y"], f"{path}: y")
    return Table(x, y, class_names=names, mask=mask, bad=bad)


def is_table(source: str | Path) -> bool:
    """Return whether a source is a file of a table, perhaps of sequences."""
    name = str(source)
    path = Path(name.removeprefix(PREFIX))
    if name.startswith((MEAN, FEATURES, EMBEDDINGS)) or read_suffix(path) not in TABLES:
        return False
    return name.startswith(PREFIX) or not holds_texts(path)


def _load_sequences(
    source: str, label: str | None, options: TableOptions | None, lenient: bool
) -> Table:
    path = Path(source.removeprefix(PREFIX))
    if is_table(source):
        rows = _read_rows(path, label, options)
        table = _build_table(rows, as_numbers(rows.features, rows.name), rows.roles.features)
    else:
        table = load_table(path, label=label, lenient=lenient)
    return table._replace(x=as_windows(table.x, source))


def _load_embeddings(
    source: str, label: str | None, options: TableOptions | None, lenient: bool
) -> Table:
    path = Path(split_embeddings(source)[0])
    if not is_table(path):
        return add_texts(load_table(path, label=label, lenient=lenient), source)
    rows = _read_rows(path, label, options)
    table = _build_table(rows, as_numbers(rows.features, rows.name), rows.roles.features)
    ids = None if rows.ids is None else np.array(rows.ids.to_pylist(), object)
    return add_texts(table._replace(columns=(), ids=ids, id=rows.roles.id), source)


def _read_rows(path: Path, label: str | None, options: TableOptions | None) -> TableRows:
    options = options or TableOptions()
    return read_rows(path, options if label is None else options._replace(label=label))


def _build_table(rows: TableRows, x: np.ndarray, columns: tuple[str, ...]) -> Table:
    y, names = None, ()
    if rows.label is not None:
        y, names = _number_classes(rows.label, f"{rows.name}: column {rows.roles.label!r}")
    return Table(as_rows(x, rows.name, at_least=1), y, columns, names)


def _number_classes(column: Any, what: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the class numbers of a column of labels, and the class names if it holds strings."""
    values = column.to_pylist()
    texts = [as_text(value) for value in values]
    if all(text is None or is_number(text) for text in texts):
        return as_label_column([np.nan if text is None else float(text) for text in texts], what)
    if set(texts) <= {"true", "false"}:
        return as_label_column([text == "true" for text in texts], what)
    return as_label_column(np.array(values, object), what)


def _check_suffix(path: Path) -> str:
    """Return a file's suffix.

    Raises:
        ConfigError: Files of this kind are not supported.
    """
    refuse_folder(path)
    if read_suffix(path) not in SUFFIXES:
        raise ConfigError(f"{path} must be a file that ends in {', '.join(SUFFIXES)}")
    return read_suffix(path)


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    """Read the arrays of an npz file by their names in lower case, without loading pickles."""
    return {name.lower(): array for name, array in read_npz(path).items()}


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
