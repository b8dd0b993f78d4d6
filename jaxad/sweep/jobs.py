"""From an experiment to jobs: every combination of its axes."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

from jaxad.data import load_dataset
from jaxad.sweep.experiment import Experiment, Source, Variant
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
        source: Which of the experiment's data sets it belongs to, from 0.
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
    source: int = field(default=0, compare=False)

    @cached_property
    def name(self) -> str:
        """A hash of all that decides the result, the same on every machine; without the title."""
        # Without an exposure set as before there were any: what is done stays done.
        asked = [(k, v) for k, v in self.request if v is not None or not k.startswith("exposure")]
        parts = [self.dataset, self.class_label, asked, self.seed_root, self.few_anomalies]
        parts += [self.variant.detector, self.variant.config]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def described(self) -> str:
        """The job in a line."""
        rho = dict(self.request)["contamination"]
        share = "own" if rho is None else f"{100 * rho:.3g} %"
        return f"{self.dataset} {self.class_label}  {share}  {self.variant.title}"


def expand(
    experiment: Experiment,
    data_dir: str | Path | None = None,
    classes: Sequence[Sequence[tuple[int, int | str]]] | None = None,
) -> list[Job]:
    """All jobs of an experiment, those of one data set and normal class together.

    Args:
        experiment: The experiment.
        data_dir: The folder that data sets are looked for in.
        classes: For each of its data sets the numbers and labels of the normal classes, if they
            are known; then no data is read, and nothing can be run.

    Raises:
        ConfigError: A data set or a class that is not there.
        DataError: A file that cannot be read.
    """
    if classes is None:
        found = (_classes(source, data_dir) for source in experiment.sources)
    else:
        found = ((list(of_source), 0) for of_source in classes)
    return list(_jobs(experiment, found))


def _classes(
    source: Source, data_dir: str | Path | None
) -> tuple[list[tuple[int, int | str]], int]:
    """The normal classes of a data set, and what the rows of one seed take."""
    data = load_dataset(source.name, data_dir=data_dir)
    numbers = data.normal_classes(source.normal_class)
    labels = [data.class_name(n) if data.class_names else n for n in numbers]
    beside = {name for name in source.axes["exposure"] if name is not None}
    sets = [load_dataset(name, data_dir=data_dir) for name in sorted(beside)]
    size = most_bytes_of_rows(data, max((len(one.x) for one in sets), default=0))
    return list(zip(numbers, labels, strict=True)), size


def _without_rows_of_none(request: tuple[tuple[str, Any], ...]) -> tuple[tuple[str, Any], ...]:
    """The same without a number of exposure rows where there is no exposure set."""
    if dict(request)["exposure"] is not None:
        return request
    return tuple((k, None if k == "exposure_rows" else v) for k, v in request)


def _jobs(
    experiment: Experiment, found: Iterable[tuple[list[tuple[int, int | str]], int]]
) -> Iterator[Job]:
    audit = any(metric.startswith("audit") for metric in experiment.metrics)
    root, few = experiment.seed_root, experiment.few_anomalies
    for i, (source, (classes, size)) in enumerate(zip(experiment.sources, found, strict=True)):
        requests = [
            tuple(zip(source.axes, values, strict=True))
            for values in product(*source.axes.values())
        ]
        requests = list(dict.fromkeys(map(_without_rows_of_none, requests)))
        for (number, label), request, variant in product(classes, requests, source.variants):
            yield Job(source.name, number, label, request, variant, root, few, size, audit, i)
