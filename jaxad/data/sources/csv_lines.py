"""Lines of csv files as pieces of a table; a line that is no row is a bad row."""

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

_MARK = b"\xef\xbb\xbf"  # of UTF-8, which some programs put first


def read_csv_names(path: Path) -> tuple[tuple[str, ...], int]:
    """Names of the columns, and 1 if they are in the first line; numbers there are a row."""
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
        raise DataError(f"{path}: is empty")
    if all(not np.isnan(parse_number(cell)) or cell.strip() in NULLS for cell in cells):
        return tuple(str(i) for i in range(len(cells))), 0
    return tuple(cells), 1


def read_csv_pieces(
    path: Path, names: Sequence[str], first: int, size: int, columns: list[str]
) -> Iterator[Piece]:
    """Pieces of at most `size` rows with some of the columns, in order.

    Args:
        path: The file.
        names: The names of all its columns.
        first: How many lines come before the first row.
        size: How many rows a piece has, at most.
        columns: Which columns to read.
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
    """The cells of lines, by Arrow; line by line where quotes are not closed."""
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
    """Bytes that are no UTF-8 replaced: Arrow decodes a row of another length for its handler."""
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
    """A chunked column in one piece."""
    whole = column.combine_chunks()
    return whole.chunk(0) if hasattr(whole, "chunk") else whole
