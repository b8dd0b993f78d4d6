"""Run groups of jobs on a Ray cluster; this process alone has the results.

A group is a task. Its cells are streamed here as each is complete. A task whose worker dies is
repeated by Ray; if it dies each time, its jobs are tried one by one, and a job that still gives no
result is a failed cell.
"""

import logging
import os
import signal
import socket
import threading
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import chdir, contextmanager, nullcontext
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, no_type_check

from jaxad.errors import ConfigError
from jaxad.sweep.cells import make_failure, run_group
from jaxad.sweep.executors.base import Arrivals, ExecutorOptions, Result, register
from jaxad.sweep.faults import WorkerLostError
from jaxad.sweep.groups import Group
from jaxad.sweep.memory import measure_available
from jaxad.utils.plugins import import_plugins, imported_plugins

__all__ = ["Cluster", "RayExecutor"]

_AHEAD = 4  # tasks that wait for each that runs


@dataclass(frozen=True)
class Cluster:
    """A Ray cluster, and the resources of a task.

    Attributes:
        address: The address of the cluster, such as "10.0.0.1:6379" or "auto"; None for the one
            that the environment names (`RAY_ADDRESS`), or else a cluster of this machine alone.
        worker_cpus: Cores of a task, > 0.
        worker_gpus: Accelerators of a task, >= 0; 0.5 puts two tasks on one.
        memory: The most bytes, as estimated, that a task may train side by side; None for its share
            of a quarter of what its machine or accelerator has.
        retries: How often a task is repeated whose worker died.

    Raises:
        ConfigError: A value out of its range.
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
    """A group that runs, and its cells that have arrived."""

    group: Group
    stream: Any
    seen: set[tuple[str | None, int]] = field(default_factory=set)

    def take(self, cell: Result) -> bool:
        """Note a result, and return whether it is new: a repeated task may give it twice."""
        cells = {(cell.job, seed) for seed in cell.seeds or ()}
        new = not cells <= self.seen
        self.seen |= cells
        return new

    def missing(self) -> list[Group]:
        """Return what has not arrived, a group for each job."""
        left = [
            (job, tuple(seed for seed in self.group.seeds if (job.name, seed) not in self.seen))
            for job in self.group.jobs
        ]
        return [Group((job,), seeds) for job, seeds in left if seeds]


@dataclass(frozen=True, kw_only=True)
class RayExecutor:
    """Hands groups to a Ray cluster as tasks.

    Attributes:
        data_dir: The folder where data files are looked for by name, the same on every machine.
        cluster: Where tasks run.
    """

    data_dir: str | Path | None = None
    cluster: Cluster = field(default_factory=Cluster)

    def run(self, groups: Sequence[Group]) -> Arrivals:
        """Return the results of groups as they arrive from the cluster.

        Raises:
            ConfigError: Ray is not installed, or there is no cluster at the address.
            KeyboardInterrupt: Ctrl-C was pressed; tasks that still run are cancelled.
        """
        return Arrivals(self._run(groups))

    def _run(self, groups: Sequence[Group]) -> Generator[list[Result]]:
        """Yield results, those together that arrived together."""
        with _connected(self.cluster.address) as ray:
            data_dir = None if self.data_dir is None else Path(self.data_dir).absolute()
            submit = _make_submit(ray, self.cluster, data_dir)
            most = _AHEAD * _count_places(ray, self.cluster)
            waiting, tasks = list(reversed(groups)), {}
            try:
                while waiting or tasks:
                    while waiting and len(tasks) < most:
                        task = submit(waiting.pop())
                        tasks[task.stream] = task
                    ready, others = ray.wait(list(tasks), num_returns=1)
                    if others:
                        ready += ray.wait(others, num_returns=len(others), timeout=0)[0]
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


@register("ray")
def build(options: ExecutorOptions) -> RayExecutor:
    """Build the executor of a Ray cluster."""
    cluster = Cluster(options.address, options.worker_cpus, options.worker_gpus, options.memory)
    return RayExecutor(data_dir=options.data_dir, cluster=cluster)


def _next(ray: Any, task: _Task) -> tuple[list[Result], list[Group], bool]:
    """Take from a task its next cells, groups to run in its place, and whether it ended."""
    try:
        cell = ray.get(next(task.stream))
    except StopIteration:
        return [], [], True
    except ray.exceptions.RayError as error:
        left = task.missing()
        if len(task.group.jobs) > 1:
            return [], left, True
        lost = WorkerLostError(f"{type(error).__name__}: {' '.join(str(error).split())}")
        return [make_failure(group.jobs[0], group.seeds, lost) for group in left], [], True
    return [cell] if task.take(cell) else [], [], False


def _make_submit(ray: Any, cluster: Cluster, data_dir: Path | None) -> Callable[[Group], _Task]:
    """Return a function that hands a group to the cluster."""
    options: dict[str, Any] = {
        "num_cpus": cluster.worker_cpus,
        "num_gpus": cluster.worker_gpus,
        "max_retries": cluster.retries,
        "num_returns": "streaming",
    }
    if 0 < cluster.worker_gpus < 1:  # JAX would take three quarters of the memory at once
        options["runtime_env"] = {"env_vars": {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}}
    run = ray.remote(**options)(_work)
    here, plugins = os.getcwd(), imported_plugins()
    return lambda group: _Task(group, run.remote(group, data_dir, here, cluster, plugins))


@no_type_check  # the wrapper of a run-time checker would hide from Ray that this is a generator
def _work(
    group: Group,
    data_dir: Path | None,
    folder: str,
    cluster: Cluster,
    plugins: Sequence[tuple[str, tuple[str, ...]]] = (),
) -> Iterator[Result]:
    """Run a task in a worker; paths of data files are relative to where the sweep was started."""
    from jaxad.utils.compilation_cache import enable_compilation_cache

    enable_compilation_cache()
    for module, folders in plugins:
        import_plugins([module], folders)
    with chdir(folder) if os.path.isdir(folder) else nullcontext():
        yield from run_group(group, data_dir, memory=_limit_memory(cluster))


def _limit_memory(cluster: Cluster) -> int:
    """Return the bytes that a task may take, beside which others run."""
    if cluster.memory is not None:
        return cluster.memory
    share = cluster.worker_gpus or cluster.worker_cpus / (os.cpu_count() or 1)
    return int(min(1.0, share) * measure_available())


@contextmanager
def _connected(address: str | None) -> Iterator[Any]:
    """Connect to a cluster, and disconnect at the end unless it was connected before."""
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
    on_termination = signal.getsignal(signal.SIGTERM)
    try:
        with warnings.catch_warnings():
            # JAX warns of forks; those of Ray become its own programs at once.
            warnings.filterwarnings("ignore", r"os\.fork\(\) was called", RuntimeWarning)
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **more)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise ConfigError(f"no Ray cluster at {address!r}: {error}") from error
    if callable(on_termination) and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, on_termination)  # Ray has set its own
    try:
        yield ray
    finally:
        ray.shutdown()


def _check_reachable(address: str) -> None:
    """Raise if nothing listens there: Ray would try for minutes, and then end the process."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
        except OSError as error:
            raise ConfigError(f"no Ray cluster at {address!r}: {error}") from error


def _count_places(ray: Any, cluster: Cluster) -> int:
    """Return how many tasks the cluster can run at once."""
    there = ray.cluster_resources()
    places = there.get("CPU", 1) / cluster.worker_cpus
    if cluster.worker_gpus:
        places = min(places, there.get("GPU", 0) / cluster.worker_gpus)
    return max(1, int(places))
