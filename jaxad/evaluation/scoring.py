"""Scores of a fitted detector, and their metrics over seeds."""

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import numpy as np

from jaxad.data.image_range import check_image_range
from jaxad.data.split import Split
from jaxad.detector import Detector, HostDetector
from jaxad.errors import ConfigError, DataError
from jaxad.evaluation.metrics import Summary, compute_metrics, summarise
from jaxad.evaluation.overflow import rank_overflows
from jaxad.training.checks import check_scorable, check_words
from jaxad.training.fitted import Fit
from jaxad.training.host import score_models
from jaxad.training.inference import apply_to_rows
from jaxad.training.stacking import Functions, as_partial, share, stack_functions
from jaxad.types import TestData, TrainData, Windows, as_rows_or_view

__all__ = ["Evaluation", "evaluate", "evaluate_scores", "score"]


@dataclass(frozen=True)
class Evaluation:
    """Metrics of a fitted detector, each a `Summary` over seeds.

    Attributes:
        auroc: Area under the ROC curve.
        auprc: Average precision for anomalies.
        auprc_normal: Average precision for normal rows, by the negated score.
        best_f1: The largest F1 over all thresholds, chosen by the labels: an upper bound.
        precision_at_n: Precision among the n highest scores, n the number of anomalies.
        auroc_seen: AUROC of the anomalies whose classes labelled anomalies came from; None where
            a seed has none of them, or none of other classes.
        auroc_unseen: AUROC of the anomalies of all other classes; None in the same cases.
    """

    auroc: Summary
    auprc: Summary
    auprc_normal: Summary
    best_f1: Summary
    precision_at_n: Summary
    auroc_seen: Summary | None = None
    auroc_unseen: Summary | None = None

    def __getitem__(self, metric: str) -> Summary:
        """Return a metric by its name."""
        return getattr(self, metric)

    def as_dict(self) -> dict[str, dict]:
        """Return the metrics as plain numbers, ready for JSON."""
        return {
            name: {
                "mean": value.mean,
                "std": value.std,
                "interval": list(value.interval),
                "per_seed": [float(v) for v in value.per_seed],
            }
            for name, value in vars(self).items()
            if value is not None
        }


def score(
    fitted: Fit, x: np.ndarray | jax.Array | Windows | TestData | TrainData | Sequence[str]
) -> np.ndarray:
    """Compute the anomaly scores of rows under every seed.

    Args:
        fitted: A fitted detector.
        x: `(n, ...)` rows, or a view of windows, for all seeds; the training or test data of a
            split, with or without a seed axis; or texts, for a detector of texts.

    Returns:
        `(seeds, n)` scores, higher is more anomalous; NaN for rows of padding. A row whose score
        overflows has a score above those of all other rows; see `rank_overflows`. All scores of a
        seed whose training diverged are NaN or infinite.

    Raises:
        DataError: No rows, another shape than in training, values that are not finite, or images
            in another range than those of training.
        ConfigError: `x` is a whole split.
    """
    if isinstance(x, Split):
        raise ConfigError("x must be a part of the split: x.train or x.test; given the Split")
    if isinstance(x, TestData | TrainData):
        rows, count = as_rows_or_view(x.x), np.asarray(x.count)
    else:
        rows = as_rows_or_view(x)
        count = np.asarray(len(rows) if rows.ndim else 0)
    lexicon = fitted.detector.lexicon
    if lexicon is not None and rows.dtype.kind in "UO" and rows.ndim == 1 and rows.size:
        rows = lexicon.vocabulary.encode(rows.tolist())
    check_scorable(rows, count.ndim, fitted.detector.input_shape)
    check_image_range(rows, fitted.images, lead=count.ndim)
    if lexicon is not None:
        valid = np.arange(rows.shape[count.ndim]) < count[..., None]
        check_words(rows[valid], lexicon, "x")
    if count.ndim and len(count) != fitted.seeds:
        raise DataError(f"x holds rows for {len(count)} seeds; the fit has {fitted.seeds} seeds")
    scores = _compute_scores(fitted, rows, count)
    valid = np.arange(scores.shape[1]) < np.broadcast_to(count, (fitted.seeds,))[:, None]

    def rescore(rows: np.ndarray) -> np.ndarray:
        return _compute_scores(fitted, rows, np.full(count.shape, rows.shape[count.ndim]))

    return np.where(valid, rank_overflows(scores, rows, count.ndim, valid, rescore), np.nan)


def _compute_scores(fitted: Fit, rows: np.ndarray | Windows, count: np.ndarray) -> np.ndarray:
    """Return the `(seeds, n)` scores of all rows, as the detector computes them."""
    if isinstance(fitted.detector, HostDetector):
        return _score_on_host(fitted, fitted.detector, rows, count)
    detectors = [one for one in fitted.detectors if isinstance(one, Detector)]
    functions = stack_functions(detectors, lambda detector: as_partial(detector.score))
    return _compute_outputs(functions, fitted, rows, count)


def _score_on_host(
    fitted: Fit, detector: HostDetector, rows: np.ndarray | Windows, count: np.ndarray
) -> np.ndarray:
    """Return the scores by models on the host; infinite where the codes of a row overflow."""
    if detector.coder is None:
        each = [rows[i] for i in range(len(rows))] if count.ndim else [rows] * fitted.seeds
        return score_models(fitted.models, each, count)
    codes = _compute_outputs(share(as_partial(detector.coder.code)), fitted, rows, count)
    finite = np.all(np.isfinite(codes), axis=-1)
    codes = np.where(finite[..., None], codes, 0)
    return np.where(finite, score_models(fitted.models, list(codes), count), np.inf)


def _compute_outputs(
    functions: Functions, fitted: Fit, rows: np.ndarray | Windows, count: np.ndarray
) -> np.ndarray:
    assert fitted.state is not None
    return apply_to_rows(functions, fitted.state, rows, count, fitted.seeds, fitted.mode)


def evaluate(fitted: Fit, test: TestData) -> Evaluation:
    """Evaluate a fitted detector on test data.

    Args:
        fitted: A fitted detector.
        test: Rows with their truth, of one split or of one split per seed.

    Returns:
        AUROC, AUPRC and further metrics per seed, with mean, standard deviation and interval.

    Raises:
        ConfigError: `test` is not test data.
        DataError: The rows do not fit the detector, or a split has rows of one class only.
    """
    if not isinstance(test, TestData):
        raise ConfigError(
            f"test must be a TestData, as in `split.test`; given {type(test).__name__}"
        )
    return evaluate_scores(score(fitted, test), test)


def evaluate_scores(scores: np.ndarray, test: TestData) -> Evaluation:
    """Evaluate scores of test data.

    Args:
        scores: `(seeds, n)` scores of the rows of `test`.
        test: Rows with their truth, of one split or of one split per seed.

    Raises:
        DataError: A score is nan, or a split has rows of one class only.
    """
    label = np.broadcast_to(np.asarray(test.label), scores.shape)
    seen = np.broadcast_to(np.asarray(test.seen), scores.shape)
    count = np.broadcast_to(np.asarray(test.count), (len(scores),))
    valid = np.arange(scores.shape[1]) < count[:, None]
    metrics = compute_metrics(scores, label, count)
    parts = {}
    anomalies = valid & (label == 1)
    if (anomalies & seen).any(axis=1).all() and (anomalies & ~seen).any(axis=1).all():
        parts = {
            "auroc_seen": _compute_auroc(scores, label, valid & ((label == 0) | seen)),
            "auroc_unseen": _compute_auroc(scores, label, valid & ((label == 0) | ~seen)),
        }
    return Evaluation(**{name: summarise(value) for name, value in (metrics | parts).items()})


def _compute_auroc(scores, label, where):
    """Return the AUROC of each seed over the rows that count, which differ in number."""
    kept = [(s[w], y[w]) for s, y, w in zip(scores, label, where, strict=True)]
    return np.array([compute_metrics(s[None], y[None])["auroc"][0] for s, y in kept])
