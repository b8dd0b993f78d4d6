"""Standard input and standard output as the input and the output of a command."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from jaxad.cli.outputs import escape_table, write_names
from jaxad.data.tables.lines import STDIN

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["is_pipe", "open_stdin", "open_stdout"]


def is_pipe(path: Path | None) -> bool:
    """Return whether a path is "-", which means standard input or output."""
    return path is not None and str(path) == STDIN


def open_stdin() -> IO[bytes]:
    """Return standard input as bytes."""
    return sys.stdin.buffer


@contextmanager
def open_stdout() -> Iterator[Callable[["pa.Table"], None]]:
    """Give a function that writes a table to standard output as csv, at once."""
    from pyarrow import csv as arrow

    plain = arrow.WriteOptions(include_header=False)  # its header would be quoted
    out = sys.stdout.buffer
    begun = False

    def write(table: "pa.Table") -> None:
        nonlocal begun
        if not begun:
            write_names(out, table.column_names)
            begun = True
        arrow.write_csv(escape_table(table), out, plain)
        out.flush()

    yield write
