"""The one reader of tables: csv, parquet and feather files, frames, arrays and matrices.

All commands and functions read tables here, so that a file has the same rows and values in each.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from jaxad.data.tables.arrow import (
    as_table,
    check_names,
    check_types,
    load_compute,
    unify_columns,
)
from jaxad.data.tables.delimited import UNNAMED, CsvFormat, find_format, read_csv_batches
from jaxad.data.tables.options import TableOptions, check_options, unknown_column
from jaxad.errors import DataError
from jaxad.utils.columnar import check_batches, check_parquet
from jaxad.utils.limits import refuse_broken

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "COLUMNAR",
    "Piece",
    "TableSource",
    "as_table",
    "open_table",
    "read_table",
    "with_points",
]

COLUMNAR = (".parquet", ".feather", ".arrow")
_ROWS = 65_536  # rows of a piece where no size is given


class Piece(NamedTuple):
    """Consecutive rows of a table.

    Attributes:
        table: The rows; those of csv files are strings. Null where a value is missing, and in all
            columns of a bad row.
        bad: The problem of each row that could not be parsed, by its place in the piece.
    """

    table: "pa.Table"
    bad: dict[int, str]


@dataclass(frozen=True)
class TableSource:
    """A table that is read whole or in pieces; see `open_table`.

    Attributes:
        name: The name of the table in errors.
        names: The names of all columns in order; "__index_level_0__" for an index without a name.
        index: The columns that are an index of pandas; none of them is a feature.
        source: The file, or the whole table.
        options: The options by which it is read.
        form: The format of a csv file; None for other sources.
    """

    name: str
    names: tuple[str, ...]
    index: tuple[str, ...]
    source: "Path | pa.Table"
    options: TableOptions
    form: CsvFormat | None = None

    @property
    def id(self) -> str | None:
        """The column of the index; None if there is none, or one of several levels."""
        return self.index[0] if len(self.index) == 1 else None

    def pieces(self, size: int = _ROWS, columns: Sequence[str] | None = None) -> Iterator[Piece]:
        """Yield consecutive pieces of `size` rows, the last one with fewer.

        Args:
            size: The number of rows of a piece.
            columns: The columns to read. Default: all except `options.drop`.

        Raises:
            DataError: The file cannot be read further, or a column is of a type that cannot be
                used.
        """
        if columns is None:
            columns = [name for name in self.names if name not in self.options.drop]
        return _cut(self._read(list(columns), size), size)

    def read(self, columns: Sequence[str] | None = None) -> "pa.Table":
        """Read the whole table.

        Args:
            columns: The columns to read. Default: all except `options.drop`.

        Raises:
            DataError: As `pieces`, or a row that cannot be parsed, or no rows.
        """
        import pyarrow as pa

        tables, count = [], 0
        for piece in self.pieces(columns=columns):
            for row, problem in piece.bad.items():
                raise DataError(f"{self.name}: row {count + row}: {problem}")
            tables.append(piece.table)
            count += piece.table.num_rows
        if not count:
            raise DataError(f"{self.name}: has no rows")
        return pa.concat_tables(tables)

    def _read(self, columns: list[str], size: int) -> Iterator[Piece]:
        """Yield the rows in pieces of any size."""
        options = self.options
        if not isinstance(self.source, Path):
            yield Piece(self.source.select(columns), {})
        elif self.form is not None:
            for table, bad in read_csv_batches(self.source, self.form, columns):
                if options.decimal == ",":
                    table = with_points(table)
                yield Piece(unify_columns(table, options.missing), bad)
        else:
            for table in _read_columnar(self.source, columns, size):
                yield Piece(unify_columns(table, options.missing), {})


def open_table(
    source: Any, options: TableOptions | None = None, known: Sequence[str] = ()
) -> TableSource:
    """Open a file, or take a table from memory, and find its columns.

    Args:
        source: A path; or a table from memory as `as_table` takes it. Files that end in .parquet,
            .feather or .arrow are read as such, all others as csv: in UTF-8 or UTF-16, plain or
            gzipped, with any line ends.
        options: How to read it.
        known: The names of the columns of training; a first line that has them all is a header.

    Raises:
        DataError: The file is missing, empty or broken, or has two columns of the same name.
        ConfigError: An option has a value that is not allowed, or names a column that does not
            exist.
    """
    options = options or TableOptions()
    check_options(options)
    if isinstance(source, str | Path):
        refuse_folder(Path(source))
    if not isinstance(source, str | Path):
        table = as_table(source, options.missing)
        opened = TableSource("X", tuple(table.column_names), (), table, options)
    elif Path(source).suffix.lower() in COLUMNAR:
        path = Path(source)
        with _open_columnar(path) as (schema, _):
            names = tuple(name.strip() for name in schema.names)
            check_names(names, str(path))
            index = _find_index(schema)
        opened = TableSource(str(path), names, index, path, options)
    else:
        path = Path(source)
        form = find_format(path, options, known)
        check_names(form.names, str(path))
        index = tuple(name for name in form.names if name == UNNAMED)
        opened = TableSource(str(path), form.names, index, path, options, form)
    for option, given in (("id", options.id), *(("drop", name) for name in options.drop)):
        if given is not None and given not in opened.names:
            raise unknown_column(opened.name, option, given, opened.names)
    return opened


def read_table(
    source: Any, options: TableOptions | None = None, known: Sequence[str] = ()
) -> "pa.Table":
    """Read a whole table; see `open_table`.

    Raises:
        DataError: The table cannot be read, a row cannot be parsed, or there are no rows.
        ConfigError: An option is wrong.
    """
    return open_table(source, options, known).read()


def _cut(parts: Iterator[Piece], size: int) -> Iterator[Piece]:
    """Yield the same rows in pieces of `size` rows."""
    import pyarrow as pa

    held, bad = None, {}
    for part in parts:
        start = 0 if held is None else held.num_rows
        bad |= {start + row: problem for row, problem in part.bad.items()}
        held = part.table if held is None else pa.concat_tables([held, part.table])
        place = 0
        while held.num_rows - place >= size:
            yield Piece(held.slice(place, size), _select_bad(bad, place, place + size))
            place += size
        held, bad = held.slice(place), _select_bad(bad, place, held.num_rows)
    if held is not None and held.num_rows:
        yield Piece(held, bad)


def _select_bad(bad: dict[int, str], start: int, stop: int) -> dict[int, str]:
    return {row - start: problem for row, problem in bad.items() if start <= row < stop}


def with_points(table: "pa.Table") -> "pa.Table":
    """Return strings of numbers with a decimal comma as such with a point.

    Points between groups of three digits separate thousands, and are left out.
    """
    import pyarrow as pa

    pc = load_compute()

    columns = []
    for column in table.columns:
        grouped = pc.match_substring_regex(column, r"^\s*[+-]?\d{1,3}(\.\d{3})+(,\d*)?\s*$")
        plain = pc.replace_substring(column, ".", "")
        column = pc.if_else(grouped, plain, column)
        exponent = r"(?:[eE][+-]?\d+)?"
        pattern = rf"^(\s*[+-]?\d*),(\d*{exponent}\s*)$"
        columns.append(pc.replace_substring_regex(column, pattern, r"\1.\2"))
    return pa.table(columns, names=table.column_names)


def refuse_folder(path: Path) -> None:
    """Raise a `DataError` if a path is a folder, which holds neither pictures nor texts."""
    if path.is_dir():
        found = sorted(os.listdir(path))
        if any(name.lower().endswith(".txt") for name in found):
            raise DataError(
                f"{path} is a folder of texts, not rows of a table; name their vectors "
                f"as in training: mean:VECTORS:{path} or embeddings:FILE:{path}"
            )
        inside = ", ".join(found[:5]) or "nothing"
        raise DataError(
            f"{path} is a folder without pictures (.png, .jpg, .tif, .bmp) or texts (.txt); it "
            f"holds {inside}"
        )


@contextmanager
def _open_columnar(path: Path) -> Iterator[tuple["pa.Schema", Any]]:
    """Open a parquet or feather file; give its schema and the open file.

    Raises:
        DataError: The file is missing or broken.
    """
    import pyarrow as pa
    from pyarrow import parquet

    if not path.exists():
        raise DataError(f"{path}: no such file")
    with refuse_broken(f"{path}: cannot be read"):
        if path.suffix.lower() == ".parquet":
            with parquet.ParquetFile(path) as file:
                check_parquet(file.metadata, path.stat().st_size)
                yield file.schema_arrow, file
        else:
            with pa.OSFile(str(path)) as raw:
                check_batches(raw, path.stat().st_size)
                raw.seek(0)
                whole = raw.read(6) == b"ARROW1"
                raw.seek(0)
                opened = pa.ipc.open_file(raw) if whole else pa.ipc.open_stream(raw)
                with opened as file:
                    yield file.schema, file


def _read_columnar(path: Path, columns: list[str], size: int) -> Iterator["pa.Table"]:
    import pyarrow as pa

    with _open_columnar(path) as (schema, file):
        written = {name.strip(): name for name in schema.names}  # names as the file has them
        names = [written[name] for name in columns]
        check_types(schema, names, str(path))
        if path.suffix.lower() == ".parquet":
            # With threads, Arrow would decode the columns of a whole row group at once.
            batches = file.iter_batches(size, columns=names, use_threads=False)
        elif hasattr(file, "get_batch"):
            batches = (file.get_batch(i) for i in range(file.num_record_batches))
        else:
            batches = file
        for batch in batches:
            batch.validate(full=True)  # Arrow does not check indices, nor that texts are UTF-8
            yield pa.Table.from_batches([batch]).select(names).rename_columns(columns)


def _find_index(schema: "pa.Schema") -> tuple[str, ...]:
    """Return the columns that hold an index of pandas."""
    about = schema.pandas_metadata or {}
    names = [name for name in about.get("index_columns", ()) if isinstance(name, str)]
    return tuple(name.strip() for name in schema.names if name in names or name == UNNAMED)
