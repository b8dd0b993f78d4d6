"""Pictures of series with their scores. matplotlib is imported when a picture is drawn."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Num

from jaxad.errors import DataError
from jaxad.explain.pictures.base import check_picture, save_picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["SeriesPicture", "draw_series", "reduce_series"]

BINS = 1500  # of the time axis
LINE, SCORE, ALARM, TRUTH = "#4c78a8", "#333333", "#c44e52", "#f2b134"
LONGEST = 24  # letters of a name


class SeriesPicture(NamedTuple):
    """What is drawn of one series.

    Attributes:
        time: `(n,)` increasing numbers, or datetime64.
        values: `(n, channels)` the channels.
        names: Their names.
        score: `(n,)` the scores; NaN where there is none.
        threshold: The score above which a timestamp is an alarm; None for no alarms.
        truth: `(n,)` whether a timestamp lies in a true range; None if that is not known.
        parts: `(n, channels)` the scores of the channels; None without.
        title: A line above the picture.
        score_name: The label of the row of scores.
    """

    time: Num[np.ndarray, "n"] | np.ndarray
    values: Float[np.ndarray, "n channels"]
    names: Sequence[str]
    score: Float[np.ndarray, "n"]
    threshold: float | None = None
    truth: Bool[np.ndarray, "n"] | None = None
    parts: Float[np.ndarray, "n channels"] | None = None
    title: str = ""
    score_name: str = "score"


class _Mark(NamedTuple):
    """A band in each row: its name, colour and opacity, its lower end in [0, 1], and its times."""

    name: str
    colour: str
    alpha: float
    low: float
    where: Bool[np.ndarray, "n"]


def draw_series(path: str | Path, series: SeriesPicture) -> None:
    """Draw a series: a row for each channel, its scores, and the scores of the channels.

    True ranges are shaded, and a red band at the top of a row marks alarms. A long series is drawn
    by the smallest and the largest value of each of 1,500 stretches of time, so that single peaks
    stay visible.

    Args:
        path: A png, pdf or svg file; an existing file is replaced once the new one is complete.
        series: What to draw.

    Raises:
        ConfigError: Another kind of file, or matplotlib is not installed.
        DataError: Parts of different lengths.
    """
    check_picture(path)
    _check(series)
    from matplotlib.figure import Figure

    channels, strip = series.values.shape[1], series.parts is not None
    heights = [1.0] * channels + [1.6] + ([0.3 + 0.16 * channels] if strip else [])
    figure = Figure(figsize=(12, 1.2 + 1.05 * sum(heights)), layout="constrained")
    rows: list[Axes] = list(
        figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    )
    numbers = _as_numbers(series.time)
    marks = _find_marks(series)
    for axes, name, values in zip(rows, series.names, series.values.T, strict=False):
        _draw_line(axes, numbers, values, LINE)
        _shorten(axes, name)
    score = rows[channels]
    _draw_line(score, numbers, series.score, SCORE)
    _shorten(score, series.score_name)
    if series.threshold is not None:
        score.axhline(series.threshold, color=ALARM, linestyle="--", linewidth=0.9)
    for axes in rows[: channels + 1]:
        for mark in marks:
            axes.broken_barh(
                _find_spans(numbers, mark.where),
                (mark.low, 1 - mark.low),
                transform=axes.get_xaxis_transform(),
                color=mark.colour,
                alpha=mark.alpha,
                linewidth=0,
            )
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=7)
    if numbers[0] < numbers[-1]:
        rows[-1].set_xlim(numbers[0], numbers[-1])
    if strip:
        assert series.parts is not None
        _draw_parts(rows[-1], numbers, series.parts, series.names)
    _label_time(rows[-1], series.time)
    _add_legend(figure, series, marks)
    if series.title:
        figure.suptitle(series.title, fontsize=10, parse_math=False)
    save_picture(figure, path, dpi=110)


def reduce_series(
    time: Float[np.ndarray, "n"], values: Float[np.ndarray, "n"], bins: int = BINS
) -> tuple[Float[np.ndarray, "m"], Float[np.ndarray, "m"]]:
    """Return few points of a long series, with the extreme values of each stretch of time.

    Args:
        time: `(n,)` increasing times.
        values: `(n,)` values; NaN where there is none.
        bins: The number of stretches; a series of at most twice as many points stays as it is.

    Returns:
        Times and values of the smallest and the largest value of each stretch, in order of time;
        NaN in a stretch without values.
    """
    if len(time) <= 2 * bins:
        return time, values
    starts = _find_bins(time, bins)
    low = np.minimum.reduceat(np.where(np.isnan(values), np.inf, values), starts)
    high = np.maximum.reduceat(np.where(np.isnan(values), -np.inf, values), starts)
    pairs = np.stack([low, high], axis=1)
    pairs[~np.isfinite(pairs)] = np.nan
    return np.repeat(time[starts], 2), pairs.ravel()


def _find_bins(time: Float[np.ndarray, "n"], bins: int) -> np.ndarray:
    """Return where the stretches of time begin that hold a point."""
    edges = np.linspace(time[0], time[-1], bins + 1)[:-1]
    return np.unique(np.minimum(np.searchsorted(time, edges), len(time) - 1))


def _check(series: SeriesPicture) -> None:
    n, channels = series.values.shape
    wrong = [len(part) for part in (series.time, series.score) if len(part) != n]
    wrong += [len(series.truth)] if series.truth is not None and len(series.truth) != n else []
    if not n or wrong or len(series.names) != channels:
        raise DataError(
            f"values have shape {series.values.shape}; time, score and truth need as many "
            f"timestamps, and names as many channels"
        )


def _as_numbers(time: np.ndarray) -> Float[np.ndarray, "n"]:
    """Return times as matplotlib has them: days for datetime64."""
    from matplotlib.dates import date2num

    return np.asarray(date2num(time) if time.dtype.kind == "M" else time, np.float64)


def _find_marks(series: SeriesPicture) -> list[_Mark]:
    """Return what is marked in each row."""
    marks = []
    if series.truth is not None and series.truth.any():
        marks.append(_Mark("true range", TRUTH, 0.35, 0.0, series.truth))
    if series.threshold is not None:
        alarms = np.nan_to_num(series.score, nan=-np.inf) > series.threshold
        if alarms.any():
            marks.append(_Mark("alarm", ALARM, 0.9, 0.94, alarms))
    return marks


def _find_spans(
    time: Float[np.ndarray, "n"], flags: Bool[np.ndarray, "n"]
) -> list[tuple[float, float]]:
    """Return the begin and the width of marked stretches, each wide enough to be seen."""
    edges = np.diff(flags.astype(np.int8), prepend=0, append=0)
    first, last = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    least = 3 * (time[-1] - time[0]) / BINS
    width = np.maximum(time[np.minimum(last, len(time) - 1)] - time[first], least)
    # Marks of one stretch of time are one, so that a picture has few of them.
    place = np.floor((time[first] - time[0]) / max(least, np.finfo(float).tiny)).astype(np.int64)
    _, start = np.unique(place, return_index=True)
    if not len(first):
        return []
    ends = np.maximum.reduceat(time[first] + width, start)
    return list(zip(time[first][start], ends - time[first][start], strict=True))


def _draw_line(axes: "Axes", time: np.ndarray, values: np.ndarray, colour: str) -> None:
    axes.plot(*reduce_series(time, values), color=colour, linewidth=0.8)


def _draw_parts(
    axes: "Axes", time: np.ndarray, parts: Float[np.ndarray, "n channels"], names: Sequence[str]
) -> None:
    """Draw the scores of the channels as dark and bright stretches, on one scale."""
    starts = _find_bins(time, BINS) if len(time) > 1 else np.zeros(1, int)
    most = np.maximum.reduceat(np.nan_to_num(parts, nan=-np.inf), starts)
    most[~np.isfinite(most)] = np.nan
    known = most[np.isfinite(most)]
    top = np.quantile(known, 0.995) if known.size else 1.0
    edges = np.append(time[starts], time[-1])
    mesh = axes.pcolormesh(
        edges, np.arange(len(names) + 1), most.T, cmap="Reds", vmin=0, vmax=max(top, 1e-30),
        rasterized=True,
    )  # fmt: skip
    axes.set_yticks(np.arange(len(names)) + 0.5, [name[:LONGEST] for name in names], fontsize=6)
    for text in axes.get_yticklabels():
        text.set_parse_math(False)
    axes.invert_yaxis()
    bar = axes.figure.colorbar(mesh, ax=axes, pad=0.005, fraction=0.02)
    bar.ax.tick_params(labelsize=6)
    bar.set_label("score of\nchannel", fontsize=6)


def _shorten(axes: "Axes", name: str) -> None:
    name = name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"
    axes.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=8, parse_math=False)


def _label_time(axes: "Axes", time: np.ndarray) -> None:
    axes.tick_params(axis="x", labelsize=7)
    if time.dtype.kind != "M":
        axes.ticklabel_format(axis="x", style="plain", useOffset=False)
        return
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(maxticks=10)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))


def _add_legend(figure: Any, series: SeriesPicture, marks: list[_Mark]) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [Patch(color=m.colour, alpha=m.alpha, label=m.name) for m in marks]
    if series.threshold is not None:
        label = f"threshold {series.threshold:.4g}"
        handles.append(Line2D([], [], color=ALARM, linestyle="--", linewidth=0.9, label=label))
    if handles:
        figure.legend(
            handles=handles, loc="outside upper right", ncols=len(handles), fontsize=7,
            frameon=False,
        )  # fmt: skip
