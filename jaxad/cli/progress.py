"""Progress on standard error: a bar on a terminal, a line for each finished piece elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from jaxad.training.fitted import Progress as Step

__all__ = ["Reporter", "reporting"]


class Reporter:
    """Reports the progress of a command, whose pieces have the same size in the bar.

    Args:
        console: Where lines are printed.
        bar: The bar; None for a line for each finished piece.
        pieces: How many pieces there are.
    """

    def __init__(self, console: Console, bar: Progress | None, pieces: int):
        self._console, self._bar = console, bar
        self._task = None if bar is None else bar.add_task("", total=pieces)
        self._finished, self._size = 0, 1
        self._name = ""

    def begin(self, name: str, size: int = 1) -> None:
        """Report that something of so many pieces begins."""
        self._name, self._size = name, size
        self._show("compile", 0.0)

    def step(self, step: Step) -> None:
        """Report the progress of the present fit; `jaxad.fit` takes this as `progress`."""
        self._show(step.phase, step.done / max(step.total, 1))

    def done(self, result: str, stays: bool = False) -> None:
        """Report that what has begun is complete; beside a bar only if the line `stays`."""
        self._finished += self._size
        self._show("", 0.0)
        if stays or self._bar is None:
            self.say(f"{self._name}  {result}")

    def say(self, line: str) -> None:
        """Print a line that stays, also on a terminal."""
        self._console.print(line, markup=False, highlight=False)

    def _show(self, phase: str, share: float) -> None:
        if self._bar is not None and self._task is not None:
            text = f"{self._name} {phase}"
            done = self._finished + share * self._size
            self._bar.update(self._task, completed=done, description=text)


@contextmanager
def reporting(pieces: int, *, bar: bool = True) -> Iterator[Reporter]:
    """Yield a reporter of so many pieces.

    Args:
        pieces: How many.
        bar: Whether there may be a bar, on a terminal.
    """
    console = Console(stderr=True, soft_wrap=True)
    if not (bar and console.is_terminal):
        yield Reporter(console, None, pieces)
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    # Without redirection: rich would send what is printed on standard output to the bar's console.
    with Progress(
        *columns,
        console=console,
        transient=True,
        expand=True,
        redirect_stdout=False,
        redirect_stderr=False,
    ) as progress:
        yield Reporter(console, progress, pieces)
