"""Series whose timestamps arrive in a stream: lines as timestamps, and their order and gaps."""

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from jaxad.data.series.pieces import OpenPiece, Points
from jaxad.data.series.record import SeriesRecord
from jaxad.data.series.segments import GAP
from jaxad.data.series.times import ROWS, parse_times
from jaxad.data.tables.values import find_texts, normalise

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Arrived", "OpenSeries", "read_arrived"]


class Arrived(NamedTuple):
    """The times and series of some lines.

    Attributes:
        time: `(n,)` the times as they are written, None where there is none; row numbers without a
            time column.
        value: `(n,)` the times as numbers; NaN without a time column.
        name: `(n,)` the names of the series; "" without groups.
        bad: Why a line has no place in a series, by its number.
    """

    time: np.ndarray
    value: Float[np.ndarray, "n"]
    name: np.ndarray
    bad: dict[int, str]


def read_arrived(
    table: "pa.Table", record: SeriesRecord, first: int, bad: dict[int, str]
) -> Arrived:
    """Read the times and the series of lines.

    Args:
        table: The lines.
        record: How the series of training were read.
        first: The number of the first line among the rows of the stream.
        bad: Why a line could not be parsed, by its number in the table.
    """
    rows, bad = table.num_rows, dict(bad)
    name = np.full(rows, "", object)
    if record.group is not None:
        codes, texts = find_texts(normalise(table[record.group], record.group))
        name = np.array([*texts, None], object)[codes]
        for row in np.flatnonzero(codes < 0).tolist():
            bad.setdefault(row, f"column {record.group!r} names no series")
    if record.time is None:
        return Arrived(np.arange(first, first + rows), np.full(rows, np.nan), name, bad)
    column = normalise(table[record.time], record.time)
    value = parse_times(column, record.layout)
    shown = np.array(column.to_pylist(), object)
    for row in np.flatnonzero(np.isnan(value)).tolist():
        held = "nothing" if shown[row] is None else repr(str(shown[row])[:40])
        bad.setdefault(
            row,
            f"column {record.time!r} holds {held}; times must be written as in the training data",
        )
    return Arrived(shown, value, name, bad)


class OpenSeries:
    """A series of a stream: its last time, and the piece that timestamps are added to.

    Attributes:
        count: The number of its timestamps so far.
        piece: The piece without a gap that it is in; None before its first timestamp.
    """

    def __init__(self, record: SeriesRecord, name: str, begin: Callable[[Points], OpenPiece]):
        """Begin without timestamps.

        Args:
            record: How the series of training were read.
            name: The name of the series.
            begin: Begins a piece with some timestamps.
        """
        step = 1.0 if record.layout == ROWS else record.find_step(name)
        assert step is not None
        self._longest, self._begin = GAP * step, begin
        self._value, self._shown = np.nan, ""
        self.count = 0
        self.piece: OpenPiece | None = None

    def find_late(
        self, value: Float[np.ndarray, "n"], time: np.ndarray
    ) -> tuple[Bool[np.ndarray, "n"], dict[int, str]]:
        """Find times that are not after all before them.

        Args:
            value: `(n,)` the next times as numbers.
            time: `(n,)` the times as they are written.

        Returns:
            Which times are late, and why, by their number.
        """
        known = np.append(self._value, value)
        before = np.fmax.accumulate(known)[:-1]
        late = value <= before
        newest = np.maximum.accumulate(np.where(np.append(True, ~late), np.arange(len(known)), 0))
        reasons = {}
        for place in np.flatnonzero(late).tolist():
            now, last = str(time[place]), newest[place]
            latest = str(self._shown if last == 0 else time[last - 1])
            same = value[place] == before[place]
            reasons[place] = (
                f"time {now!r} is repeated"
                if same
                else f"time goes back from {latest!r} to {now!r}"
            )
        return late, reasons

    def extend(self, value: Float[np.ndarray, "n"], points: Points) -> list[OpenPiece]:
        """Add timestamps that are in order; return the pieces that end before one of them.

        Args:
            value: `(n,)` their times as numbers; at least one.
            points: The timestamps.
        """
        step = np.diff(np.append(self._value, value))
        bounds = [0, *np.flatnonzero(step[1:] > self._longest) + 1, len(value)]
        ended = []
        for place, (start, stop) in enumerate(pairwise(bounds)):
            part = points.take(slice(start, stop))
            if place or step[0] > self._longest:
                ended += self.close()
            if self.piece is None:
                self.piece = self._begin(part)
            else:
                self.piece.extend(part)
        self._value, self._shown = float(value[-1]), points.time[-1]
        self.count += len(value)
        return ended

    def close(self) -> list[OpenPiece]:
        """End the piece, and return it."""
        piece, self.piece = self.piece, None
        if piece is None:
            return []
        piece.closed = True
        return [piece]
