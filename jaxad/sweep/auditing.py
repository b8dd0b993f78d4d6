"""How well a detector's scores find the hidden anomalies among its own training rows."""

import numpy as np
from jaxtyping import Float, Int

from jaxad.evaluation.metrics import evaluate_scores
from jaxad.results import SHARES, Found
from jaxad.types import TrainData

__all__ = ["found_by"]


def found_by(
    scores: Float[np.ndarray, "seeds n"], train: TrainData, hidden: Int[np.ndarray, "seeds n"]
) -> Found:
    """What looking at the most anomalous unlabelled rows first finds, for each seed.

    Args:
        scores: Anomaly scores of the training rows.
        train: The rows, of which those without a label and padding count.
        hidden: 1 for hidden anomalies.

    Returns:
        AUROC and AUPRC, NaN for a seed that has no hidden anomaly, nothing else, or a score that
        is not finite; and the precision among the first of the rows.
    """
    label, count = np.asarray(train.label), np.asarray(train.count)
    known = (label == 0) & (np.arange(label.shape[1]) < count[:, None])
    front = np.argsort(~known, axis=1, kind="stable")  # the rows that count come first
    rows = known.sum(axis=1)
    truth = np.take_along_axis(np.where(known, hidden, 0), front, axis=1).astype(np.int8)
    values = np.take_along_axis(np.where(known, scores, 0.0), front, axis=1)
    finite = np.isfinite(values).all(axis=1)
    usable = finite & (truth.any(axis=1)) & (truth.sum(axis=1) < rows)
    auroc, auprc = np.full((2, len(rows)), np.nan)
    if usable.any():
        metrics = evaluate_scores(values[usable], truth[usable], rows[usable])
        auroc[usable], auprc[usable] = metrics["auroc"], metrics["auprc"]
    precision = np.full((len(rows), len(SHARES)), np.nan)
    for i in np.flatnonzero(finite & (rows > 0)):
        order = np.argsort(-values[i, : rows[i]], kind="stable")
        first = np.ceil(np.array(SHARES) * rows[i]).astype(int)
        precision[i] = np.cumsum(truth[i, order])[first - 1] / first
    return Found(auroc, auprc, precision)
