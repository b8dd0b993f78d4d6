"""Run groups of jobs in this process, one group after the other."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from jaxad.sweep.cells import run_cells
from jaxad.sweep.executors.base import ExecutorOptions, Result, register
from jaxad.sweep.groups import Group
from jaxad.training.fitted import Progress

__all__ = ["LocalExecutor"]


@dataclass(frozen=True, kw_only=True)
class LocalExecutor:
    """Trains the jobs of a group side by side, as far as memory allows.

    Attributes:
        data_dir: The folder where data files are looked for by name.
        memory: The most bytes, as estimated, that may be trained side by side; None for a quarter
            of what there is.
        progress: A function that is told how far the present fit has come.
        stop_at_error: Whether an error ends the run; by default it becomes a `Failure`, and the
            other jobs go on.
    """

    data_dir: str | Path | None = None
    memory: int | None = None
    progress: Callable[[Progress], None] | None = None
    stop_at_error: bool = False

    def run(self, groups: Sequence[Group]) -> Iterator[Result]:
        """Yield one result for each job, and one more for seeds of it that failed.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed; what was yielded before is complete.
        """
        for group in groups:
            todo = [(job, group.seeds) for job in group.jobs]
            yield from run_cells(
                todo, self.data_dir, self.progress, self.memory, self.stop_at_error
            )


@register("local")
def build(options: ExecutorOptions) -> LocalExecutor:
    """Build the executor of this process."""
    return LocalExecutor(
        data_dir=options.data_dir, memory=options.memory, progress=options.progress
    )
