"""From jobs to groups that are trained in one call, and to the programs that they will need."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from jaxad.sweep.jobs import Job

__all__ = ["Group", "plan"]


@dataclass(frozen=True)
class Group:
    """Jobs that differ in their splits alone: their seeds are trained side by side.

    Attributes:
        jobs: The jobs, of one detector with one configuration on one data set.
        seeds: The numbers of the seeds that each job is to be run with.
    """

    jobs: tuple[Job, ...]
    seeds: tuple[int, ...]


def plan(todo: Sequence[tuple[Job, tuple[int, ...]]], width: int = 64) -> list[Group]:
    """Groups of jobs, in an order that uses a data set and a program as long as they are at hand.

    Args:
        todo: Jobs with the seeds that are missing.
        width: The most seeds in a group, over all of its jobs; a bound on memory.
    """

    def kind(item: tuple[Job, tuple[int, ...]]):
        job, seeds = item
        labels = [v for k, v in job.request if k.startswith("labelled")]
        return (job.dataset, job.variant.detector, repr(job.variant.config), seeds, repr(labels))

    order = {job.dataset: i for i, (job, _) in reversed(list(enumerate(todo)))}
    groups = []
    ordered = sorted(todo, key=lambda item: (order[item[0].dataset], *kind(item)[1:]))
    for (*_, seeds, _), items in groupby(ordered, key=kind):
        jobs = [job for job, _ in items]
        size = max(1, width // max(1, len(seeds)))
        groups += [Group(tuple(jobs[i : i + size]), seeds) for i in range(0, len(jobs), size)]
    return groups
