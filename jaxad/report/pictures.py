"""Which pictures an experiment has."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jaxad.report.audits import audit_curves
from jaxad.report.plots import blocks, boxes, critical_difference, curves
from jaxad.report.tables import Table
from jaxad.sweep.jobs import Job

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["draw_pictures", "numeric_axes", "pictures_of"]

_FEW = 5  # rows, or data sets, too few for boxes and ranks


def draw_pictures(
    made: Sequence[Table], jobs: Sequence[Job], rows: "pd.DataFrame"
) -> "dict[str, Figure]":
    """All pictures of an experiment by name, such as "auroc-curves-contamination".

    Args:
        made: Its tables.
        jobs: Its jobs.
        rows: The rows of its results.
    """
    found = {f"{t.metric}-{name}": f for t in made for name, f in pictures_of(t).items()}
    audits = audit_curves(jobs, rows)
    return found if audits is None else found | {"audit-precision": audits}


def pictures_of(t: Table) -> "dict[str, Figure]":
    """The pictures of a table.

    Curves over each numeric axis; boxes over five rows or more; and, for three detectors or more
    on five data sets or classes or more, the critical difference.
    """
    found = {f"curves-{axis}": curves(t, axis) for axis in numeric_axes(t)}
    if len(t.complete) >= _FEW:
        found["boxes"] = boxes(t)
    if len(t.titles) > 2 and len(blocks(t)) >= _FEW:
        found["critical-difference"] = critical_difference(t)
    return found


def numeric_axes(t: Table) -> list[str]:
    """The keys of a table that have several numbers, without those that go with another one."""
    axes: list[str] = []
    for i, key in enumerate(t.keys):
        numbers = {row[i] for row in t.rows if isinstance(row[i], int | float)}
        pairs = [{(row[t.keys.index(a)], row[i]) for row in t.rows} for a in axes]
        settled = any(len(p) == len({a for a, _ in p}) for p in pairs)
        if len(numbers) > 1 and key != "normal_class" and not settled:
            axes.append(key)
    return axes
