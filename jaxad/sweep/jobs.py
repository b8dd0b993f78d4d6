"""From an experiment to jobs: every combination of its axes."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

from jaxad.data import load_dataset
from jaxad.sweep.experiment import Experiment, Variant
from jaxad.sweep.memory import most_bytes_of_rows

__all__ = ["Job", "expand"]


@dataclass(frozen=True)
class Job:
    """One detector in one setting, for all seeds; its seeds are the cells of the sweep.

    Attributes:
        dataset: The name or path that the experiment gives.
        normal_class: The normal class's number.
        class_label: Its name, or its number.
        request: What else `contaminate` takes, as pairs.
        variant: The detector with its settings.
        seed_root: The root of all randomness.
        few_anomalies: "raise" or "own"; see `Experiment`.
        bytes: What the rows of one seed take at most.
        audit: Whether the hidden anomalies that the scores find are to be measured.
    """

    dataset: str
    normal_class: int
    class_label: int | str
    request: tuple[tuple[str, Any], ...]
    variant: Variant
    seed_root: int
    few_anomalies: str = "raise"
    bytes: int = field(default=0, compare=False)
    audit: bool = field(default=False, compare=False)

    @cached_property
    def name(self) -> str:
        """A hash of all that decides the result, the same on every machine; without the title."""
        parts = [self.dataset, self.class_label, self.request, self.seed_root, self.few_anomalies]
        parts += [self.variant.detector, self.variant.config]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def described(self) -> str:
        """The job in a line."""
        rho = dict(self.request)["contamination"]
        share = "own" if rho is None else f"{100 * rho:.3g} %"
        return f"{self.dataset} {self.class_label}  {share}  {self.variant.title}"


def expand(experiment: Experiment, data_dir: str | Path | None = None) -> list[Job]:
    """All jobs of an experiment, those of one data set and normal class together.

    Raises:
        ConfigError: A data set or a class that is not there.
        DataError: A file that cannot be read.
    """
    return list(_jobs(experiment, data_dir))


def _jobs(experiment: Experiment, data_dir: str | Path | None) -> Iterator[Job]:
    audit = any(metric.startswith("audit") for metric in experiment.metrics)
    for source in experiment.sources:
        data = load_dataset(source.name, data_dir=data_dir)
        size = most_bytes_of_rows(data)
        requests = [
            tuple(zip(source.axes, values, strict=True))
            for values in product(*source.axes.values())
        ]
        for number in data.normal_classes(source.normal_class):
            label = data.class_name(number) if data.class_names else number
            for request, variant in product(requests, source.variants):
                root, few = experiment.seed_root, experiment.few_anomalies
                yield Job(source.name, number, label, request, variant, root, few, size, audit)
