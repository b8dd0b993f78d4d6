"""Files of results: they are only added, and each appears when it is complete.

The name of a file ends in the digest of its content, by which a change of any bit is noticed; files
of jaxad 0.2 and before have no digest. The index (`jaxad.results.index`) names the files, by which
one that is missing is noticed.
"""

import hashlib
import re
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxad.data.protocol.settings import AXES
from jaxad.errors import DataError
from jaxad.results.cell import LIBRARIES, METRICS, Cell, Failure, as_json, make_rows
from jaxad.results.index import FOLDER as INDEX
from jaxad.results.index import find_missing, update_index
from jaxad.utils.columnar import check_parquet
from jaxad.utils.files import write_atomically

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = [
    "append_cell",
    "join_tables",
    "list_files",
    "read_file",
    "read_results",
    "split_name",
    "write_file",
]

_DIGEST = re.compile(r"(.+)-([0-9a-f]{32})", re.S)

_TRIES = 20  # times that a folder is read anew because its files change meanwhile


def append_cell(folder: str | Path, *cells: Cell | Failure) -> Path:
    """Add the rows of cells to a folder of results, in one new file.

    A row has the columns dataset, subset, normal_class, detector, title, setting and config (as
    JSON), config_hash, job, the settings of the protocol (contamination, labelled_anomalies,
    ...), seed, every metric, seconds_compile and seconds_run (the cell's, shared equally among its
    seeds, so that sums over rows are wall time), device, the versions of jaxad, jax, flax, numpy
    and python (`jax_version`, ...), time (UTC) and error (null for a complete cell; metrics are
    null for one that failed). `audit_precision` is a list, of the precision at each of `SHARES`.
    Where an experiment varies a field of the configuration there is
    `config_FIELD` too.

    Args:
        folder: The folder; made if it is not there.
        *cells: Complete cells, or some that failed; at least one.

    Returns:
        The new file. When this returns, it is on the disk.

    Raises:
        OSError: The folder cannot be written, or the disk is full; no file is added.
    """
    import pyarrow as pa

    own: dict[str, bool] = {}  # whether a column holds nothing but numbers
    for cell in cells:
        for name, value in cell.axes.items():
            own[f"config_{name}"] = own.get(f"config_{name}", True) and _is_number(value)
    rows = [row for cell in cells for row in make_rows(cell)]
    for row in rows:
        row |= {name: _as_text(row.get(name)) for name, number in own.items() if not number}
    more = [(name, pa.float64() if number else pa.string()) for name, number in own.items()]
    table = pa.Table.from_pylist(rows, schema=pa.schema([*_schema(), *more]))
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        start = f"{cells[0].time:%Y%m%dT%H%M%S.%fZ}-{uuid.uuid4().hex[:8]}"
        return write_file(table, Path(folder), start)
    except OSError as error:
        raise OSError(f"cannot write to the folder {str(folder)!r}: {error}") from error


def write_file(table: "pa.Table", folder: Path, start: str, replaced: Sequence[Path] = ()) -> Path:
    """Write a table to a new file of results.

    If the process dies before the replaced files are removed, some rows are there twice.

    Args:
        table: The rows.
        folder: The folder.
        start: The start of the file's name, which the digest of its content follows.
        replaced: The files whose rows the table has; they are removed.

    Returns:
        The file. When this returns, it is on the disk.

    Raises:
        OSError: The folder cannot be written, or the disk is full; no file is added.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = pa.BufferOutputStream()
    pq.write_table(table, out, write_page_checksum=True)
    content = out.getvalue().to_pybytes()
    path = folder / f"{start}-{_compute_digest(content)}.parquet"
    with write_atomically(path) as partial:
        partial.write_bytes(content)
    old = [one for one in replaced if one != path]
    try:
        update_index(folder, [path.name], [one.name for one in old])
    except OSError:
        path.unlink()
        raise
    for one in old:
        one.unlink()
    return path


def split_name(path: Path) -> tuple[str, str | None]:
    """Return the start of a file's name and the digest at its end; None if it has no digest."""
    found = _DIGEST.fullmatch(path.stem)
    return (path.stem, None) if found is None else (found[1], found[2])


def _compute_digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def read_results(folder: str | Path) -> "pd.DataFrame":
    """Read all rows of a folder of results, oldest first.

    Args:
        folder: The folder.

    Returns:
        A data frame with the columns that `append_cell` describes.

    Raises:
        DataError: There is no such folder, or a file in it is missing, damaged or not a parquet
            file.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder of results")
    if missing := find_missing(folder):
        raise DataError(
            f"{folder}: {missing[0]} is missing ({len(missing)} files in all); `jaxad sweep` runs "
            f"its cells again, or remove the folder {folder / INDEX} to read the other files"
        )
    for _ in range(_TRIES):
        try:
            found = [read_file(path) for path in list_files(folder)]
        except FileNotFoundError:  # a sweep has just joined some files
            continue
        return join_tables([_schema().empty_table(), *found]).to_pandas()
    raise DataError(f"{folder}: its files change while they are read; try again")


def list_files(folder: str | Path) -> list[Path]:
    """List the files of a folder of results, oldest first."""
    return sorted(Path(folder).glob("[!.]*.parquet"))


def read_file(path: Path) -> "pa.Table":
    """Read the rows of one file.

    Raises:
        DataError: It was changed since it was written, or is not a parquet file.
        FileNotFoundError: It is not there.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        content = path.read_bytes()
        digest = split_name(path)[1]
        if digest is not None and _compute_digest(content) != digest:
            raise DataError("its content does not match the digest in its name")
        file = pq.ParquetFile(
            pa.BufferReader(content),
            page_checksum_verification=True,
        )
        check_parquet(file.metadata, len(content))
        table = file.read()
        table.validate(full=True)
    except FileNotFoundError:
        raise
    # Without a digest, a damaged file fails in many ways; pyarrow's errors are of several kinds.
    except (OSError, ValueError, TypeError, MemoryError, OverflowError, pa.ArrowException) as error:
        raise DataError(
            f"{path} is damaged: {error}. `jaxad sweep` sets it aside and runs its cells again"
        ) from error
    return table


def join_tables(tables: "Sequence[pa.Table]") -> "pa.Table":
    """Concatenate tables. A column with numbers in one and text in another becomes text."""
    import pyarrow as pa

    kinds: dict[str, set[pa.DataType]] = {}
    for table in tables:
        for column in table.schema:
            kinds.setdefault(column.name, set()).add(column.type)
    mixed = {name for name, types in kinds.items() if len(types) > 1}
    same = []
    for table in tables:
        names = [name for name in table.column_names if name in mixed]
        for name in names:
            text = table.column(name).cast(pa.string())
            table = table.set_column(table.column_names.index(name), name, text)
        same.append(table)
    return pa.concat_tables(same, promote_options="default")


def _schema() -> "pa.Schema":
    """Return the columns and their types, which are the same in every file."""
    import pyarrow as pa

    words = ("dataset", "subset", "normal_class", "detector", "title")
    words = (*words, "setting", "config", "config_hash", "job")
    versions = [f"{name}_version" for name in (*LIBRARIES, "python")]
    return pa.schema(
        [
            *((name, pa.string()) for name in words),
            *((name, pa.float64() if a.numeric else pa.string()) for name, a in AXES.items()),
            ("seed", pa.int64()),
            *((name, pa.float64()) for name in (*METRICS, "seconds_compile", "seconds_run")),
            ("audit_precision", pa.list_(pa.field("element", pa.float64()))),
            *((name, pa.string()) for name in ("device", *versions)),
            ("time", pa.timestamp("us", tz="UTC")),
            ("error", pa.string()),
        ]
    )


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _as_text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else as_json(value)
