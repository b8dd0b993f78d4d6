"""Reading of csv files in pieces with Arrow; a row with too few or too many values keeps its place.

Rows are records, numbered from 0: a value in quotes may hold line breaks, and empty lines do not
count.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jaxad.data.tables.options import TableOptions
from jaxad.data.tables.text_stream import Utf8Stream, open_text
from jaxad.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["UNNAMED", "CsvFormat", "find_format", "read_csv_batches", "read_format"]

UNNAMED = "__index_level_0__"  # pandas' name for an index without a name
_DELIMITERS = ("\t", ";", "|", ",")
_SAMPLE_ROWS, _SAMPLE_CHARACTERS = 20, 1 << 16
_GAPS = ("", "na", "n/a", "nan", "null", "none", "<na>", "?")
_BOOLEANS = ("true", "false")
_MARK = "\x04jaxad\x04"
_BLOCK = 4 << 20  # bytes
_MOST_COLUMNS = 1 << 17


class CsvFormat(NamedTuple):
    """How a csv file is to be read.

    Attributes:
        names: The names of all columns; `UNNAMED` for an index without a name.
        first: The number of records before the first row, 0 or 1.
        delimiter: The character between values.
    """

    names: tuple[str, ...]
    first: int
    delimiter: str


def find_format(path: Path, options: TableOptions, known: Sequence[str] = ()) -> CsvFormat:
    """Find the delimiter and the names of the columns of a csv file by its first records.

    A first record of numbers and missing values is a row, and the columns are named 0, 1, ...
    Three records are names all the same: 0, 1, ..., n-1 with n > 1, which pandas writes for columns
    without names; these after an empty name; and one that has all the known names.

    Args:
        path: The file.
        options: The delimiter, and whether there is a header.
        known: The names of the columns of training, if any.

    Raises:
        DataError: The file is missing or empty, or its beginning cannot be read.
    """
    with open_text(path) as file:
        sample, complete = file.read(_SAMPLE_CHARACTERS), False
        while not (complete or _holds_record(sample)):  # a wide table has a long first line
            if len(sample) > _BLOCK:
                raise DataError(f"{path}: the first row is longer than {_BLOCK} characters")
            more = file.read(len(sample) + 1)
            sample, complete = sample + more, not more
        complete = complete or not file.read(1)
    return read_format(sample, str(path), options, known, complete=complete)


def read_format(
    sample: str, path: str, options: TableOptions, known: Sequence[str] = (), *, complete: bool
) -> CsvFormat:
    """Find the delimiter and the names of the columns by the beginning of a csv file.

    Args:
        sample: The first records at least.
        path: The name of the file in errors.
        options: As for `find_format`.
        known: As for `find_format`.
        complete: Whether the last record of the sample is whole.

    Raises:
        DataError: The file is empty, or its beginning cannot be read.
    """
    delimiter = options.delimiter or _find_delimiter(sample, complete, options.decimal)
    try:
        records = _read_records(sample, delimiter, 1)
    except csv.Error as error:
        raise DataError(f"{path}: the first line cannot be read ({error})") from error
    if not records:
        raise DataError(f"{path}: the file is empty; give a file with rows")
    if len(records[0]) > _MOST_COLUMNS:
        raise DataError(
            f"{path}: the first row has {len(records[0])} values; tables have at most "
            f"{_MOST_COLUMNS} columns"
        )
    cells = [cell.strip() for cell in records[0]]
    if not _is_header(cells, options, known):
        return CsvFormat(tuple(str(i) for i in range(len(cells))), 0, delimiter)
    names = [cell or f"Unnamed: {i}" for i, cell in enumerate(cells)]
    if names[0] == "Unnamed: 0" and len(names) > 1:
        names[0] = UNNAMED
    return CsvFormat(tuple(names), 1, delimiter)


def read_csv_batches(
    path: Path, form: CsvFormat, columns: Sequence[str], block: int = _BLOCK
) -> Iterator[tuple["pa.Table", dict[int, str]]]:
    """Yield consecutive rows of a csv file as strings, in order.

    Args:
        path: The file.
        form: Its format.
        columns: The columns to read.
        block: The number of bytes that are parsed at once; a row must be shorter.

    Yields:
        Rows with nulls in place of the bad ones, and the problem of each bad row by its place.

    Raises:
        DataError: The file cannot be read, a quote is never closed, or all rows have another number
            of values than the header.
    """
    import pyarrow as pa

    place = -form.first  # the number of the next record; that of the header is -1
    widths: dict[int, int] = {}  # of the bad rows from there on, by number
    reported, ended, wrong = 0, False, set()
    stream = Utf8Stream(path, _end_with_mark(form))
    try:
        for batch in _parse(stream, form, columns, block, widths):
            ended = batch.num_rows > 0 and batch.column(0)[-1].as_py() == _MARK
            table = pa.Table.from_batches([batch]).slice(0, batch.num_rows - ended)
            if place < 0 and table.num_rows:
                table, place = table.slice(1), 0
            table = table.select(list(columns))
            numbers = _number_rows(place, table.num_rows, widths)
            stop = max(widths) + 1 if ended and widths else place
            stop = max(stop, int(numbers[-1]) + 1 if len(numbers) else 0)
            bad = {number: widths.pop(number) for number in sorted(widths) if number < stop}
            if bad:
                index = np.full(stop - place, -1)
                index[numbers - place] = np.arange(len(numbers))
                table = table.take(pa.array(index, mask=index < 0))
            if table.num_rows:
                reported, wrong = reported + len(bad), wrong | set(bad.values())
                told = f"values for {len(form.names)} columns"
                yield table, {n - place: f"{width} {told}" for n, width in bad.items()}
            place = stop
    except (pa.ArrowException, ValueError, OSError) as error:
        if isinstance(error, DataError):
            raise
        reason = str(error)
        if "straddl" in reason or "out of sync" in reason:
            reason = f"a row is longer than {block} bytes, or a quote is not closed"
        raise DataError(
            f"{path}: cannot be read after row {max(place - 1, 0)} ({reason})"
        ) from error
    finally:
        stream.close()
    if not ended:
        raise DataError(
            f"{path}: row {max([place - 1, *widths])}: a quote is not closed; everything after it "
            "would be part of one value"
        )
    if place > 0 and reported == place:
        held = " or ".join(map(str, sorted(wrong)[:5]))
        raise DataError(
            f"{path}: each row has {held} values, and there are {len(form.names)} columns "
            f"({', '.join(form.names[:5])}{', ...' if len(form.names) > 5 else ''}); give a name "
            "for each column"
        )


def _parse(
    stream: Utf8Stream,
    form: CsvFormat,
    columns: Sequence[str],
    block: int,
    widths: dict[int, int],
) -> Iterator["pa.RecordBatch"]:
    """Yield the good records, the first column first; record the widths of the others."""
    import pyarrow as pa
    from pyarrow import csv as arrow

    def on_bad(row: Any) -> str:
        widths[row.number - 1 - form.first] = row.actual_columns
        return "skip"

    needed = list(dict.fromkeys([form.names[0], *columns]))
    yield from arrow.open_csv(
        pa.PythonFile(stream, mode="r"),
        arrow.ReadOptions(column_names=list(form.names), use_threads=False, block_size=block),
        arrow.ParseOptions(
            delimiter=form.delimiter, newlines_in_values=True, invalid_row_handler=on_bad
        ),
        arrow.ConvertOptions(
            check_utf8=False,
            column_types=dict.fromkeys(form.names, pa.string()),
            include_columns=needed,
            null_values=[""],
            strings_can_be_null=True,
        ),
    )


def _end_with_mark(form: CsvFormat) -> bytes:
    """Return a last record; it is missing from what is parsed if a quote is not closed before."""
    return ("\n" + form.delimiter.join([_MARK, *[""] * (len(form.names) - 1)]) + "\n").encode()


def _number_rows(start: int, count: int, bad: dict[int, int]) -> np.ndarray:
    """Return the numbers of the next good rows: whole numbers from `start` without the bad ones."""
    if not bad:
        return np.arange(start, start + count)
    numbers = np.arange(start, start + count + len(bad))
    return numbers[~np.isin(numbers, list(bad))][:count]


def _holds_record(sample: str) -> bool:
    """Return whether the beginning of a file holds its first record, and more behind it."""
    quotes, text = 0, ""
    for line in re.split(r"[\r\n]", sample)[:-1]:
        quotes, text = quotes + line.count('"'), text + line.strip()
        if text and quotes % 2 == 0:
            return True
    return False


def _find_delimiter(sample: str, complete: bool, decimal: str) -> str:
    """Return the delimiter that splits the first records into equally many values.

    If none does, it is the one that splits the first record most often; a comma for one column.
    """
    candidates = [c for c in _DELIMITERS if not (c == "," and decimal == ",")]
    counts = {}
    for delimiter in candidates:
        try:
            records = _read_records(sample, delimiter, _SAMPLE_ROWS + 1)
        except csv.Error:
            continue
        if not complete and 1 < len(records) <= _SAMPLE_ROWS:
            records.pop()  # it may be cut
        if records and len(records[0]) > 1:
            counts[delimiter] = [len(record) for record in records[:_SAMPLE_ROWS]]
    even = [delimiter for delimiter in counts if len(set(counts[delimiter])) == 1]
    if even:
        return even[0]
    default = "," if decimal != "," else ";"
    return max(counts, key=lambda d: (counts[d][0], d == default), default=default)


def _read_records(text: str, delimiter: str, count: int) -> list[list[str]]:
    """Return the first records that are not empty."""
    lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text)
    return list(islice(filter(None, csv.reader(lines, delimiter=delimiter)), count))


def _is_header(cells: list[str], options: TableOptions, known: Sequence[str]) -> bool:
    if options.header != "auto":
        return options.header == "yes"
    if known and set(known) <= set(cells):
        return True
    indexed = len(cells) > 1 and not cells[0]
    named = cells[1:] if indexed else cells
    if len(named) > 1 - indexed and named == [str(i) for i in range(len(named))]:
        return True
    return not all(_is_value(cell, options) for cell in cells)


def _is_value(cell: str, options: TableOptions) -> bool:
    """Return whether a cell is a number, a boolean or missing, and so not a name."""
    if cell.lower() in (*_GAPS, *_BOOLEANS) or cell in options.missing:
        return True
    try:
        float(cell.replace(",", ".") if options.decimal == "," else cell)
    except ValueError:
        return False
    return "_" not in cell
