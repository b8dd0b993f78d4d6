"""Scoring series with a saved detector, one row for each timestamp."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jaxad.data.scaling import Scaling
from jaxad.data.series.reading import SeriesRows, read_series
from jaxad.data.series.record import SeriesRecord
from jaxad.data.series.segments import find_starts
from jaxad.data.series.sources import PREFIX, strip_series
from jaxad.data.series.training import SeriesTraining, check_fitting
from jaxad.data.tables.encoding import Encoding, check_columns, make_unique
from jaxad.data.tables.events import describe_mismatches, raise_scores
from jaxad.data.tables.options import TableOptions
from jaxad.errors import ConfigError, DataError, DataWarning
from jaxad.evaluation.points import PointScores, score_points
from jaxad.saving.scored_rows import ScoredRows
from jaxad.thresholds import Reference
from jaxad.training.fitted import Fit
from jaxad.types import Windows

if TYPE_CHECKING:
    from jaxad.saving.scoring import SavedDetector

__all__ = ["name_channels", "refer_to_training", "score_series", "select_scaling"]


def refer_to_training(fitted: Fit, series: SeriesTraining, view: Windows) -> Reference:
    """Score the training timestamps, by which thresholds are chosen.

    Args:
        fitted: The fit.
        series: What it was trained on.
        view: The windows as the detector takes them.

    Raises:
        DataError: Training diverged: a score is not finite.
    """
    found = score_points(fitted, view)
    mean = found.scores.mean(axis=0, dtype=np.float64)[found.reached]
    if not np.isfinite(mean).all():
        raise DataError(
            "training diverged: the scores of the training series are not finite. Nothing is "
            "saved; try a smaller learning_rate"
        )
    label = np.zeros(series.rows.points, np.int8) if series.label is None else series.label
    return Reference(mean, label[found.reached])


def score_series(
    saved: "SavedDetector", source: str | Path, options: TableOptions, strict: bool
) -> Iterator[ScoredRows]:
    """Score the timestamps of a file in the order of its rows; see `SavedDetector.score_file`.

    A timestamp that no window reaches has the score NaN without being a bad row.

    Raises:
        DataError: The series cannot be read, or no window fits into any of them.
        ConfigError: An option is wrong.
    """
    record, encoding = saved.series, saved.encoding
    assert record is not None and encoding is not None
    file = strip_series(str(source))
    if str(source) not in (file, PREFIX + file):
        raise ConfigError(
            f"{source}: options of series are those of training, saved with the detector; give the "
            "file alone"
        )
    rows = _read(saved, Path(file), options, record, encoding, strict)
    check_fitting(rows, record.window, strict)
    x, events = encoding.apply(rows.features)
    for mismatch in describe_mismatches(events):
        message = f"{file}: {mismatch}; is it of the kind that it has in training?"
        warnings.warn(message, DataWarning, stacklevel=3)
    starts = find_starts(rows.segments, record.window, record.stride).astype(np.int32)
    view = Windows(select_scaling(saved, x.shape[1]).apply(x), starts, record.window, record.flat)
    if view.shape[1:] != saved.shape:
        raise DataError(
            f"{saved.folder}: the detector takes examples of shape {saved.shape}, but windows of "
            f"its series have shape {view.shape[1:]}; fit and save it again"
        )
    found = score_points(saved.fitted, view)
    mean = found.scores.mean(axis=0, dtype=np.float64)
    infinite = np.flatnonzero(found.reached & ~np.isfinite(mean))
    mean[infinite], found.scores[:, infinite] = np.nan, np.nan
    if saved.reference is not None:
        mean = raise_scores(mean, events, saved.reference.of_training)
    back = np.argsort(rows.row)
    bad = {int(rows.row[i]): "has no finite score" for i in infinite}
    groups = None if rows.groups == ("",) else np.array(rows.groups, object)[rows.code][back]
    yield ScoredRows(
        found.scores[:, back],
        mean[back],
        bad,
        x[back],
        label=None if rows.label is None else rows.label.take(back),
        ids=rows.time.take(back),
        id="time",
        group=groups,
        more={name: values[back] for name, values in name_channels(saved, found).items()},
        rim=~found.reached[back],
    )


def _read(
    saved: "SavedDetector",
    file: Path,
    options: TableOptions,
    record: SeriesRecord,
    encoding: Encoding,
    strict: bool,
) -> SeriesRows:
    """Read a file as the training file was read, and check its columns."""
    options = options._replace(series=record.options)
    rows = read_series(file, options, saved.columns, layout=record.layout)
    passed = {record.time, record.group, rows.roles.label, *options.drop, *saved.others}
    names = [n for n in (*rows.features.column_names, *rows.others) if n not in passed]
    check_columns(encoding, names, rows.name, strict=strict)
    return rows


def select_scaling(saved: "SavedDetector", channels: int) -> Scaling:
    """Return the scaling of the channels of series."""
    record, scaling = saved.series, saved.scaling
    assert record is not None and scaling is not None
    # A detector of tables is saved with a constant for each number of a window.
    return scaling.select(channels) if record.flat else scaling


def name_channels(saved: "SavedDetector", found: PointScores) -> dict[str, np.ndarray]:
    """Return the columns of the scores of several channels."""
    if found.channels is None or found.channels.shape[1] < 2:
        return {}
    names = make_unique([f"score_{name}" for name in saved.features])
    return dict(zip(names, found.channels.T, strict=True))
