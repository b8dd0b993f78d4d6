"""Progress of a sweep: its cells, the time that they take, and an estimate of the rest."""

import resource
import sys
import time
from collections.abc import Callable, Sequence

from jaxad.results import Cell, Failure
from jaxad.sweep import Group
from jaxad.utils.timing import Seconds

__all__ = ["GroupCount", "Watch", "format_seconds"]


class GroupCount:
    """The cells of a group: all, those that are left, and the time of the others."""

    def __init__(self, group: Group, number: int):
        self.group, self.number = group, number
        self.left = {(job.name, seed) for job in group.jobs for seed in group.seeds}
        self.cells = len(self.left)
        self.seconds = Seconds()

    @property
    def name(self) -> str:
        """The group in words."""
        job, jobs = self.group.jobs[0], self.group.jobs
        classes = {job.class_label for job in jobs}
        label = job.class_label if len(classes) == 1 else f"{len(classes)} classes"
        settings = len({job.variant for job in jobs})
        title = f"{settings} settings of {job.variant.detector}"
        return f"{job.dataset} {label}  {job.variant.title if settings == 1 else title}"


class Watch:
    """Counts the cells of a sweep as they are recorded, in any order.

    Args:
        groups: All groups that run.
        clock: Returns the time in seconds.
    """

    def __init__(self, groups: Sequence[Group], clock: Callable[[], float] = time.monotonic):
        self._clock, self._start = clock, clock()
        self._groups = [GroupCount(group, i + 1) for i, group in enumerate(groups)]
        self._of = {cell: g for g in self._groups for cell in g.left}
        self._names = {job.name: job.summary for group in groups for job in group.jobs}
        self.cells = sum(group.cells for group in self._groups)
        self.done = self.failed = 0
        self.seconds = Seconds()

    def take(self, cell: Cell | Failure) -> GroupCount | None:
        """Count a cell, and return the group that it completes, if any."""
        seeds = tuple(cell.seeds or ())
        self.done += len(seeds)
        keys = [(str(cell.job), seed) for seed in seeds]
        group = self._of[keys[0]]
        if isinstance(cell, Failure):
            self.failed += len(seeds)
        else:
            self.seconds += cell.seconds
            group.seconds += cell.seconds
        group.left.difference_update(keys)
        return None if group.left else group

    def find_name(self, cell: Cell | Failure) -> str:
        """Return a cell's job in words."""
        return self._names[str(cell.job)]

    @property
    def present(self) -> GroupCount | None:
        """The first group that is not complete: where one after the other runs, the one at work."""
        return next((group for group in self._groups if group.left), None)

    @property
    def elapsed(self) -> float:
        """Seconds since the sweep began."""
        return self._clock() - self._start

    def remaining(self) -> float | None:
        """Estimate the seconds of the remaining cells; None before the first cell.

        A cell is taken to last as long as the mean of its detector's cells so far, or of all cells
        where there are none. The sum is scaled to the time that has passed, in which several
        workers may have run.
        """
        spent: dict[str, list[float]] = {}
        for group in self._groups:
            cells = group.cells - len(group.left)
            of_detector = spent.setdefault(group.group.jobs[0].variant.detector, [0.0, 0])
            of_detector[0] += group.seconds.compile + group.seconds.run
            of_detector[1] += cells
        total = sum(seconds for seconds, _ in spent.values())
        if not self.done or not total:
            return None
        rest = 0.0
        for group in self._groups:
            seconds, cells = spent[group.group.jobs[0].variant.detector]
            rest += len(group.left) * (seconds / cells if cells else total / self.done)
        return rest * self.elapsed / total

    def where(self) -> str:
        """Return the progress in words: `12 of 240 cells, about 3 min left`."""
        left = self.remaining()
        ahead = (
            ""
            if left is None or self.done == self.cells
            else f", about {format_seconds(left)} left"
        )
        return f"{self.done} of {self.cells} cells{ahead}"

    def describe_group(self, group: GroupCount) -> str:
        """Describe a complete group in one line."""
        return (
            f"group {group.number} of {len(self._groups)} ({group.name}): {group.cells} cells, "
            f"compile {group.seconds.compile:.1f} s, run {group.seconds.run:.1f} s, "
            f"memory {_format_gib(_memory())}"
        )

    def summary(self, before: int) -> str:
        """Describe the whole sweep in one line.

        Args:
            before: The number of cells that were complete before.
        """
        return (
            f"{self.done} cells run, {self.failed} of them failed, {before} there before; "
            f"{format_seconds(self.elapsed)} in all, "
            f"compile {format_seconds(self.seconds.compile)}, "
            f"run {format_seconds(self.seconds.run)}; "
            f"at most {_format_gib(_most_memory())} of memory"
        )


def format_seconds(seconds: float) -> str:
    """Return a time in words: `8.1 s`, `3 min` or `2.5 h`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _format_gib(size: float) -> str:
    return f"{size / 2**30:.2f} GiB"


def _memory() -> float:
    """Return the bytes that this process holds now, or if unknown the most so far."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except OSError:
        return _most_memory()


def _most_memory() -> float:
    """Return the most bytes that this process has held."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most
