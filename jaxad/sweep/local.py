"""Run groups of jobs in this process, one group after the other."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import jax
import numpy as np

from jaxad.data import contaminate, load_dataset
from jaxad.data.split import stack_rows
from jaxad.detector import Detector, HostDetector
from jaxad.detectors import make
from jaxad.errors import DataError
from jaxad.evaluation.hidden import measure_hidden, measure_precision
from jaxad.evaluation.scoring import evaluate_scores, score
from jaxad.results import SHARES, Cell, Failure, Found, setting_of
from jaxad.sweep.faults import described
from jaxad.sweep.jobs import Job
from jaxad.sweep.memory import available, bytes_of_rows, bytes_of_training
from jaxad.sweep.plan import Group
from jaxad.sweep.store import Appender
from jaxad.training.fitted import Fit, Progress
from jaxad.training.seeds import resolve_mode
from jaxad.training.stacking import structure_of
from jaxad.training.train import fit
from jaxad.types import TestData, TrainData
from jaxad.utils.timing import Seconds, stopwatch

__all__ = ["failure_of", "run_cells", "run_group", "run_jobs"]

_Data = TypeVar("_Data", TrainData, TestData)


class _Work(NamedTuple):
    """Seeds of a job whose rows are drawn."""

    job: Job
    seeds: tuple[int, ...]
    train: TrainData
    test: TestData
    hidden: np.ndarray
    setting: dict[str, Any]
    detector: Detector | HostDetector

    @property
    def alike(self) -> tuple:
        """What must be equal for jobs to be trained side by side."""
        train = self.train
        if isinstance(self.detector, HostDetector):
            return (self.job,)
        steps = []
        if resolve_mode("auto") == "vmap":  # which splits with as many steps can be trained by
            steps = [phase.sampler.steps_per_epoch(train) for phase in self.detector.phases]
        masks = [part.mask is None for part in (train, self.test)]
        steps = np.array(steps).tolist()
        return structure_of(self.detector), repr((steps, masks)), train.x.dtype, train.x.shape[2:]

    @property
    def alone(self) -> bool:
        """Whether nothing is won by training other jobs beside it.

        On the CPU a seed with convolutions takes long enough for a call of its own.
        """
        if isinstance(self.detector, HostDetector):
            return True
        return self.detector.convolutional and resolve_mode("auto") == "map"

    @property
    def bytes(self) -> int:
        """What one of its seeds takes."""
        size = 0
        for x in (self.train.x, self.test.x):
            size += bytes_of_rows(x.shape[1], x.shape[2:], x.itemsize)
        coder = self.detector.coder if isinstance(self.detector, HostDetector) else None
        trained = self.detector if coder is None else coder.detector
        if isinstance(trained, Detector):
            size += bytes_of_training(trained, self.train)
        return size

    def parts(self, most: int) -> "Iterator[_Work]":
        """The same with at most so many seeds each, at least one."""
        most = max(1, most)
        for i in range(0, len(self.seeds), most):
            some = slice(i, i + most)
            yield self._replace(
                seeds=self.seeds[some],
                train=_taken(self.train, some),
                test=_taken(self.test, some),
                hidden=self.hidden[some],
            )


def run_jobs(
    groups: Sequence[Group],
    folder: str | Path,
    data_dir: str | Path | None = None,
    progress: Callable[[Progress], None] | None = None,
    on_cell: Callable[[Cell | Failure], None] | None = None,
    memory: int | None = None,
) -> None:
    """Run groups and append the rows of each job as soon as it is complete.

    A job that fails is recorded with its error, and the others go on.

    Args:
        groups: As `group_jobs` made them.
        folder: The folder of results.
        data_dir: The folder that data sets are looked for in.
        progress: Told how far the present fit has come.
        on_cell: Told of each job that is recorded.
        memory: The most bytes that what is trained side by side may take, as estimated; None: a
            quarter of what there is.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed; what is complete is recorded.
        OSError: The folder cannot be written.
    """
    appender = Appender(folder)
    for group in groups:
        for cell in run_group(group, data_dir, progress, memory):
            appender.add(cell)
            if on_cell is not None:
                on_cell(cell)


def run_group(
    group: Group,
    data_dir: str | Path | None = None,
    progress: Callable[[Progress], None] | None = None,
    memory: int | None = None,
) -> Iterator[Cell | Failure]:
    """The cells of a group: one for each job, and one more for seeds of it that failed."""
    yield from run_cells([(job, group.seeds) for job in group.jobs], data_dir, progress, memory)


def run_cells(
    todo: Iterable[tuple[Job, tuple[int, ...]]],
    data_dir: str | Path | None = None,
    progress: Callable[[Progress], None] | None = None,
    memory: int | None = None,
) -> Iterator[Cell | Failure]:
    """The cells of jobs with seeds of their own, trained side by side where they are alike.

    Rows are drawn when they are needed. A job too large for the memory has several cells.
    """
    drawn = _drawn(todo, data_dir)
    for works in _side_by_side(drawn, available() if memory is None else memory):
        if isinstance(works, Failure):
            yield works
        else:
            yield from _tried(works, progress)
        del works  # before more rows are drawn


def _drawn(
    todo: Iterable[tuple[Job, tuple[int, ...]]], data_dir: str | Path | None
) -> Iterator[_Work | Failure]:
    for job, seeds in todo:
        try:
            yield _draw(job, seeds, data_dir)
        except Exception as error:
            yield failure_of(job, seeds, error)


def _draw(job: Job, seeds: tuple[int, ...], data_dir: str | Path | None) -> _Work:
    data = load_dataset(job.dataset, data_dir=data_dir)
    protocol = replace(job.protocol, normal_class=job.normal_class)
    if protocol.exposure is not None:
        others = load_dataset(protocol.exposure, data_dir=data_dir)
        protocol = replace(protocol, exposure=others)
    split = contaminate(data, job.seed_root, seeds=seeds, protocol=protocol)
    detector = make(job.variant.detector, split.train, **dict(job.variant.config))
    return _Work(job, seeds, split.train, split.test, split.hidden, setting_of(split), detector)


def _side_by_side(drawn: Iterable[_Work | Failure], memory: int) -> Iterator[list[_Work] | Failure]:
    """What can be trained in one call: jobs that are alike, and small enough together.

    No more is drawn than fits, as long as one job does.
    """
    waiting: dict[Any, list[_Work]] = {}
    held = 0
    for work in drawn:
        if isinstance(work, Failure):
            yield work
            continue
        size = work.bytes
        parts = list(work.parts(memory // size))
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
            waiting.setdefault(part.alike, []).append(part)
            held += size * len(part.seeds)
    yield from waiting.values()


def _tried(
    works: list[_Work], progress: Callable[[Progress], None] | None
) -> Iterator[Cell | Failure]:
    """The cells of jobs trained side by side; each alone if together they fail."""
    try:
        yield from _train(works, progress)
    except Exception as error:
        if len(works) == 1:
            yield failure_of(works[0].job, works[0].seeds, error)
            return
        for work in works:  # one of them is to blame: the others need not fail with it
            yield from _tried([work], progress)


def _train(
    works: list[_Work], progress: Callable[[Progress], None] | None
) -> Iterator[Cell | Failure]:
    """Train and test jobs side by side."""
    numbers = [seed for work in works for seed in work.seeds]
    with stopwatch() as seconds:
        train = _together([work.train for work in works])
        test = _together([work.test for work in works])
        fitted = fit(_trained(works), train, numbers, key=works[0].job.seed_root, progress=progress)
        if fitted.interrupted:
            raise KeyboardInterrupt
        scores = score(fitted, test)
        of_train = _scores_of(fitted, train) if works[0].job.audit else None
    first = 0
    for work in works:
        mine = slice(first, first + len(work.seeds))
        share, first = len(work.seeds) / len(numbers), mine.stop
        of_job = _taken(test, mine)
        found = None if of_train is None else _found(work, of_train[mine])
        yield from _cells(work, scores[mine], of_job, seconds.share(share), found)


def _trained(works: list[_Work]) -> HostDetector | list[Detector]:
    """A detector for each seed, or the one of another library, which is always alone."""
    first = works[0].detector
    if isinstance(first, HostDetector):
        return first
    detectors = [(work.detector, len(work.seeds)) for work in works]
    return [d for d, seeds in detectors for _ in range(seeds) if isinstance(d, Detector)]


def _scores_of(fitted: Fit, train: TrainData) -> np.ndarray:
    """`(seeds, n)` scores of the rows that a detector was trained on."""
    label = np.asarray(train.label)
    return score(fitted, TestData(train.x, label, train.count, np.zeros(label.shape, bool)))


def _found(work: _Work, scores: np.ndarray) -> Found:
    """Measure how well scores find the hidden anomalies; rows of a stack may be padded further."""
    label, count = np.asarray(work.train.label), np.asarray(work.train.count)
    unlabelled = (label == 0) & (np.arange(label.shape[1]) < count[:, None])
    scores = scores[:, : work.hidden.shape[1]]
    metrics = measure_hidden(scores, work.hidden, unlabelled)
    precision = measure_precision(scores, work.hidden, unlabelled, SHARES)
    return Found(metrics.auroc, metrics.auprc, precision)


def _together(parts: list[_Data]) -> _Data:
    """The rows of all jobs, one after the other along the seed axis."""
    return jax.tree.map(lambda *leaves: stack_rows(leaves), *parts)


def _taken(data: _Data, seeds: slice | np.ndarray) -> _Data:
    """The rows of some seeds."""
    return jax.tree.map(lambda leaf: leaf[seeds], data)


def _cells(
    work: _Work, scores: np.ndarray, test: TestData, seconds: Seconds, found: Found | None
) -> Iterator[Cell | Failure]:
    """The cell of the seeds whose scores are finite, and that of the others."""
    valid = np.arange(scores.shape[1]) < np.asarray(test.count)[:, None]
    good = np.atleast_1d(np.isfinite(np.where(valid, scores, 0)).all(axis=1))
    kept = tuple(s for s, ok in zip(work.seeds, good, strict=True) if ok)
    lost = tuple(s for s, ok in zip(work.seeds, good, strict=True) if not ok)
    if kept:
        evaluation = evaluate_scores(scores[good], _taken(test, good))
        yield Cell(
            **_asked(work.job, kept),
            setting=work.setting | _roots(work.job),
            config=asdict(work.detector.config),
            evaluation=evaluation,
            seconds=seconds,
            found=None if found is None else Found(*(part[good] for part in found)),
        )
    if lost:
        yield failure_of(work.job, lost, DataError("the scores are not finite: training diverged"))


def failure_of(job: Job, seeds: tuple[int, ...], error: Exception) -> Failure:
    """The record of seeds of a job that an error has put an end to."""
    return Failure(
        **_asked(job, seeds),
        setting=job.protocol.axes | _roots(job),
        config=dict(job.variant.config),
        error=described(error),
    )


def _asked(job: Job, seeds: tuple[int, ...]) -> dict[str, Any]:
    return {
        "dataset": job.dataset,
        "normal_class": job.class_label,
        "detector": job.variant.detector,
        "title": job.variant.title,
        "seeds": seeds,
        "job": job.name,
        "axes": dict(job.variant.axes),
    }


def _roots(job: Job) -> dict[str, Any]:
    return {"asked": job.protocol.axes, "seed_root": job.seed_root}
