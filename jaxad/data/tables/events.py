"""Events: values of rows that training hardly saw, and the scores that they raise."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

__all__ = [
    "EVENT_KINDS",
    "RARE_VALUE",
    "UNSEEN",
    "Events",
    "describe_mismatches",
    "join_events",
    "raise_scores",
]

_MANY = 10  # rows, of which a share says something

UNSEEN, RARE_VALUE, GAP, NO_NUMBER, NO_DATE, NO_BOOLEAN, NOT_CONSTANT = range(7)
EVENT_KINDS = (
    "unseen category",
    "rare category",
    "gap",
    "text in place of a number",
    "text in place of a date",
    "neither true nor false",
    "unlike the constant of training",
)


class Events(NamedTuple):
    """The values of some rows that training hardly saw.

    A value is an event if its smoothed training frequency is at most 0.01 (`columns.RARE`), or if
    no training row had it.

    Attributes:
        rows: The number of rows.
        row: `(m,)` the row of each event, ascending.
        column: `(m,)` the index of its column in `names`.
        kind: `(m,)` the index of its kind in `EVENT_KINDS`.
        frequency: `(m,)` the smoothed training frequency, in (0, 1].
        names: The names of the columns.
    """

    rows: int
    row: Int[np.ndarray, "m"]
    column: Int[np.ndarray, "m"]
    kind: Int[np.ndarray, "m"]
    frequency: Float[np.ndarray, "m"]
    names: tuple[str, ...]

    @property
    def smallest(self) -> Float[np.ndarray, "n"]:
        """The smallest frequency of an event of each row; 1 for rows without events."""
        least = np.ones(self.rows)
        np.minimum.at(least, self.row, self.frequency)
        return least

    def describe(self, row: int) -> list[str]:
        """Describe the events of a row, the rarest first: "unseen category in `service`"."""
        mine = np.arange(*np.searchsorted(self.row, [row, row + 1]))
        order = mine[np.argsort(self.frequency[mine], kind="stable")]
        return [f"{EVENT_KINDS[self.kind[i]]} in `{self.names[self.column[i]]}`" for i in order]

    @property
    def texts(self) -> list[str]:
        """The description of each row: its events separated by "; ", or "" without events."""
        texts = [""] * self.rows
        for row in np.unique(self.row).tolist():
            texts[row] = "; ".join(self.describe(row))
        return texts

    def tally(self) -> dict[tuple[str, str], int]:
        """Count the rows with each kind of event in each column: `{(kind, column): rows}`."""
        pairs, counts = np.unique(np.stack([self.kind, self.column]), axis=1, return_counts=True)
        return {
            (EVENT_KINDS[kind], self.names[column]): int(count)
            for (kind, column), count in zip(pairs.T, counts, strict=True)
        }

    def keep(self, rows: Bool[np.ndarray, "n"]) -> "Events":
        """Return the same rows with only the events of the rows of a mask."""
        kept = rows[self.row]
        found = (self.row[kept], self.column[kept], self.kind[kept], self.frequency[kept])
        return Events(self.rows, *found, self.names)

    def select(self, rows: Bool[np.ndarray, "n"]) -> "Events":
        """Return the events of the rows of a mask, which are numbered anew."""
        kept = rows[self.row]
        place = np.cumsum(rows) - 1
        return Events(
            int(rows.sum()),
            place[self.row[kept]],
            self.column[kept],
            self.kind[kept],
            self.frequency[kept],
            self.names,
        )


def describe_mismatches(events: Events) -> list[str]:
    """Describe the columns in which most of at least ten rows have the same kind of event.

    Such a column is likely to be of another kind than in training.
    """
    return [
        f"{kind} in column {name!r} of {count} of {events.rows} rows"
        for (kind, name), count in events.tally().items()
        if events.rows >= _MANY and count > events.rows / 2
    ]


def join_events(
    rows: int,
    parts: list[tuple[int, int, Int[np.ndarray, "_"], Float[np.ndarray, "_"]]],
    names: tuple[str, ...],
) -> Events:
    """Join the events of columns.

    Args:
        rows: The number of rows.
        parts: For each column and kind: the column, the kind, the rows and the frequencies.
        names: The names of the columns.
    """
    row = np.concatenate([part[2] for part in parts] or [np.zeros(0, np.int64)])
    frequency = np.concatenate([part[3] for part in parts] or [np.zeros(0)])
    sizes = [len(part[2]) for part in parts]
    column = np.repeat(np.array([part[0] for part in parts], np.int64), sizes)
    kind = np.repeat(np.array([part[1] for part in parts], np.int64), sizes)
    order = np.argsort(row, kind="stable")
    return Events(rows, row[order], column[order], kind[order], frequency[order], names)


def raise_scores(
    scores: Float[np.ndarray, "n"], events: Events, reference: Float[np.ndarray, "m"]
) -> Float[np.ndarray, "n"]:
    """Raise the scores of rows with events.

    The score of a row whose rarest event has frequency p is raised to at least the 1 - p quantile
    of the training scores; the scores of rows without events do not change. With several seeds,
    the mean score is raised by the mean scores of the training rows.

    Args:
        scores: Scores; NaN stays NaN.
        events: The events of the same rows.
        reference: The scores of the training rows, not raised.

    Returns:
        The raised scores.
    """
    if not len(events.row) or not len(reference):
        return scores
    where = np.unique(events.row)
    least = events.smallest[where]
    levels, place = np.unique(least, return_inverse=True)
    # "higher" gives the score of a training row, so that this row and it are on a level.
    floors = np.quantile(reference, 1 - levels, method="higher")
    raised = scores.copy()
    raised[where] = np.maximum(scores[where], floors[place].astype(scores.dtype))
    return raised
