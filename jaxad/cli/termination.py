"""SIGTERM, with which clusters and clouds announce that they take a machine back."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["stop_on_termination"]


@contextmanager
def stop_on_termination() -> Iterator[threading.Event]:
    """Treat SIGTERM as Ctrl-C within the block, and yield an event that is set when it comes.

    Nothing changes in other threads than the main one, or where the program that calls this one
    has a handler of its own.
    """
    came = threading.Event()
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield came
        return

    def on_termination(signum, frame):
        came.set()
        handler = signal.getsignal(signal.SIGINT)
        # Shells start background jobs with Ctrl-C ignored; these are stopped nevertheless.
        if not callable(handler):
            raise KeyboardInterrupt
        handler(signal.SIGINT, frame)

    signal.signal(signal.SIGTERM, on_termination)
    try:
        yield came
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
