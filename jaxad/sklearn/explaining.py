"""Explanations of an estimator: attributions by column of X, and the audit of its training rows."""

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from jaxad.data import as_train_data
from jaxad.errors import DataError
from jaxad.explain.auditing import audit
from jaxad.explain.columns import add_events, attribute_columns, choose_method
from jaxad.sklearn.columns import make_index, select_training

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["audit_rows", "describe_events", "explain_rows"]


def explain_rows(estimator: Any, x: Any, method: str = "auto") -> "pd.DataFrame":
    """Compute how much each column of X contributes to scores; see `JaxADDetector.explain`."""
    import pandas as pd

    read = estimator._encode(estimator._select(x).rows)
    rows = estimator.scaling_.apply(read.x)
    names, sources = _find_sources(estimator)
    chosen = choose_method(estimator.fitted_, str(method))
    values = attribute_columns(estimator.fitted_, rows, sources, len(names), chosen)
    add_events(values, read.events, estimator._score_rows(read) - estimator._score(rows))
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
    texts = [""] * len(rows.x) if rows.events is None else rows.events.texts
    return pd.Series(texts, index=make_index(x, estimator.id), name="events", dtype=object)


def _find_sources(estimator: Any) -> tuple[list[Any], Int[np.ndarray, "d"]]:
    """Return the names of the columns of X, and which of them each encoded column comes from."""
    width = estimator.n_features_in_
    given = getattr(estimator, "feature_names_in_", None)
    names = [f"x{i}" for i in range(width)] if given is None else list(given)
    encoding = estimator._encoding
    return names, np.arange(width) if encoding is None else encoding.sources
