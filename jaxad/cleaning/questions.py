"""Which rows to ask for, and why."""

from typing import Literal, NamedTuple, get_args

import numpy as np
from jaxtyping import Bool, Float

from jaxad.errors import unknown_name

__all__ = ["REASONS", "Question", "Reason", "check_way", "choose_questions"]

Reason = Literal["suspicious", "uncertain", "different", "check"]
REASONS: dict[str, str] = {
    "suspicious": "most suspicious",
    "uncertain": "most uncertain",
    "different": "suspicious, and most different from the rows asked so far",
    "check": "drawn at random to check what remains",
}


class Question(NamedTuple):
    """A row whose label is asked for.

    Attributes:
        row: The row, from 0.
        reason: Why it is asked for, a key of `REASONS`.
    """

    row: int
    reason: str


def check_way(by: str) -> None:
    """Raise a `ConfigError` if rows cannot be chosen in this way."""
    allowed = [reason for reason in get_args(Reason) if reason != "check"]
    if by not in allowed:
        raise unknown_name("by", str(by), allowed)


def choose_questions(
    by: str,
    k: int,
    suspicion: Float[np.ndarray, "n"],
    probability: Float[np.ndarray, "n"],
    x: Float[np.ndarray, "n d"],
    open_rows: Bool[np.ndarray, "n"],
    asked: Bool[np.ndarray, "n"],
) -> list[Question]:
    """Choose the rows to ask for.

    Args:
        by: "suspicious": the highest suspicion. "uncertain": the estimated probability of an
            anomaly closest to 1/2. "different": among the tenth of the open rows with the highest
            suspicion, the greatest distance to the rows asked so far, and to those chosen here.
        k: The number of rows; fewer are returned if fewer are open.
        suspicion: The suspicion of each row.
        probability: The estimated probability that a row is an anomaly.
        x: The scaled rows.
        open_rows: The rows that may be asked for.
        asked: The rows asked so far.

    Raises:
        ConfigError: `by` is not known.
    """
    check_way(by)
    rows = np.flatnonzero(open_rows)
    if by == "suspicious":
        order = np.argsort(-suspicion[rows], kind="stable")
    elif by == "uncertain":
        order = np.lexsort((-suspicion[rows], np.abs(probability[rows] - 0.5)))
    else:
        return [Question(row, by) for row in _spread(k, suspicion, x, rows, asked)]
    return [Question(int(row), by) for row in rows[order[:k]]]


def _spread(
    k: int,
    suspicion: Float[np.ndarray, "n"],
    x: Float[np.ndarray, "n d"],
    rows: np.ndarray,
    asked: Bool[np.ndarray, "n"],
) -> list[int]:
    """Choose rows one after the other, each as far as possible from all before it."""
    most = max(k, len(rows) // 10)
    rows = rows[np.argsort(-suspicion[rows], kind="stable")[:most]]
    far = np.full(len(rows), np.inf)
    for other in np.flatnonzero(asked):
        far = np.minimum(far, np.linalg.norm(x[rows] - x[other], axis=1))
    chosen: list[int] = []
    for _ in range(min(k, len(rows))):
        best = int(np.argmax(far))
        chosen.append(int(rows[best]))
        far = np.minimum(far, np.linalg.norm(x[rows] - x[rows[best]], axis=1))
        far[best] = -1
    return chosen
