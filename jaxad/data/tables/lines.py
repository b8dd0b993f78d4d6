"""Tables that arrive line by line, such as standard input: rows are parsed as soon as they come."""

import codecs
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from jaxad.data.tables.arrow import check_names, unify_columns
from jaxad.data.tables.delimited import UNNAMED, read_format
from jaxad.data.tables.options import TableOptions, check_options, unknown_column
from jaxad.data.tables.reading import Piece, TableSource, with_points
from jaxad.data.tables.text_stream import ERRORS
from jaxad.errors import DataError

__all__ = ["STDIN", "TableStream", "open_stream"]

STDIN = "-"  # the path that means standard input or standard output
_BLOCK = 1 << 16  # bytes that are taken at once, if so many are there
_LONGEST = 1 << 20  # bytes of a line


@dataclass(frozen=True)
class TableStream(TableSource):
    """A csv table whose lines are parsed when they arrive; it can be read once.

    A row is a line: a value cannot hold a line break. Otherwise rows are as those of a file.

    Attributes:
        batches: The lines that were there at the same time; None for a line that is too long.
    """

    batches: Iterator[list[str | None]] = field(default_factory=lambda: iter(()), compare=False)

    def pieces(self, size: int = _BLOCK, columns: Sequence[str] | None = None) -> Iterator[Piece]:
        """Yield the rows that are there, at most `size` at once, without waiting for more.

        Args:
            size: The largest number of rows of a piece.
            columns: The columns to read. Default: all except `options.drop`.
        """
        if columns is None:
            columns = [name for name in self.names if name not in self.options.drop]
        for lines in self.batches:
            for start in range(0, len(lines), size):
                yield self._parse(lines[start : start + size], list(columns))

    def _parse(self, lines: list[str | None], columns: list[str]) -> Piece:
        """Parse lines; a row that cannot be parsed is null in all columns."""
        import pyarrow as pa

        assert self.form is not None
        width, delimiter = len(self.names), self.form.delimiter
        bad: dict[int, str] = {}
        rows: list[Sequence[str | None]] = []
        for place, line in enumerate(lines):
            row, problem = _split(line, delimiter)
            if not problem and len(row) != width:
                problem = f"{len(row)} values for {width} columns"
            if problem:
                bad[place] = problem
            rows.append([None] * width if problem else row)
        index = [self.names.index(name) for name in columns]
        arrays = [pa.array([row[i] or None for row in rows], pa.string()) for i in index]
        table = pa.table(arrays, names=columns)
        if self.options.decimal == ",":
            table = with_points(table)
        return Piece(unify_columns(table, self.options.missing), bad)


def open_stream(
    stream: IO[bytes],
    options: TableOptions | None = None,
    known: Sequence[str] = (),
    what: str = "standard input",
) -> TableStream:
    """Take a stream of csv lines, and find its columns by the first line.

    The text is UTF-8. The first line holds the names of the columns by the rules of files. If it
    holds values, the columns are those of training in their order.

    Args:
        stream: The stream, with `read1`, which returns what is there.
        options: How to read it.
        known: The names of the columns of training, if any.
        what: The name of the stream in errors.

    Raises:
        DataError: The stream is empty, not UTF-8, or its first line cannot be read.
        ConfigError: An option has a value that is not allowed, or names a column that does not
            exist.
    """
    options = options or TableOptions()
    check_options(options)
    batches = _read_lines(stream, what)
    first = next(batches, None)
    if first is None:
        raise DataError(f"{what}: is empty; give lines of csv, the names of the columns first")
    if first[0] is None:
        raise DataError(f"{what}: the first line is longer than {_LONGEST} bytes")
    sample = "\n".join(line for line in first if line is not None) + "\n"
    form = read_format(sample, what, options, known, complete=True)
    if not form.first and known:
        if len(form.names) != len(known):
            raise DataError(
                f"{what}: the first line holds {len(form.names)} values and no names; without "
                f"names the columns must be the {len(known)} of training: "
                f"{', '.join(known[:5])}{', ...' if len(known) > 5 else ''}"
            )
        form = form._replace(names=tuple(known))
    check_names(form.names, what)
    for option, given in (("id", options.id), *(("drop", name) for name in options.drop)):
        if given is not None and given not in form.names:
            raise unknown_column(what, option, given, form.names)
    index = tuple(name for name in form.names if name == UNNAMED)
    rest = _join(first[form.first :], batches)
    return TableStream(what, form.names, index, Path(STDIN), options, form, rest)


def _join(
    first: list[str | None], batches: Iterator[list[str | None]]
) -> Iterator[list[str | None]]:
    if first:
        yield first
    yield from batches


def _read_lines(stream: IO[bytes], what: str) -> Iterator[list[str | None]]:
    """Yield the whole lines that are there, without those that are empty.

    A line that is longer than `_LONGEST` is None; it is passed over without being kept.

    Raises:
        DataError: The stream is UTF-16.
    """
    begun, skipping, start = b"", False, True
    while block := stream.read1(_BLOCK):  # pyright: ignore[reportAttributeAccessIssue]
        if start:
            _check_encoding(block, what)
            block, start = block.removeprefix(codecs.BOM_UTF8), False
        *whole, begun = (begun + block).split(b"\n")
        lines: list[str | None] = []
        for line in whole:
            if skipping or len(line) > _LONGEST:
                lines, skipping = [*lines, None], False
            elif line := line.rstrip(b"\r"):
                lines.append(_decode(line))
        if len(begun) > _LONGEST:
            begun, skipping = b"", True
        if lines:
            yield lines
    if skipping or begun.rstrip(b"\r"):
        yield [None if skipping else _decode(begun.rstrip(b"\r"))]


def _check_encoding(beginning: bytes, what: str) -> None:
    if beginning.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in beginning:
        raise DataError(f"{what}: is not UTF-8, or holds NUL characters; convert it to UTF-8")


def _decode(line: bytes) -> str:
    return line.decode(errors=ERRORS)


def _split(line: str | None, delimiter: str) -> tuple[list[str], str]:
    """Return the values of a line and "", or no values and the problem."""
    if line is None:
        return [], f"the line is longer than {_LONGEST} bytes"
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True)), ""
    except csv.Error as error:
        reason = "a quote is not closed" if "end of data" in str(error) else str(error)
        return [], f"the line cannot be read: {reason}"
