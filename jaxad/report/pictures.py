"""The choice of figures for an experiment."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jaxad.report.audits import plot_audit_curves
from jaxad.report.plots import average_blocks, plot_boxes, plot_critical_difference, plot_curves
from jaxad.report.tables import Table
from jaxad.sweep.jobs import Job

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["draw_pictures", "draw_table_pictures", "find_numeric_axes"]

_FEW = 5  # rows, or data sets, too few for boxes and ranks


def draw_pictures(
    made: Sequence[Table], jobs: Sequence[Job], rows: "pd.DataFrame"
) -> "dict[str, Figure]":
    """Draw all figures of an experiment, by name, such as "auroc-curves-contamination".

    Args:
        made: Its tables.
        jobs: Its jobs.
        rows: The rows of its results.
    """
    found = {f"{t.metric}-{name}": f for t in made for name, f in draw_table_pictures(t).items()}
    audits = plot_audit_curves(jobs, rows)
    return found if audits is None else found | {"audit-precision": audits}


def draw_table_pictures(t: Table) -> "dict[str, Figure]":
    """Draw the figures of a table.

    These are curves over each numeric axis, boxes over at least five rows, and the critical
    difference of at least three detectors on at least five data sets or classes.
    """
    found = {f"curves-{axis}": plot_curves(t, axis) for axis in find_numeric_axes(t)}
    if len(t.complete) >= _FEW:
        found["boxes"] = plot_boxes(t)
    if len(t.titles) > 2 and len(average_blocks(t)) >= _FEW:
        found["critical-difference"] = plot_critical_difference(t)
    return found


def find_numeric_axes(t: Table) -> list[str]:
    """Return the keys with several numbers, without those that another key determines."""
    axes: list[str] = []
    for i, key in enumerate(t.keys):
        numbers = {row[i] for row in t.rows if isinstance(row[i], int | float)}
        pairs = [{(row[t.keys.index(a)], row[i]) for row in t.rows} for a in axes]
        settled = any(len(p) == len({a for a, _ in p}) for p in pairs)
        if len(numbers) > 1 and key != "normal_class" and not settled:
            axes.append(key)
    return axes
