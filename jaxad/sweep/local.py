"""Run groups of jobs in this process, one group after the other."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxad.data import Split, contaminate, load_dataset
from jaxad.data.split import stack_rows
from jaxad.detector import Detector
from jaxad.detectors import make
from jaxad.errors import DataError
from jaxad.evaluate import evaluation_of, score
from jaxad.host import HostDetector
from jaxad.results import Cell, Failure, setting_of
from jaxad.sweep.faults import described
from jaxad.sweep.jobs import Job
from jaxad.sweep.plan import Group
from jaxad.sweep.store import Appender
from jaxad.timing import Seconds, stopwatch
from jaxad.train import Progress, fit
from jaxad.types import TestData, TrainData

__all__ = ["run_group", "run_jobs"]

_BYTES = 1 << 30  # the most that the rows of jobs trained side by side may take


class _Work(NamedTuple):
    """A job whose rows are drawn."""

    job: Job
    split: Split
    detector: Detector | HostDetector

    @property
    def alike(self) -> tuple:
        """What must be equal for jobs to be trained side by side."""
        train = self.split.train
        if isinstance(self.detector, HostDetector):
            return (self.job,)
        steps = [phase.sampler.steps_per_epoch(train) for phase in self.detector.phases]
        return repr(self.detector), repr(np.array(steps).tolist()), train.x.dtype, train.x.shape[2:]

    @property
    def bytes(self) -> int:
        """What its rows take."""
        return self.split.train.x.nbytes + self.split.test.x.nbytes


def run_jobs(
    groups: Sequence[Group],
    folder: str | Path,
    data_dir: str | Path | None = None,
    progress: Callable[[Progress], None] | None = None,
    on_cell: Callable[[Cell | Failure], None] | None = None,
) -> None:
    """Run groups and append the rows of each job as soon as it is complete.

    A job that fails is recorded with its error, and the others go on.

    Args:
        groups: As `plan` made them.
        folder: The folder of results.
        data_dir: The folder that data sets are looked for in.
        progress: Told how far the present fit has come.
        on_cell: Told of each job that is recorded.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed; what is complete is recorded.
        OSError: The folder cannot be written.
    """
    appender = Appender(folder)
    for group in groups:
        for cell in run_group(group, data_dir, progress):
            appender.add(cell)
            if on_cell is not None:
                on_cell(cell)


def run_group(
    group: Group,
    data_dir: str | Path | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Iterator[Cell | Failure]:
    """The cells of a group: one for each job, and one more for seeds of it that failed."""
    works = []
    for job in group.jobs:
        try:
            works.append(_draw(job, group.seeds, data_dir))
        except Exception as error:
            yield _failure(job, group.seeds, error)
    for together in _side_by_side(works):
        try:
            yield from _train(together, group.seeds, progress)
        except Exception as error:
            if len(together) == 1:
                yield _failure(together[0].job, group.seeds, error)
                continue
            for work in together:  # one of them is to blame: the others need not fail with it
                try:
                    yield from _train([work], group.seeds, progress)
                except Exception as error:
                    yield _failure(work.job, group.seeds, error)


def _draw(job: Job, seeds: tuple[int, ...], data_dir: str | Path | None) -> _Work:
    data = load_dataset(job.dataset, data_dir=data_dir)
    request: dict[str, Any] = dict(job.request, normal_class=job.normal_class)
    try:
        split = contaminate(data, job.seed_root, seeds=seeds, **request)
    except DataError:
        if job.few_anomalies != "own" or request["contamination"] is None:
            raise
        request["contamination"] = None
        split = contaminate(data, job.seed_root, seeds=seeds, **request)
    detector = make(job.variant.detector, split.train, **dict(job.variant.config))
    return _Work(job, split, detector)


def _side_by_side(works: list[_Work]) -> Iterator[list[_Work]]:
    """Jobs that can be trained in one call: alike, and small enough together.

    Networks with convolutions are trained one seed after the other, so nothing is won there.
    """
    groups: dict[Any, list[list[_Work]]] = {}
    for work in works:
        batches = groups.setdefault(work.alike, [[]])
        full = sum(w.bytes for w in batches[-1]) + work.bytes > _BYTES
        one = isinstance(work.detector, Detector) and work.detector.convolutional
        if batches[-1] and (full or one):
            batches.append([])
        batches[-1].append(work)
    for batches in groups.values():
        yield from batches


def _train(
    works: list[_Work], seeds: tuple[int, ...], progress: Callable[[Progress], None] | None
) -> Iterator[Cell | Failure]:
    """Train and test jobs side by side."""
    numbers = list(seeds) * len(works)
    with stopwatch() as seconds:
        train = TrainData(*(stack_rows(parts) for parts in _parts(works, "train")))
        test = TestData(*(stack_rows(parts) for parts in _parts(works, "test")))
        fitted = fit(
            works[0].detector, train, numbers, key=works[0].job.seed_root, progress=progress
        )
        if fitted.interrupted:
            raise KeyboardInterrupt
        scores = score(fitted, test)
    share = Seconds(
        seconds.compile / len(works), seconds.run / len(works), round(seconds.programs / len(works))
    )
    for i, work in enumerate(works):
        mine = slice(i * len(seeds), (i + 1) * len(seeds))
        of_job = TestData(*(leaf[mine] for leaf in test))
        yield from _cells(work, seeds, scores[mine], of_job, share)


def _parts(works: list[_Work], name: str) -> Iterator[list[np.ndarray]]:
    """The arrays of all jobs, field by field."""
    return (list(leaves) for leaves in zip(*(getattr(w.split, name) for w in works), strict=True))


def _cells(
    work: _Work, seeds: tuple[int, ...], scores: np.ndarray, test: TestData, seconds: Seconds
) -> Iterator[Cell | Failure]:
    """The cell of the seeds whose scores are finite, and that of the others."""
    valid = np.arange(scores.shape[1]) < np.asarray(test.count)[:, None]
    good = np.atleast_1d(np.isfinite(np.where(valid, scores, 0)).all(axis=1))
    kept = tuple(s for s, ok in zip(seeds, good, strict=True) if ok)
    lost = tuple(s for s, ok in zip(seeds, good, strict=True) if not ok)
    if kept:
        evaluation = evaluation_of(scores[good], TestData(*(leaf[good] for leaf in test)))
        yield Cell(
            **_asked(work.job, kept),
            setting=setting_of(work.split) | _roots(work.job),
            config=asdict(work.detector.config),
            evaluation=evaluation,
            seconds=seconds,
        )
    if lost:
        yield _failure(work.job, lost, DataError("the scores are not finite: training diverged"))


def _failure(job: Job, seeds: tuple[int, ...], error: Exception) -> Failure:
    return Failure(
        **_asked(job, seeds),
        setting=dict(job.request) | _roots(job),
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
    return {"asked": dict(job.request), "seed_root": job.seed_root}
