"""Contamination audit: which unlabelled training rows are hidden anomalies."""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int

from jaxad.data import Split, as_train_data
from jaxad.errors import ConfigError, DataError
from jaxad.evaluation.hidden import HiddenMetrics, measure_hidden
from jaxad.evaluation.metrics import summarise
from jaxad.explain.auditing.ranks import average_ranks
from jaxad.explain.auditing.records import find_suspicion
from jaxad.explain.auditing.result import Audit
from jaxad.training.fitted import Fit
from jaxad.types import TrainData
from jaxad.utils.modes import pinned_modes

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["audit"]


@pinned_modes()
def audit(
    fitted: Fit,
    data: "Split | TrainData | np.ndarray | pd.DataFrame",
    method: str = "auto",
    *,
    hidden: Int[np.ndarray, "*seeds n"] | None = None,
) -> Audit:
    """Rank the unlabelled training rows by how likely they are hidden anomalies.

    The methods are

    * "meta_weight": minus the mean over training of ELITE's meta-weight, for detectors with the
      weighting `elite`. A row's meta-weight is `<grad Omega(x_i), grad L_val>`: positive where
      training on the row as normal lowers the loss of the labelled rows.
    * "exposure": the mean over training of the row's rank in its batch by
      `normal(s) - anomaly(s)`, the criterion of latent outlier exposure, for detectors with the
      weighting `latent_outlier_exposure`. The end of training, when the network may have learned
      the anomalies too, counts no more than its beginning. With `alpha=0` the weighting exposes
      nothing and only keeps the record.
    * "mining": the mean over training of the row's rank in its batch by the criterion of NCAE's
      mining, for detectors with the weighting `mining`. With the share 0 it mines nothing.
    * "out_of_bag": the anomaly score with the votes of bags for the rows that they do not hold
      alone, for `auto`, `pu_bagging` and `pu_bagging_network`.
    * "score": the anomaly score of the fitted detector, for all detectors.
    * The method of any other weighting that is registered with a record
      (`jaxad.weighting.register`): the mean over training of what it records for the row.

    "auto" is "exposure" or "out_of_bag" if the fit has such a record, else "score". Scores are also
    the default after training with ELITE: their AUROC was at least that of the meta-weights on the
    datasets of docs/howto/audit.md, although not always their average precision.

    Args:
        fitted: A fitted detector.
        data: The data that it was trained on: the split, whose hidden anomalies measure the audit,
            or the training data alone; without labels also its rows, `(n, ...)` as an array or a
            data frame of numbers.
        method: "auto", "meta_weight", "exposure", "mining", "out_of_bag", "score", or the method of
            a registered weighting.
        hidden: The truth for training data without a split: 1 for anomalies among the unlabelled
            rows, `(n,)`, or `(seeds, n)` with a split for each seed. It measures the audit and has
            no influence on the ranking.

    Returns:
        The audit, on the host.

    Raises:
        ConfigError: An unknown method, one whose record the fit does not have, or `hidden` given
            with a split, which has its own.
        DataError: The data is not the training data of the fit, or has no unlabelled rows.
    """
    if isinstance(data, Split):
        if hidden is not None:
            raise ConfigError("hidden cannot be given with a Split: a split has its own")
        train, rows, truth = data.train, np.asarray(data.train_rows), np.asarray(data.hidden)
    elif isinstance(data, TrainData):
        train, truth = data, None if hidden is None else np.asarray(hidden)
        rows = np.broadcast_to(np.arange(np.shape(data.label)[-1]), np.shape(data.label))
    elif hasattr(data, "shape"):
        return audit(fitted, as_train_data(data), method, hidden=hidden)
    else:
        raise DataError(
            f"data must be a Split, a TrainData, an array or a data frame; given "
            f"{type(data).__name__}"
        )
    label, count = np.asarray(train.label), np.asarray(train.count)
    if truth is not None and truth.shape != label.shape:
        raise DataError(f"hidden has shape {truth.shape}; the training labels have {label.shape}")
    if count.ndim and len(count) != fitted.seeds:
        raise DataError(
            f"data holds splits for {len(count)} seeds; the fit has {fitted.seeds} seeds"
        )
    if fitted.rows and label.shape[-1] != fitted.rows:
        raise DataError(
            f"data has {label.shape[-1]} rows; the fit was trained on {fitted.rows} rows: give the "
            "data that it was trained on"
        )
    name, values = find_suspicion(fitted, train, method)
    unlabelled = (label == 0) & (np.arange(label.shape[-1]) < count[..., None])
    if not unlabelled.any(axis=-1).all():
        raise DataError(
            "data has no unlabelled rows, and only they can be audited; leave rows unlabelled"
        )
    suspicion = np.where(unlabelled, values, np.nan)
    if np.isnan(suspicion[np.broadcast_to(unlabelled, suspicion.shape)]).any():
        raise DataError(
            f"training diverged: the {name} of some rows is NaN; try a smaller learning_rate"
        )
    combined = None if count.ndim else average_ranks(suspicion)
    metrics: dict[str, np.ndarray] = {}
    together: dict[str, np.ndarray] = {}
    if truth is not None:
        truth = np.where(unlabelled, truth, 0).astype(np.int8)
        metrics = _measure(suspicion, truth, unlabelled)
        together = {} if combined is None else _measure(combined[None], truth, unlabelled)
    return Audit(
        method=name,
        suspicion=suspicion,
        combined=combined,
        rows=rows,
        hidden=truth,
        **{m: summarise(metrics[m]) if metrics else None for m in HiddenMetrics._fields},
        together={m: float(values[0]) for m, values in together.items()},
    )


def _measure(
    suspicion: np.ndarray, hidden: np.ndarray, unlabelled: np.ndarray
) -> dict[str, np.ndarray]:
    """Return the metrics of each seed by name; {} where a seed has none."""
    found = measure_hidden(suspicion, hidden, unlabelled)
    return found._asdict() if np.isfinite(found.auroc).all() else {}
