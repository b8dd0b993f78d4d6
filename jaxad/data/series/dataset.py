"""Series as a data set of labelled windows, whose test part lies behind the training part."""

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from jaxad.data.dataset import Dataset
from jaxad.data.series.options import SeriesOptions
from jaxad.data.series.period import choose_window
from jaxad.data.series.reading import SeriesRows, read_series
from jaxad.data.series.segments import cover, find_starts
from jaxad.data.series.sources import read_series_options, split_series
from jaxad.data.tables.encoding import fit_encoding
from jaxad.data.tables.options import TableOptions
from jaxad.data.tables.rows import convert_labels
from jaxad.errors import ConfigError, DataError
from jaxad.types import Windows

__all__ = ["read_series_dataset"]

_SHARE = 0.5  # of each series is the training part
_FURTHER = ("train", "flat")
_BENCHMARK_TRAIN = re.compile(r"_tr_(\d+)(_|$)")  # in the names of TSB-AD's files


class _Cut(NamedTuple):
    """How a data set is cut, beside the options of series."""

    train: float | int
    flat: bool


def read_series_dataset(
    source: str, label: str | None = None, options: TableOptions | None = None
) -> Dataset:
    """Read a table as series, and cut them to labelled windows.

    The first part of each series is for training, the rest for testing; no window reaches over the
    boundary, so that the windows of both parts share no timestamp. A window is an anomaly if it
    holds a timestamp that is labelled as one. Channels are encoded by the training part.

    Args:
        source: `series:FILE` or `series:OPTIONS:FILE`, where the options are NAME=VALUE separated
            by commas: time, group, window and stride as in `SeriesOptions`; train, the share of
            each series that is for training, or a number of timestamps (default: that in the name
            of a file of TSB-AD, `..._tr_N_...`, else 0.5); and flat=yes for windows as rows of a
            table.
        label: The label column.
        options: How the table is read.

    Raises:
        ConfigError: An option is wrong.
        DataError: The series cannot be read, have no labels, or are shorter than a window.
    """
    file, given = split_series(source)
    series = read_series_options(given, source, _FURTHER)
    options = (options or TableOptions())._replace(series=series, id=None)
    options = options if label is None else options._replace(label=label)
    cut = _read_cut(given, source, Path(file).stem)
    rows = read_series(Path(file), options)
    if rows.label is None:
        raise ConfigError(
            f"{rows.name}: a data set to evaluate detectors on needs labels; name their column "
            "with label (--label)"
        )
    known = convert_labels(rows.label, options, f"{rows.name}: column {rows.roles.label!r}")
    first = _find_training(rows, cut.train)
    features = rows.features
    x = fit_encoding(features.filter(first)).apply(features).x.astype(np.float32)
    segments = [_cut_segments(rows.segments, first, part) for part in (True, False)]
    window, stride = _choose(series, x, segments[0], rows.name)
    parts = []
    for part, pieces in zip(("training", "test"), segments, strict=True):
        starts = find_starts(pieces, window, stride)
        if len(starts) < 2:
            longest = int(np.max(pieces[:, 1] - pieces[:, 0], initial=0))
            raise DataError(
                f"{rows.name}: the {part} part has {len(starts)} window(s) of {window} timestamps; "
                f"its longest piece without a gap has {longest}. Give a smaller window, or another "
                "share of training (train=0.5)"
            )
        view = Windows(x, starts, window, cut.flat)
        parts.append((np.asarray(view), cover(starts, window, known == -1).astype(np.int64)))
    (x_train, y_train), (x_test, y_test) = parts
    return Dataset(Path(file).stem, x_train, y_train, anomaly=True, x_test=x_test, y_test=y_test)


def _read_cut(given: dict[str, str], source: str, stem: str) -> _Cut:
    """Return the options of the name that are not those of series.

    Raises:
        ConfigError: One is out of its range.
    """
    text, train = given.get("train"), _SHARE
    named = _BENCHMARK_TRAIN.search(stem)
    if text is None and named:
        train = int(named[1])
    elif text is not None:
        try:
            train = int(text) if text.isdecimal() else float(text)
        except ValueError:
            train = -1.0
        if train < 1 if isinstance(train, int) else not 0 < train < 1:
            raise ConfigError(
                f"{source!r}: train must be a share in (0, 1) or a number of timestamps of at "
                f"least 1; given {text!r}"
            )
    flat = given.get("flat", "no")
    if flat not in ("yes", "no"):
        raise ConfigError(f"{source!r}: flat must be yes or no; given {flat!r}")
    return _Cut(train, flat == "yes")


def _find_training(rows: SeriesRows, train: float | int) -> Bool[np.ndarray, "n"]:
    """Return which timestamps are for training: the first ones of each series."""
    sizes = np.bincount(rows.code, minlength=len(rows.groups))
    begin = np.cumsum(sizes) - sizes
    place = np.arange(rows.points) - begin[rows.code]
    own = sizes[rows.code]
    return place < (train if isinstance(train, int) else np.floor(train * own))


def _cut_segments(
    segments: Int[np.ndarray, "k 2"], first: Bool[np.ndarray, "n"], training: bool
) -> Int[np.ndarray, "k 2"]:
    """Return the pieces of the training or of the test part; of some there is nothing left."""
    count = np.concatenate([[0], np.cumsum(first)])
    inside = count[segments[:, 1]] - count[segments[:, 0]]
    middle = segments[:, 0] + inside  # training timestamps are the first ones of a piece
    if training:
        return np.stack([segments[:, 0], middle], axis=1)
    return np.stack([middle, segments[:, 1]], axis=1)


def _choose(
    series: SeriesOptions, x: np.ndarray, segments: Int[np.ndarray, "k 2"], name: str
) -> tuple[int, int]:
    """Return the window and the stride."""
    window = series.window
    if window is None:
        if np.max(segments[:, 1] - segments[:, 0], initial=0) < 6:
            raise DataError(f"{name}: the training part is too short to choose a window by it")
        window = choose_window(x, segments)[0]
    return window, max(1, window // 10) if series.stride is None else series.stride
