"""Tables of measurements: printed in Markdown row by row, and kept in a csv file."""

import csv
from pathlib import Path
from typing import Any


class Recorder:
    """A table that is printed as it grows; `--out` names the csv file that it is written to.

    Args:
        columns: The names of the columns.
        out: The csv file; None to print alone. It is written anew with each row, so that a run
            that is stopped keeps what it has.
    """

    def __init__(self, columns: tuple[str, ...], out: Path | None = None):
        self.lines: list[tuple[Any, ...]] = [columns]
        self.out = out
        print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}", flush=True)

    def add(self, *cells: Any) -> None:
        """Add a row, of one cell for each column."""
        assert len(cells) == len(self.lines[0]), cells
        self.lines.append(cells)
        print(f"| {' | '.join(map(str, cells))} |", flush=True)
        if self.out is not None:
            with self.out.open("w", newline="") as file:
                csv.writer(file, lineterminator="\n").writerows(self.lines)


def add_out(parser: Any) -> None:
    """Add the option `--out` to the parser of a benchmark."""
    parser.add_argument("--out", type=Path, help="a csv file for the table")
