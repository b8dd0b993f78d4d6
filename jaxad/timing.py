"""Wall time split into compiling and running, and a count of compilations."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import jax

__all__ = ["Seconds", "compilations", "stopwatch"]

_STAGES = (
    "/jax/core/compile/jaxpr_trace_duration",
    "/jax/core/compile/jaxpr_to_mlir_module_duration",
    "/jax/core/compile/backend_compile_duration",
)
_spent = {"seconds": 0.0, "programs": 0}


def _listen(event: str, duration: float, **_: object) -> None:
    if event in _STAGES:
        _spent["seconds"] += duration
        _spent["programs"] += event == _STAGES[-1]


jax.monitoring.register_event_duration_secs_listener(_listen)


@dataclass
class Seconds:
    """Wall seconds of a piece of work.

    Attributes:
        compile: Spent on tracing, lowering and compiling (or fetching from the cache).
        run: All the rest.
        programs: How many programs were compiled (or fetched).
    """

    compile: float = 0.0
    run: float = 0.0
    programs: int = 0

    def __add__(self, other: "Seconds") -> "Seconds":
        """The seconds of two pieces of work together."""
        return Seconds(
            self.compile + other.compile, self.run + other.run, self.programs + other.programs
        )


@contextmanager
def stopwatch() -> Iterator[Seconds]:
    """Measure a block; the result is filled in when the block ends."""
    seconds = Seconds()
    before, start = dict(_spent), time.perf_counter()
    try:
        yield seconds
    finally:
        wall = time.perf_counter() - start
        seconds.compile = min(wall, _spent["seconds"] - before["seconds"])
        seconds.run = wall - seconds.compile
        seconds.programs = int(_spent["programs"] - before["programs"])


def compilations() -> int:
    """How many programs this process has compiled (or fetched from the cache) so far."""
    return int(_spent["programs"])
