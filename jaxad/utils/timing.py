"""Wall time split into compiling and running, and a count of compilations."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import jax

__all__ = ["Seconds", "count_compilations", "stopwatch"]

_STAGES = (
    "/jax/core/compile/jaxpr_trace_duration",
    "/jax/core/compile/jaxpr_to_mlir_module_duration",
    "/jax/core/compile/backend_compile_duration",
)
# When this process was compiling: disjoint spans of time, oldest first. Threads overlap.
_spans: list[tuple[float, float]] = []
_programs = 0
_lock = threading.Lock()


def _listen(event: str, duration_secs: float, **_: object) -> None:
    global _programs
    if event not in _STAGES:
        return
    with _lock:
        end = time.perf_counter()
        start = end - duration_secs
        while _spans and _spans[-1][1] > start:
            start = min(start, _spans.pop()[0])
        _spans.append((start, end))
        _programs += event == _STAGES[-1]


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

    def share(self, part: float) -> "Seconds":
        """A part of them, for one of several pieces that were done together."""
        return Seconds(self.compile * part, self.run * part, round(self.programs * part))


@contextmanager
def stopwatch() -> Iterator[Seconds]:
    """Measure a block; the result is filled in when the block ends."""
    seconds = Seconds()
    programs, start = _programs, time.perf_counter()
    try:
        yield seconds
    finally:
        end = time.perf_counter()
        with _lock:
            recent = [span for span in _spans if span[1] > start]
        seconds.compile = sum(min(b, end) - max(a, start) for a, b in recent)
        seconds.run = end - start - seconds.compile
        seconds.programs = _programs - programs


def count_compilations() -> int:
    """How many programs this process has compiled (or fetched from the cache) so far."""
    return _programs
