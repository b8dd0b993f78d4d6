"""What an audit ranks rows by: the methods, and the records that weightings keep of rows.

References:
    Zhang et al. 2021, ELITE, figure 7c (running meta-weights); Qiu et al. 2022, Latent outlier
    exposure for anomaly detection with contaminated data (the criterion that `exposure` keeps).
"""

from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from jaxad.detector import Detector, HostDetector
from jaxad.errors import ConfigError, DataError, unknown_name
from jaxad.evaluation.scoring import score
from jaxad.explain.auditing.bags import OUT_OF_BAG, compute_out_of_bag, has_bags, was_bagged
from jaxad.training.fitted import Fit
from jaxad.types import PyTree, TestData, TrainData, as_rows_or_view
from jaxad.weighting import RECORDS

__all__ = ["check_auditable", "check_method", "find_record", "find_suspicion", "list_methods"]


def list_methods() -> list[str]:
    """Return the methods of `audit`: those of all detectors, of bags, and of weightings."""
    return ["auto", "score", OUT_OF_BAG, *sorted(RECORDS)]


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
    if method == OUT_OF_BAG:
        if not has_bags(detector):
            raise _explain_missing_bags(detector.name)
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


def _explain_missing_bags(detector: str) -> ConfigError:
    return ConfigError(
        f"method='out_of_bag' needs a detector that is fitted to bags of rows, auto, pu_bagging or "
        f"pu_bagging_network; {detector} is not. Use method='score'"
    )


def find_suspicion(
    fitted: Fit, train: TrainData, method: str
) -> tuple[str, Float[np.ndarray, "seeds n"]]:
    """Return the method, with "auto" resolved, and its suspicion of all rows, padding included."""
    check_method(method)
    n = np.shape(train.label)[-1]
    if method == "auto":
        exposure = _record(fitted, RECORDS["exposure"].field, n)
        method = (
            "exposure" if exposure is not None else OUT_OF_BAG if was_bagged(fitted) else "score"
        )
    if method == "score":
        seen = np.zeros(np.shape(train.label), bool)
        rows = TestData(train.x, np.asarray(train.label), train.count, seen)
        return method, score(fitted, rows if np.ndim(train.count) else as_rows_or_view(train.x))
    if method == OUT_OF_BAG:
        if not was_bagged(fitted):
            raise _explain_missing_bags(fitted.detector.name)
        return method, compute_out_of_bag(fitted, train)
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
    # Detectors of members have a record for each; all are summed.
    leaves = (np.asarray(leaf) for leaf in (getattr(found, name), found.seen))
    total, seen = (leaf.reshape(len(leaf), -1, leaf.shape[-1]).sum(1)[:, :n] for leaf in leaves)
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
