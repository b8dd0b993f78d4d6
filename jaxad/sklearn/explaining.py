"""Explanations of an estimator: attributions by column of X, and the audit of its training rows."""

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from jaxad.data import as_train_data
from jaxad.errors import DataError, unknown_name
from jaxad.explain.attribution import attribution_methods, attributions
from jaxad.explain.auditing import audit
from jaxad.sklearn.columns import make_index, select_training
from jaxad.sklearn.rows import Rows

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["OCCLUSION", "audit_rows", "describe_events", "explain_rows"]

OCCLUSION = "occlusion"


def explain_rows(estimator: Any, x: Any, method: str = "auto") -> "pd.DataFrame":
    """Compute how much each column of X contributes to scores; see `JaxADDetector.explain`."""
    import pandas as pd

    chosen = estimator._select(x)
    read = estimator._encode(chosen.rows)
    rows = estimator.scaling_.apply(read.x)
    names, sources = _find_sources(estimator)
    known = attribution_methods(estimator.fitted_)
    if method == "auto":
        method = known[0] if known else OCCLUSION
    if method not in (*known, OCCLUSION):
        raise unknown_name("method of attribution", str(method), [*known, OCCLUSION])
    if method == OCCLUSION:
        values = _occlude(estimator, rows, sources, len(names))
    else:
        values = np.zeros((len(rows), len(names)))
        each = attributions(estimator.fitted_, rows, method)  # pyright: ignore[reportArgumentType]
        np.add.at(values.T, sources, each.T)
    _add_events(estimator, read, values)
    return pd.DataFrame(values, index=make_index(x, estimator.id), columns=names)


def audit_rows(estimator: Any, x: Any, y: Any = None, method: str = "auto") -> "pd.DataFrame":
    """Rank the training rows; see `JaxADDetector.audit`."""
    import pandas as pd

    try:
        check_is_fitted(estimator)
    except NotFittedError:
        estimator.fit(x, y)
    index = make_index(x, estimator.id)
    chosen = select_training(x, y, estimator.label, estimator.id)
    rows = estimator.scaling_.apply(estimator._encode(chosen.rows).x)
    label = estimator._convert(chosen.y, len(rows), part=False)
    trained = ~estimator._draw_held_out(label)
    score = estimator._score(rows)
    known = estimator.reference_.of_training
    if len(known) != trained.sum() or not np.allclose(known, score[trained], rtol=1e-3, atol=1e-5):
        raise DataError(
            f"X and y must be those that the estimator was fitted to, {len(known)} training rows; "
            f"given {int(trained.sum())}, or others. Only training rows can be audited"
        )
    found = audit(estimator.fitted_, as_train_data(rows[trained], label[trained]), method)
    suspicion = np.full(len(rows), np.nan)
    suspicion[trained] = found.combined
    return pd.DataFrame({"suspicion": suspicion, "score": score}, index=index)


def describe_events(estimator: Any, x: Any) -> "pd.Series":
    """Describe the values that training hardly saw; see `JaxADDetector.events`."""
    import pandas as pd

    rows = estimator._encode(estimator._select(x).rows)
    texts = np.full(len(rows.x), "", object)
    if rows.events is not None:
        for row in np.unique(rows.events.row).tolist():
            texts[row] = "; ".join(rows.events.describe(row))
    return pd.Series(texts, index=make_index(x, estimator.id), name="events")


def _add_events(estimator: Any, rows: Rows, values: Float[np.ndarray, "n d"]) -> None:
    """Add to the column of each row's rarest event the amount by which it raised the score."""
    events = rows.events
    if events is None or not len(events.row):
        return
    raised = estimator._score_rows(rows) - estimator._score(estimator.scaling_.apply(rows.x))
    rarest = np.lexsort((events.frequency, events.row))
    row, first = np.unique(events.row[rarest], return_index=True)
    values[row, events.column[rarest[first]]] += raised[row]


def _find_sources(estimator: Any) -> tuple[list[Any], Int[np.ndarray, "d"]]:
    """Return the names of the columns of X, and which of them each encoded column comes from."""
    width = estimator.n_features_in_
    given = getattr(estimator, "feature_names_in_", None)
    names = [f"x{i}" for i in range(width)] if given is None else list(given)
    encoding = estimator._encoding
    return names, np.arange(width) if encoding is None else encoding.sources


def _occlude(
    estimator: Any, rows: Float[np.ndarray, "n e"], sources: Int[np.ndarray, "e"], width: int
) -> Float[np.ndarray, "n d"]:
    """Return how much the score falls if a column is replaced by its mean in training."""
    score = estimator._score(rows)
    values = np.zeros((len(rows), width))
    for column in np.unique(sources).tolist():
        typical = np.where(sources == column, 0, rows).astype(rows.dtype)
        values[:, column] = score - estimator._score(typical)
    return values
