"""Writing tables of scores piece by piece: csv or parquet files, or standard output."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxad.cli.outputs import escape_table, write_names
from jaxad.cli.pipes import is_pipe, open_stdout
from jaxad.utils.files import write_atomically

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Budget", "open_output"]


class Budget:
    """The highest scores so far, as many as there may be alarms."""

    def __init__(self, size: int):
        """Begin without scores; `size` is the number of alarms."""
        self.size, self.best = size, np.zeros(0)

    def add(self, score: np.ndarray) -> None:
        """Add the scores of further rows; nan does not count."""
        best = np.concatenate([self.best, score[~np.isnan(score)]])
        self.best = best if len(best) <= self.size else np.partition(best, -self.size)[-self.size :]

    def mark(self, score: np.ndarray, taken: int) -> np.ndarray:
        """Return which rows are among the highest; `taken` of earlier rows were at the limit.

        Of rows with the same score, the first ones are.
        """
        limit = self.best.min()
        room = int(np.sum(self.best == limit)) - taken
        level = score == limit
        return (score > limit) | (level & (np.cumsum(level) <= room))


@contextmanager
def open_output(out: Path, budget: Budget | None) -> Iterator[Callable[["pa.Table"], None]]:
    """Open the output of a command and give a function that appends a table to it.

    A file appears when it is complete. Standard output gets each table at once.

    Args:
        out: A csv or parquet file, or - for standard output.
        budget: Marks the rows with the highest scores in a column `anomaly`; None for no marks.
    """
    if is_pipe(out):
        with open_stdout() as write:
            yield write
        return
    with write_atomically(out) as partial, _open_writer(partial, out.suffix, budget) as write:
        yield write


@contextmanager
def _open_writer(
    path: Path, suffix: str, budget: Budget | None
) -> Iterator[Callable[["pa.Table"], None]]:
    """Open a file and give a function that appends a table to it.

    With a budget the tables go through a temporary file, until it is known which rows are marked.
    """
    if budget is None:
        with _open_plain(path, suffix) as write:
            yield write
        return
    from pyarrow import parquet

    with tempfile.TemporaryFile() as file:
        with _open_plain(file, ".parquet") as keep:

            def add(table: "pa.Table") -> None:
                budget.add(table.column("score").to_numpy())
                keep(table)

            yield add
        taken = 0
        with parquet.ParquetFile(file) as scored, _open_plain(path, suffix) as write:
            for batch in scored.iter_batches():
                score = batch.column("score").to_numpy(zero_copy_only=False)
                marked = budget.mark(score, taken)
                taken += int(np.sum(marked & (score == budget.best.min())))
                write(_add_marks(batch, marked, np.isnan(score)))


def _add_marks(batch: Any, marked: np.ndarray, bad: np.ndarray) -> "pa.Table":
    import pyarrow as pa

    table = pa.Table.from_batches([batch])
    return table.append_column("anomaly", pa.array(marked.astype(np.int8), mask=bad))


@contextmanager
def _open_plain(path: Any, suffix: str) -> Iterator[Callable[["pa.Table"], None]]:
    """Open a file and give a function that appends a table to it."""
    from pyarrow import csv as arrow
    from pyarrow import parquet

    opened: list[Any] = []

    def write(table: "pa.Table") -> None:
        if not opened:
            if suffix.lower() == ".csv":
                plain = arrow.WriteOptions(include_header=False)  # its header would be quoted
                opened.append(open(path, "wb"))  # noqa: SIM115  # closed below
                write_names(opened[0], table.column_names)
                opened.insert(0, arrow.CSVWriter(opened[0], table.schema, write_options=plain))
            else:
                opened.append(parquet.ParquetWriter(path, table.schema))
        opened[0].write_table(escape_table(table) if suffix.lower() == ".csv" else table)

    try:
        yield write
    finally:
        for writer in opened:
            writer.close()
