"""`jaxad explain` for series: pictures of series with their scores, and metrics of ranges."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Shaped

from jaxad.cli.options import Explain
from jaxad.cli.options.common import read_table_options
from jaxad.cli.score import BAD_ROWS
from jaxad.data.series.times import NUMBERS, ROWS, read_times
from jaxad.data.tables.options import TableOptions
from jaxad.data.tables.rows import convert_labels
from jaxad.errors import ConfigError, DataError
from jaxad.evaluation.ranges import compute_range_metrics
from jaxad.explain.pictures.series import SeriesPicture, draw_series
from jaxad.saving import SavedDetector, ScoredRows
from jaxad.thresholds import parse_rule

__all__ = ["SERIES", "explain_timestamps"]

SERIES = "series.png"
_THRESHOLDS = 2000  # of the volumes: anomalies may be rarer than 1 in 250
_LABELS = {
    "vus_pr": "VUS-PR",
    "vus_roc": "VUS-ROC",
    "auprc": "AUPRC of timestamps",
    "auroc": "AUROC of timestamps",
    "affiliation_precision": "affiliation precision",
    "affiliation_recall": "affiliation recall",
}


def explain_timestamps(saved: SavedDetector, options: Explain) -> int:
    """Draw each series of a file with its scores; print the metrics of labelled series.

    Returns:
        The exit code: 0, or 3 where some timestamps could not be scored.

    Raises:
        ConfigError: --kind or --sigma is given, or a picture exists already.
        DataError: The file cannot be read.
    """
    assert saved.series is not None
    if options.kind != "auto" or options.sigma is not None:
        raise ConfigError("--kind and --sigma apply only to tables and images, not to series")
    rule = None if options.threshold is None else parse_rule(options.threshold)
    limit = saved.choose_threshold(rule)
    how = read_table_options(options)
    (part,) = saved.score_file(options.data, how)
    truth = None if part.label is None else _read_truth(part, options, how)
    time = _read_times(saved, part, str(options.data))
    series = _split(part, options.most)
    paths = _name_pictures(options, [name for name, _ in series])
    metrics = []
    for (name, rows), path in zip(series, paths, strict=True):
        picture = _describe(saved, part, rows, options, name)._replace(
            time=time[rows], threshold=limit, truth=None if truth is None else truth[rows]
        )
        draw_series(path, picture)
    for rows in _list_series(part):
        score = part.mean[rows]
        known = ~np.isnan(score)
        if truth is not None and 0 < truth[rows][known].sum() < known.sum():
            buffer = min(saved.series.window, len(score))
            levels = min(len(score), _THRESHOLDS)
            metrics.append(compute_range_metrics(score, truth[rows], buffer, limit, levels))
    _print_summary(saved, part, paths, metrics)
    return BAD_ROWS if part.bad else 0


def _read_truth(part: ScoredRows, options: Explain, how: TableOptions) -> Bool[np.ndarray, "n"]:
    """Return which timestamps are labelled as anomalies.

    Raises:
        DataError: A label is neither 1 nor 0, or a value of the same meaning.
    """
    try:
        return convert_labels(part.label, how, f"{options.data}: the labels") == -1
    except DataError as error:
        raise DataError(f"{error}. --label none draws the series without true ranges") from error


def _list_series(part: ScoredRows) -> Iterator[Shaped[np.ndarray, "m"]]:
    """Yield the rows of each series."""
    if part.group is None:
        yield np.arange(part.count)
        return
    _, code = np.unique(np.asarray(part.group, str), return_inverse=True)
    order = np.argsort(code, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(code[order])) + 1)


def _split(part: ScoredRows, most: int) -> list[tuple[str, Shaped[np.ndarray, "m"]]]:
    """Return the names and the rows of the series with the highest scores, at most `most`."""
    series = [(rows, part.mean[rows]) for rows in _list_series(part)]
    series = [(rows, np.nanmax(s) if (~np.isnan(s)).any() else -np.inf) for rows, s in series]
    series.sort(key=lambda one: -one[1])
    names = part.group
    return [("" if names is None else str(names[rows[0]]), rows) for rows, _ in series[:most]]


def _read_times(saved: SavedDetector, part: ScoredRows, what: str) -> np.ndarray:
    """Return times as numbers, or as datetime64."""
    record = saved.series
    assert record is not None
    if record.time is None:
        return np.asarray(part.ids.to_numpy(), np.float64)
    value, layout = read_times(part.ids, record.time, what, record.layout)
    return value if layout in (NUMBERS, ROWS) else (value * 1e6).astype("datetime64[us]")


def _describe(
    saved: SavedDetector,
    part: ScoredRows,
    rows: Shaped[np.ndarray, "m"],
    options: Explain,
    name: str,
) -> SeriesPicture:
    """Return the picture of a series without time: its channels, or those that score highest."""
    names = np.array(saved.features, object)
    values = np.asarray(part.x[rows], np.float64)
    parts = np.stack(list(part.more.values()), axis=1)[rows] if part.more else None
    shown = np.arange(len(names))
    if len(names) > options.most:
        rank = values.std(axis=0) if parts is None else np.nanmax(np.nan_to_num(parts), axis=0)
        shown = np.sort(np.argsort(-rank, kind="stable")[: options.most])
    group = f", series {name}" if name else ""
    hidden = f", {len(shown)} of {len(names)} channels" if len(shown) < len(names) else ""
    return SeriesPicture(
        np.zeros(len(rows)),
        values[:, shown],
        names[shown].tolist(),
        part.mean[rows],
        parts=None if parts is None else parts[:, shown],
        title=f"{options.data.name}{group}: {len(rows):,} timestamps{hidden}",
        score_name=f"score of\n{saved.fitted.detector.name}",
    )


def _name_pictures(options: Explain, names: list[str]) -> list[Path]:
    """Return the file of each series.

    Raises:
        ConfigError: One exists already, and --force is not given.
    """
    files: list[str] = []
    for name in names:
        safe = re.sub(r"[^\w.-]+", "_", name)[:60]
        file = f"series_{safe}.png" if name else SERIES
        files.append(f"series_{safe}_{len(files)}.png" if file in files else file)
    there = [file for file in files if (options.out / file).exists()]
    if there and not options.force:
        raise ConfigError(
            f"--out {options.out} has {there[0]} already; give another folder, or --force"
        )
    return [(options.out / file).absolute() for file in files]


def _print_summary(
    saved: SavedDetector, part: ScoredRows, paths: list[Path], metrics: list[dict[str, float]]
) -> None:
    count = sum(1 for _ in _list_series(part))
    drawn = f"{paths[0]}" if len(paths) == 1 else f"{len(paths)} pictures in {paths[0].parent}"
    more = f" (of {count} series, those with the highest scores)" if count > len(paths) else ""
    rim = 0 if part.rim is None else int(part.rim.sum())
    print(
        f"{part.count} timestamps of {count} series scored with {saved.fitted.seeds} seed(s), "
        f"{rim} of them without a score because no window reaches them; {drawn}{more}"
    )
    if not metrics:
        return
    assert saved.series is not None
    values = {
        name: np.nanmean([one[name] for one in metrics])
        for name in metrics[0]
        if not all(np.isnan(one[name]) for one in metrics)
    }
    told = ", ".join(
        f"{_LABELS[name]} {100 * values[name]:.1f}" for name in _LABELS if name in values
    )
    print(f"{told} (mean over {len(metrics)} labelled series; buffer {saved.series.window})")
