"""Groups of jobs that are trained in one call."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any

from jaxad.sweep.jobs import Job

__all__ = ["WIDTH", "Group", "group_jobs"]

WIDTH = 64  # seeds side by side, for each device


@dataclass(frozen=True)
class Group:
    """Jobs whose seeds are trained side by side: they differ only in splits and in floats.

    Attributes:
        jobs: The jobs, of one detector on one data set, with configurations that differ only in
            floats.
        seeds: The numbers of the seeds to run each job with.
    """

    jobs: tuple[Job, ...]
    seeds: tuple[int, ...]


def group_jobs(
    todo: Sequence[tuple[Job, tuple[int, ...]]], memory: int | None = None, width: int = WIDTH
) -> list[Group]:
    """Group jobs, in an order that loads each data set and each program once.

    Args:
        todo: Jobs with the seeds that are missing.
        memory: The most bytes that the rows of a group may take; None for no bound. A group has at
            least one seed.
        width: The most seeds in a group, over all of its jobs, which bounds what a kill loses.
    """
    by_set: dict[str, dict[Any, list[Job]]] = {}
    for job, seeds in todo:
        labels = [v for k, v in job.protocol.axes.items() if k.startswith(("labelled", "exposure"))]
        kind = (seeds, job.variant.structure, repr(labels))
        by_set.setdefault(job.dataset, {}).setdefault(kind, []).append(job)
    groups = []
    for (seeds, *_), jobs in chain.from_iterable(kinds.items() for kinds in by_set.values()):
        most = width
        if memory is not None:
            most = min(width, memory // max(1, *(job.bytes for job in jobs)))
        for some_seeds in _divide(seeds, most):
            groups += [Group(some, some_seeds) for some in _divide(jobs, most // len(some_seeds))]
    return groups


def _divide(items: Sequence[Any], most: int) -> list[tuple[Any, ...]]:
    """Divide items into parts of at most so many, at least one.

    The parts have equal lengths where a few more of them make that possible: each length is a
    program of its own.
    """
    least = -(-len(items) // max(1, most))
    divisors = (n for n in range(least, 2 * least) if n and len(items) % n == 0)
    count = next(divisors, least)
    ends = [len(items) * i // count for i in range(count + 1)]
    return [tuple(items[a:b]) for a, b in pairwise(ends)]
