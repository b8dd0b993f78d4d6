"""Contamination audit: which unlabelled training rows are hidden anomalies.

References:
    Zhang et al. 2021, ELITE, figure 7c (running meta-weights); Qiu et al. 2022, Latent outlier
    exposure for anomaly detection with contaminated data (the criterion that `exposure` keeps).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jaxtyping import Float, Int

from jaxad.data import Split, as_train_data
from jaxad.detector import Detector, HostDetector
from jaxad.errors import ConfigError, DataError, unknown_name
from jaxad.evaluation.hidden import HiddenMetrics, measure_hidden
from jaxad.evaluation.metrics import Summary, summarise
from jaxad.evaluation.scoring import score
from jaxad.explain.pictures.audit import draw_audit
from jaxad.explain.pictures.base import check_picture, save_picture
from jaxad.training.fitted import Fit
from jaxad.types import PyTree, TestData, TrainData
from jaxad.utils.files import write_atomically
from jaxad.utils.modes import pinned_modes
from jaxad.weighting import RECORDS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Audit", "audit", "check_auditable", "check_method", "list_methods"]


@dataclass(frozen=True, eq=False)
class Audit:
    """The result of an audit: how likely each unlabelled training row is a hidden anomaly.

    Attributes:
        method: What the suspicion is: "meta_weight", "exposure", "mining", "score", or the
            method of another registered weighting.
        suspicion: `(seeds, n)` suspicion of each training row under each seed, higher is more
            suspicious; NaN for labelled rows and padding. Its scale depends on the method.
        combined: `(n,)` the mean over seeds of a row's rank among the unlabelled rows, from 0 for
            the least to 1 for the most suspicious; None where each seed has its own split.
        rows: `(n,)` or `(seeds, n)` the row of the source that each training row is.
        hidden: 1 for hidden anomalies, in the shape of `rows`; None where they are not known.
        auroc: Area under the ROC curve for the hidden anomalies, over seeds; None where they are
            not known, or a seed has no hidden anomaly or nothing else.
        auprc: Average precision for the hidden anomalies; None in the same cases.
        precision_at_n: Share of hidden anomalies among the n most suspicious rows, n their number;
            None in the same cases.
        together: The same three metrics of `combined`; {} where one of them does not exist.
    """

    method: str
    suspicion: Float[np.ndarray, "seeds n"]
    combined: Float[np.ndarray, "n"] | None
    rows: Int[np.ndarray, "*seeds n"]
    hidden: Int[np.ndarray, "*seeds n"] | None
    auroc: Summary | None
    auprc: Summary | None
    precision_at_n: Summary | None
    together: dict[str, float]

    def __repr__(self) -> str:
        seeds, n = self.suspicion.shape
        found = "" if self.auroc is None else f", AUROC {self.auroc.mean:.3f}"
        return f"Audit({self.method!r}: {n} rows, {seeds} seeds{found})"

    @property
    def ranking(self) -> Int[np.ndarray, "*seeds m"]:
        """The source rows of the unlabelled training rows, the most suspicious first.

        `(m,)` over all seeds; `(seeds, n)`, padded with -1, where each seed has its own split.
        """
        if self.combined is not None:
            return self.rows[_sort_descending(self.combined)]
        out = np.full(self.rows.shape, -1, self.rows.dtype)
        for i, values in enumerate(self.suspicion):
            order = _sort_descending(values)
            out[i, : len(order)] = self.rows[i, order]
        return out

    def to_csv(self, path: str | Path) -> None:
        """Write the ranking: one line for each unlabelled row, the most suspicious first.

        The columns are place (from 1), row (of the source, from 0), suspicion (`combined`),
        suspicion_seed_0, ... and hidden, where it is known. Where each seed has its own split they
        are seed, place, row, suspicion and hidden.

        Args:
            path: The csv file; an existing file is replaced once the new one is complete.
        """
        with write_atomically(Path(path)) as partial:
            self.frame().to_csv(partial, index=False)

    def plot(self, path: str | Path) -> None:
        """Draw the audit: how suspicion separates hidden anomalies, or how it falls with the rank.

        Args:
            path: A png, pdf or svg file; an existing file is replaced once the new one is complete.

        Raises:
            ConfigError: Another kind of file, or matplotlib is not installed.
        """
        check_picture(path)
        means: dict[str, float] = {}
        if self.auroc is not None and self.auprc is not None:
            means = {"AUROC": self.auroc.mean, "AUPRC": self.auprc.mean}
        figure = draw_audit(
            self.method,
            self.suspicion,
            combined=self.combined,
            hidden=self.hidden if means else None,
            metrics=means,
        )
        save_picture(figure, path)

    def frame(self) -> "pd.DataFrame":
        """Return the table that `to_csv` writes."""
        import pandas as pd

        parts = []
        for seed, order in self._orders():
            columns: dict[str, Any] = {} if seed is None else {"seed": seed}
            columns["place"] = np.arange(1, len(order) + 1)
            columns["row"] = (self.rows if seed is None else self.rows[seed])[order]
            if seed is None and self.combined is not None:
                columns["suspicion"] = self.combined[order]
                each = enumerate(self.suspicion)
                columns |= {f"suspicion_seed_{i}": values[order] for i, values in each}
            else:
                columns["suspicion"] = self.suspicion[seed, order]
            if self.hidden is not None:
                columns["hidden"] = (self.hidden if seed is None else self.hidden[seed])[order]
            parts.append(pd.DataFrame(columns))
        return pd.concat(parts, ignore_index=True)

    def _orders(self) -> Iterator[tuple[int | None, np.ndarray]]:
        """Yield each ranking with its seed; one ranking with None where all seeds share it."""
        if self.combined is not None:
            yield None, _sort_descending(self.combined)
            return
        for seed, values in enumerate(self.suspicion):
            yield seed, _sort_descending(values)


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
    * "score": the anomaly score of the fitted detector, for all detectors.
    * The method of any other weighting that is registered with a record
      (`jaxad.weighting.register`): the mean over training of what it records for the row.

    "auto" is "exposure" if the fit has such a record, else "score". After training with ELITE the
    scores found hidden anomalies better than the meta-weights wherever both were measured
    (docs/howto/audit.md, docs/explanation/elite.md).

    Args:
        fitted: A fitted detector.
        data: The data that it was trained on: the split, whose hidden anomalies measure the audit,
            or the training data alone; without labels also its rows, `(n, ...)` as an array or a
            data frame of numbers.
        method: "auto", "meta_weight", "exposure", "mining", "score", or the method of a registered
            weighting.
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
    name, values = _find_suspicion(fitted, train, method)
    unlabelled = (label == 0) & (np.arange(label.shape[-1]) < count[..., None])
    if not unlabelled.any(axis=-1).all():
        raise DataError("data has no unlabelled rows; only unlabelled rows can be audited")
    suspicion = np.where(unlabelled, values, np.nan)
    if np.isnan(suspicion[np.broadcast_to(unlabelled, suspicion.shape)]).any():
        raise DataError(
            f"training diverged: the {name} of some rows is NaN; try a smaller learning_rate"
        )
    combined = None if count.ndim else _mean_rank(suspicion)
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


def list_methods() -> list[str]:
    """Return the methods of `audit`: "auto", "score", and those of registered weightings."""
    return ["auto", "score", *sorted(RECORDS)]


def check_method(method: str) -> None:
    """Raise a `ConfigError` if `audit` has no method of this name."""
    if method not in list_methods():
        raise unknown_name("method", str(method), list_methods())


def check_auditable(detector: Detector | HostDetector, train: TrainData, method: str) -> None:
    """Raise a `ConfigError` if a detector will not have the record of a method, once trained.

    Args:
        detector: The detector.
        train: What it is to be trained on.
        method: A method of `audit`.
    """
    check_method(method)
    if method in ("auto", "score"):
        return
    parts = getattr(detector, "parts", None)
    if parts is not None:
        rows = train._replace(vocabulary=None)
        state = jax.eval_shape(parts.weighting.init, rows)
        if find_record(state, RECORDS[method].field) is not None:
            return
    raise _explain_missing_record(method, detector.name)


def _explain_missing_record(method: str, detector: str) -> ConfigError:
    record = RECORDS[method]
    return ConfigError(
        f"method={method!r} needs a detector trained with the weighting {record.weighting}, whose "
        f"state has the fields {record.field!r} and 'seen'; that of {detector} does not. Add "
        f"{record.weighting} to its setting weighting, or use method='score'"
    )


def _find_suspicion(
    fitted: Fit, train: TrainData, method: str
) -> tuple[str, Float[np.ndarray, "seeds n"]]:
    """Return the method, with "auto" resolved, and its suspicion of all rows, padding included."""
    check_method(method)
    n = np.shape(train.label)[-1]
    if method == "auto":
        exposure = _record(fitted, RECORDS["exposure"].field, n)
        method = "score" if exposure is None else "exposure"
    if method == "score":
        seen = np.zeros(np.shape(train.label), bool)
        rows = TestData(train.x, np.asarray(train.label), train.count, seen)
        return method, score(fitted, rows if np.ndim(train.count) else np.asarray(train.x))
    record = RECORDS[method]
    values = _record(fitted, record.field, n)
    if values is None:
        raise _explain_missing_record(method, fitted.detector.name)
    return method, record.sign * values


def _record(fitted: Fit, name: str, n: int) -> Float[np.ndarray, "seeds n"] | None:
    """Return the mean over training of a weighting's record of each row; None without a record.

    Raises:
        DataError: A seed recorded nothing, as no step was taken.
    """
    found = None if fitted.state is None else find_record(fitted.state.weighting, name)
    if found is None:
        return None
    total, seen = (np.asarray(leaf)[:, :n] for leaf in (getattr(found, name), found.seen))
    if not seen.any(axis=1).all():
        raise DataError("the fit has no record of its rows, as no training step was taken")
    mean = total / np.maximum(seen, 1)
    # A row that was in no batch gets the mean: nothing is known of it.
    return np.where(seen > 0, mean, np.mean(mean, axis=1, where=seen > 0, keepdims=True))


def find_record(state: PyTree, name: str) -> Any:
    """Return the state with a field of this name, in a state of weightings that may be chained.

    Args:
        state: The state of a weighting.
        name: The field.

    Returns:
        The first such state; None if there is none.
    """
    if hasattr(state, name) and hasattr(state, "seen"):
        return state
    parts = state if isinstance(state, tuple) else ()
    return next((found for part in parts if (found := find_record(part, name)) is not None), None)


def _sort_descending(values: Float[np.ndarray, "n"]) -> Int[np.ndarray, "m"]:
    """Return the places of values in descending order, stable among equals, without NaN."""
    return np.argsort(-values, kind="stable")[: np.count_nonzero(~np.isnan(values))]


def _mean_rank(suspicion: Float[np.ndarray, "seeds n"]) -> Float[np.ndarray, "n"]:
    """Return the mean over seeds of each row's rank among the rows that are not NaN, in [0, 1]."""
    known = ~np.isnan(suspicion[0])
    among = suspicion[:, known]
    _, equal = zip(*(np.unique(s, return_inverse=True) for s in among), strict=True)
    places = []
    for group in equal:
        size = np.bincount(group)
        places.append((np.cumsum(size) - (size + 1) / 2)[group])  # equal values share their ranks
    out = np.full(suspicion.shape[1], np.nan)
    out[known] = np.mean(places, axis=0) / max(among.shape[1] - 1, 1)
    return out
