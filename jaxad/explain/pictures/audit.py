"""Pictures of a contamination audit. matplotlib is imported when a picture is drawn."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_audit"]

NORMAL, HIDDEN, LINE = "#4c78a8", "#e45756", "#333333"
WORDS = {
    "meta_weight": "negative meta-weight",
    "exposure": "mean rank in batches by outlier exposure",
    "mining": "mean rank in batches by mining",
    "score": "anomaly score",
}


def draw_audit(
    method: str,
    suspicion: Float[np.ndarray, "seeds n"],
    *,
    combined: Float[np.ndarray, "n"] | None = None,
    hidden: Int[np.ndarray, "*seeds n"] | None = None,
    metrics: Mapping[str, float] | None = None,
) -> "Figure":
    """Draw an audit.

    With `hidden`: histograms of suspicion, and the share of the hidden anomalies among the first
    rows of the ranking. Without: suspicion along the ranking.

    Args:
        method: What suspicion is, as in `Audit.method`.
        suspicion: Suspicion of each row under each seed; NaN for rows that are not ranked.
        combined: The mean rank of each row over seeds; None to rank the rows of each seed.
        hidden: 1 for hidden anomalies, `(n,)` or `(seeds, n)`; each seed has at least one.
        metrics: Means over seeds in [0, 1] by name, for the title of the histograms.

    Returns:
        The figure.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7 if hidden is None else 10, 4), layout="constrained")
    curves = [_standardise(values) for values in suspicion]
    fewest = int(np.min(np.count_nonzero(~np.isnan(suspicion), axis=1)))
    if hidden is None:
        falling = np.stack([-np.sort(-c[~np.isnan(c)])[:fewest] for c in curves])
        _draw_ranking(figure.subplots(), falling, WORDS.get(method, method))
        return figure
    left, right = figure.subplots(1, 2)
    truth = np.broadcast_to(hidden, suspicion.shape)
    _draw_histogram(left, np.stack(curves), truth, WORDS.get(method, method))
    over = "" if len(suspicion) == 1 else ", mean over seeds"
    shown = ", ".join(f"{name} {100 * value:.1f}" for name, value in (metrics or {}).items())
    left.set(title=shown + over if shown else "")
    _draw_found(right, suspicion if combined is None else combined[None], truth, fewest)
    return figure


def _standardise(values: Float[np.ndarray, "n"]) -> Float[np.ndarray, "n"]:
    """Return suspicion with median 0 and interquartile range 1, where the quartiles differ."""
    low, middle, high = np.nanquantile(values, [0.25, 0.5, 0.75])
    return (values - middle) / (high - low if high > low else 1.0)


def _draw_ranking(axes: Any, falling: Float[np.ndarray, "seeds n"], words: str) -> None:
    """Draw suspicion from the most suspicious row on, with the spread over seeds."""
    place = np.arange(1, falling.shape[1] + 1)
    axes.plot(place, falling.mean(axis=0), color=LINE, label="mean over seeds")
    axes.axhline(0, color=LINE, lw=0.5, ls=":")
    if len(falling) > 1:
        axes.fill_between(
            place, falling.min(axis=0), falling.max(axis=0), color=NORMAL, alpha=0.3, lw=0,
            label="lowest to highest seed",
        )  # fmt: skip
        axes.legend(frameon=False)
    axes.set(
        xscale="log", xlabel="rank", title=f"{len(place)} unlabelled rows",
        ylabel=f"suspicion: {words}\n(scaled to median 0, interquartile range 1)",
    )  # fmt: skip
    _stretch(axes.yaxis, falling)
    margin = 0.05 * (1 + np.abs([falling.min(), falling.max()]))
    axes.set(ylim=(falling.min() - margin[0], falling.max() + 2 * margin[1]))
    _tidy(axes)


def _draw_histogram(
    axes: Any,
    values: Float[np.ndarray, "seeds n"],
    hidden: Int[np.ndarray, "seeds n"],
    words: str,
) -> None:
    """Draw histograms of the suspicion of normal and of hidden rows, all seeds together."""
    kinds = {
        "normal": (values[(hidden == 0) & ~np.isnan(values)], NORMAL),
        "hidden anomaly": (values[(hidden == 1) & ~np.isnan(values)], HIDDEN),
    }
    both = np.concatenate([part for part, _ in kinds.values()])
    heavy = _is_heavy(both)
    lowest, highest = np.arcsinh(both).min(), np.arcsinh(both).max()
    bins = np.sinh(np.linspace(lowest, highest, 41))
    if not heavy:
        bins = np.linspace(both.min(), both.max(), 41)
    for name, (part, colour) in kinds.items():
        share = np.full(len(part), 100 / len(part))
        axes.hist(part, bins=bins, weights=share, color=colour, alpha=0.55, label=name)
    axes.set(
        xlabel=f"suspicion: {words}\n(scaled to median 0, interquartile range 1)",
        ylabel="% of the rows of each kind",
    )
    if heavy:
        _stretch(axes.xaxis, both)
    axes.legend(frameon=False)
    _tidy(axes)


def _draw_found(
    axes: Any,
    values: Float[np.ndarray, "rankings n"],
    hidden: Int[np.ndarray, "seeds n"],
    fewest: int,
) -> None:
    """Draw the share of the hidden anomalies among the first rows of each ranking."""
    curves = []
    for one, truth in zip(values, hidden, strict=False):
        order = np.argsort(-one, kind="stable")[:fewest]
        curves.append(np.cumsum(truth[order]) / truth[~np.isnan(one)].sum())
    checked = np.arange(1, len(curves[0]) + 1) / len(curves[0])
    share = np.mean([t[~np.isnan(v)].mean() for v, t in zip(values, hidden, strict=False)])
    axes.plot(100 * checked, 100 * np.mean(curves, axis=0), color=HIDDEN, label="audit")
    ideal = np.minimum(checked / share, 1)
    axes.plot(100 * checked, 100 * ideal, color=LINE, lw=1, ls=":", label="perfect")
    axes.plot([0, 100], [0, 100], color=LINE, lw=1, ls="--", label="random order")
    axes.set(
        xlim=(0, 100), ylim=(0, 102), xlabel="% of the unlabelled rows checked",
        ylabel="% of the hidden anomalies found",
        title=f"{100 * share:.1f} % of {len(checked)} rows are hidden anomalies",
    )  # fmt: skip
    axes.legend(frameon=False, loc="lower right")
    _tidy(axes)


def _is_heavy(values: np.ndarray) -> bool:
    """Return whether a few values would compress all others on a linear scale."""
    return float(np.max(np.abs(values))) > 8


def _stretch(axis: Any, values: np.ndarray) -> None:
    """Make a scale linear around 0 and logarithmic further out, if a few values are far out."""
    if not _is_heavy(values):
        return
    farthest = int(np.floor(np.log10(np.max(np.abs(values)))))
    signs = [0] if np.min(values) > -1 else [0, -1]
    ticks = signs + [10.0**k for k in range(farthest + 1)]
    axis.axes.set(**{f"{axis.axis_name}scale": "asinh"})
    axis.set_ticks(ticks, [f"{t:g}" for t in ticks])
    axis.set_minor_locator(_no_ticks())


def _no_ticks() -> Any:
    from matplotlib.ticker import NullLocator

    return NullLocator()


def _tidy(axes: Any) -> None:
    axes.spines[["top", "right"]].set_visible(False)
