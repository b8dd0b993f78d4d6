"""Run groups of jobs on a Ray cluster; this process alone writes results.

A group is a task. Its cells are streamed here as each is complete. A task whose worker dies is
run again by Ray; if it dies each time, its jobs are tried one by one, and what still comes to
nothing is a failed cell.
"""

import logging
import os
import socket
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import chdir, closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jaxad.errors import ConfigError
from jaxad.results import Cell, Failure
from jaxad.sweep.faults import WorkerLostError
from jaxad.sweep.local import failure_of, run_group
from jaxad.sweep.memory import available
from jaxad.sweep.plan import Group
from jaxad.sweep.store import Appender

__all__ = ["Cluster", "run_on_ray"]

_AHEAD = 4  # tasks that wait for each that runs


@dataclass(frozen=True)
class Cluster:
    """Where tasks run, and what each takes.

    Attributes:
        address: The cluster's, such as "10.0.0.1:6379" or "auto"; None for the one that the
            environment names (`RAY_ADDRESS`), or else one of this machine alone.
        worker_cpus: Cores of a task, > 0.
        worker_gpus: Accelerators of a task, >= 0; 0.5 puts two tasks on one.
        memory: The most bytes that what a task trains side by side may take, as estimated; None:
            its share of a quarter of what its machine or accelerator has.
        retries: How often a task is run again whose worker died.
    """

    address: str | None = None
    worker_cpus: float = 1
    worker_gpus: float = 0
    memory: int | None = None
    retries: int = 3

    def __post_init__(self) -> None:
        if not self.worker_cpus > 0:
            raise ConfigError(f"worker_cpus must be positive; given {self.worker_cpus}")
        if not self.worker_gpus >= 0:
            raise ConfigError(f"worker_gpus must not be negative; given {self.worker_gpus}")


@dataclass
class _Task:
    """A group that is at work, and which of its cells have arrived."""

    group: Group
    stream: Any
    seen: set[tuple[str | None, int]] = field(default_factory=set)

    def take(self, cell: Cell | Failure) -> bool:
        """Note what arrived; whether it is new: a task that is run again may say things twice."""
        cells = {(cell.job, seed) for seed in cell.seeds or ()}
        new = not cells <= self.seen
        self.seen |= cells
        return new

    def missing(self) -> list[Group]:
        """What has not arrived, a group for each job."""
        left = [
            (job, tuple(seed for seed in self.group.seeds if (job.name, seed) not in self.seen))
            for job in self.group.jobs
        ]
        return [Group((job,), seeds) for job, seeds in left if seeds]


def run_on_ray(
    groups: Sequence[Group],
    folder: str | Path,
    data_dir: str | Path | None = None,
    cluster: Cluster = Cluster(),
    on_cell: Callable[[Cell | Failure], None] | None = None,
) -> None:
    """Run groups on a cluster and append their rows as they arrive.

    Args:
        groups: As `group_jobs` made them.
        folder: The folder of results, of this machine.
        data_dir: The folder that data sets are looked for in, the same path on every machine.
        cluster: Where tasks run.
        on_cell: Told of each job that is recorded.

    Raises:
        ConfigError: Ray is not installed, or there is no cluster at the address.
        KeyboardInterrupt: Ctrl-C was pressed; what had arrived is recorded, the rest cancelled.
        OSError: The folder cannot be written.
    """
    with _connected(cluster.address) as ray:
        submit = _submitter(ray, cluster, None if data_dir is None else Path(data_dir).absolute())
        appender = Appender(folder)
        most = _AHEAD * _places(ray, cluster)
        with closing(_arriving(ray, groups, submit, most)) as arriving:
            for cells in arriving:
                appender.add(*cells)
                for cell in cells:
                    if on_cell is not None:
                        on_cell(cell)


def _arriving(
    ray: Any, groups: Sequence[Group], submit: Callable[[Group], _Task], most: int
) -> Generator[list[Cell | Failure]]:
    """Cells, those together that arrived together; so a folder gets few files of many rows."""
    waiting, tasks = list(reversed(groups)), {}
    try:
        while waiting or tasks:
            while waiting and len(tasks) < most:
                task = submit(waiting.pop())
                tasks[task.stream] = task
            ready, others = ray.wait(list(tasks), num_returns=1)
            ready += ray.wait(others, num_returns=len(others), timeout=0)[0] if others else []
            cells = []
            for stream in ready:
                new, again, ended = _next(ray, tasks[stream])
                cells += new
                waiting += again
                if ended:
                    del tasks[stream]
            if cells:
                yield cells
    finally:  # Ctrl-C, or a folder that cannot be written: nothing to wait for
        for stream in tasks:
            ray.cancel(stream, force=True)


def _next(ray: Any, task: _Task) -> tuple[list[Cell | Failure], list[Group], bool]:
    """What a task has ready: its cells, groups to be run in its place, and whether it ended."""
    try:
        cell = ray.get(next(task.stream))
    except StopIteration:
        return [], [], True
    except ray.exceptions.RayError as error:
        left = task.missing()
        if len(task.group.jobs) > 1:
            return [], left, True
        lost = WorkerLostError(f"{type(error).__name__}: {' '.join(str(error).split())}")
        return [failure_of(group.jobs[0], group.seeds, lost) for group in left], [], True
    return [cell] if task.take(cell) else [], [], False


def _submitter(ray: Any, cluster: Cluster, data_dir: Path | None) -> Callable[[Group], _Task]:
    """A function that hands a group to the cluster."""
    options: dict[str, Any] = {
        "num_cpus": cluster.worker_cpus,
        "num_gpus": cluster.worker_gpus,
        "max_retries": cluster.retries,
        "num_returns": "streaming",
    }
    if 0 < cluster.worker_gpus < 1:  # JAX would take three quarters of the memory at once
        options["runtime_env"] = {"env_vars": {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}}
    run = ray.remote(**options)(_work)
    here = os.getcwd()
    return lambda group: _Task(group, run.remote(group, data_dir, here, cluster))


def _work(
    group: Group, data_dir: Path | None, folder: str, cluster: Cluster
) -> Iterator[Cell | Failure]:
    """The task, in a worker: paths of data files are taken from where the sweep was started."""
    from jaxad.utils.compilation_cache import enable_compilation_cache

    enable_compilation_cache()
    with chdir(folder) if os.path.isdir(folder) else nullcontext():
        yield from run_group(group, data_dir, memory=_memory(cluster))


def _memory(cluster: Cluster) -> int:
    """The bytes that a task may take, of which others run beside it."""
    if cluster.memory is not None:
        return cluster.memory
    share = cluster.worker_gpus or cluster.worker_cpus / (os.cpu_count() or 1)
    return int(min(1.0, share) * available())


@contextmanager
def _connected(address: str | None) -> Iterator[Any]:
    """Ray, connected to a cluster; disconnected at the end unless it had been before."""
    if find_spec("ray") is None:
        raise ConfigError('--executor ray needs Ray: pip install "jaxad[ray]"')
    import ray
    import ray.exceptions

    if ray.is_initialized():
        yield ray
        return
    address = address or os.environ.get("RAY_ADDRESS")
    if address is not None:
        _check_reachable(address)
    more: dict[str, Any] = {"include_dashboard": False} if address is None else {}
    try:
        with warnings.catch_warnings():
            # JAX warns of forks; those of Ray become its own programs at once.
            warnings.filterwarnings("ignore", r"os\.fork\(\) was called", RuntimeWarning)
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **more)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise ConfigError(f"no Ray cluster at {address!r}: {error}") from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _check_reachable(address: str) -> None:
    """Raise where nobody listens: Ray itself would try for minutes, and then end the process."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
        except OSError as error:
            raise ConfigError(f"no Ray cluster at {address!r}: {error}") from error


def _places(ray: Any, cluster: Cluster) -> int:
    """How many tasks the cluster can run at once."""
    there = ray.cluster_resources()
    places = there.get("CPU", 1) / cluster.worker_cpus
    if cluster.worker_gpus:
        places = min(places, there.get("GPU", 0) / cluster.worker_gpus)
    return max(1, int(places))
