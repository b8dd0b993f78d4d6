"""The estimate of a fit: each of its programs compiled for a topology."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import jax

from jaxad.detector import Detector, HostDetector
from jaxad.errors import ConfigError
from jaxad.estimates.capacity import DeviceMemoryError, find_capacity, read_available
from jaxad.estimates.costs import Cost, estimate_seconds, read_cost
from jaxad.estimates.programs import Program, list_programs, take_step
from jaxad.estimates.topologies import Topology
from jaxad.types import TestData, TrainData

__all__ = ["Estimate", "Report", "estimate_fit"]


@dataclass(frozen=True)
class Estimate:
    """A program compiled for a topology.

    Attributes:
        name: The name of the program.
        cost: What it needs on each device.
        seconds: The time of a training step by the roofline; None for other programs, and without
            published figures.
        compile_seconds: How long lowering and compiling took.
    """

    name: str
    cost: Cost
    seconds: float | None
    compile_seconds: float


@dataclass(frozen=True)
class Report:
    """The programs of a fit on a topology.

    Attributes:
        topology: What they were compiled for.
        seeds: The number of seeds.
        devices: The number of devices that the seeds are spread over.
        programs: The estimates, in the order in which the programs run.
        capacity: The largest number of seeds that fits, on all devices together; None if it was not
            looked for, or if the memory does not grow with the seeds.
        checked: Whether the largest program was compiled for `capacity` seeds.
    """

    topology: Topology
    seeds: int
    devices: int
    programs: tuple[Estimate, ...]
    capacity: int | None = None
    checked: bool = False

    @property
    def largest(self) -> Estimate:
        """The program that needs the most memory."""
        return max(self.programs, key=lambda one: one.cost.total)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain values, ready for JSON."""
        chip = self.topology.chip
        return {
            "topology": self.topology.name,
            "seeds": self.seeds,
            "devices": self.devices,
            "memory": chip.memory,
            "peak_operations": chip.operations,
            "bandwidth": chip.bandwidth,
            "source": chip.source,
            "capacity": self.capacity,
            "capacity_checked": self.checked,
            "programs": [
                {
                    "program": one.name,
                    **one.cost._asdict(),
                    "slow": dict(one.cost.slow),
                    "roofline_seconds": one.seconds,
                    "compile_seconds": one.compile_seconds,
                }
                for one in self.programs
            ],
        }


def estimate_fit(
    detector: Detector | HostDetector,
    train: TrainData,
    test: TestData | None,
    seeds: int,
    topology: Topology,
    *,
    capacity: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Report:
    """Compile all programs of a fit and of its scores for a topology, and run none of them.

    Args:
        detector: The detector, as `jaxad.make` makes it.
        train: Training rows of one seed, with a seed axis of length 1 if each seed is to have its
            own rows, or rows that all seeds share.
        test: Rows to score, with a seed axis as `train`; None for no scores.
        seeds: The number of seeds.
        topology: The devices, from `open_topology`.
        capacity: Whether to look for the largest number of seeds that fits; takes two or more
            further compilations of the largest program.
        progress: Called with the name of each program before it is compiled.

    Raises:
        ConfigError: The detector runs on the host, or so many seeds do not fit in the memory.
    """

    def programs(seeds: int) -> list[Program]:
        mesh, device = topology.mesh(seeds), topology.devices[0]
        mode = topology.mode(detector)
        return list_programs(detector, train, test, seeds, mode, mesh, device)

    def compile(program: Program) -> Estimate:
        if progress is not None:
            progress(program.name)
        start = time.perf_counter()
        cost = _compile(program)
        seconds = time.perf_counter() - start
        # Of other programs the compiler counts one turn of each loop, and the rows as read whole.
        step = program.function is take_step
        roofline = estimate_seconds(cost, topology.chip) if step else None
        return Estimate(program.name, cost, roofline, seconds)

    done = []
    memory = topology.chip.memory
    with _without_cache():
        for program in programs(seeds):
            try:
                one = compile(program)
                if one.cost.total > memory:
                    raise DeviceMemoryError(
                        f"{one.cost.total / 2**30:.1f} GiB of {memory / 2**30:.1f}"
                    )
            except DeviceMemoryError as error:
                raise ConfigError(
                    f"seeds: {seeds} do not fit in the memory of {topology.name}, in the program "
                    f"{program.name!r}: {error}. Give fewer seeds or more devices"
                ) from error
            done.append(one)
        mesh = topology.mesh(seeds)
        report = Report(topology, seeds, 1 if mesh is None else mesh.size, tuple(done))
        if not capacity:
            return report
        place = done.index(report.largest)

        def measure(seeds: int) -> int:
            return compile(programs(seeds)[place]).cost.total

        count = len(topology.devices)
        found, checked = find_capacity(measure, seeds, count, memory)
    return Report(topology, seeds, report.devices, report.programs, found, checked)


def _compile(program: Program) -> Cost:
    """Compile a program.

    Raises:
        DeviceMemoryError: It does not fit in the memory of a device.
    """
    lowered = program.lower()
    try:
        return read_cost(lowered.compile())
    except jax.errors.JaxRuntimeError as error:
        text = str(error)
        if "RESOURCE_EXHAUSTED" not in text:
            raise
        raise DeviceMemoryError(" ".join(text.split()), read_available(text)) from error


@contextmanager
def _without_cache() -> Iterator[None]:
    """Compile without the cache on disk, whose programs may lack their analysis."""
    before = jax.config.jax_enable_compilation_cache  # pyright: ignore[reportAttributeAccessIssue]
    jax.config.update("jax_enable_compilation_cache", False)
    try:
        yield
    finally:
        jax.config.update("jax_enable_compilation_cache", before)
