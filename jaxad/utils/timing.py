"""Measurement of wall time, split into compiling and running, and of compilations."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import jax

__all__ = ["Seconds", "count_compilations", "loading", "stopwatch"]

_STAGES = (
    "/jax/core/compile/jaxpr_trace_duration",
    "/jax/core/compile/jaxpr_to_mlir_module_duration",
    "/jax/core/compile/backend_compile_duration",
)
# The times at which this process was compiling, as disjoint intervals in order. Overlapping ones
# of different threads are merged.
_spans: list[tuple[float, float]] = []
_programs = 0
_lock = threading.Lock()


def _listen(event: str, duration_secs: float, **_: object) -> None:
    if event in _STAGES:
        _record(duration_secs, event == _STAGES[-1])


def _record(seconds: float, whole: bool) -> None:
    """Record a time of compiling or loading that ends now, and whether a program was finished."""
    global _programs
    with _lock:
        end = time.perf_counter()
        start = end - seconds
        while _spans and _spans[-1][1] > start:
            start = min(start, _spans.pop()[0])
        _spans.append((start, end))
        _programs += whole


jax.monitoring.register_event_duration_secs_listener(_listen)


@dataclass
class Seconds:
    """Wall time of a block, in seconds.

    Attributes:
        compile: The time of tracing, lowering and compiling (or loading from the cache).
        run: The remaining time.
        programs: The number of programs that were compiled (or loaded).
    """

    compile: float = 0.0
    run: float = 0.0
    programs: int = 0

    def __add__(self, other: "Seconds") -> "Seconds":
        """Return the sum of two times."""
        return Seconds(
            self.compile + other.compile, self.run + other.run, self.programs + other.programs
        )

    def share(self, part: float) -> "Seconds":
        """Return a fraction of the time, for one of several parts that ran together."""
        return Seconds(self.compile * part, self.run * part, round(self.programs * part))


@contextmanager
def stopwatch() -> Iterator[Seconds]:
    """Measure the time of a block; the yielded `Seconds` is filled in when the block ends."""
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


@contextmanager
def loading() -> Iterator[None]:
    """Measure a block that loads a program without JAX's own measurement of it."""
    start = time.perf_counter()
    try:
        yield
    finally:
        _record(time.perf_counter() - start, True)


def count_compilations() -> int:
    """Return the number of programs that this process has compiled or loaded from the cache."""
    return _programs
