"""What came of a detector in a setting, and its rows."""

import hashlib
import json
import platform
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float

from jaxad.data import Split
from jaxad.data.protocol.settings import AXES, Axis
from jaxad.evaluation.scoring import Evaluation
from jaxad.utils.timing import Seconds

__all__ = [
    "LIBRARIES",
    "METRICS",
    "SHARES",
    "Asked",
    "Cell",
    "Failure",
    "Found",
    "as_json",
    "circumstances",
    "config_hash",
    "rows_of",
    "setting_of",
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
def circumstances() -> dict[str, str]:
    """The device and the versions that this process computes with."""
    device = jax.devices()[0]
    return {
        "device": f"{device.platform}: {device.device_kind}",
        **{f"{name}_version": version(name) for name in LIBRARIES},
        "python_version": platform.python_version(),
    }


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
    machine: dict[str, str] = field(default_factory=circumstances)
    time: datetime = field(default_factory=lambda: datetime.now(UTC))


class Found(NamedTuple):
    """How well scores find the hidden anomalies among the unlabelled training rows.

    Attributes:
        auroc: `(seeds,)` area under the ROC curve; NaN where there are none.
        auprc: `(seeds,)` average precision; NaN where there are none.
        precision: `(seeds, len(SHARES))` the share of hidden anomalies among the first rows.
    """

    auroc: Float[np.ndarray, "seeds"]
    auprc: Float[np.ndarray, "seeds"]
    precision: Float[np.ndarray, "seeds shares"]


@dataclass(frozen=True, kw_only=True)
class Cell(Asked):
    """What came of one detector on one data set with one normal class, under several seeds.

    Attributes:
        evaluation: Metrics, whose value i is of seed `seeds[i]`.
        seconds: Wall time of training and scoring all seeds.
        found: What the scores find among the training rows; None where that was not asked for.
    """

    evaluation: Evaluation
    seconds: Seconds
    found: Found | None = None


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
    return hashlib.sha256(as_json([detector, config]).encode()).hexdigest()[:16]


def rows_of(cell: Cell | Failure) -> list[dict[str, Any]]:
    """One row a seed."""
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
    """The metrics of a seed; null where there is none."""
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
    """JSON in one form for one value."""
    return json.dumps(value, sort_keys=True)
