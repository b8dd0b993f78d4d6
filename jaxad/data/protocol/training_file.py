"""Training data from a file of one's own: its labels, its scaling, an exposure set behind it."""

from pathlib import Path
from typing import NamedTuple, get_args

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
from jaxad.errors import ConfigError
from jaxad.types import TrainData

__all__ = ["TrainingFile", "load_training_file"]


class TrainingFile(NamedTuple):
    """A file ready for training.

    Attributes:
        train: The scaled rows, with those of an exposure set behind as labelled anomalies.
        scaling: How raw rows become rows like these.
        hidden: `(n,)` 1 for anomalies that training does not see; None where the file does not
            say.
        columns: The names of the file's columns; () where they have none.
        rows: How many rows the file has.
        exposure: The name of the exposure set, or None.
    """

    train: TrainData
    scaling: Scaling
    hidden: Int8[np.ndarray, "n"] | None
    columns: tuple[str, ...]
    rows: int
    exposure: str | None = None


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
    """Read a file, fit a scaling to its rows and make training data of them.

    Args:
        path: A file as `load_table` takes it.
        label: The label column of a csv or parquet file.
        label_kind: What the labels are; see `read_labels` and `read_audit_labels`.
        scaling: How rows are scaled; see `fit_scaling`.
        exposure: A data set, by name or path, whose rows become labelled anomalies.
        exposure_rows: How many of its rows; None for all.
        seed: The root of the random numbers that choose them.
        allowed: The kinds of labels that an error names.

    Returns:
        The training data and what is needed to score further rows.

    Raises:
        ConfigError: A label column for an npz file, a kind of labels that is missing or not
            allowed, or a setting out of its range.
        DataError: The file or its labels cannot be used, or the exposure set does not fit.
    """
    path = Path(path)
    if label is not None and path.suffix.lower() == ".npz":
        raise ConfigError(
            f"--label {label}: names a column of a csv or parquet file; the labels of an npz file "
            "are y"
        )
    # Their ranges are checked, and that there is a set to take rows from.
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
