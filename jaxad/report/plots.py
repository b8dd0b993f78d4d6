"""Pictures of a sweep's results: curves over an axis, boxes, and the critical difference."""

from typing import TYPE_CHECKING, Any

import numpy as np

from jaxad.report.significance import compare
from jaxad.report.tables import Entry, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["boxes", "critical_difference", "curves", "numeric_axis", "picture"]

_WIDTH, _HEIGHT = 4.2, 3.2
_MOST_PANELS = 12


def picture(t: Table) -> "Figure | None":
    """The picture that suits a table: curves over its numeric axis, else boxes over its rows."""
    if not t.rows:
        return None
    axis = numeric_axis(t)
    if axis is not None:
        return curves(t, axis)
    return boxes(t) if len(t.rows) > 2 else None


def numeric_axis(t: Table) -> str | None:
    """The key of a table whose values are numbers and that has the most of them; else None."""
    counts = {}
    for i, key in enumerate(t.keys):
        values = {row[i] for row in t.rows}
        if len(values) > 1 and all(isinstance(v, int | float) for v in values):
            counts[key] = len(values)
    counts.pop("normal_class", None)
    return max(counts, key=lambda key: counts[key]) if counts else None


def curves(t: Table, axis: str) -> "Figure":
    """A metric over an axis, a line for each detector with its deviation over seeds as a band.

    The other keys make panels, twelve at most; with more, a line is the mean over all of them.
    """
    at = t.keys.index(axis)
    panels: dict[tuple[Any, ...], dict[float, dict[str, Entry]]] = {}
    for key, row in t.rows.items():
        panels.setdefault(key[:at] + key[at + 1 :], {})[key[at]] = row
    if len(panels) > _MOST_PANELS:
        panels = {("mean",): _averaged(t, at)}
    figure, axes = _panels(len(panels))
    for ax, (name, points) in zip(axes, panels.items(), strict=False):
        for i, title in enumerate(t.titles):
            xs = sorted(x for x, row in points.items() if title in row)
            mean = np.array([100 * points[x][title].mean for x in xs])
            std = np.nan_to_num([100 * points[x][title].std for x in xs])
            ax.plot(xs, mean, marker="o", ms=3, color=f"C{i}", label=title)
            ax.fill_between(xs, mean - std, mean + std, color=f"C{i}", alpha=0.15, lw=0)
        ax.locator_params(axis="x", nbins=5)
        ax.set(title=" ".join(map(str, name)), xlabel=axis.replace("_", " "), ylabel=_said(t))
    return _finished(figure, axes, len(panels), t)


def boxes(t: Table) -> "Figure":
    """A box for each detector: its means over the table's rows."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1.5 + 0.7 * len(t.titles), _HEIGHT + 0.6), layout="constrained")
    ax = figure.add_subplot()
    rows = t.complete
    values = [[100 * row[title].mean for row in rows] for title in t.titles]
    ax.boxplot(values, tick_labels=list(t.titles), showmeans=True)
    ax.set(ylabel=_said(t), title=f"{len(rows)} rows")
    ax.tick_params(axis="x", labelrotation=40)
    for label in ax.get_xticklabels():
        label.set_horizontalalignment("right")
    return figure


def critical_difference(t: Table) -> "Figure":
    """Mean ranks on a line; a bar joins detectors that Nemenyi's test does not tell apart.

    Raises:
        DataError: Fewer than three detectors or two complete rows.
    """
    from matplotlib.figure import Figure

    means = np.array([[row[title].mean for title in t.titles] for row in t.complete])
    found = compare(means.reshape(-1, len(t.titles)))
    order = np.argsort(found.mean_ranks)
    k = len(order)
    figure = Figure(figsize=(7, 1.2 + 0.24 * k), layout="constrained")
    ax = figure.add_subplot()
    half = (k + 1) // 2
    for place, i in enumerate(order):
        left = place < half
        depth = -(place + 1) if left else -(k - place)
        edge = 0.6 if left else k + 0.4
        rank = float(found.mean_ranks[i])
        ax.plot([rank, rank, edge], [0, depth, depth], color="0.3", lw=1)
        side = "right" if left else "left"
        text = f"{t.titles[i]} ({rank:.2f})"
        ax.text(edge, depth, f"{text} " if left else f" {text}", ha=side, va="center", fontsize=9)
    sorted_ranks = found.mean_ranks[order]
    for level, (first, last) in enumerate(_cliques(sorted_ranks, found.critical_difference)):
        y = -0.35 - 0.22 * level
        ax.plot([sorted_ranks[first] - 0.03, sorted_ranks[last] + 0.03], [y, y], "k", lw=3)
    ax.plot([1, k], [0, 0], "k", lw=1)
    for rank in range(1, k + 1):
        ax.text(rank, 0.15, str(rank), ha="center", va="bottom", fontsize=8)
    ax.set_xlim(-0.35 * k, 1.35 * k + 1)
    ax.axis("off")
    ax.set_title(
        f"{_said(t)}: mean rank over {len(means)} rows; critical difference "
        f"{found.critical_difference:.2f}, Friedman p = {found.p_value:.2g}",
        fontsize=9,
        pad=16,
    )
    return figure


def _cliques(ranks: np.ndarray, difference: float) -> list[tuple[int, int]]:
    """The longest runs of sorted ranks that lie within a difference, from first to last."""
    runs: list[tuple[int, int]] = []
    for first in range(len(ranks)):
        last = int(np.searchsorted(ranks, ranks[first] + difference, side="right")) - 1
        if last > first and not (runs and runs[-1][1] >= last):
            runs.append((first, last))
    return runs


def _averaged(t: Table, at: int) -> dict[float, dict[str, Entry]]:
    """For each value of an axis the mean of all rows, seed by seed."""
    values = sorted({key[at] for key in t.rows})
    found: dict[float, dict[str, Entry]] = {x: {} for x in values}
    for x in values:
        rows = [row for key, row in t.rows.items() if key[at] == x]
        for title in t.titles:
            entries = [row[title] for row in rows if title in row]
            if len(entries) == len(rows):
                seeds = set.intersection(*(set(e.per_seed) for e in entries))
                mean = {s: float(np.mean([e.per_seed[s] for e in entries])) for s in seeds}
                found[x][title] = Entry(mean)
    return found


def _panels(count: int) -> "tuple[Figure, list[Axes]]":
    from matplotlib.figure import Figure

    columns = min(count, 4)
    rows = -(-count // columns)
    size = (_WIDTH * columns, _HEIGHT * rows)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharey=True)
    return figure, list(axes.ravel())


def _finished(figure: "Figure", axes: "list[Axes]", used: int, t: Table) -> "Figure":
    for ax in axes[used:]:
        ax.axis("off")
    for ax in axes[:used]:
        ax.grid(alpha=0.3)
    handles, labels = axes[0].get_legend_handles_labels()
    columns = max(1, min(len(labels), 3 * min(used, 4)))
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, fontsize=8)
    return figure


def _said(t: Table) -> str:
    return f"{t.metric.upper().replace('_', ' ')} in %"
