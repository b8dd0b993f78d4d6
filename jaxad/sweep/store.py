"""The folder of a sweep: its complete cells, its only writer, and the joining of its files."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from jaxad.errors import DataError
from jaxad.results import (
    Cell,
    Failure,
    append_cell,
    check_index_file,
    find_missing,
    find_unlisted,
    join_tables,
    list_files,
    list_index_files,
    read_file,
    read_results,
    split_name,
    update_index,
    write_file,
)
from jaxad.utils.files import lock_folder, remove_leftovers, sync_folder

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["Appender", "find_done", "hold_folder", "read_cells", "read_failed", "tidy"]

_FEW = 16  # files that need not be joined
_MANY = 256  # files that a sweep joins while it runs
DAMAGED, _JOINED = ".damaged", "-joined"


def hold_folder(folder: str | Path) -> AbstractContextManager[None]:
    """Hold a folder of results, so that no second sweep writes to it.

    The lock goes when the process ends, however it ends.

    Raises:
        ConfigError: Another process holds it.
        OSError: The folder cannot be made or written.
    """
    return lock_folder(folder, "sweep", "give another folder with --out")


def read_cells(folder: str | Path) -> "pd.DataFrame":
    """Read the rows of a sweep, one for each job and seed.

    A complete row is preferred to a failed one, then one with metrics of the training rows, then
    the oldest.

    Raises:
        DataError: A file that is no parquet file.
    """
    rows = read_results(folder)
    rows = rows.loc[rows.job.notna()]
    worse = 2 * rows.error.notna() + rows.audit_precision.isna()
    ordered = rows.assign(worse=worse).sort_values(["worse", "time"], kind="stable")
    return ordered.drop_duplicates(["job", "seed"]).drop(columns="worse").sort_index()


def find_done(
    folder: str | Path, retry_failed: bool = False, audit: bool = False
) -> dict[str, set[int]]:
    """Return the seeds of each job that need not run again.

    Args:
        folder: The folder of results; need not exist.
        retry_failed: Whether failed cells count as missing.
        audit: Whether cells without metrics of the training rows count as missing.
    """
    if not Path(folder).is_dir():
        return {}
    rows = read_cells(folder)
    if retry_failed:
        rows = rows.loc[rows.error.isna()]
    if audit:
        rows = rows.loc[rows.audit_precision.notna() | rows.error.notna()]
    seeds: dict[str, set[int]] = {}
    for job, seed in zip(rows.job.tolist(), rows.seed.tolist(), strict=True):
        seeds.setdefault(job, set()).add(seed)
    return seeds


def read_failed(folder: str | Path) -> "pd.DataFrame":
    """Read the rows of cells that failed and have no complete row."""
    rows = read_cells(folder)
    return rows.loc[rows.error.notna()]


def tidy(folder: str | Path) -> list[Path]:
    """Put a folder in order before a sweep; only its holder may do this.

    Partial files of processes that ended are removed. Files that cannot be read are renamed to
    their name and `.damaged`, so that their cells count as missing, as do those of files that are
    gone. Many small files are joined.

    Returns:
        The damaged files, under their new names, and those that are gone, under their old ones.
    """
    folder = Path(folder)
    remove_leftovers(folder)
    for path in list_index_files(folder):
        try:
            check_index_file(path)
        except DataError:  # the files that it names are added again below
            path.rename(path.with_name(path.name + DAMAGED))
    gone = find_missing(folder)
    paths, tables, damaged = [], [], []
    for path in list_files(folder):
        try:
            tables.append(read_file(path))
            paths.append(path)
        except DataError:
            damaged.append(path)
    unlisted = [path.name for path in find_unlisted(folder, paths)]
    if unlisted or damaged or gone:
        update_index(folder, unlisted, [*(path.name for path in damaged), *gone])
    aside = [path.rename(path.with_name(path.name + DAMAGED)) for path in damaged]
    if aside:
        sync_folder(folder)
    if len(paths) > _FEW:
        _join(paths, tables)
    return [*aside, *(folder / name for name in gone)]


class Appender:
    """Adds cells to a folder of results, and joins its files when they become many.

    Only the holder of the folder may have one.

    Args:
        folder: The folder.
    """

    def __init__(self, folder: str | Path):
        self._folder = folder
        self._new: list[Path] = []

    def add(self, *cells: Cell | Failure) -> None:
        """Add cells in one file; when this returns they are on the disk.

        Raises:
            OSError: The folder cannot be written, or the disk is full.
        """
        self._new.append(append_cell(self._folder, *cells))
        if len(self._new) >= _MANY:
            _join(self._new, [read_file(path) for path in self._new])
            self._new = []


def _join(paths: Sequence[Path], tables: "Sequence[pa.Table]") -> None:
    """Join files to one, which is complete before the others are removed.

    If the process dies in between, some rows are there twice, which `read_cells` corrects.
    """
    start = split_name(paths[0])[0].removesuffix(_JOINED) + _JOINED
    write_file(join_tables(tables), paths[0].parent, start, replaced=paths)
