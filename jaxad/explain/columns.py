"""Contributions of the columns of a table: those of its encoded columns, merged, and of events."""

from typing import get_args

import numpy as np
from jaxtyping import Float, Int

from jaxad.data.tables.events import Events
from jaxad.errors import unknown_name
from jaxad.evaluation.scoring import score
from jaxad.explain.attribution import AttributionMethod, attribution_methods, attributions
from jaxad.training.fitted import Fit

__all__ = ["OCCLUSION", "add_events", "attribute_columns", "choose_method"]

OCCLUSION = "occlusion"


def choose_method(fitted: Fit, method: str = "auto") -> str:
    """Return the method by which the columns of a table are attributed.

    Args:
        fitted: A fitted detector of tables.
        method: A method of `attributions` that the detector has, or `OCCLUSION`, which all have.
            "auto": the detector's own, else `OCCLUSION`.

    Raises:
        ConfigError: The detector has no such attributions.
    """
    known = [*attribution_methods(fitted), OCCLUSION]
    if method == "auto":
        return known[0]
    if method not in known:
        raise unknown_name("method of attribution", method, known)
    return method


def attribute_columns(
    fitted: Fit,
    x: Float[np.ndarray, "n e"],
    sources: Int[np.ndarray, "e"],
    columns: int,
    method: str,
) -> Float[np.ndarray, "n d"]:
    """Compute how much each column of a table contributes to the scores of rows.

    Args:
        fitted: A fitted detector.
        x: `(n, e)` the encoded and scaled rows.
        sources: `(e,)` the column that each encoded column comes from.
        columns: The number d of columns.
        method: A method that `choose_method` returns. By `OCCLUSION`, the contribution of a column
            is how much the score falls if its encoded columns are replaced by 0, which is their
            mean in training where rows are standardised. By the others, it is the sum over its
            encoded columns.
    """
    values = np.zeros((len(x), columns))
    if method in get_args(AttributionMethod):
        each = attributions(fitted, x, method)  # pyright: ignore[reportArgumentType]
        np.add.at(values.T, sources, each.T)
        return values
    before = _score(fitted, x)
    for column in np.unique(sources).tolist():
        typical = np.where(sources == column, 0, x).astype(x.dtype)
        values[:, column] = before - _score(fitted, typical)
    return values


def add_events(
    values: Float[np.ndarray, "n d"], events: Events | None, raised: Float[np.ndarray, "n"]
) -> None:
    """Add to the column of each row's rarest event the amount by which it raised the score.

    Args:
        values: `(n, d)` the contributions of columns, which are changed.
        events: The events of the rows.
        raised: `(n,)` the raised scores less those of the detector.
    """
    if events is None or not len(events.row):
        return
    rarest = np.lexsort((events.frequency, events.row))
    row, first = np.unique(events.row[rarest], return_index=True)
    values[row, events.column[rarest[first]]] += raised[row]


def _score(fitted: Fit, x: Float[np.ndarray, "n e"]) -> Float[np.ndarray, "n"]:
    return score(fitted, x).mean(axis=0, dtype=np.float64)
