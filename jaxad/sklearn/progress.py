"""Progress of a fit on standard error."""

import sys
import time
from collections.abc import Callable

from jaxad.training.fitted import Progress

__all__ = ["make_reporter"]

_SECONDS = 2.0


def make_reporter(name: str, verbose: int) -> Callable[[Progress], None] | None:
    """Return the function that reports the progress of a fit; `jaxad.fit` takes it as `progress`.

    Args:
        name: The name of the detector.
        verbose: 0: no reports. 1: a line when a phase begins, every two seconds, and at the end.
            2: a line for each report.

    Returns:
        The function; None for no reports.
    """
    if not verbose:
        return None
    last: tuple[str, float] = ("", 0.0)

    def report(progress: Progress) -> None:
        nonlocal last
        phase, now = last[0], time.monotonic()
        due = progress.phase != phase or now - last[1] >= _SECONDS
        if due or verbose > 1 or progress.done >= progress.total:
            last = (progress.phase, now)
            line = f"[jaxad] {name}: {progress.phase}, step {progress.done} of {progress.total}"
            print(line, file=sys.stderr, flush=True)

    return report
