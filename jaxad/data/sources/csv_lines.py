"""Reading of csv files in pieces; a line that cannot be parsed becomes a bad row."""

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxad.data.sources.pieces import NULLS, Piece, parse_number
from jaxad.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["read_csv_names", "read_csv_pieces"]

_MARK = b"\xef\xbb\xbf"  # the byte order mark of UTF-8


def read_csv_names(path: Path) -> tuple[tuple[str, ...], int]:
    """Read the names of the columns, and the number of lines before the first row (0 or 1).

    A first line of numbers or missing values is a row; the columns are then named 0, 1, ...

    Raises:
        DataError: The file is missing or empty, or its first line cannot be read.
    """
    try:
        with path.open("rb") as file:
            line = next((line for line in file if line.strip()), b"")
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error})") from error
    try:
        cells = _split_cells(line.decode("utf-8-sig"))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: the first line cannot be read ({error})") from error
    if not cells:
        raise DataError(f"{path}: the file is empty; give a file with rows")
    if all(not np.isnan(parse_number(cell)) or cell.strip() in NULLS for cell in cells):
        return tuple(str(i) for i in range(len(cells))), 0
    return tuple(cells), 1


def read_csv_pieces(
    path: Path, names: Sequence[str], first: int, size: int, columns: list[str]
) -> Iterator[Piece]:
    """Yield pieces of at most `size` rows with some of the columns, in order.

    Args:
        path: The file.
        names: The names of all its columns.
        first: The number of lines before the first row.
        size: The largest number of rows in a piece.
        columns: The columns to read.

    Raises:
        DataError: The file cannot be read.
    """
    try:
        with path.open("rb") as file:
            lines = (line for line in file if line.strip())
            lines = islice(lines, first, None)
            while some := list(islice(lines, size)):
                some[0] = some[0].removeprefix(_MARK)
                yield _parse(some, names, columns)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error})") from error


def _parse(lines: list[bytes], names: Sequence[str], columns: list[str]) -> Piece:
    """Parse lines with Arrow, or one by one if Arrow fails, as with an unclosed quote."""
    import pyarrow as pa
    from pyarrow import csv as arrow

    bad: dict[int, str] = {}

    def on_bad(row: Any) -> str:
        bad[row.number - 1] = f"{row.actual_columns} values for {row.expected_columns} columns"
        return "skip"

    if not lines[-1].endswith(b"\n"):
        lines[-1] += b"\n"
    text = _as_utf8(b"".join(lines))
    kept = [pa.binary()] * len(names)
    try:
        read = arrow.read_csv(
            pa.BufferReader(text),
            arrow.ReadOptions(
                column_names=list(names), use_threads=False, block_size=max(len(text), 1)
            ),
            arrow.ParseOptions(invalid_row_handler=on_bad),
            arrow.ConvertOptions(
                column_types=dict(zip(names, kept, strict=True)),
                include_columns=columns,
                null_values=list(NULLS),
                strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid:
        return _parse_one_by_one(lines, names, columns)
    if read.num_rows + len(bad) != len(lines):
        return _parse_one_by_one(lines, names, columns)
    arrays = {name: _join_chunks(read.column(name)) for name in columns}
    if bad:
        good = np.ones(len(lines), bool)
        good[list(bad)] = False
        places = np.where(good, np.cumsum(good) - 1, -1)
        index = pa.array(places, mask=~good)
        arrays = {name: array.take(index) for name, array in arrays.items()}
    return Piece(arrays, bad)


def _as_utf8(text: bytes) -> bytes:
    """Replace bytes that are not UTF-8; Arrow decodes rows of a wrong length for its handler."""
    try:
        text.decode()
    except UnicodeDecodeError:
        return text.decode(errors="replace").encode()
    return text


def _parse_one_by_one(lines: list[bytes], names: Sequence[str], columns: list[str]) -> Piece:
    import pyarrow as pa

    rows: list[list[str | None]] = []
    bad: dict[int, str] = {}
    for i, line in enumerate(lines):
        try:
            cells = _split_cells(line.decode(errors="replace"))
        except csv.Error as error:
            bad[i], cells = str(error), []
        if len(cells) != len(names):
            bad.setdefault(i, f"{len(cells)} values for {len(names)} columns")
            rows.append([None] * len(names))
        else:
            rows.append([None if cell.strip() in NULLS else cell for cell in cells])
    places = [names.index(name) for name in columns]
    arrays = [pa.array([row[at] for row in rows], pa.string()) for at in places]
    return Piece(dict(zip(columns, arrays, strict=True)), bad)


def _split_cells(line: str) -> list[str]:
    return next(csv.reader(io.StringIO(line, newline=""), strict=True), [])


def _join_chunks(column: Any) -> "pa.Array":
    """Return a chunked column as one array."""
    whole = column.combine_chunks()
    return whole.chunk(0) if hasattr(whole, "chunk") else whole
