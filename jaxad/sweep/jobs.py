"""From an experiment to jobs: every combination of its axes."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from pathlib import Path

from jaxad.data import load_dataset
from jaxad.data.protocol.settings import AXES, Protocol
from jaxad.sweep.experiment import Experiment, Source, Variant
from jaxad.sweep.memory import bound_row_bytes

__all__ = ["Job", "expand"]

# Settings that are part of every job's name. Others take part only where they differ from their
# defaults, so that results from before a setting was introduced count as done.
_NAMED = (
    "contamination", "labelled_anomalies", "labelled_normals", "known_anomaly_classes", "n_train",
    "test_size", "scaling", "protocol",
)  # fmt: skip


@dataclass(frozen=True)
class Job:
    """One detector in one setting, for all seeds; its seeds are the cells of the sweep.

    Attributes:
        dataset: The name or path that the experiment gives.
        normal_class: The normal class's number.
        class_label: Its name, or its number.
        protocol: How its splits are drawn; the normal class is left out.
        variant: The detector with its settings.
        seed_root: The seed of the root key.
        bytes: The most memory that the rows of one seed may take.
        audit: Whether to measure how well the scores find the hidden anomalies.
        source: Which of the experiment's data sets it belongs to, from 0.
    """

    dataset: str
    normal_class: int
    class_label: int | str
    protocol: Protocol
    variant: Variant
    seed_root: int
    bytes: int = field(default=0, compare=False)
    audit: bool = field(default=False, compare=False)
    source: int = field(default=0, compare=False)

    @cached_property
    def name(self) -> str:
        """A hash of all that decides the result, the same on every machine; without the title."""
        axes = self.protocol.axes
        few = axes.pop("few_anomalies")
        named = [(k, v) for k, v in axes.items() if k in _NAMED or v != AXES[k].default]
        parts = [self.dataset, self.class_label, named, self.seed_root, few]
        parts += [self.variant.detector, self.variant.config]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def summary(self) -> str:
        """The job in a line."""
        rho = self.protocol.contamination
        share = "own" if rho is None else f"{100 * rho:.3g} %"
        return f"{self.dataset} {self.class_label}  {share}  {self.variant.title}"


def expand(
    experiment: Experiment,
    data_dir: str | Path | None = None,
    classes: Sequence[Sequence[tuple[int, int | str]]] | None = None,
) -> list[Job]:
    """List all jobs of an experiment, those of one data set and normal class together.

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
    """Return the normal classes of a data set, and the most bytes of the rows of one seed."""
    data = load_dataset(source.name, data_dir=data_dir)
    numbers = data.normal_classes(source.normal_class)
    labels = [data.class_name(n) if data.class_names else n for n in numbers]
    beside = {name for name in source.axes["exposure"] if name is not None}
    sets = [load_dataset(name, data_dir=data_dir) for name in sorted(beside)]
    size = bound_row_bytes(data, max((len(one.x) for one in sets), default=0))
    return list(zip(numbers, labels, strict=True)), size


def _jobs(
    experiment: Experiment, found: Iterable[tuple[list[tuple[int, int | str]], int]]
) -> Iterator[Job]:
    audit = any(metric.startswith("audit") for metric in experiment.metrics)
    for i, (source, (classes, size)) in enumerate(zip(experiment.sources, found, strict=True)):
        for (number, label), protocol, variant in product(
            classes, source.protocols, source.variants
        ):
            yield Job(
                source.name,
                number,
                label,
                protocol,
                variant,
                experiment.seed_root,
                bytes=size,
                audit=audit,
                source=i,
            )
