"""Training data from a file: labels, encoding, scaling and outlier exposure."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int8

from jaxad.data.arrays import as_train_data
from jaxad.data.images.sizes import ImageFormat
from jaxad.data.protocol.calibration import Calibration, HeldOut
from jaxad.data.protocol.exposure import expose
from jaxad.data.protocol.labelled_rows import LabelledRows, read_labelled_rows
from jaxad.data.protocol.settings import Protocol
from jaxad.data.rng import Stream
from jaxad.data.scaling import Scaling, ScalingKind, fit_scaling
from jaxad.data.series.sources import find_series
from jaxad.data.series.training import SeriesTraining, name_points, read_training_series
from jaxad.data.sources.features import choose_feature_scaling
from jaxad.data.sources.load import load_dataset
from jaxad.data.tables.encoding import Encoding
from jaxad.data.tables.options import TableOptions
from jaxad.errors import ConfigError, DataError
from jaxad.types import TrainData

__all__ = ["TrainingFile", "load_training_file"]


class TrainingFile(NamedTuple):
    """Training data that was read from a file.

    Attributes:
        train: The scaled rows, followed by those of an exposure set as labelled anomalies.
        scaling: The scaling that was fitted to the rows of the file.
        hidden: `(n,)` 1 for anomalies whose labels training does not use; None if unknown.
        columns: The names of the feature columns in the file; () if they have none.
        rows: The number of rows of the file that are trained on.
        exposure: The name of the exposure set, or None.
        encoding: How columns become numbers; None unless the file is a table.
        ids: `(n,)` the ids of the rows of the file, as in `LabelledRows`.
        id: The name of the column of ids; None for numbers of rows.
        others: The names of the columns that are not features.
        held_out: The rows that were held out of training; None if none was.
        texts: `(n,)` the texts that the rows stand for; None without texts.
        series: The series of which the rows are windows; None for other files.
        images: The format of the pictures of a folder; None for other files.
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
    held_out: HeldOut | None = None
    texts: Any = None
    series: SeriesTraining | None = None
    images: ImageFormat | None = None


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
    calibration: float | None = None,
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
        calibration: The share of the normal rows, in (0, 1), that is held out of training to
            calibrate a conformal threshold; see `draw_held_out`. Encoding and scaling are fitted
            without them. None: no row is held out.
        seed: The root of the random numbers by which rows are drawn.

    Returns:
        The training data, with the encoding, the scaling and the columns for further rows.

    Raises:
        ConfigError: An option of tables is wrong, or a setting is out of range.
        DataError: The file or its labels cannot be used, the exposure set cannot be converted, or
            there are too few rows to hold any out.
    """
    # This checks their ranges, and that exposure_rows has an exposure set.
    Protocol(scaling=scaling, exposure=exposure, exposure_rows=exposure_rows)
    if calibration is not None and not 0 < calibration < 1:
        raise ConfigError(f"calibration (--calibration) must be in (0, 1); given {calibration!r}")
    series = find_series(path, options or TableOptions())
    if series is not None:
        given = {"exposure": exposure, "feedback": feedback, "calibration": calibration}
        return _load_series(*series, truth, strict, scaling, given)
    found = read_labelled_rows(
        path,
        options,
        truth=truth,
        strict=strict,
        feedback=feedback,
        calibration=None if calibration is None else Calibration(calibration, seed),
    )
    kept, held = _hold_out(found)
    fitted = fit_scaling(kept.x, choose_feature_scaling(path, kept.x, scaling))
    held = None if held is None else held._replace(x=fitted.apply(held.x))
    known, rows, mask, name = kept.label, fitted.apply(kept.x), kept.mask, None
    if exposure is not None:
        others = load_dataset(exposure)
        more, _ = expose(kept.x, Path(path).name, others, exposure_rows, Stream(seed))
        own = np.zeros(len(rows), np.int8) if known is None else known
        rows = np.concatenate([rows, fitted.apply(more)])
        known = np.append(own, np.full(len(more), -1, np.int8))
        mask = None if mask is None else np.pad(mask, [(0, len(more)), (0, 0), (0, 0)])
        name = others.name
    normal = len(rows) if known is None else int((known >= 0).sum())
    if normal < 2 <= len(rows):
        raise DataError(
            f"{path}: {normal} rows are not labelled anomalies, and a detector learns from at "
            "least 2; add unlabelled rows"
        )
    train = as_train_data(rows, known, mask, found.vocabulary)
    return TrainingFile(
        train,
        fitted,
        kept.hidden,
        kept.columns,
        len(kept.x),
        name,
        kept.encoding,
        kept.ids,
        kept.id,
        kept.others,
        held,
        kept.texts,
        images=kept.images,
    )


def _load_series(
    path: Any,
    options: TableOptions,
    truth: str | None,
    strict: bool,
    scaling: ScalingKind,
    given: dict[str, Any],
) -> TrainingFile:
    """Read a table as series; its rows are windows, named by their first timestamps."""
    cures = {
        "exposure": "leave it out",
        "size": "leave it out",
        "feedback": "write the labels into a column of the file",
        "calibration": "score a later part of the series with --reference, as windows that "
        "overlap are not exchangeable",
    }
    for name, value in (given | {"size": options.size}).items():
        if value is not None:
            raise ConfigError(f"{name} (--{name}) does not apply to series: {cures[name]}")
    found = read_training_series(path, options, truth=truth, strict=strict, scaling=scaling)
    starts = np.asarray(found.train.x.starts)
    return TrainingFile(
        found.train,
        found.scaling,
        found.hidden,
        found.rows.roles.features,
        len(starts),
        encoding=found.encoding,
        ids=name_points(found.rows, starts),
        id="time",
        others=found.rows.others,
        series=found,
    )


def _hold_out(rows: LabelledRows) -> tuple[LabelledRows, HeldOut | None]:
    """Return the rows to train on, and those that are held out."""
    if rows.held is None:
        return rows, None
    events = None if rows.events is None else rows.events.select(rows.held)
    held = HeldOut(rows.x[rows.held], events)
    each = ("x", "label", "hidden", "mask", "ids", "texts")
    parts = {name: getattr(rows, name) for name in each}
    kept = {k: None if part is None else part[~rows.held] for k, part in parts.items()}
    return rows._replace(**kept, held=None, events=None), held
