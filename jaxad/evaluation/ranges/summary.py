"""All metrics of the scores of a series."""

import numpy as np
from jaxtyping import ArrayLike

from jaxad.evaluation.metrics import auroc, average_precision
from jaxad.evaluation.ranges.affiliation import compute_affiliation
from jaxad.evaluation.ranges.intervals import check_series
from jaxad.evaluation.ranges.volumes import compute_volumes

__all__ = ["compute_range_metrics"]


def compute_range_metrics(
    score: ArrayLike,
    label: ArrayLike,
    buffer: int | None = None,
    threshold: float | None = None,
    thresholds: int = 250,
) -> dict[str, float]:
    """Compute the metrics of one series: of single timestamps, and of ranges.

    Point-adjusted F1, which counts a range as found as a whole if one of its timestamps is, is not
    among them: random scores reach high values of it where ranges are long (Kim et al. 2022,
    Towards a rigorous evaluation of time-series anomaly detection, AAAI).

    Args:
        score: `(n,)` one score for each timestamp, in order; timestamps with nan do not count.
        label: `(n,)` 1 in the true ranges, else 0.
        buffer: The longest buffer of the volumes; see `compute_volumes`.
        threshold: Timestamps with a score above it are alarms, for the affiliation metrics.
        thresholds: The number of thresholds of the volumes.

    Returns:
        "auroc" and "auprc" of single timestamps; "vus_roc" and "vus_pr"; with a threshold also
        "affiliation_precision" and "affiliation_recall".

    Raises:
        DataError: As for `compute_volumes`.
        ConfigError: As for `compute_volumes`.
    """
    score, label = check_series(score, label)
    known = ~np.isnan(score)
    volumes = compute_volumes(score, label, buffer, thresholds)
    metrics = {
        "auroc": float(auroc(score[known], label[known])),
        "auprc": float(average_precision(score[known], label[known])),
        "vus_roc": volumes.roc,
        "vus_pr": volumes.pr,
    }
    if threshold is not None:
        affiliation = compute_affiliation(known & (score > threshold), label)
        metrics["affiliation_precision"] = affiliation.precision
        metrics["affiliation_recall"] = affiliation.recall
    return metrics
