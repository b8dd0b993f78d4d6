"""Run groups of jobs on all processes of `jax.distributed`; process 0 alone has the results."""

import signal
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import jax

from jaxad.sweep.cells import run_cells
from jaxad.sweep.executors.base import Arrivals, ExecutorOptions, Result, register
from jaxad.sweep.executors.processes import gather
from jaxad.sweep.groups import Group
from jaxad.sweep.jobs import Job
from jaxad.training.fitted import Progress
from jaxad.utils.plugins import import_plugins, imported_plugins

__all__ = ["DistributedExecutor", "assign_share", "follow"]


@dataclass(frozen=True, kw_only=True)
class DistributedExecutor:
    """Shares every group among all processes, which wait for each other after each group.

    Process 0 calls `run`, and all others call `follow`.

    Attributes:
        data_dir: The folder where data files are looked for by name, the same on every machine.
        memory: The most bytes, as estimated, that may be trained side by side in one process.
        progress: A function that is told how far this process's share of the group has come.
    """

    data_dir: str | Path | None = None
    memory: int | None = None
    progress: Callable[[Progress], None] | None = None

    def run(self, groups: Sequence[Group]) -> Arrivals:
        """Return the results of groups; a job whose seeds are shared has several."""
        return Arrivals(self._run(groups))

    def _run(self, groups: Sequence[Group]) -> Generator[list[Result]]:
        plan = (groups, self.data_dir, self.memory, imported_plugins())
        yield from _run_all(gather(plan)[0][0], self.data_dir, self.progress, self.memory)


@register("distributed")
def build(options: ExecutorOptions) -> DistributedExecutor:
    """Build the executor of process 0."""
    return DistributedExecutor(
        data_dir=options.data_dir, memory=options.memory, progress=options.progress
    )


def follow() -> None:
    """Train the shares that process 0 has planned, in every other process."""
    groups, data_dir, memory, plugins = gather(None)[0]
    for module, folders in plugins:
        import_plugins([module], folders)
    for _ in _run_all(groups, data_dir, None, memory):
        pass


def _run_all(
    groups: Sequence[Group],
    data_dir: str | Path | None,
    progress: Callable[[Progress], None] | None,
    memory: int | None,
) -> Generator[list[Result]]:
    """Train this process's share of each group, and yield the results of all processes.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed in a process. All of them end after the group, of
            which each yields what was complete.
    """
    with _hold_interrupts() as held:
        for group in groups:
            cells: list[Result] = []
            try:
                with held.released():
                    share = assign_share(group, jax.process_index(), jax.process_count())
                    for cell in run_cells(share, data_dir, progress, memory):
                        cells.append(cell)
            except KeyboardInterrupt:
                held.came = True
            parts = gather((cells, held.came))
            yield [cell for of_process, _ in parts for cell in of_process]
            if any(stop for _, stop in parts):
                raise KeyboardInterrupt


class _Interrupts:
    """Handler of Ctrl-C that holds it back until all processes can learn of it.

    A process that left while the others exchange results would make them wait for it.
    """

    def __init__(self) -> None:
        self.came, self._raises = False, False

    def __call__(self, signum: int, frame: Any) -> None:
        """Raise in a released block, and at the second Ctrl-C."""
        again, self.came = self.came, True
        if again or self._raises:
            raise KeyboardInterrupt

    @contextmanager
    def released(self) -> Iterator[None]:
        """Raise Ctrl-C within the block, at its start if it has come before."""
        self._raises = True
        try:
            if self.came:
                raise KeyboardInterrupt
            yield
        finally:
            self._raises = False


@contextmanager
def _hold_interrupts() -> Iterator[_Interrupts]:
    """Hold Ctrl-C back in the block; in other threads than the main one, it is never raised."""
    held = _Interrupts()
    if threading.current_thread() is not threading.main_thread():
        yield held
        return
    before = signal.signal(signal.SIGINT, held)
    try:
        yield held
    finally:
        signal.signal(signal.SIGINT, before)


def assign_share(group: Group, process: int, processes: int) -> list[tuple[Job, tuple[int, ...]]]:
    """Return the seeds of the jobs of a group that a process trains.

    The shares of all processes differ by one seed at most.

    Args:
        group: The group.
        process: The number of the process, from 0.
        processes: How many processes there are.
    """
    cells = [(job, seed) for job in group.jobs for seed in group.seeds]
    first, last = (len(cells) * i // processes for i in (process, process + 1))
    by_job = groupby(cells[first:last], key=lambda cell: cell[0])
    return [(job, tuple(seed for _, seed in of_job)) for job, of_job in by_job]
