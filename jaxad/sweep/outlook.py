"""The outlook of a sweep: how many cells, how much to compile, how long, and what will fail."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import jax

from jaxad.data import load_dataset
from jaxad.data.protocol.drawing import check_rows
from jaxad.data.rng import as_key
from jaxad.errors import DataError
from jaxad.sweep.groups import Group
from jaxad.sweep.store import read_cells

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["count_programs", "describe_outlook", "estimate_seconds", "find_shortages"]

_FEW = 20  # jobs that are listed one by one
_LINES = 12  # detectors, and data sets, that are listed in a summary


def describe_outlook(groups: Sequence[Group], folder: str | Path) -> list[str]:
    """Describe what is going to run in a few lines.

    Args:
        groups: The groups, as `group_jobs` makes them.
        folder: The folder of results, from whose cells the time is estimated.
    """
    jobs = [(job, len(group.seeds)) for group in groups for job in group.jobs]
    lines = [f"{job.summary}  {seeds} seeds" for job, seeds in jobs]
    if len(jobs) > _FEW:
        detectors, sets = Counter(), Counter()
        for job, seeds in jobs:
            detectors[job.variant.title] += seeds
            sets[job.dataset] += seeds
        lines = [*_list_most("detectors", detectors), *_list_most("data sets", sets)]
    there = read_cells(folder) if Path(folder).is_dir() else None
    expected = None if there is None else estimate_seconds(groups, there)
    time = "unknown: there are no results to estimate it from"
    time = time if expected is None else _format(expected)
    pairs = count_programs(groups)
    return [*lines, f"programs for at most {pairs} pairs of detector and data set; time: {time}"]


def count_programs(groups: Sequence[Group]) -> int:
    """Count the pairs of a data set and a detector that may need programs of their own.

    It is an upper bound: detectors that differ only in floats share programs, and so do data sets
    of similar shape.
    """
    return len({(g.jobs[0].dataset, g.jobs[0].variant.structure, _count_cells(g)) for g in groups})


def estimate_seconds(groups: Sequence[Group], rows: "pd.DataFrame") -> float | None:
    """Estimate the time of groups by the mean of cells of the same detector on the same data set.

    Where there are none, the detector's cells on all data sets are used.

    Args:
        groups: The groups, as `group_jobs` makes them.
        rows: The cells that were run, as `read_cells` returns them.

    Returns:
        Seconds, or None if a detector has no cells.
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
        total += _count_cells(group) * mean
    return total


def find_shortages(groups: Sequence[Group], data_dir: str | Path | None = None) -> dict[str, int]:
    """Find the cells that will fail because their data has too few rows of a kind.

    For each way to draw rows the row numbers of the first seed are drawn.

    Args:
        groups: The groups, as `group_jobs` makes them.
        data_dir: The folder where data files are looked for by name.

    Returns:
        For each error the number of cells that will fail with it.
    """
    cells: dict[tuple, int] = Counter()
    for group in groups:
        for job in group.jobs:
            drawn = (job.dataset, job.normal_class, job.protocol, job.seed_root, group.seeds[0])
            cells[drawn] += len(group.seeds)
    found: dict[str, int] = Counter()
    for (dataset, normal_class, protocol, root, seed), count in cells.items():
        data = load_dataset(dataset, data_dir=data_dir)
        key = jax.random.fold_in(as_key(root), seed)
        try:
            check_rows(data, key, protocol=protocol, normal_class=normal_class)
        except DataError as error:
            found[str(error)] += count
    return dict(found)


def _count_cells(group: Group) -> int:
    return len(group.jobs) * len(group.seeds)


def _list_most(what: str, cells: Counter[str]) -> list[str]:
    """List the kinds with the most cells."""
    lines = [f"  {name}: {n} cells" for name, n in cells.most_common(_LINES)]
    rest = [f"  and {len(cells) - _LINES} more"] if len(cells) > _LINES else []
    return [f"{len(cells)} {what}:", *lines, *rest]


def _format(seconds: float) -> str:
    """Return a time in words."""
    if seconds < 90:
        return f"about {seconds:.0f} s"
    minutes = seconds / 60
    return f"about {minutes:.0f} minutes" if minutes < 90 else f"about {minutes / 60:.1f} hours"
