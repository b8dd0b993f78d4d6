"""Run groups of jobs on all processes of `jax.distributed`; process 0 alone writes results."""

from collections.abc import Callable, Sequence
from itertools import chain, groupby
from pathlib import Path

import jax

from jaxad.results import Cell, Failure
from jaxad.sweep.jobs import Job
from jaxad.sweep.local import run_cells
from jaxad.sweep.plan import Group
from jaxad.sweep.processes import gathered
from jaxad.sweep.store import Appender
from jaxad.training.fitted import Progress

__all__ = ["follow", "run_distributed", "share_of"]


def run_distributed(
    groups: Sequence[Group],
    folder: str | Path,
    data_dir: str | Path | None = None,
    progress: Callable[[Progress], None] | None = None,
    on_cell: Callable[[Cell | Failure], None] | None = None,
    memory: int | None = None,
) -> None:
    """Run groups, each shared by all processes, and append what comes of them.

    Process 0 calls this and all others call `follow`. After each group they wait for each other.

    Args:
        groups: As `group_jobs` made them.
        folder: The folder of results.
        data_dir: The folder that data sets are looked for in, the same on every machine.
        progress: Told how far this process's share of the present group has come.
        on_cell: Told of each job that is recorded; of one whose seeds are shared, several times.
        memory: The most bytes that what is trained side by side in one process may take.
    """
    appender = Appender(folder)
    for group in gathered((groups, data_dir, memory))[0][0]:
        for cell in _together(group, data_dir, progress, memory):
            appender.add(cell)
            if on_cell is not None:
                on_cell(cell)


def follow() -> None:
    """The part of every process but the first: train what process 0 has planned."""
    groups, data_dir, memory = gathered(None)[0]
    for group in groups:
        _together(group, data_dir, None, memory)


def _together(
    group: Group,
    data_dir: str | Path | None,
    progress: Callable[[Progress], None] | None,
    memory: int | None,
) -> list[Cell | Failure]:
    """The cells of a group, of which this process trains its share."""
    share = share_of(group, jax.process_index(), jax.process_count())
    cells = list(run_cells(share, data_dir, progress, memory))
    return list(chain.from_iterable(gathered(cells)))


def share_of(group: Group, process: int, processes: int) -> list[tuple[Job, tuple[int, ...]]]:
    """Which seeds of which jobs of a group a process trains; shares differ by one seed at most."""
    cells = [(job, seed) for job in group.jobs for seed in group.seeds]
    first, last = (len(cells) * i // processes for i in (process, process + 1))
    by_job = groupby(cells[first:last], key=lambda cell: cell[0])
    return [(job, tuple(seed for _, seed in of_job)) for job, of_job in by_job]
