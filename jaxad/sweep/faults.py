"""Errors of cells, and their description in results."""

import traceback

__all__ = ["WorkerLostError", "describe_error", "is_out_of_memory"]

# Words of XLA, CUDA and the operating system.
_SIGNS = ("RESOURCE_EXHAUSTED", "out of memory", "Out of memory", "OutOfMemory")
HINT = "out of memory: a smaller --memory-gib trains fewer seeds side by side"


class WorkerLostError(Exception):
    """A worker of a cluster died each time that it was given a job."""


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory, of the host or of a device, ran out."""
    return isinstance(error, MemoryError) or any(
        sign in f"{type(error).__name__} {error}" for sign in _SIGNS
    )


def describe_error(error: BaseException) -> str:
    """Return the text of an error for results: one line, a hint where there is one, a traceback."""
    hint = f" ({HINT})" if is_out_of_memory(error) else ""
    line = f"{type(error).__name__}: {error}".rstrip(": ")
    return f"{line}{hint}\n\n{''.join(traceback.format_exception(error))}"
