"""Pictures of a contamination audit. matplotlib is imported when one is drawn."""

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from jaxad.explain.auditing import Audit

__all__ = ["draw_audit"]

NORMAL, HIDDEN, LINE = "#4c78a8", "#e45756", "#333333"
WORDS = {
    "meta_weight": "how little a row helped as a normal one",
    "exposure": "place in its batches over training",
    "mining": "place among those to be mined, over training",
    "score": "anomaly score",
}


def draw_audit(audit: "Audit") -> "Figure":
    """A figure of an audit.

    Where the hidden anomalies are known: histograms of suspicion, and how many of the hidden ones
    are among the first rows of the ranking. Else suspicion along the ranking.
    """
    from matplotlib.figure import Figure

    known = audit.hidden is not None and audit.auroc is not None
    figure = Figure(figsize=(10, 4) if known else (7, 4), layout="constrained")
    curves = [_standardised(values) for values in audit.suspicion]
    if not known:
        _along_ranking(figure.subplots(), audit, curves)
        return figure
    left, right = figure.subplots(1, 2)
    hidden = np.broadcast_to(np.asarray(audit.hidden), audit.suspicion.shape)
    _histogram(left, audit, curves, hidden)
    _found(right, audit, hidden)
    return figure


def _standardised(values: Float[np.ndarray, "n"]) -> Float[np.ndarray, "n"]:
    """Suspicion with median 0 and distance 1 between its quartiles, as far as they differ."""
    low, middle, high = np.nanquantile(values, [0.25, 0.5, 0.75])
    return (values - middle) / (high - low if high > low else 1.0)


def _along_ranking(axes: Any, audit: "Audit", curves: list[np.ndarray]) -> None:
    """Suspicion from the most suspicious row on, with the spread over seeds."""
    falling = np.stack([-np.sort(-c[~np.isnan(c)])[: _fewest(audit)] for c in curves])
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
        xscale="log", xlabel="place in the ranking", title=f"{len(place)} unlabelled rows",
        ylabel=f"suspicion: {WORDS[audit.method]}\n(median 0, quartiles 1 apart)",
    )  # fmt: skip
    _stretch(axes.yaxis, falling)
    margin = 0.05 * (1 + np.abs([falling.min(), falling.max()]))
    axes.set(ylim=(falling.min() - margin[0], falling.max() + 2 * margin[1]))
    _tidy(axes)


def _histogram(
    axes: Any, audit: "Audit", curves: list[np.ndarray], hidden: Int[np.ndarray, "seeds n"]
) -> None:
    """Suspicion of normal and of hidden rows, all seeds together, each of area 1."""
    values = np.stack(curves)
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
        xlabel=f"suspicion: {WORDS[audit.method]}\n(median 0, quartiles 1 apart)",
        ylabel="% of the rows of its kind",
        title=_metrics(audit),
    )
    if heavy:
        _stretch(axes.xaxis, both)
    axes.legend(frameon=False)
    _tidy(axes)


def _metrics(audit: "Audit") -> str:
    if audit.auroc is None or audit.auprc is None:
        return ""
    of = "" if len(audit.suspicion) == 1 else ", mean over seeds"
    return f"AUROC {100 * audit.auroc.mean:.1f}, AUPRC {100 * audit.auprc.mean:.1f}{of}"


def _found(axes: Any, audit: "Audit", hidden: Int[np.ndarray, "seeds n"]) -> None:
    """The share of hidden anomalies among the first rows of the ranking."""
    curves = []
    values = audit.suspicion if audit.combined is None else audit.combined[None]
    for one, truth in zip(values, hidden, strict=False):
        order = np.argsort(-one, kind="stable")[: _fewest(audit)]
        curves.append(np.cumsum(truth[order]) / truth[~np.isnan(one)].sum())
    checked = np.arange(1, len(curves[0]) + 1) / len(curves[0])
    share = np.mean([t[~np.isnan(v)].mean() for v, t in zip(values, hidden, strict=False)])
    axes.plot(100 * checked, 100 * np.mean(curves, axis=0), color=HIDDEN, label="audit")
    ideal = np.minimum(checked / share, 1)
    axes.plot(100 * checked, 100 * ideal, color=LINE, lw=1, ls=":", label="perfect")
    axes.plot([0, 100], [0, 100], color=LINE, lw=1, ls="--", label="by chance")
    axes.set(
        xlim=(0, 100), ylim=(0, 102), xlabel="% of the unlabelled rows looked at",
        ylabel="% of the hidden anomalies found",
        title=f"{100 * share:.1f} % of {len(checked)} rows are hidden anomalies",
    )  # fmt: skip
    axes.legend(frameon=False, loc="lower right")
    _tidy(axes)


def _fewest(audit: "Audit") -> int:
    """The fewest unlabelled rows of any seed."""
    return int(np.min(np.count_nonzero(~np.isnan(audit.suspicion), axis=1)))


def _is_heavy(values: np.ndarray) -> bool:
    """Whether a few values would press all others together on an even scale."""
    return float(np.max(np.abs(values))) > 8


def _stretch(axis: Any, values: np.ndarray) -> None:
    """An even scale around 0 and a logarithmic one farther out, if a few values are far out."""
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
