"""Result records and their tabular form."""

import hashlib
import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float

from jaxad.data import Split
from jaxad.data.protocol.settings import AXES, Axis
from jaxad.evaluation.metrics import summarise
from jaxad.evaluation.scoring import Evaluation
from jaxad.utils.timing import Seconds

__all__ = [
    "LIBRARIES",
    "METRICS",
    "SHARES",
    "AuditMetrics",
    "Cell",
    "CellInfo",
    "Failure",
    "as_json",
    "config_hash",
    "describe_machine",
    "describe_setting",
    "make_rows",
    "merge_cells",
]

# Metrics of the test rows, and of the hidden anomalies among the training rows.
METRICS = (*(f.name for f in fields(Evaluation)), "audit_auroc", "audit_auprc")
# The shares of the unlabelled rows, the most suspicious first, at which precision is kept.
SHARES = (
    0.01,
    0.02,
    0.03,
    0.05,
    0.075,
    0.1,
    0.15,
    0.2,
    0.25,
    0.3,
    0.4,
    0.5,
    0.6,
    0.7,
    0.8,
    0.9,
    1.0,
)
LIBRARIES = ("jaxad", "jax", "flax", "numpy")


@cache
def describe_machine() -> dict[str, str]:
    """Return the device and the versions of this process."""
    device = jax.devices()[0]
    return {
        "device": f"{device.platform}: {device.device_kind}",
        **{f"{name}_version": version(name) for name in LIBRARIES},
        "python_version": platform.python_version(),
    }


@dataclass(frozen=True, kw_only=True)
class CellInfo:
    """A detector on data, as a complete cell and a failed one have it in common.

    Attributes:
        dataset: The name of the data set.
        subset: A part of it, if it has several.
        normal_class: The normal class: its name, or its number if it has no name.
        detector: The name of the detector.
        title: The name of the detector with its settings in tables; by default its name.
        setting: How the training data was contaminated and labelled, and the seed of the root key.
        config: The configuration of the detector.
        seeds: The numbers of the seeds; by default from 0.
        job: The name of the job of a sweep, if any.
        axes: Fields of the configuration that the experiment varies.
        machine: The device and the versions of the process that ran it.
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
    axes: dict[str, Any] = field(default_factory=dict)
    machine: dict[str, str] = field(default_factory=describe_machine)
    time: datetime = field(default_factory=lambda: datetime.now(UTC))


class AuditMetrics(NamedTuple):
    """How well scores find the hidden anomalies among the unlabelled training rows.

    Attributes:
        auroc: `(seeds,)` area under the ROC curve; NaN without hidden anomalies.
        auprc: `(seeds,)` average precision; NaN without hidden anomalies.
        precision: `(seeds, len(SHARES))` the share of hidden anomalies among the most suspicious
            rows.
    """

    auroc: Float[np.ndarray, "seeds"]
    auprc: Float[np.ndarray, "seeds"]
    precision: Float[np.ndarray, "seeds shares"]


@dataclass(frozen=True, kw_only=True)
class Cell(CellInfo):
    """The result of one detector on one data set with one normal class, for several seeds.

    Attributes:
        evaluation: The metrics; value i belongs to `seeds[i]`.
        seconds: The wall time of training and scoring all seeds.
        found: How well the scores find hidden anomalies; None if it was not measured.
    """

    evaluation: Evaluation
    seconds: Seconds
    found: AuditMetrics | None = None


@dataclass(frozen=True, kw_only=True)
class Failure(CellInfo):
    """Seeds of a cell that failed; `seeds` must be given.

    Attributes:
        error: The error with its traceback.
    """

    error: str


# Parts of a split's setting that results have elsewhere, or that were drawn and not requested.
_NOT_SETTING = (
    "dataset", "normal_classes", "anomaly_classes", "key", "known_classes", "rows", "seeds",
)  # fmt: skip


def describe_setting(split: Split) -> dict[str, Any]:
    """Return how the rows of a split were contaminated, labelled and scaled, as results have it."""
    return {name: v for name, v in split.setting.items() if name not in _NOT_SETTING}


def merge_cells(cells: Sequence[Cell]) -> Cell:
    """Merge cells of one job with different seeds.

    Args:
        cells: The cells, at least one; none has measures of hidden anomalies.

    Returns:
        One cell whose seeds are those of all cells in ascending order, and whose seconds are their
        sum.
    """
    if len(cells) == 1:
        return cells[0]
    seeds = [seed for cell in cells for seed in cell.seeds or ()]
    order = np.argsort(seeds)
    metrics = {
        name: summarise(
            np.concatenate([getattr(c.evaluation, name).per_seed for c in cells])[order]
        )
        for name, metric in vars(cells[0].evaluation).items()
        if metric is not None
    }
    return replace(
        cells[-1],
        seeds=tuple(sorted(seeds)),
        evaluation=Evaluation(**metrics),
        seconds=sum((cell.seconds for cell in cells), start=Seconds()),
    )


def config_hash(detector: str, config: dict[str, Any]) -> str:
    """Compute a short hash of a detector's name and configuration, the same on every machine."""
    return hashlib.sha256(as_json([detector, config]).encode()).hexdigest()[:16]


def make_rows(cell: Cell | Failure) -> list[dict[str, Any]]:
    """Return one row for each seed."""
    asked = cell.setting.get("asked", cell.setting)
    shared = {
        "dataset": cell.dataset,
        "subset": cell.subset,
        "normal_class": str(cell.normal_class),
        "detector": cell.detector,
        "title": cell.title or cell.detector,
        "setting": as_json(cell.setting),
        "config": as_json(cell.config),
        "config_hash": config_hash(cell.detector, cell.config),
        "job": cell.job,
        **{name: _as_column(axis, asked.get(name)) for name, axis in AXES.items()},
        **{f"config_{name}": value for name, value in cell.axes.items()},
        **cell.machine,
        "time": cell.time,
    }
    if isinstance(cell, Failure):
        return [shared | {"seed": seed, "error": cell.error} for seed in cell.seeds or ()]
    seeds = cell.seeds or range(len(cell.evaluation.auroc.per_seed))
    shared |= {
        "seconds_compile": cell.seconds.compile / len(seeds),
        "seconds_run": cell.seconds.run / len(seeds),
    }
    return [shared | {"seed": seed} | _metrics(cell, i) for i, seed in enumerate(seeds)]


def _as_column(axis: Axis, value: Any) -> Any:
    """Return a setting for its column: null where the column is of numbers and this is a list."""
    return None if axis.numeric and not isinstance(value, int | float) else value


def _metrics(cell: Cell, i: int) -> dict[str, Any]:
    """Return the metrics of a seed; None where there is none."""
    found = (
        {}
        if cell.found is None
        else {
            "audit_auroc": float(cell.found.auroc[i]),
            "audit_auprc": float(cell.found.auprc[i]),
            "audit_precision": cell.found.precision[i].tolist(),
        }
    )
    of_test = {name: float(m.per_seed[i]) for name, m in vars(cell.evaluation).items() if m}
    return {k: None if v != v else v for k, v in (of_test | found).items()}


def as_json(value: Any) -> str:
    """Return JSON, in one form for one value."""
    return json.dumps(value, sort_keys=True)
