"""The folder of a sweep's results: what is done, who writes, and fewer, larger files."""

import fcntl
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from jaxad.errors import ConfigError, DataError
from jaxad.results import (
    Cell,
    Failure,
    append_cell,
    files_of,
    joined,
    read_file,
    read_results,
)
from jaxad.utils.files import check_writable, leftovers, sync_folder, written_whole

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["Appender", "done", "failed", "only_writer", "read_cells", "tidy"]

_FEW = 16  # files that are not worth joining
_MANY = 256  # files that a sweep joins while it runs
DAMAGED, _JOINED = ".damaged", "-joined"


@contextmanager
def only_writer(folder: str | Path) -> Iterator[None]:
    """Hold a folder of results, so that no second sweep writes to it.

    The lock goes when the process ends, however it ends.

    Raises:
        ConfigError: Another process holds it.
        OSError: The folder cannot be made or written.
    """
    check_writable(folder)
    with open(Path(folder, ".lock"), "a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            owner = lock.read().strip() or "of an unknown process"
            raise ConfigError(
                f"another sweep ({owner}) is writing to {str(folder)!r}: wait for it, or "
                "give another folder with --out"
            ) from None
        lock.truncate(0)
        with suppress(OSError):  # on a full disk the lock holds without saying whose it is
            lock.write(f"process {os.getpid()} on {socket.gethostname()}")
            lock.flush()
        yield


def read_cells(folder: str | Path) -> "pd.DataFrame":
    """The rows of a sweep, one for each job and seed: a complete one before a failed one.

    Of complete ones, one with metrics of the training rows comes first, then the oldest.

    Raises:
        DataError: A file that is no parquet file.
    """
    rows = read_results(folder)
    rows = rows.loc[rows.job.notna()]
    worse = 2 * rows.error.notna() + rows.audit_precision.isna()
    ordered = rows.assign(worse=worse).sort_values(["worse", "time"], kind="stable")
    return ordered.drop_duplicates(["job", "seed"]).drop(columns="worse").sort_index()


def done(
    folder: str | Path, retry_failed: bool = False, audit: bool = False
) -> dict[str, set[int]]:
    """The seeds of each job that need not be run again.

    Args:
        folder: The folder of results; need not exist.
        retry_failed: Whether cells that failed count as not yet run.
        audit: Whether cells without metrics of the training rows count as not yet run.
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


def failed(folder: str | Path) -> "pd.DataFrame":
    """The rows of cells that failed and were not run again since."""
    rows = read_cells(folder)
    return rows.loc[rows.error.notna()]


def tidy(folder: str | Path) -> list[Path]:
    """Put a folder in order before a sweep. Only whoever holds the folder may do this.

    Half-written files of processes that ended are removed. Files that cannot be read are set
    aside under their name and `.damaged`, so that their cells count as not yet run. Many small
    files become one.

    Returns:
        The files that were set aside, under their new names.
    """
    for path in leftovers(folder):
        path.unlink(missing_ok=True)
    paths, tables, aside = [], [], []
    for path in files_of(folder):
        try:
            tables.append(read_file(path))
            paths.append(path)
        except DataError:
            aside.append(path.rename(path.with_name(path.name + DAMAGED)))
    if aside:
        sync_folder(Path(folder))
    if len(paths) > _FEW:
        _join(paths, tables)
    return aside


class Appender:
    """Adds cells to a folder of results, and joins its files when they become many.

    Only whoever holds the folder may have one.

    Args:
        folder: The folder.
    """

    def __init__(self, folder: str | Path):
        self._folder = folder
        self._new: list[Path] = []

    def add(self, *cells: Cell | Failure) -> None:
        """Add cells; when this returns they are on the disk.

        Raises:
            OSError: The folder cannot be written, or the disk is full.
        """
        self._new.append(append_cell(self._folder, *cells))
        if len(self._new) >= _MANY:
            _join(self._new, [read_file(path) for path in self._new])
            self._new = []


def _join(paths: Sequence[Path], tables: "Sequence[pa.Table]") -> None:
    """Files to one, which is complete before the others go.

    Should the process die in between, some rows are there twice, which `read_cells` puts right.
    """
    import pyarrow.parquet as pq

    whole = paths[0].with_name(f"{paths[0].stem.removesuffix(_JOINED)}{_JOINED}.parquet")
    with written_whole(whole) as partial:
        pq.write_table(joined(tables), partial)
    for path in paths:
        if path != whole:
            path.unlink()
