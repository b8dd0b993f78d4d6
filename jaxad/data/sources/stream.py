"""Reading of csv and parquet files in pieces, so that files may be larger than memory.

A row that cannot be parsed is a bad row: it keeps its position, its problem is recorded, and
reading continues. Values of csv files may be quoted, but must not contain line breaks.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from jaxad.data.sources.csv_lines import read_csv_names, read_csv_pieces
from jaxad.data.sources.files import LABEL_NAMES
from jaxad.data.sources.pieces import Piece
from jaxad.errors import ConfigError, DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Piece", "TableFile", "open_table"]


class TableFile(NamedTuple):
    """A csv or parquet file that is read in pieces.

    Attributes:
        path: The file.
        columns: The names of the columns except the label column.
        label: The name of the label column, or None.
        names: The names of all columns.
        first: The number of lines before the first row.
    """

    path: Path
    columns: tuple[str, ...]
    label: str | None
    names: tuple[str, ...]
    first: int

    def pieces(self, size: int, columns: Sequence[str]) -> Iterator[Piece]:
        """Yield pieces of at most `size` rows with some of the columns, in order.

        Raises:
            DataError: The file cannot be read further.
        """
        if self.path.suffix.lower() == ".parquet":
            return _read_parquet_pieces(self.path, size, list(columns))
        return read_csv_pieces(self.path, self.names, self.first, size, list(columns))


def open_table(path: Path, label: str | None = None, known: Sequence[str] = ()) -> TableFile:
    """Find the columns of a csv or parquet file.

    Args:
        path: The file.
        label: The label column. Default: the column named label, y, anomaly or outlier, if it is
            not one of the known columns.
        known: The feature columns of training, if they have names.

    Raises:
        DataError: The file is missing, empty or broken, or has two columns of the same name.
        ConfigError: The label column does not exist, or several columns have its usual names.
    """
    parquet = path.suffix.lower() == ".parquet"
    names, first = (_read_parquet_names(path), 0) if parquet else read_csv_names(path)
    twice = [name for i, name in enumerate(names) if name in names[:i]]
    if twice:
        raise DataError(f"{path}: has more than one column {twice[0]!r}; names must be unique")
    if label is None:
        found = [n for n in names if n.lower() in LABEL_NAMES and n not in known]
        if len(found) > 1:
            raise ConfigError(
                f"{path}: any of {', '.join(found)} may be the label column; choose one with "
                "--label"
            )
        label = found[0] if found else None
    elif label not in names:
        raise ConfigError(
            f"{path}: --label {label!r} is not a column; columns are {', '.join(names)}"
        )
    columns = tuple(name for name in names if name != label)
    if not columns:
        raise DataError(f"{path}: has no columns except the label column {label!r}")
    return TableFile(path, columns, label, names, first)


def _read_parquet_names(path: Path) -> tuple[str, ...]:
    with _open_parquet(path) as file:
        return tuple(file.schema_arrow.names)


def _open_parquet(path: Path) -> Any:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        return parquet.ParquetFile(path)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file") from error
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from error


def _read_parquet_pieces(path: Path, size: int, columns: list[str]) -> Iterator[Piece]:
    import pyarrow as pa

    with _open_parquet(path) as file:
        for name in columns:
            _check_type(path, name, file.schema_arrow.field(name).type)
        try:
            # With threads, Arrow would decode the columns of a whole row group at once.
            for batch in file.iter_batches(size, columns=columns, use_threads=False):
                yield Piece({name: batch.column(name) for name in columns}, {})
        except (pa.ArrowException, OSError, ValueError) as error:
            raise DataError(f"{path}: is broken ({error})") from error


def _check_type(path: Path, name: str, kind: "pa.DataType") -> None:
    """Raise if a column of a parquet file is neither numeric nor of strings."""
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    numbers = (types.is_integer, types.is_floating, types.is_decimal, types.is_boolean)
    words = (types.is_string, types.is_large_string, types.is_string_view, types.is_binary)
    if not any(fits(kind) for fits in (*numbers, *words, types.is_null, types.is_large_binary)):
        raise DataError(
            f"{path}: column {name!r} is of type {kind}; columns must hold numbers or strings"
        )
