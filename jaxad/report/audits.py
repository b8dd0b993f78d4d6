"""Audit curves: the share of hidden anomalies among the most suspicious rows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from jaxad.report.plots import finish_figure, make_panels, style_line
from jaxad.results import SHARES
from jaxad.sweep.jobs import Job
from jaxad.utils.escaping import escape_label

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["plot_audit_curves"]


def plot_audit_curves(jobs: Sequence[Job], rows: "pd.DataFrame") -> "Figure | None":
    """Plot the precision among the most suspicious rows over the share of rows that are inspected.

    There is a panel for each contamination and a line for each detector: the mean over its jobs,
    with the standard deviation over seeds as a band. The dotted line is a perfect ranking, the
    dashed line a random one.

    Args:
        jobs: The jobs of an experiment.
        rows: The rows of its results.

    Returns:
        The figure; None if no row has an audit with hidden anomalies.
    """
    if "audit_precision" not in rows:
        return None
    held = rows.loc[rows.audit_precision.notna() & rows.audit_auroc.notna()]
    curves = {
        job: {
            int(s): np.asarray(p, float) for s, p in zip(of.seed, of.audit_precision, strict=True)
        }
        for job, of in held.groupby("job")
    }
    by_panel: dict[float | None, list[Job]] = {}
    for job in jobs:
        if job.name in curves:
            by_panel.setdefault(job.protocol.contamination, []).append(job)
    if not by_panel:
        return None
    figure, axes = make_panels(len(by_panel))
    titles = list(dict.fromkeys(job.variant.title for job in jobs))
    for ax, (share, of_panel) in zip(axes, by_panel.items(), strict=False):
        for i, title in enumerate(titles):
            mine = [curves[job.name] for job in of_panel if job.variant.title == title]
            if mine:
                mean, std = _over_seeds(mine)
                x, y = 100 * np.array(SHARES), 100 * mean
                ax.plot(x, y, label=escape_label(title), **style_line(i))
                ax.fill_between(x, y - 100 * std, y + 100 * std, color=f"C{i}", alpha=0.15, lw=0)
        _limits(ax, float(np.mean([p[-1] for j in of_panel for p in curves[j.name].values()])))
        name = "the data's own anomalies" if share is None else f"{100 * share:g} % hidden"
        ax.set(xscale="log", title=name, xlabel="% of the unlabelled rows looked at")
        ax.set_xticks([1, 3, 10, 30, 100], ["1", "3", "10", "30", "100"])
        ax.set(ylim=(0, 102))
        ax.minorticks_off()
    axes[0].set_ylabel("% hidden anomalies among them")
    return finish_figure(figure, axes, len(by_panel))


def _over_seeds(curves: list[dict[int, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and deviation, over the seeds that all jobs have, of the means over jobs."""
    seeds = sorted(set.intersection(*(set(of_job) for of_job in curves)))
    if not seeds:
        return np.full(len(SHARES), np.nan), np.full(len(SHARES), np.nan)
    means = np.array([np.mean([of_job[s] for of_job in curves], axis=0) for s in seeds])
    several = len(seeds) > 1
    return means.mean(axis=0), means.std(axis=0, ddof=1) if several else np.zeros(len(SHARES))


def _limits(ax, base: float) -> None:
    """Draw the lines of a perfect and of a random ranking."""
    x = np.geomspace(SHARES[0], 1, 100)
    ax.plot(100 * x, 100 * np.minimum(1, base / x), color="0.3", lw=1, ls=":", label="perfect")
    ax.axhline(100 * base, color="0.3", lw=1, ls="--", label="by chance")
