"""What an executor is, and the registry of executors by name."""

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from jaxad.results import Cell, Failure
from jaxad.sweep.groups import Group
from jaxad.training.fitted import Progress
from jaxad.utils.plugins import Registry, describe_origin

__all__ = ["EXECUTORS", "Arrivals", "Executor", "ExecutorOptions", "Result", "register"]

Result = Cell | Failure


class Executor(Protocol):
    """Runs groups of jobs."""

    def run(self, groups: Sequence[Group]) -> Iterator[Result]:
        """Yield the results of groups, each as soon as it is there, in any order.

        Together the results have every seed of every job once: a job with many seeds may come in
        several, and seeds that fail come as a `Failure`. Where results arrive together, an
        `Arrivals` lets them be written to one file. An iterator that is closed before its end stops
        what still runs.

        Args:
            groups: Jobs to train in one call, as `group_jobs` makes them.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class ExecutorOptions:
    """What an executor is built from; each uses what it needs.

    Attributes:
        data_dir: The folder where data files are looked for by name.
        memory: The most bytes, as estimated, that may be trained side by side in one process; None
            for a share of what there is.
        progress: A function that is told how far the present fit has come.
        address: The address of a cluster.
        worker_cpus: Cores that a task takes on a cluster.
        worker_gpus: Accelerators that a task takes on a cluster.
    """

    data_dir: Path | None = None
    memory: int | None = None
    progress: Callable[[Progress], None] | None = None
    address: str | None = None
    worker_cpus: float = 1
    worker_gpus: float = 0


Build = Callable[[ExecutorOptions], Executor]
EXECUTORS: Registry[Build] = Registry(
    "executor", "jaxad.executors", lambda name, build: register(name)(build)  # pyright: ignore[reportArgumentType]
)  # fmt: skip


def register(name: str) -> Callable[[Build], Build]:
    """Return a decorator that registers a function from options to an executor.

    Args:
        name: The name of the executor.

    Raises:
        ConfigError: Another definition has the name.
    """

    def add(build: Build) -> Build:
        EXECUTORS.add(name, build, describe_origin(build))
        return build

    return add


class Arrivals(Iterator[Result]):
    """Results one by one, from batches that arrive together.

    Args:
        batches: The batches; closed with this iterator.
    """

    def __init__(self, batches: Generator[Sequence[Result]]):
        self._batches = batches
        self._arrived: deque[Result] = deque()

    def __next__(self) -> Result:
        while not self._arrived:
            self._arrived.extend(next(self._batches))
        return self._arrived.popleft()

    @property
    def waiting(self) -> int:
        """How many results have arrived and are not yet taken."""
        return len(self._arrived)

    def close(self) -> None:
        """Stop what still runs."""
        self._batches.close()
