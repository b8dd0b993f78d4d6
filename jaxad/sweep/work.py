"""Jobs with their rows drawn, and the choice of those that are trained side by side."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import jax
import numpy as np

from jaxad.data import Split, contaminate, load_dataset
from jaxad.detector import Detector, HostDetector
from jaxad.detectors import make
from jaxad.errors import DataError
from jaxad.results import describe_setting
from jaxad.sweep.jobs import Job
from jaxad.sweep.memory import count_row_bytes, count_training_bytes
from jaxad.training.seeds import resolve_mode
from jaxad.training.stacking import describe_structure
from jaxad.types import TestData, TrainData

__all__ = ["Work", "check_jobs", "draw_split", "draw_work", "pack", "take_seeds"]

_Data = TypeVar("_Data", TrainData, TestData)
_Other = TypeVar("_Other")


class Work(NamedTuple):
    """Seeds of a job whose rows are drawn.

    Attributes:
        job: The job.
        seeds: The numbers of its seeds.
        train: Their training rows, stacked along a seed axis.
        test: Their test rows.
        hidden: `(seeds, n)` 1 for hidden anomalies.
        setting: How the rows were drawn.
        detector: What is trained.
    """

    job: Job
    seeds: tuple[int, ...]
    train: TrainData
    test: TestData
    hidden: np.ndarray
    setting: dict[str, Any]
    detector: Detector | HostDetector

    @property
    def kind(self) -> tuple:
        """What must be equal for jobs to be trained side by side."""
        train = self.train
        if isinstance(self.detector, HostDetector):
            return (self.job,)
        steps = []
        # Under `vmap`, side by side train only splits with as many steps.
        if resolve_mode("auto", self.detector) == "vmap":
            steps = [phase.sampler.steps_per_epoch(train) for phase in self.detector.phases]
        masks = [part.mask is None for part in (train, self.test)]
        steps = np.array(steps).tolist()
        return (
            describe_structure(self.detector),
            repr((steps, masks)),
            train.x.dtype,
            train.x.shape[2:],
        )

    @property
    def alone(self) -> bool:
        """Whether nothing is gained by training other jobs beside it.

        One after the other, a seed with convolutions takes long enough for a call of its own.
        """
        if isinstance(self.detector, HostDetector):
            return True
        return self.detector.convolutional and resolve_mode("auto", self.detector) == "map"

    @property
    def bytes(self) -> int:
        """The memory that one of its seeds takes."""
        size = 0
        for x in (self.train.x, self.test.x):
            size += count_row_bytes(x.shape[1], x.shape[2:], x.itemsize)
        coder = self.detector.coder if isinstance(self.detector, HostDetector) else None
        trained = self.detector if coder is None else coder.detector
        if isinstance(trained, Detector):
            size += count_training_bytes(trained, self.train)
        return size

    def split(self, most: int) -> "Iterator[Work]":
        """Yield parts with at most so many seeds each, at least one."""
        most = max(1, most)
        for i in range(0, len(self.seeds), most):
            some = slice(i, i + most)
            yield self._replace(
                seeds=self.seeds[some],
                train=take_seeds(self.train, some),
                test=take_seeds(self.test, some),
                hidden=self.hidden[some],
            )


def draw_split(job: Job, seeds: tuple[int, ...] | None, data_dir: str | Path | None) -> Split:
    """Draw the split of some seeds of a job, or a single one of its root key for None.

    Raises:
        ConfigError: A data set or class that is not there, or a setting that does not suit it.
        DataError: A file that cannot be read, or too few rows of a kind.
    """
    data = load_dataset(job.dataset, data_dir=data_dir)
    protocol = replace(job.protocol, normal_class=job.normal_class)
    if protocol.exposure is not None:
        others = load_dataset(protocol.exposure, data_dir=data_dir)
        protocol = replace(protocol, exposure=others)
    return contaminate(data, job.seed_root, seeds=seeds, protocol=protocol)


def draw_work(job: Job, seeds: tuple[int, ...], data_dir: str | Path | None) -> Work:
    """Draw the rows of some seeds of a job and build its detector.

    Raises:
        ConfigError: A data set or class that is not there, or a setting that does not suit it.
        DataError: A file that cannot be read, or too few rows of a kind.
    """
    split = draw_split(job, seeds, data_dir)
    detector = make(job.variant.detector, split.train, **dict(job.variant.config))
    setting = describe_setting(split)
    return Work(job, seeds, split.train, split.test, split.hidden, setting, detector)


def check_jobs(jobs: Iterable[Job], data_dir: str | Path | None) -> None:
    """Draw one split for each way to draw rows and build every detector, and train nothing.

    Args:
        jobs: The jobs; those with the same rows follow each other.
        data_dir: The folder where data files are looked for by name.

    Raises:
        ConfigError: A setting that does not suit the data.
        DataError: Too few rows of a kind.
    """
    last, train = None, None
    for job in jobs:
        rows = (job.dataset, job.normal_class, job.protocol, job.seed_root)
        if train is None or rows != last:
            try:
                train = draw_split(job, None, data_dir).train
            except DataError as error:
                raise DataError(f"with normal class {job.class_label}: {error}") from error
            last = rows
        make(job.variant.detector, train, **dict(job.variant.config))


def pack(works: Iterable[Work | _Other], memory: int) -> Iterator[list[Work] | _Other]:
    """Yield the jobs to train in one call: those of one kind that fit into memory together.

    No more is drawn than fits, as long as one job does. Whatever is not a `Work` is passed on.

    Args:
        works: Jobs whose rows are drawn when they are asked for.
        memory: The most bytes that jobs may take together; a job that is larger is split, down to
            a single seed.
    """
    waiting: dict[Any, list[Work]] = {}
    held = 0
    for work in works:
        if not isinstance(work, Work):
            yield work
            continue
        size = work.bytes
        parts = list(work.split(memory // size))
        del work
        while parts:
            part = parts.pop(0)
            if part.alone:
                yield [part]
                del part
                continue
            if held + size * len(part.seeds) > memory:
                yield from waiting.values()
                waiting, held = {}, 0
            waiting.setdefault(part.kind, []).append(part)
            held += size * len(part.seeds)
    yield from waiting.values()


def take_seeds(data: _Data, seeds: slice | np.ndarray) -> _Data:
    """Return the rows of some seeds."""
    return jax.tree.map(lambda leaf: leaf[seeds], data)
