"""From jobs to groups that are trained in one call, and to the programs that they will need."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any

from jaxad.sweep.jobs import Job

__all__ = ["WIDTH", "Group", "group_jobs"]

WIDTH = 64  # seeds side by side, for each device


@dataclass(frozen=True)
class Group:
    """Jobs that differ in their splits and in numbers alone: their seeds are trained side by side.

    Attributes:
        jobs: The jobs, of one detector on one data set, with configurations that differ in numbers
            that are no sizes.
        seeds: The numbers of the seeds that each job is to be run with.
    """

    jobs: tuple[Job, ...]
    seeds: tuple[int, ...]


def group_jobs(
    todo: Sequence[tuple[Job, tuple[int, ...]]], memory: int | None = None, width: int = WIDTH
) -> list[Group]:
    """Groups of jobs, in an order that uses a data set and a program as long as they are at hand.

    Args:
        todo: Jobs with the seeds that are missing.
        memory: The most bytes that the rows of a group may take, at least those of one seed; None
            for no bound.
        width: The most seeds in a group, over all of its jobs: what is lost in a kill.
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
        for some_seeds in _even(seeds, most):
            groups += [Group(some, some_seeds) for some in _even(jobs, most // len(some_seeds))]
    return groups


def _even(items: Sequence[Any], most: int) -> list[tuple[Any, ...]]:
    """Items in parts that hold at most so many, at least one.

    The parts are equally long where a few more of them make it so: each length is compiled for.
    """
    least = -(-len(items) // max(1, most))
    divisors = (n for n in range(least, 2 * least) if n and len(items) % n == 0)
    count = next(divisors, least)
    ends = [len(items) * i // count for i in range(count + 1)]
    return [tuple(items[a:b]) for a, b in pairwise(ends)]
