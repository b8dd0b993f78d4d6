"""From jobs to cells: rows are drawn, detectors trained and tested, and failures described."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import jax
import numpy as np

from jaxad.data.split import stack_rows
from jaxad.detector import Detector, HostDetector
from jaxad.errors import DataError
from jaxad.evaluation.hidden import measure_hidden, measure_precision
from jaxad.evaluation.scoring import evaluate_scores, score
from jaxad.results import SHARES, AuditMetrics, Cell, Failure
from jaxad.sweep.faults import describe_error
from jaxad.sweep.groups import Group
from jaxad.sweep.jobs import Job
from jaxad.sweep.memory import measure_available
from jaxad.sweep.work import Work, draw_work, pack, take_seeds
from jaxad.training.fitted import Fit, Progress
from jaxad.training.train import fit
from jaxad.types import TestData, TrainData
from jaxad.utils.configs import settings_dict
from jaxad.utils.timing import Seconds, stopwatch

__all__ = ["make_failure", "run_cells", "run_group"]

_Data = TypeVar("_Data", TrainData, TestData)
_Fail = Callable[[Job, tuple[int, ...], Exception], Failure]


def run_group(
    group: Group,
    data_dir: str | Path | None = None,
    progress: Callable[[Progress], None] | None = None,
    memory: int | None = None,
) -> Iterator[Cell | Failure]:
    """Yield the cells of a group: one for each job, and one more for seeds of it that failed."""
    yield from run_cells([(job, group.seeds) for job in group.jobs], data_dir, progress, memory)


def run_cells(
    todo: Iterable[tuple[Job, tuple[int, ...]]],
    data_dir: str | Path | None = None,
    progress: Callable[[Progress], None] | None = None,
    memory: int | None = None,
    stop_at_error: bool = False,
) -> Iterator[Cell | Failure]:
    """Yield the cells of jobs, trained side by side where they are of one kind.

    Rows are drawn when they are needed. A job too large for the memory has several cells.

    Args:
        todo: Jobs with the numbers of their seeds.
        data_dir: The folder where data files are looked for by name.
        progress: A function that is told how far the present fit has come.
        memory: The most bytes, as estimated, that may be trained side by side; None for a quarter
            of what there is.
        stop_at_error: Whether an error of a job is raised; otherwise it becomes a `Failure`.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed.
    """
    fail = _raise_error if stop_at_error else make_failure
    drawn = _draw_all(todo, data_dir, fail)
    for works in pack(drawn, measure_available() if memory is None else memory):
        if isinstance(works, Failure):
            yield works
        else:
            yield from _try(works, progress, fail)
        del works  # before more rows are drawn


def _draw_all(
    todo: Iterable[tuple[Job, tuple[int, ...]]], data_dir: str | Path | None, fail: _Fail
) -> Iterator[Work | Failure]:
    """Draw the rows of jobs one after the other, when they are asked for."""
    for job, seeds in todo:
        try:
            yield draw_work(job, seeds, data_dir)
        except Exception as error:
            yield fail(job, seeds, error)


def _try(
    works: list[Work], progress: Callable[[Progress], None] | None, fail: _Fail
) -> Iterator[Cell | Failure]:
    """Train jobs side by side, and each alone if together they fail."""
    try:
        cells = list(_train(works, progress))
    except Exception as error:
        if len(works) == 1:
            yield fail(works[0].job, works[0].seeds, error)
            return
        for work in works:  # one of them is to blame: the others need not fail with it
            yield from _try([work], progress, fail)
        return
    for work, cell, lost in cells:
        if cell is not None:
            yield cell
        if lost:
            diverged = DataError("the scores are not finite: training diverged")
            yield fail(work.job, lost, diverged)


def _train(
    works: list[Work], progress: Callable[[Progress], None] | None
) -> Iterator[tuple[Work, Cell | None, tuple[int, ...]]]:
    """Train and test jobs side by side.

    Yields:
        Each job with the cell of its seeds whose scores are finite, and its other seeds.
    """
    numbers = [seed for work in works for seed in work.seeds]
    with stopwatch() as seconds:
        train = _stack([work.train for work in works])
        test = _stack([work.test for work in works])
        detectors = _list_detectors(works)
        fitted = fit(detectors, train, numbers, key=works[0].job.seed_root, progress=progress)
        if fitted.interrupted:
            raise KeyboardInterrupt
        scores = score(fitted, test)
        of_train = _score_training_rows(fitted, train) if works[0].job.audit else None
    first = 0
    for work in works:
        mine = slice(first, first + len(work.seeds))
        share, first = len(work.seeds) / len(numbers), mine.stop
        of_job = take_seeds(test, mine)
        found = None if of_train is None else _measure_hidden(work, of_train[mine])
        yield (work, *_make_cell(work, scores[mine], of_job, seconds.share(share), found))


def _list_detectors(works: list[Work]) -> HostDetector | list[Detector]:
    """Return a detector for each seed, or the one of another library, which is always alone."""
    first = works[0].detector
    if isinstance(first, HostDetector):
        return first
    detectors = [(work.detector, len(work.seeds)) for work in works]
    return [d for d, seeds in detectors for _ in range(seeds) if isinstance(d, Detector)]


def _score_training_rows(fitted: Fit, train: TrainData) -> np.ndarray:
    """Compute the `(seeds, n)` scores of the rows that a detector was trained on."""
    label = np.asarray(train.label)
    return score(fitted, TestData(train.x, label, train.count, np.zeros(label.shape, bool)))


def _measure_hidden(work: Work, scores: np.ndarray) -> AuditMetrics:
    """Measure how well scores find the hidden anomalies; rows of a stack may be padded further."""
    label, count = np.asarray(work.train.label), np.asarray(work.train.count)
    unlabelled = (label == 0) & (np.arange(label.shape[1]) < count[:, None])
    scores = scores[:, : work.hidden.shape[1]]
    metrics = measure_hidden(scores, work.hidden, unlabelled)
    precision = measure_precision(scores, work.hidden, unlabelled, SHARES)
    return AuditMetrics(metrics.auroc, metrics.auprc, precision)


def _stack(parts: list[_Data]) -> _Data:
    """Stack the rows of all jobs along the seed axis."""
    return jax.tree.map(lambda *leaves: stack_rows(leaves), *parts)


def _make_cell(
    work: Work, scores: np.ndarray, test: TestData, seconds: Seconds, found: AuditMetrics | None
) -> tuple[Cell | None, tuple[int, ...]]:
    """Evaluate the seeds whose scores are finite, and list the others."""
    valid = np.arange(scores.shape[1]) < np.asarray(test.count)[:, None]
    good = np.atleast_1d(np.isfinite(np.where(valid, scores, 0)).all(axis=1))
    kept = tuple(s for s, ok in zip(work.seeds, good, strict=True) if ok)
    lost = tuple(s for s, ok in zip(work.seeds, good, strict=True) if not ok)
    if not kept:
        return None, lost
    cell = Cell(
        **_identify(work.job, kept),
        setting=work.setting | _describe_request(work.job),
        config=settings_dict(work.detector.config),
        evaluation=evaluate_scores(scores[good], take_seeds(test, good)),
        seconds=seconds,
        found=None if found is None else AuditMetrics(*(part[good] for part in found)),
    )
    return cell, lost


def make_failure(job: Job, seeds: tuple[int, ...], error: Exception) -> Failure:
    """Return the record of seeds of a job that ended with an error."""
    return Failure(
        **_identify(job, seeds),
        setting=job.protocol.axes | _describe_request(job),
        config=dict(job.variant.config),
        error=describe_error(error),
    )


def _raise_error(job: Job, seeds: tuple[int, ...], error: Exception) -> Failure:
    """Raise the error of a job; one of its data names the job."""
    del seeds
    if isinstance(error, DataError):
        what = f"{job.variant.title} with normal class {job.class_label}"
        raise DataError(f"{what}: {error}") from error
    raise error


def _identify(job: Job, seeds: tuple[int, ...]) -> dict[str, Any]:
    """Return what a cell and a failure of a job have in common."""
    return {
        "dataset": job.dataset,
        "normal_class": job.class_label,
        "detector": job.variant.detector,
        "title": job.variant.title,
        "seeds": seeds,
        "job": job.name,
        "axes": dict(job.variant.axes),
    }


def _describe_request(job: Job) -> dict[str, Any]:
    """Return the protocol as the experiment has it, and the seed of the root key."""
    return {"asked": job.protocol.axes, "seed_root": job.seed_root}
