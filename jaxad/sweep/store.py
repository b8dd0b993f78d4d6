"""The folder of a sweep's results: what is done, who writes, and fewer, larger files."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from jaxad.errors import ConfigError
from jaxad.results import check_writable, read_results, written_whole

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["compact", "done", "failed", "only_writer", "read_cells"]

_FEW = 16  # files that are not worth joining


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
            owner = lock.read().strip() or "unknown"
            raise ConfigError(
                f"another sweep (process {owner}) is writing to {str(folder)!r}: wait for it, or "
                "give another folder with --out"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def read_cells(folder: str | Path) -> "pd.DataFrame":
    """The rows of a sweep, one for each job and seed: a complete one before a failed one.

    Raises:
        DataError: A file that is no parquet file.
    """
    rows = read_results(folder)
    rows = rows.loc[rows.job.notna()].assign(failed=lambda r: r.error.notna())
    ordered = rows.sort_values(["failed", "time"], kind="stable")
    return ordered.drop_duplicates(["job", "seed"]).drop(columns="failed").sort_index()


def done(folder: str | Path, retry_failed: bool = False) -> dict[str, set[int]]:
    """The seeds of each job that need not be run again.

    Args:
        folder: The folder of results; need not exist.
        retry_failed: Whether cells that failed count as not yet run.
    """
    if not Path(folder).is_dir():
        return {}
    rows = read_cells(folder)
    if retry_failed:
        rows = rows.loc[rows.error.isna()]
    return {str(job): set(of_job.seed.tolist()) for job, of_job in rows.groupby("job")}


def failed(folder: str | Path) -> "pd.DataFrame":
    """The rows of cells that failed and were not run again since."""
    rows = read_cells(folder)
    return rows.loc[rows.error.notna()]


def compact(folder: str | Path) -> None:
    """Join many small files into one. Only whoever holds the folder may do this.

    The joined file is complete before the others go. Should the process die in between, some rows
    are there twice, which `read_cells` puts right.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    paths = sorted(Path(folder).glob("[!.]*.parquet"))
    if len(paths) <= _FEW:
        return
    tables = [pq.ParquetFile(path).read() for path in paths]
    whole = paths[0].with_name(f"{paths[0].stem}-joined.parquet")
    with written_whole(whole) as partial:
        pq.write_table(pa.concat_tables(tables, promote_options="default"), partial)
    for path in paths:
        if path != whole:
            path.unlink()
