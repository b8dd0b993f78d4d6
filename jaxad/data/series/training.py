"""Windows of series as training data: encoding, scaling, labels and the view of the windows."""

import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int8

from jaxad.data.scaling import Scaling, fit_scaling
from jaxad.data.series.period import choose_window
from jaxad.data.series.reading import SeriesRows, read_series
from jaxad.data.series.record import SeriesRecord
from jaxad.data.series.segments import cover, find_starts, find_steps
from jaxad.data.tables.encoding import Encoding, fit_encoding
from jaxad.data.tables.events import Events
from jaxad.data.tables.options import TableOptions
from jaxad.data.tables.rows import convert_labels
from jaxad.errors import ConfigError, DataError, DataWarning
from jaxad.types import TrainData, Windows

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "SeriesTraining",
    "check_fitting",
    "flatten_windows",
    "label_windows",
    "name_points",
    "read_training_series",
]

_PER_WINDOW = ("gcn",)
_MOST_STEPS = 10_000  # series whose median step is saved


class SeriesTraining(NamedTuple):
    """Series that were read from a file, as training data.

    Attributes:
        train: The windows as a view of the scaled series.
        scaling: The scaling that was fitted to all timestamps, with constants for each channel.
        encoding: How the channels become numbers.
        record: How the series were read and cut.
        rows: The timestamps, series by series.
        label: `(n,)` the training label of each timestamp; None without labels.
        hidden: `(m,)` 1 for windows that hold an anomaly by the labels that only measure; None if
            unknown.
        events: The values of timestamps that training hardly saw.
        reason: Where the length of the windows comes from.
    """

    train: TrainData
    scaling: Scaling
    encoding: Encoding
    record: SeriesRecord
    rows: SeriesRows
    label: Int8[np.ndarray, "n"] | None
    hidden: Int8[np.ndarray, "m"] | None
    events: Events
    reason: str


def read_training_series(
    source: Any,
    options: TableOptions,
    *,
    truth: str | None = None,
    strict: bool = False,
    scaling: str = "auto",
) -> SeriesTraining:
    """Read a table as series, fit an encoding and a scaling, and cut the series to windows.

    A window is labelled as an anomaly if it holds a timestamp that is, and as verified normal if
    all its timestamps are; else it is unlabelled.

    Args:
        source: A file, or a table from memory.
        options: How it is read, as by `read_series`.
        truth: A column of labels that only measure.
        strict: Whether series without a window, and entries that would be left out, are errors.
        scaling: The kind of scaling; see `fit_scaling`.

    Raises:
        DataError: The series cannot be read or encoded, no window fits into any of them, or with
            `strict` what would be a warning.
        ConfigError: An option is wrong.
    """
    if scaling in _PER_WINDOW:
        raise ConfigError(
            f"scaling (--scaling) {scaling} is of single examples; for series choose auto, "
            "standard, minmax, range, whiten or none, which are of channels"
        )
    rows = read_series(source, options, truth=truth)
    label = _convert(rows, rows.label, options)
    if label is None and (options.positive or options.normal) and rows.truth is None:
        raise ConfigError(
            f"{rows.name}: has no labels for --positive and --normal; name their column with "
            "--label"
        )
    _check_channels(rows, strict)
    encoding = fit_encoding(rows.features, strict=strict)
    x, events = encoding.apply(rows.features)
    record, reason = _choose_cut(rows, x, options)
    check_fitting(rows, record.window, strict)
    starts = find_starts(rows.segments, record.window, record.stride)
    if len(starts) < 2:
        raise DataError(
            f"{rows.name}: only one window of {record.window} timestamps fits; training needs at "
            "least 2: give a smaller --window or --stride, or a longer series"
        )
    fitted = fit_scaling(x, scaling)
    view = Windows(fitted.apply(x), starts.astype(np.int32), record.window)
    marks = np.zeros(len(starts), np.int8) if label is None else label_windows(view, label)
    hidden = None
    if rows.truth is not None:
        meaning = options._replace(normal=()) if label is None else TableOptions()
        known = convert_labels(rows.truth, meaning, f"{rows.name}: column {truth!r}")
        hidden = cover(starts, record.window, known == -1).astype(np.int8)
    count = np.asarray(len(starts), np.int32)
    train = TrainData(view, marks, count, np.asarray(x.shape[1], np.int32))
    return SeriesTraining(train, fitted, encoding, record, rows, label, hidden, events, reason)


def _check_channels(rows: SeriesRows, strict: bool) -> None:
    """Warn of channels without a value, or with `strict` raise a `DataError`."""
    empty = [n for n in rows.features.column_names if rows.features[n].null_count == rows.points]
    for name in empty:
        message = (
            f"{rows.name}: channel {name!r} has no values; leave it out (--drop), as a value in "
            "further series would be new to the detector"
        )
        if strict:
            raise DataError(message)
        warnings.warn(message, DataWarning, stacklevel=4)


def _convert(
    rows: SeriesRows, label: "pa.ChunkedArray | None", options: TableOptions
) -> Int8[np.ndarray, "n"] | None:
    if label is None:
        return None
    return convert_labels(label, options, f"{rows.name}: column {rows.roles.label!r}")


def _choose_cut(
    rows: SeriesRows, x: Float[np.ndarray, "n d"], options: TableOptions
) -> tuple[SeriesRecord, str]:
    given = options.series
    assert given is not None
    window, reason = given.window, "--window"
    if window is None:
        window, reason = choose_window(x, rows.segments)
    stride = max(1, window // 10) if given.stride is None else given.stride
    steps = find_steps(rows.value, rows.code)
    known = steps[~np.isnan(steps)]
    step = float(np.quantile(known, 0.5, method="lower")) if len(known) else None
    each = {} if given.group is None else dict(zip(rows.groups, steps.tolist(), strict=True))
    each = {name: own for name, own in each.items() if not np.isnan(own) and own != step}
    each = dict(list(each.items())[:_MOST_STEPS])  # what is saved is read with a limit
    parts = (given.time, given.group, rows.layout, window, stride, False)
    return SeriesRecord(*parts, step, each), reason


def check_fitting(rows: SeriesRows, window: int, strict: bool = False) -> None:
    """Check that windows fit into series; warn of series in which none does.

    Args:
        rows: The series.
        window: The number of timestamps in a window.
        strict: Whether a series without a window is an error.

    Raises:
        DataError: No window fits into any series.
    """
    short = rows.list_short(window)
    if not short:
        return
    more = f" and {len(short) - 3} more" if len(short) > 3 else ""
    message = (
        f"{rows.name}: a window of {window} timestamps does not fit into "
        f"{len(short)} of {len(rows.groups)} series: {'; '.join(short[:3])}{more}"
    )
    if len(short) == len(rows.groups) or strict:
        raise DataError(
            f"{message}. Give a smaller --window to `jaxad fit`, or fill the gaps (a step of more "
            "than 1.5 times the median step is a gap)"
        )
    warnings.warn(f"{message}; they have no scores", DataWarning, stacklevel=3)


def label_windows(view: Windows, label: Int8[np.ndarray, "n"]) -> Int8[np.ndarray, "m"]:
    """Return the training labels of windows from those of timestamps.

    Args:
        view: The windows.
        label: `(n,)` -1 labelled anomaly, 0 unlabelled, 1 verified normal.

    Returns:
        `(m,)` -1 where a window holds a labelled anomaly, 1 where all its timestamps are verified
        normal, else 0.
    """
    starts = np.asarray(view.starts)
    marks = (~cover(starts, view.length, label != 1)).astype(np.int8)
    marks[cover(starts, view.length, label == -1)] = -1
    return marks


def flatten_windows(train: TrainData) -> TrainData:
    """Return windows `(n, time, channels)` as rows `(n, time * channels)` of a table."""
    view = train.x
    assert isinstance(view, Windows)
    flat = Windows(view.series, view.starts, view.length, flat=True)
    return train._replace(x=flat, features=np.asarray(flat.shape[-1], np.int32))


def name_points(rows: SeriesRows, places: np.ndarray | None = None) -> np.ndarray:
    """Return `(m,)` names of timestamps: the time, after the group and "/" where there are groups.

    Args:
        rows: The series.
        places: `(m,)` the timestamps; None for all.
    """
    places = np.arange(rows.points) if places is None else places
    time = rows.time.take(places.astype(np.int64)).to_pylist()
    if rows.groups == ("",):
        return np.array(time, object)
    names = [f"{rows.groups[c]}/{t}" for c, t in zip(rows.code[places], time, strict=True)]
    return np.array(names, object)
