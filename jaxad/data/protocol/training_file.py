"""Training data from a file: labels, encoding, scaling and outlier exposure."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int8, Num

from jaxad.data.arrays import as_rows, as_train_data
from jaxad.data.protocol.exposure import expose
from jaxad.data.protocol.settings import Protocol
from jaxad.data.rng import Stream
from jaxad.data.scaling import Scaling, ScalingKind, fit_scaling
from jaxad.data.sources.files import is_table, load_table
from jaxad.data.sources.labels import read_labels, read_truth
from jaxad.data.sources.load import load_dataset
from jaxad.data.sources.sequences import PREFIX, as_windows
from jaxad.data.tables.encoding import Encoding, fit_encoding
from jaxad.data.tables.options import TableOptions
from jaxad.data.tables.rows import as_numbers, convert_labels, read_rows
from jaxad.data.text.vocabulary import Vocabulary
from jaxad.errors import ConfigError
from jaxad.types import TrainData

__all__ = ["LabelledRows", "TrainingFile", "load_training_file", "read_labelled_rows"]


class LabelledRows(NamedTuple):
    """The rows of a file as numbers, before scaling, and their labels.

    Attributes:
        x: `(n, ...)` the rows.
        label: `(n,)` training labels; None: no row is labelled.
        hidden: `(n,)` 1 for anomalies whose labels training does not use; None if unknown.
        columns: The names of the feature columns in the file; () if they have none.
        encoding: How columns become numbers; None unless the file is a table.
        mask: The masks of images.
        vocabulary: The vocabulary of texts.
        ids: `(n,)` the ids of the rows, of a table that has them.
        id: The name of the column of ids.
        others: The names of the columns that are not features.
    """

    x: Num[np.ndarray, "n *shape"]
    label: Int8[np.ndarray, "n"] | None
    hidden: Int8[np.ndarray, "n"] | None
    columns: tuple[str, ...] = ()
    encoding: Encoding | None = None
    mask: Any = None
    vocabulary: Vocabulary | None = None
    ids: Any = None
    id: str | None = None
    others: tuple[str, ...] = ()


class TrainingFile(NamedTuple):
    """Training data that was read from a file.

    Attributes:
        train: The scaled rows, followed by those of an exposure set as labelled anomalies.
        scaling: The scaling that was fitted to the rows of the file.
        hidden: `(n,)` 1 for anomalies whose labels training does not use; None if unknown.
        columns: The names of the feature columns in the file; () if they have none.
        rows: The number of rows of the file.
        exposure: The name of the exposure set, or None.
        encoding: How columns become numbers; None unless the file is a table.
        ids: `(n,)` the ids of the rows of the file, of a table that has them.
        id: The name of the column of ids.
        others: The names of the columns that are not features.
    """

    train: TrainData
    scaling: Scaling
    hidden: Int8[np.ndarray, "n"] | None
    columns: tuple[str, ...]
    rows: int
    exposure: str | None = None
    encoding: Encoding | None = None
    ids: Any = None
    id: str | None = None
    others: tuple[str, ...] = ()


def load_training_file(
    path: str | Path,
    *,
    options: TableOptions | None = None,
    truth: str | None = None,
    strict: bool = False,
    scaling: ScalingKind = "auto",
    exposure: str | None = None,
    exposure_rows: int | None = None,
    feedback: str | Path | None = None,
    seed: int = 0,
) -> TrainingFile:
    """Read a file, fit an encoding and a scaling to its rows and convert them to training data.

    Args:
        path: A file as `load_table` takes it.
        options: How a table is read, the parts of its columns and the values of labels.
        truth: The column of labels that only measure; "y" for an npz file.
        strict: Whether entries and columns of a table that would be left out are errors.
        scaling: The kind of scaling; see `fit_scaling`.
        exposure: A data set, by name or path, whose rows become labelled anomalies.
        exposure_rows: The number of its rows that are drawn; None for all.
        feedback: A file of labels that override those of a table; see `merge_feedback`.
        seed: The root of the random numbers by which they are drawn.

    Returns:
        The training data, with the encoding, the scaling and the columns for further rows.

    Raises:
        ConfigError: An option of tables is wrong, or a setting is out of range.
        DataError: The file or its labels cannot be used, or the exposure set cannot be converted.
    """
    # This checks their ranges, and that exposure_rows has an exposure set.
    Protocol(scaling=scaling, exposure=exposure, exposure_rows=exposure_rows)
    found = read_labelled_rows(path, options, truth=truth, strict=strict, feedback=feedback)
    fitted = fit_scaling(found.x, scaling)
    known, rows, mask, name = found.label, fitted.apply(found.x), found.mask, None
    if exposure is not None:
        others = load_dataset(exposure)
        more, _ = expose(found.x, Path(path).name, others, exposure_rows, Stream(seed))
        own = np.zeros(len(rows), np.int8) if known is None else known
        rows = np.concatenate([rows, fitted.apply(more)])
        known = np.append(own, np.full(len(more), -1, np.int8))
        mask = None if mask is None else np.pad(mask, [(0, len(more)), (0, 0), (0, 0)])
        name = others.name
    train = as_train_data(rows, known, mask, found.vocabulary)
    return TrainingFile(
        train,
        fitted,
        found.hidden,
        found.columns,
        len(found.x),
        name,
        found.encoding,
        found.ids,
        found.id,
        found.others,
    )


def read_labelled_rows(
    path: str | Path,
    options: TableOptions | None = None,
    *,
    truth: str | None = None,
    strict: bool = False,
    feedback: str | Path | None = None,
) -> LabelledRows:
    """Read the rows of a file as numbers, and their labels; see `load_training_file`.

    Raises:
        ConfigError: An option of tables is wrong, or a column looks like a label.
        DataError: The file or its labels cannot be used.
    """
    options = options or TableOptions()
    if is_table(path):
        return _read_table(str(path), options, truth, strict, feedback)
    if feedback is not None:
        raise ConfigError(f"--feedback {feedback} applies only to tables; {path} is not one")
    if options.label not in (None, "none") and Path(path).suffix.lower() == ".npz":
        raise ConfigError(
            f"--label {options.label} cannot be used with an npz file, whose labels are the array "
            "y; leave --label out, or give --label none to leave the labels out"
        )
    if truth not in (None, "y", "label"):
        raise ConfigError(f"--truth {truth}: the labels of {path} are called y; give --truth y")
    label = None if options.label == "none" else options.label
    table = load_table(path, label=label)
    if truth is None:
        known, hidden = read_labels(table, options, Path(path)), None
    else:
        known, hidden = None, read_truth(table, options, Path(path))
    return LabelledRows(
        table.x, known, hidden, table.columns, mask=table.mask, vocabulary=table.vocabulary
    )


def _read_table(
    name: str,
    options: TableOptions,
    truth: str | None,
    strict: bool,
    feedback: str | Path | None,
) -> LabelledRows:
    rows = read_rows(name.removeprefix(PREFIX), options, truth=truth)
    if feedback is not None:
        rows = rows.replace_labels(feedback, options)
    if name.startswith(PREFIX):
        encoding, x = None, as_windows(as_numbers(rows.features, name), name)
    else:
        encoding = fit_encoding(rows.features, strict=strict)
        x = as_rows(encoding.apply(rows.features).x, name)
    if rows.label is None and rows.truth is not None and options.positive:
        label, meaning = None, options._replace(normal=())  # the values are those of the truth
    else:
        label, meaning = rows.read_labels(options), TableOptions()
    hidden = None
    if rows.truth is not None:
        known = convert_labels(rows.truth, meaning, f"{rows.name}: column {truth!r}")
        hidden = (known == -1).astype(np.int8)
    ids = None if rows.ids is None else np.array(rows.ids.to_pylist(), object)
    names = rows.roles.features
    return LabelledRows(
        x, label, hidden, names, encoding, ids=ids, id=rows.roles.id, others=rows.others
    )
