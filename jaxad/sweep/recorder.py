"""The recorder of a sweep: it writes results as they arrive."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

from jaxad.sweep.executors import Executor, LocalExecutor, Result
from jaxad.sweep.groups import Group
from jaxad.sweep.store import Appender

__all__ = ["record", "run_jobs"]


def record(
    results: Iterator[Result],
    append: Callable[..., Any],
    on_result: Callable[[Result], None] | None = None,
) -> None:
    """Append results as they arrive, and report each of them once it is on the disk.

    Results that have arrived together are appended together.

    Args:
        results: The results, as an `Executor` yields them; closed at the end, however it comes.
        append: Writes some results.
        on_result: Told of each result that is written.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed; what has arrived before is written.
        OSError: The results cannot be written.
    """
    arrived: list[Result] = []
    close: Any = closing(results) if hasattr(results, "close") else nullcontext()  # pyright: ignore
    with close:
        for result in results:
            arrived.append(result)
            if getattr(results, "waiting", 0):
                continue
            append(*arrived)
            for one in arrived:
                if on_result is not None:
                    on_result(one)
            arrived.clear()


def run_jobs(
    groups: Sequence[Group],
    folder: str | Path,
    executor: Executor | None = None,
    on_result: Callable[[Result], None] | None = None,
) -> None:
    """Run groups of jobs and append their results to a folder, each as soon as it is complete.

    A job that fails is recorded with its error, and the others go on.

    Args:
        groups: The groups, as `group_jobs` makes them.
        folder: The folder of results.
        executor: Where they run; by default in this process.
        on_result: Told of each result that is written.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed; what is complete is recorded.
        OSError: The folder cannot be written.
    """
    executor = LocalExecutor() if executor is None else executor
    record(executor.run(groups), Appender(folder).add, on_result)
