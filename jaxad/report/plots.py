"""Figures of tables: curves over an axis, boxes, and the critical difference."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxad.report.significance import compare_detectors
from jaxad.report.tables import OVER, Table, TableEntry, format_metric
from jaxad.utils.escaping import escape_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "average_blocks",
    "finish_figure",
    "make_panels",
    "plot_boxes",
    "plot_critical_difference",
    "plot_curves",
    "style_line",
]

_WIDTH, _HEIGHT = 4.2, 3.2
_MOST_PANELS = 12
_RANKS_WIDE, _INCHES_A_LETTER = 3.0, 0.075  # of the critical difference


def plot_curves(t: Table, axis: str) -> "Figure":
    """Plot a metric over an axis, a line for each detector with its deviation over seeds as a band.

    The other keys make panels, at most twelve. If there would be more, a line is the mean over data
    sets and classes, and if there are still too many, over all other keys.
    """
    at = t.keys.index(axis)
    others = [i for i in range(len(t.keys)) if i != at and not _follows(t, at, i)]
    parts = _panelled(t, at, others)
    if len(parts) > _MOST_PANELS:
        parts = _panelled(t, at, [i for i in others if t.keys[i] not in OVER])
    if len(parts) > _MOST_PANELS:
        parts = _panelled(t, at, [])
    figure, axes = make_panels(len(parts))
    for ax, (name, points) in zip(axes, parts.items(), strict=False):
        for i, title in enumerate(t.titles):
            xs = sorted(x for x, row in points.items() if title in row)
            mean = np.array([100 * points[x][title].mean for x in xs])
            std = np.nan_to_num([100 * points[x][title].std for x in xs])
            ax.plot(xs, mean, label=escape_label(title), **style_line(i))
            ax.fill_between(xs, mean - std, mean + std, color=f"C{i}", alpha=0.15, lw=0)
        _ticks(ax, sorted(points))
        ax.set(title=escape_label(name), xlabel=axis.replace("_", " "))
    for ax in axes[:: _columns(len(parts))]:
        ax.set_ylabel(f"{format_metric(t.metric)} in %")
    return finish_figure(figure, axes, len(parts))


def style_line(i: int) -> dict[str, Any]:
    """Return the style of a detector's line: ten colours, then the same ones dashed."""
    return {"marker": "o", "ms": 3, "color": f"C{i}", "ls": ("-", "--", ":", "-.")[i // 10 % 4]}


def _ticks(ax: "Axes", xs: list[float]) -> None:
    """Set ticks at the values where these are few and far apart."""
    if len(xs) < 2:
        return
    if len(xs) <= 7 and min(np.diff(xs)) > (xs[-1] - xs[0]) / 10:
        ax.set_xticks(xs, [f"{x:g}" for x in xs])
    else:
        ax.locator_params(axis="x", nbins=5)


def _follows(t: Table, at: int, other: int) -> bool:
    """Return whether the axis determines a key, which then makes no panels."""
    values: dict[Any, set] = {}
    for row in t.rows:
        values.setdefault(row[at], set()).add(row[other])
    return all(len(found) == 1 for found in values.values())


def _panelled(t: Table, at: int, by: list[int]) -> dict[str, dict[float, dict[str, TableEntry]]]:
    """Return the entries of each panel and value of the axis; of several rows their mean."""
    groups: dict[str, dict[float, list[dict[str, TableEntry]]]] = {}
    for key, row in t.rows.items():
        if isinstance(key[at], int | float):
            name = ", ".join(_worded(t.keys[i], key[i]) for i in by)
            groups.setdefault(name, {}).setdefault(key[at], []).append(row)
    several = any(len(rows) > 1 for points in groups.values() for rows in points.values())
    word = "mean over all others" if several else ""
    return {
        ": ".join(filter(None, (name, word))): {x: _mean(t, rows) for x, rows in points.items()}
        for name, points in groups.items()
    }


def _worded(key: str, value: Any) -> str:
    """Return the label of a value: with its key, but for data sets and classes."""
    return str(value) if key in OVER else f"{key.replace('_', ' ')} {value}"


def _mean(t: Table, rows: Sequence[dict[str, TableEntry]]) -> dict[str, TableEntry]:
    """Return the mean over rows, seed by seed, of the detectors that all of them have."""
    found = {}
    for title in t.titles:
        entries = [row[title] for row in rows if title in row]
        if len(entries) == len(rows):
            seeds = set.intersection(*(set(e.per_seed) for e in entries))
            found[title] = TableEntry(
                {s: float(np.mean([e.per_seed[s] for e in entries])) for s in seeds}
            )
    return found


def plot_boxes(t: Table) -> "Figure":
    """Plot a box for each detector: its means over the table's rows."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1.5 + 0.7 * len(t.titles), _HEIGHT + 0.6), layout="constrained")
    ax = figure.add_subplot()
    rows = t.complete
    values = [[100 * row[title].mean for row in rows] for title in t.titles]
    ax.boxplot(values, tick_labels=[*map(escape_label, t.titles)], showmeans=True)
    ax.set(ylabel=f"{format_metric(t.metric)} in %", title=f"over {len(rows)} rows")
    ax.tick_params(axis="x", labelrotation=40)
    for label in ax.get_xticklabels():
        label.set_horizontalalignment("right")
    return figure


def plot_critical_difference(t: Table) -> "Figure":
    """Plot mean ranks; a bar joins detectors that Nemenyi's test does not distinguish.

    Ranks are computed on each detector's mean over the settings of a data set and class, because
    settings of one data set are not independent.

    Raises:
        DataError: Fewer than three detectors, or fewer than two data sets or classes.
    """
    from matplotlib.figure import Figure

    means = average_blocks(t)
    found = compare_detectors(means)
    order = np.argsort(found.mean_ranks)
    k = len(order)
    sorted_ranks = found.mean_ranks[order]
    cliques = _cliques(sorted_ranks, found.critical_difference)
    below = 0.35 + 0.22 * len(cliques)  # where the bars end and the names begin
    names = [
        f"{title} ({rank:.2f})" for title, rank in zip(t.titles, found.mean_ranks, strict=True)
    ]
    beside = max(2.0, 0.3 + _INCHES_A_LETTER * max(map(len, names)))
    size = (_RANKS_WIDE + 2 * beside, 1.0 + 0.24 * (k + below))
    figure = Figure(figsize=size, layout="constrained")
    ax = figure.add_subplot()
    half = (k + 1) // 2
    for place, i in enumerate(order):
        left = place < half
        depth = -below - (place if left else k - 1 - place)
        edge = 0.6 if left else k + 0.4
        rank = float(found.mean_ranks[i])
        ax.plot([rank, rank, edge], [0, depth, depth], color="0.3", lw=1)
        side = "right" if left else "left"
        name = escape_label(names[i])
        text = f"{name} " if left else f" {name}"
        ax.text(edge, depth, text, ha=side, va="center", fontsize=9)
    for level, (first, last) in enumerate(cliques):
        y = -0.35 - 0.22 * level
        ax.plot([sorted_ranks[first] - 0.03, sorted_ranks[last] + 0.03], [y, y], "k", lw=3)
    ax.plot([1, k], [0, 0], "k", lw=1)
    for rank in range(1, k + 1):
        ax.text(rank, 0.15, str(rank), ha="center", va="bottom", fontsize=8)
    margin = beside * (k - 0.2) / _RANKS_WIDE
    ax.set_xlim(0.6 - margin, k + 0.4 + margin)
    ax.axis("off")
    ax.set_title(
        f"{format_metric(t.metric)}: mean rank over {len(means)} data sets or classes; "
        f"critical difference {found.critical_difference:.2f}, Friedman p = {found.p_value:.2g}",
        fontsize=9,
        pad=16,
    )
    return figure


def average_blocks(t: Table) -> np.ndarray:
    """Compute the `(n, k)` mean of each detector over the complete rows of a data set and class."""
    over = [i for i, key in enumerate(t.keys) if key in OVER]
    groups: dict[tuple[Any, ...], list[list[float]]] = {}
    for key, row in t.rows.items():
        if over and len(row) == len(t.titles):
            of_group = groups.setdefault(tuple(key[i] for i in over), [])
            of_group.append([row[title].mean for title in t.titles])
    return np.array([np.mean(g, axis=0) for g in groups.values()]).reshape(-1, len(t.titles))


def _cliques(ranks: np.ndarray, difference: float) -> list[tuple[int, int]]:
    """Find the longest runs of sorted ranks within a difference, as first and last index."""
    runs: list[tuple[int, int]] = []
    for first in range(len(ranks)):
        last = int(np.searchsorted(ranks, ranks[first] + difference, side="right")) - 1
        if last > first and not (runs and runs[-1][1] >= last):
            runs.append((first, last))
    return runs


def _columns(count: int) -> int:
    return min(count, 4)


def make_panels(count: int) -> "tuple[Figure, list[Axes]]":
    """Make a figure with so many axes, four in a row."""
    from matplotlib.figure import Figure

    columns = _columns(count)
    rows = -(-count // columns)
    figure = Figure(figsize=(_WIDTH * columns, _HEIGHT * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharey=True)
    return figure, list(axes.ravel())


def finish_figure(figure: "Figure", axes: "list[Axes]", used: int) -> "Figure":
    """Add a grid to the axes that are used, and one legend for all of them."""
    for ax in axes[used:]:
        ax.axis("off")
    for ax in axes[:used]:
        ax.grid(alpha=0.3)
    handles, labels = axes[0].get_legend_handles_labels()
    columns = max(1, min(len(labels), 3 * _columns(used)))
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, fontsize=8)
    return figure
