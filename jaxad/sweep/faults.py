"""What went wrong with a cell, in words that help."""

import traceback

__all__ = ["WorkerLostError", "described", "is_out_of_memory"]

# How XLA, CUDA and the operating system say it.
_SIGNS = ("RESOURCE_EXHAUSTED", "out of memory", "Out of memory", "OutOfMemory")
HINT = "out of memory: a smaller --memory-gib trains fewer seeds side by side"


class WorkerLostError(Exception):
    """A worker of a cluster died each time that it was given a job."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory, of the host or of a device, ran out."""
    return isinstance(error, MemoryError) or any(
        sign in f"{type(error).__name__} {error}" for sign in _SIGNS
    )


def described(error: BaseException) -> str:
    """An error for the column of errors: a line, what may help, and the traceback."""
    hint = f" ({HINT})" if is_out_of_memory(error) else ""
    line = f"{type(error).__name__}: {error}".rstrip(": ")
    return f"{line}{hint}\n\n{''.join(traceback.format_exception(error))}"
