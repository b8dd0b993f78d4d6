"""Training data from a file: labels, scaling and outlier exposure."""

from pathlib import Path
from typing import Any, NamedTuple, get_args

import numpy as np
from jaxtyping import Int8

from jaxad.data.arrays import as_train_data
from jaxad.data.protocol.exposure import expose
from jaxad.data.protocol.settings import Protocol
from jaxad.data.rng import Stream
from jaxad.data.scaling import Scaling, ScalingKind, fit_scaling
from jaxad.data.sources.files import load_table
from jaxad.data.sources.labels import AuditLabelKind, LabelKind, read_audit_labels
from jaxad.data.sources.load import load_dataset
from jaxad.data.tables.encoding import Encoding
from jaxad.errors import ConfigError
from jaxad.types import TrainData

__all__ = ["TrainingFile", "load_training_file"]


class TrainingFile(NamedTuple):
    """Training data that was read from a file.

    Attributes:
        train: The scaled rows, followed by those of an exposure set as labelled anomalies.
        scaling: The scaling that was fitted to the rows of the file.
        hidden: `(n,)` 1 for anomalies whose labels training does not use; None if unknown.
        columns: The names of the feature columns; () if they have none.
        rows: The number of rows of the file.
        exposure: The name of the exposure set, or None.
        encoding: How columns become numbers; None unless the file is a table.
        ids: `(n,)` the ids of the rows of the file, of a table that has them.
        id: The name of the column of ids.
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


def load_training_file(
    path: str | Path,
    *,
    label: str | None = None,
    label_kind: AuditLabelKind | None = None,
    scaling: ScalingKind = "auto",
    exposure: str | None = None,
    exposure_rows: int | None = None,
    seed: int = 0,
    allowed: tuple[str, ...] = get_args(LabelKind),
) -> TrainingFile:
    """Read a file, fit a scaling to its rows and convert them to training data.

    Args:
        path: A file as `load_table` takes it.
        label: The label column of a csv or parquet file.
        label_kind: The meaning of the labels; see `read_labels` and `read_audit_labels`.
        scaling: The kind of scaling; see `fit_scaling`.
        exposure: A data set, by name or path, whose rows become labelled anomalies.
        exposure_rows: The number of its rows that are drawn; None for all.
        seed: The root of the random numbers by which they are drawn.
        allowed: The kinds of labels that errors list.

    Returns:
        The training data, with the scaling and the columns for further rows.

    Raises:
        ConfigError: A label column for an npz file, a kind of labels that is missing or not
            allowed, or a setting out of range.
        DataError: The file or its labels cannot be used, or the exposure set cannot be converted.
    """
    path = Path(path)
    if label is not None and path.suffix.lower() == ".npz":
        raise ConfigError(
            f"--label {label} cannot be used with an npz file, whose labels are the array y; leave "
            "--label out"
        )
    # This checks their ranges, and that exposure_rows has an exposure set.
    Protocol(scaling=scaling, exposure=exposure, exposure_rows=exposure_rows)
    table = load_table(path, label=label)
    known, hidden = read_audit_labels(table, label_kind, path, allowed=allowed)
    fitted = fit_scaling(table.x, scaling)
    rows, mask, name = fitted.apply(table.x), table.mask, None
    if exposure is not None:
        others = load_dataset(exposure)
        more, _ = expose(table.x, path.name, others, exposure_rows, Stream(seed))
        own = np.zeros(len(rows), np.int8) if known is None else known
        rows = np.concatenate([rows, fitted.apply(more)])
        known = np.append(own, np.full(len(more), -1, np.int8))
        mask = None if mask is None else np.pad(mask, [(0, len(more)), (0, 0), (0, 0)])
        name = others.name
    train = as_train_data(rows, known, mask, table.vocabulary)
    return TrainingFile(train, fitted, hidden, tuple(table.columns), len(table.x), name)
