"""Results on disk: one row a (data set, normal class, detector, setting, seed), only appended to.

A folder of results holds parquet files that are never changed. Each is written under another
name and renamed when it is complete, so that whoever reads the folder never sees half of one.
"""

import hashlib
import json
import os
import platform
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax

from jaxad.data import Split
from jaxad.errors import DataError
from jaxad.evaluate import Evaluation
from jaxad.timing import Seconds

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = [
    "METRICS",
    "Asked",
    "Cell",
    "Failure",
    "append_cell",
    "check_writable",
    "config_hash",
    "read_results",
    "setting_of",
    "written_whole",
]

METRICS = tuple(f.name for f in fields(Evaluation))
LIBRARIES = ("jaxad", "jax", "flax", "numpy")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Which detector on which data: what a complete cell and a failed one have in common.

    Attributes:
        dataset: The data set's name.
        subset: Which part of it, if it has several.
        normal_class: The normal class: its name, or its number where it has no name.
        detector: The detector's name.
        title: What tables call the detector with its settings; by default its name.
        setting: How the training data was spoiled and labelled, and the root of the randomness.
        config: The detector's configuration.
        seeds: The seeds' numbers; by default from 0.
        job: The name of the sweep's job that it belongs to, if any.
        time: When it was finished, in UTC.
    """

    dataset: str
    subset: str | None = None
    normal_class: int | str
    detector: str
    title: str | None = None
    setting: dict[str, Any]
    config: dict[str, Any]
    seeds: tuple[int, ...] | None = None
    job: str | None = None
    time: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True, kw_only=True)
class Cell(Asked):
    """What came of one detector on one data set with one normal class, under several seeds.

    Attributes:
        evaluation: Metrics, whose value i is of seed `seeds[i]`.
        seconds: Wall time of training and scoring all seeds.
    """

    evaluation: Evaluation
    seconds: Seconds


@dataclass(frozen=True, kw_only=True)
class Failure(Asked):
    """Seeds of a cell of which nothing came; `seeds` must be given.

    Attributes:
        error: What went wrong, with its traceback.
    """

    error: str


# What in a split's setting is said elsewhere in a result, or was drawn and not asked for.
_NOT_SETTING = (
    "dataset", "normal_classes", "anomaly_classes", "key", "known_classes", "rows", "seeds",
)  # fmt: skip


def setting_of(split: Split) -> dict[str, Any]:
    """How the rows of a split were spoiled, labelled and scaled, as results have it."""
    return {name: v for name, v in split.setting.items() if name not in _NOT_SETTING}


def config_hash(detector: str, config: dict[str, Any]) -> str:
    """A short hash of a detector's name and configuration, the same on every machine."""
    return hashlib.sha256(_json([detector, config]).encode()).hexdigest()[:16]


def check_writable(folder: str | Path) -> None:
    """Make a folder for results and try to write in it: before hours of training, not after.

    Raises:
        OSError: It cannot be made or written; the message says why.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(f"cannot write to the folder {str(folder)!r}: {error}") from error


def append_cell(folder: str | Path, cell: Cell | Failure) -> Path:
    """Add the rows of a cell to a folder of results.

    A row has the columns dataset, subset, normal_class, detector, title, setting and config (as
    JSON), config_hash, job, seed, every metric, seconds_compile and seconds_run (the cell's, shared
    equally among its seeds, so that sums over rows are wall time), device, the versions of jaxad,
    jax, flax, numpy and python (`jax_version`, ...), time (UTC) and error (null for a complete
    cell; metrics are null for one that failed).

    Args:
        folder: The folder; made if it is not there.
        cell: A complete cell, or one that failed.

    Returns:
        The new file.

    Raises:
        OSError: The folder cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pylist(_rows(cell), schema=_schema())
    path = Path(folder) / f"{cell.time:%Y%m%dT%H%M%S.%fZ}-{uuid.uuid4().hex[:8]}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as partial:
        pq.write_table(table, partial)
    return path


def read_results(folder: str | Path) -> "pd.DataFrame":
    """All rows of a folder of results, oldest first.

    Raises:
        DataError: No such folder, or a file in it that is no parquet file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder of results")
    tables = [_schema().empty_table()]
    for path in sorted(folder.glob("[!.]*.parquet")):
        try:
            tables.append(pq.ParquetFile(path).read())
        except (OSError, pa.ArrowException) as error:
            raise DataError(f"{path}: cannot be read ({error})") from error
    return pa.concat_tables(tables, promote_options="default").to_pandas()


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary path to write to, that becomes `path` when the block ends without an error.

    What was at `path` before is replaced at once; after an error it is as it was.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _rows(cell: Cell | Failure) -> list[dict[str, Any]]:
    """One row a seed."""
    device = jax.devices()[0]
    shared = {
        "dataset": cell.dataset,
        "subset": cell.subset,
        "normal_class": str(cell.normal_class),
        "detector": cell.detector,
        "title": cell.title or cell.detector,
        "setting": _json(cell.setting),
        "config": _json(cell.config),
        "config_hash": config_hash(cell.detector, cell.config),
        "job": cell.job,
        "device": f"{device.platform}: {device.device_kind}",
        **{f"{name}_version": version(name) for name in LIBRARIES},
        "python_version": platform.python_version(),
        "time": cell.time,
    }
    if isinstance(cell, Failure):
        return [shared | {"seed": seed, "error": cell.error} for seed in cell.seeds or ()]
    seeds = cell.seeds or range(len(cell.evaluation.auroc.per_seed))
    metrics = {name: cell.evaluation[name] for name in METRICS}
    shared |= {
        "seconds_compile": cell.seconds.compile / len(seeds),
        "seconds_run": cell.seconds.run / len(seeds),
    }
    return [
        shared
        | {"seed": seed}
        | {name: None if m is None else float(m.per_seed[i]) for name, m in metrics.items()}
        for i, seed in enumerate(seeds)
    ]


def _schema() -> "pa.Schema":
    """Columns and their types, the same in every file."""
    import pyarrow as pa

    words = ("dataset", "subset", "normal_class", "detector", "title")
    words = (*words, "setting", "config", "config_hash", "job")
    versions = [f"{name}_version" for name in (*LIBRARIES, "python")]
    return pa.schema(
        [
            *((name, pa.string()) for name in words),
            ("seed", pa.int64()),
            *((name, pa.float64()) for name in (*METRICS, "seconds_compile", "seconds_run")),
            *((name, pa.string()) for name in ("device", *versions)),
            ("time", pa.timestamp("us", tz="UTC")),
            ("error", pa.string()),
        ]
    )


def _json(value: Any) -> str:
    """JSON in one form for one value."""
    return json.dumps(value, sort_keys=True)
