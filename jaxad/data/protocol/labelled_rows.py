"""Labelled rows of a file as numbers, before scaling."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Int8, Num

from jaxad.data.arrays import as_rows
from jaxad.data.images.layouts import is_image_source
from jaxad.data.images.sizes import ImageFormat
from jaxad.data.images.training import TrainingPictures, read_training_pictures
from jaxad.data.protocol.calibration import Calibration
from jaxad.data.sources.features import FEATURES
from jaxad.data.sources.files import is_table, load_table
from jaxad.data.sources.labels import read_labels, read_truth
from jaxad.data.sources.sequences import PREFIX, as_windows
from jaxad.data.tables.encoding import Encoding, fit_encoding
from jaxad.data.tables.events import Events
from jaxad.data.tables.options import TableOptions
from jaxad.data.tables.rows import as_numbers, convert_labels, read_rows
from jaxad.data.text.vocabulary import Vocabulary
from jaxad.errors import ConfigError

__all__ = ["LabelledRows", "read_labelled_rows"]


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
        ids: `(n,)` the ids of the rows, of a table that has them; the names of files; or the
            numbers of rows, where some rows could not be used.
        id: The name of the column of ids; None for numbers of rows.
        others: The names of the columns that are not features.
        held: `(n,)` which rows are held out of training; None if none is.
        events: The values of the rows that training hardly saw, where rows are held out.
        texts: `(n,)` the texts that the rows stand for; None without texts.
        images: The format of the pictures of a folder; None for other files.
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
    held: Bool[np.ndarray, "n"] | None = None
    events: Events | None = None
    texts: Any = None
    images: ImageFormat | None = None


def read_labelled_rows(
    path: str | Path,
    options: TableOptions | None = None,
    *,
    truth: str | None = None,
    strict: bool = False,
    feedback: str | Path | None = None,
    calibration: Calibration | None = None,
) -> LabelledRows:
    """Read the rows of a file as numbers, and their labels; see `load_training_file`.

    An encoding is fitted to the rows that are not held out, and applied to all rows.

    Raises:
        ConfigError: An option of tables is wrong, or a column looks like a label.
        DataError: The file or its labels cannot be used.
    """
    options = options or TableOptions()
    pictured = is_image_source(path) or str(path).startswith(FEATURES)
    if options.size is not None and not pictured:
        raise ConfigError(f"--size {options.size} applies only to folders of pictures")
    if is_table(path):
        return _read_table(str(path), options, truth, strict, feedback, calibration)
    if feedback is not None:
        raise ConfigError(f"--feedback {feedback} applies only to tables; {path} is not one")
    if is_image_source(path):
        found = read_training_pictures(str(path), options, truth=truth, strict=strict)
        return _of_pictures(found, calibration, str(path))
    if options.label not in (None, "none") and Path(path).suffix.lower() == ".npz":
        raise ConfigError(
            f"--label {options.label} cannot be used with an npz file, whose labels are the array "
            "y; leave --label out, or give --label none to leave the labels out"
        )
    if truth not in (None, "y", "label"):
        raise ConfigError(f"--truth {truth}: the labels of {path} are called y; give --truth y")
    label = None if options.label == "none" else options.label
    table = load_table(path, label=label, options=options).drop_bad(str(path), strict)
    if truth is None:
        known, hidden = read_labels(table, options, Path(path)), None
    else:
        known, hidden = None, read_truth(table, options, Path(path))
    if calibration is not None and table.vocabulary is not None:
        raise ConfigError(
            "--calibration applies to tables, images and sequences, not to texts, whose vocabulary "
            "is that of all rows"
        )
    held = None if calibration is None else calibration.draw(known, len(table.x), str(path))
    return LabelledRows(
        table.x,
        known,
        hidden,
        table.columns,
        mask=table.mask,
        vocabulary=table.vocabulary,
        ids=table.ids,
        id=table.id,
        held=held,
        texts=table.texts,
    )


def _of_pictures(
    found: TrainingPictures, calibration: Calibration | None, name: str
) -> LabelledRows:
    x, label, hidden, mask, names, form = found
    held = None if calibration is None else calibration.draw(label, len(x), name)
    return LabelledRows(x, label, hidden, mask=mask, ids=names, id="file", held=held, images=form)


def _read_table(
    name: str,
    options: TableOptions,
    truth: str | None,
    strict: bool,
    feedback: str | Path | None,
    calibration: Calibration | None,
) -> LabelledRows:
    rows = read_rows(name.removeprefix(PREFIX), options, truth=truth)
    if feedback is not None:
        rows = rows.replace_labels(feedback, options)
    if rows.label is None and rows.truth is not None and options.positive:
        label, meaning = None, options._replace(normal=())  # the values are those of the truth
    else:
        label, meaning = rows.read_labels(options), TableOptions()
    held = None if calibration is None else calibration.draw(label, rows.features.num_rows, name)
    encoding = events = None
    if name.startswith(PREFIX):
        x = as_windows(as_numbers(rows.features, name), name)
    else:
        trained = rows.features if held is None else rows.features.filter(~held)
        encoding = fit_encoding(trained, strict=strict)
        encoded, events = encoding.apply(rows.features)
        x = as_rows(encoded, name)
    hidden = None
    if rows.truth is not None:
        known = convert_labels(rows.truth, meaning, f"{rows.name}: column {truth!r}")
        hidden = (known == -1).astype(np.int8)
    ids = None if rows.ids is None else np.array(rows.ids.to_pylist(), object)
    names = rows.roles.features
    return LabelledRows(
        x,
        label,
        hidden,
        names,
        encoding,
        ids=ids,
        id=rows.roles.id,
        others=rows.others,
        held=held,
        events=events,
    )
