"""How well scores find the anomalies that are hidden among the unlabelled training rows.

The rule for NaN is the same everywhere: a seed's metric is NaN where none of its unlabelled rows is
a hidden anomaly, where all of them are, or where a score of them is not finite.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from jaxad.evaluation.metrics import compute_metrics

__all__ = ["HiddenMetrics", "measure_hidden", "measure_precision"]


class HiddenMetrics(NamedTuple):
    """How well the scores of each seed find its hidden anomalies; NaN by the rule above.

    Attributes:
        auroc: `(seeds,)` area under the ROC curve.
        auprc: `(seeds,)` average precision.
        precision_at_n: `(seeds,)` share of hidden anomalies among the n highest scores, n their
            number.
    """

    auroc: Float[np.ndarray, "seeds"]
    auprc: Float[np.ndarray, "seeds"]
    precision_at_n: Float[np.ndarray, "seeds"]


def measure_hidden(
    scores: Float[np.ndarray, "seeds n"],
    hidden: Int[np.ndarray, "*seeds n"],
    unlabelled: Bool[np.ndarray, "*splits n"],
) -> HiddenMetrics:
    """Compute how well scores separate the hidden anomalies from the other unlabelled rows.

    Args:
        scores: Scores of the training rows, higher is more anomalous.
        hidden: 1 for hidden anomalies, `(n,)` for all seeds or `(seeds, n)`.
        unlabelled: The rows that count, `(n,)` or `(seeds, n)`; labelled rows and padding do not.

    Returns:
        The metrics of each seed.
    """
    values, truth, counts = _gather(scores, hidden, unlabelled)
    found = truth.sum(axis=1)
    usable = np.isfinite(values).all(axis=1) & (found > 0) & (found < counts)
    out = np.full((len(HiddenMetrics._fields), len(values)), np.nan)
    if usable.any():
        metrics = compute_metrics(values[usable], truth[usable], counts[usable])
        out[:, usable] = [metrics[name] for name in HiddenMetrics._fields]
    return HiddenMetrics(*out)


def measure_precision(
    scores: Float[np.ndarray, "seeds n"],
    hidden: Int[np.ndarray, "*seeds n"],
    unlabelled: Bool[np.ndarray, "*seeds n"],
    shares: Sequence[float],
) -> Float[np.ndarray, "seeds shares"]:
    """Compute the share of hidden anomalies among the highest scores.

    Args:
        scores: Scores of the training rows, higher is more anomalous.
        hidden: 1 for hidden anomalies, `(n,)` for all seeds or `(seeds, n)`.
        unlabelled: The rows that count, `(n,)` or `(seeds, n)`.
        shares: Which shares of the unlabelled rows to look at, in (0, 1], rounded up to rows.

    Returns:
        The precision; 0 where nothing is hidden, NaN for a seed without unlabelled rows or with a
        score of them that is not finite.
    """
    values, truth, counts = _gather(scores, hidden, unlabelled)
    out = np.full((len(values), len(shares)), np.nan)
    for i in np.flatnonzero(np.isfinite(values).all(axis=1) & (counts > 0)):
        order = np.argsort(-values[i, : counts[i]], kind="stable")
        first = np.ceil(np.array(shares) * counts[i]).astype(int)
        out[i] = np.cumsum(truth[i, order])[first - 1] / first
    return out


def _gather(
    scores: np.ndarray, hidden: np.ndarray, unlabelled: np.ndarray
) -> tuple[Float[np.ndarray, "seeds n"], Int[np.ndarray, "seeds n"], Int[np.ndarray, "seeds"]]:
    """Return scores and truth with the rows that count in front and zeros behind, and their number.

    The order of rows is kept, which breaks ties among equal scores.
    """
    counted = np.broadcast_to(unlabelled, scores.shape)
    truth = np.where(counted, np.broadcast_to(hidden, scores.shape) == 1, False).astype(np.int8)
    front = np.argsort(~counted, axis=1, kind="stable")
    values = np.take_along_axis(np.where(counted, scores, 0.0), front, axis=1)
    return values, np.take_along_axis(truth, front, axis=1), counted.sum(axis=1)
