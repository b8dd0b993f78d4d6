"""Results that are committed beside their experiment, from which the documentation is built.

They are two files. `NAME.csv` has a row for each cell: the keys of the table, the detector, the
seed and the metrics. `NAME.json` has what the cells were measured with, the digest of the csv file,
published values, and a fingerprint of the behaviour of each detector in its setting, by which
results are noticed that the present code would not give again.
"""

import csv
import hashlib
import io
from collections.abc import Sequence
from importlib.metadata import version
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from jaxad.data import load_dataset
from jaxad.data.protocol.settings import Protocol
from jaxad.errors import DataError, JaxADError
from jaxad.report.published import Published, read_published
from jaxad.report.tables import Table, TableEntry, make_table
from jaxad.sweep.behaviour import Behaviour, DataKind, compare_behaviour, measure_behaviour
from jaxad.sweep.experiment import Experiment
from jaxad.sweep.jobs import Job
from jaxad.utils.checksums import read_sealed, seal
from jaxad.utils.files import write_atomically
from jaxad.utils.limits import refuse_broken

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Check", "Committed", "check_committed", "read_committed", "write_committed"]

_LIBRARIES = ("jaxad", "jax", "jaxlib", "flax", "optax", "numpy", "scikit-learn")
_DETECTOR, _SEED = "detector", "seed"


class Committed(NamedTuple):
    """Committed results.

    Attributes:
        tables: A table for each metric.
        about: What the JSON file has: `experiment`, `size`, `seeds`, `versions`, `device`,
            `seconds`, `missing` (the number of cells without a result), and `behaviour`.
    """

    tables: tuple[Table, ...]
    about: dict[str, Any]


class Check(NamedTuple):
    """What a check of committed results found.

    Attributes:
        path: The csv file.
        state: "fresh": the present code behaves as it did; "stale": it does not; "unknown": it
            does not, but other versions of libraries were used; "incomplete": cells are missing;
            "damaged": the files cannot be read.
        reasons: What is stale or damaged, in a line each.
    """

    path: Path
    state: Literal["fresh", "stale", "unknown", "incomplete", "damaged"]
    reasons: tuple[str, ...] = ()


def write_committed(
    path: str | Path,
    source: str | Path,
    size: str | None,
    experiment: Experiment,
    jobs: Sequence[Job],
    rows: "pd.DataFrame",
    data_dir: str | Path | None = None,
) -> None:
    """Write the results of an experiment to `path` (csv) and the JSON file beside it.

    Args:
        path: The csv file.
        source: The file of the experiment.
        size: Which of its sizes was run.
        experiment: The experiment.
        jobs: Its jobs.
        rows: The rows of its jobs and seeds, in the form that `read_cells` returns.
        data_dir: The folder where data files are looked for by name.

    Raises:
        OSError: A file cannot be written.
    """
    path = Path(path)
    printed = read_published(experiment.published, jobs)
    tables = [make_table(metric, jobs, rows, printed) for metric in experiment.metrics]
    text = _write_csv(tables)
    names = {job.name for job in jobs}
    mine = rows.loc[rows.job.isin(names) & rows.error.isna()]
    about = {
        "experiment": Path(source).name,
        "size": size,
        "title": experiment.title,
        "seeds": experiment.seeds,
        "missing": len(names) * experiment.seeds - len(mine),
        "seconds": round(float((mine.seconds_compile + mine.seconds_run).sum()), 1),
        "device": sorted(set(mine.device)),
        "versions": _list_versions(),
        "digest": _compute_digest(text),
        "keys": list(tables[0].keys),
        "titles": list(tables[0].titles),
        "published": [entry for table in tables for entry in _list_published(table)],
        "behaviour": [_describe_behaviour(*one) for one in _list_distinct(jobs, data_dir)],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    for file, content in [(path, text), (path.with_suffix(".json"), _as_lines(seal(about)))]:
        with write_atomically(file) as partial:
            partial.write_text(content)


def read_committed(path: str | Path) -> Committed:
    """Read committed results.

    Args:
        path: The csv file.

    Raises:
        DataError: A file is missing, cannot be read, or was changed since it was written.
    """
    path = Path(path)
    about = read_sealed(path.with_suffix(".json"))
    with refuse_broken(f"{path} cannot be read"):
        text = path.read_text()
        if _compute_digest(text) != about["digest"]:
            raise DataError(f"{path} was changed since it was written; run the experiment again")
        tables = _read_tables(text, about)
    return Committed(tables, about)


def check_committed(path: str | Path) -> Check:
    """Take the fingerprints of committed results anew, and compare them.

    Args:
        path: The csv file.
    """
    path = Path(path)
    try:
        about = read_committed(path).about
        reasons = [reason for one in about["behaviour"] if (reason := _find_change(one))]
    except (DataError, KeyError, TypeError, ValueError) as error:
        return Check(path, "damaged", (str(error),))
    if reasons:
        others = {k: v for k, v in about["versions"].items() if _list_versions().get(k) != v}
        others.pop("jaxad", None)
        if not others:
            return Check(path, "stale", tuple(reasons))
        said = ", ".join(f"{name} {number}" for name, number in others.items())
        return Check(path, "unknown", (*reasons, f"measured with other versions: {said}"))
    if about["missing"]:
        return Check(path, "incomplete", (f"{about['missing']} cells have no result",))
    return Check(path, "fresh")


def _find_change(one: dict[str, Any]) -> str | None:
    """Return how a detector behaves differently from when it was measured; None if it doesn't."""
    config = {k: tuple(v) if isinstance(v, list) else v for k, v in one["config"].items()}
    protocol: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in one["protocol"].items()
    }
    kind = DataKind(**(one["kind"] | {"shape": tuple(one["kind"]["shape"])}))
    before = Behaviour(tuple(one["scores"]), tuple(one["losses"]))
    try:
        now = measure_behaviour(one["detector"], config, Protocol(**protocol), kind)
    except (JaxADError, TypeError) as error:
        return f"{one['title']}: {error}"
    if compare_behaviour(now, before):
        return None
    return f"{one['title']} ({one['detector']}) behaves differently from when it was measured"


def _list_distinct(jobs: Sequence[Job], data_dir: str | Path | None) -> list[tuple[Job, DataKind]]:
    """List the jobs that differ in detector, settings other than floats, or kind of data."""
    kinds = {job.dataset: DataKind.of(load_dataset(job.dataset, data_dir=data_dir)) for job in jobs}
    found: dict[tuple, tuple[Job, DataKind]] = {}
    for job in jobs:
        kind = kinds[job.dataset]
        if len(kind.shape) == 1 and not kind.documents:  # a small table has few columns anyway
            kind = kind._replace(shape=(min(kind.shape[0], 8),))
        place = (job.variant.title, job.variant.structure, kind)
        found.setdefault(place, (job, kind))
    return list(found.values())


def _describe_behaviour(job: Job, kind: DataKind) -> dict[str, Any]:
    config = dict(job.variant.config)
    behaviour = measure_behaviour(job.variant.detector, config, job.protocol, kind)
    return {
        "title": job.variant.title,
        "detector": job.variant.detector,
        "config": config,
        "protocol": {k: v for k, v in job.protocol.axes.items() if v != getattr(Protocol, k)},
        "kind": kind._asdict(),
        **behaviour._asdict(),
    }


def _as_lines(about: dict[str, Any]) -> str:
    """Return JSON with a line for each entry, and one for each item of the longest lists."""

    def show(value: Any) -> str:
        if not isinstance(value, list) or not any(isinstance(v, list | dict) for v in value):
            return dumps(value)
        return "[\n  " + ",\n  ".join(map(dumps, value)) + "\n ]"

    return "{\n " + ",\n ".join(f"{dumps(k)}: {show(v)}" for k, v in about.items()) + "\n}\n"


def _list_versions() -> dict[str, str]:
    return {name: version(name) for name in _LIBRARIES}


def _compute_digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _write_csv(tables: Sequence[Table]) -> str:
    """Return a row for each key, detector and seed, with a column for each metric."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    first = tables[0]
    writer.writerow([*first.keys, _DETECTOR, _SEED, *(table.metric for table in tables)])
    for key, row in first.rows.items():
        for title, entry in row.items():
            for seed in sorted(entry.per_seed):
                found = [_find(table, key, title).get(seed) for table in tables]
                numbers = ["" if value is None else f"{value:.5f}" for value in found]
                writer.writerow([*map(str, key), title, seed, *numbers])
    return out.getvalue()


def _find(table: Table, key: tuple, title: str) -> dict[int, float]:
    entry = table.rows.get(key, {}).get(title)
    return {} if entry is None else entry.per_seed


def _read_tables(text: str, about: dict[str, Any]) -> tuple[Table, ...]:
    lines = csv.reader(io.StringIO(text))
    width = len(about["keys"])
    metrics = next(lines)[width + 2 :]
    values: dict[str, dict[tuple, dict[str, dict[int, float]]]] = {name: {} for name in metrics}
    for line in lines:
        key, title, seed = tuple(line[:width]), line[width], int(line[width + 1])
        for metric, number in zip(metrics, line[width + 2 :], strict=True):
            if number:
                row = values[metric].setdefault(key, {})
                row.setdefault(title, {})[seed] = float(number)
    printed = {
        (metric, key if key is None else tuple(key), title): Published(mean, std, tuned)
        for metric, key, title, mean, std, tuned in about["published"]
    }
    return tuple(
        Table(
            metric,
            tuple(about["keys"]),
            {
                key: {
                    title: TableEntry(per_seed, printed.get((metric, key, title)))
                    for title, per_seed in row.items()
                }
                for key, row in rows.items()
            },
            tuple(about["titles"]),
            {t: printed[metric, None, t] for t in about["titles"] if (metric, None, t) in printed},
        )
        for metric, rows in values.items()
    )


def _list_published(table: Table) -> list[list[Any]]:
    """List the published values of a table: metric, key, title, mean, deviation, tuned.

    The key of a mean over the table is None.
    """
    found = [
        [table.metric, [*map(str, key)], title, *entry.published]
        for key, row in table.rows.items()
        for title, entry in row.items()
        if entry.published is not None
    ]
    return found + [[table.metric, None, title, *number] for title, number in table.printed.items()]
