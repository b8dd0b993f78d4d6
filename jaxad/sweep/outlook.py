"""What lies ahead of a sweep: how many cells, how much to compile, and how long."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jaxad.sweep.plan import Group
from jaxad.sweep.store import read_cells

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["describe_outlook", "programs", "seconds"]

_FEW = 20  # jobs that are listed one by one
_LINES = 12  # detectors, and data sets, that are listed in a summary


def describe_outlook(groups: Sequence[Group], folder: str | Path) -> list[str]:
    """What is to be run, in lines: few of them, however much it is.

    Args:
        groups: As `group_jobs` made them.
        folder: The folder of results, whose cells say how long others like them will take.
    """
    jobs = [(job, len(group.seeds)) for group in groups for job in group.jobs]
    lines = [f"{job.summary}  {seeds} seeds" for job, seeds in jobs]
    if len(jobs) > _FEW:
        detectors, sets = Counter(), Counter()
        for job, seeds in jobs:
            detectors[job.variant.title] += seeds
            sets[job.dataset] += seeds
        lines = [*_most("detectors", detectors), *_most("data sets", sets)]
    there = read_cells(folder) if Path(folder).is_dir() else None
    expected = None if there is None else seconds(groups, there)
    time = "unknown, for want of cells like these" if expected is None else _said(expected)
    pairs = programs(groups)
    return [*lines, f"programs for at most {pairs} pairs of detector and data set; time: {time}"]


def programs(groups: Sequence[Group]) -> int:
    """Pairs of a data set and a detector that may need programs of their own, at most.

    Detectors that differ in numbers alone share programs, and so do data sets of like shape.
    """
    return len({(g.jobs[0].dataset, g.jobs[0].variant.structure, _cells(g)) for g in groups})


def seconds(groups: Sequence[Group], rows: "pd.DataFrame") -> float | None:
    """How long groups take, by the mean of cells of the same detector on the same data set.

    Where there is none the detector's cells on all data sets stand in; None where there is none
    either.

    Args:
        groups: As `group_jobs` made them.
        rows: The cells that were run.
    """
    took = rows.loc[rows.error.isna()].assign(s=lambda r: r.seconds_compile + r.seconds_run)
    by_both = took.groupby(["detector", "dataset"]).s.mean().to_dict()
    by_detector = took.groupby("detector").s.mean().to_dict()
    total = 0.0
    for group in groups:
        detector, dataset = group.jobs[0].variant.detector, group.jobs[0].dataset
        mean = by_both.get((detector, dataset), by_detector.get(detector))
        if mean is None:
            return None
        total += _cells(group) * mean
    return total


def _cells(group: Group) -> int:
    return len(group.jobs) * len(group.seeds)


def _most(what: str, cells: Counter[str]) -> list[str]:
    """The cells of each kind, the most first; so many kinds and no more."""
    lines = [f"  {name}: {n} cells" for name, n in cells.most_common(_LINES)]
    rest = [f"  and {len(cells) - _LINES} more"] if len(cells) > _LINES else []
    return [f"{len(cells)} {what}:", *lines, *rest]


def _said(seconds: float) -> str:
    """A time in words."""
    if seconds < 90:
        return f"about {seconds:.0f} s"
    minutes = seconds / 60
    return f"about {minutes:.0f} minutes" if minutes < 90 else f"about {minutes / 60:.1f} hours"
