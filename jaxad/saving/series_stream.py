"""Scoring the lines of a stream as timestamps of series, when their windows are complete."""

import warnings
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING

import numpy as np

from jaxad.data.series.arriving import Arrived, OpenSeries, read_arrived
from jaxad.data.series.combine import PointSums
from jaxad.data.series.pieces import OpenPiece, Points, join_points
from jaxad.data.series.reading import check_series_columns
from jaxad.data.series.record import SeriesRecord
from jaxad.data.series.times import ROWS
from jaxad.data.tables.encoding import Encoding, check_columns
from jaxad.data.tables.events import describe_mismatches, raise_scores
from jaxad.data.tables.lines import TableStream, open_stream
from jaxad.data.tables.options import TableOptions
from jaxad.data.tables.roles import assign_roles
from jaxad.errors import DataError, DataWarning
from jaxad.evaluation.points import average_points, begin_sums, sum_points
from jaxad.saving.scored_rows import ScoredRows
from jaxad.saving.series import name_channels, select_scaling
from jaxad.types import Windows

if TYPE_CHECKING:
    import pyarrow as pa

    from jaxad.saving.scoring import SavedDetector

__all__ = ["score_series_stream"]


def score_series_stream(
    saved: "SavedDetector", stream: IO[bytes], options: TableOptions, *, strict: bool
) -> Iterator[ScoredRows]:
    """Score the lines of a csv stream as timestamps of series.

    A timestamp is scored when every window that can hold it is complete, which takes at most a
    window's timestamps of its series. Windows and scores are those of `score_series`, with one
    difference: gaps are found by the median step in training, as that of the stream is not known.
    A line without a time, and one whose time is not after all before it in its series, is bad.
    Without a time column, a bad line is a gap in all series.

    Args:
        saved: A detector of series.
        stream: The stream; see `open_stream`. The first line holds the names of the columns.
        options: As for `SavedDetector.score_file`.
        strict: As for `SavedDetector.score_file`.

    Yields:
        The scores of some rows, those that were waited for the longest first.

    Raises:
        DataError: The stream is empty, a column of training is missing, or the detector was saved
            without the median step.
        ConfigError: An option is wrong, or the column of times or of series is missing.
    """
    record, encoding = saved.series, saved.encoding
    assert record is not None and encoding is not None
    if record.step is None and record.layout != ROWS:
        raise DataError(
            f"{saved.folder}: was saved without the time step by which the gaps of a stream are "
            "found, by an earlier version; fit and save it again, or give a file"
        )
    state = _Stream(saved, record, encoding)
    state.warm_up()
    named = record.time is not None or record.group is not None
    options = options._replace(header="yes") if named else options
    table = open_stream(stream, options, encoding.required)
    columns = _select_columns(saved, table, options, strict)
    for piece in table.pieces(saved.rows_at_once, columns):
        yield from state.add(piece.table, piece.bad, table.name)
    yield from state.finish()
    if state.rows and not state.reached:
        warnings.warn(
            f"{table.name}: no timestamp has a score, as no window of {record.window} timestamps "
            f"fits into any series without a gap (a step of more than 1.5 times "
            f"{record.step or 1:.6g}, the median step in training)",
            DataWarning,
            stacklevel=2,
        )


def _select_columns(
    saved: "SavedDetector", table: TableStream, options: TableOptions, strict: bool
) -> list[str]:
    """Return the columns that are needed, and check that they are there."""
    record, encoding = saved.series, saved.encoding
    assert record is not None and encoding is not None
    check_series_columns(table, {"time": record.time, "group": record.group}, options)
    roles = assign_roles(table.names, options, saved.columns, index=table.index, what=table.name)
    passed = {record.time, record.group, roles.label, *options.drop, *saved.others}
    names = [name for name in table.names if name not in passed]
    check_columns(encoding, names, table.name, strict=strict)
    parts = [name for name in (record.time, record.group) if name is not None]
    return [*encoding.required, *parts]


class _Stream:
    """The series of a stream so far; of each, the timestamps that windows to come can hold.

    Attributes:
        rows: The number of lines.
        reached: Whether a window was scored.
    """

    def __init__(self, saved: "SavedDetector", record: SeriesRecord, encoding: Encoding):
        """Begin without lines."""
        self._saved, self._record, self._encoding = saved, record, encoding
        self._series: dict[str, OpenSeries] = {}
        self._bad = 0
        self.rows, self.reached = 0, False

    def warm_up(self) -> None:
        """Compile what scores windows, so that the first ones do not wait for it."""
        width = len(self._encoding.names)
        self._sum(np.zeros((self._record.window, width)), np.zeros(1, np.int64))

    def add(self, table: "pa.Table", bad: dict[int, str], what: str) -> Iterator[ScoredRows]:
        """Add lines; yield the rows that are finished by them, and the bad ones."""
        arrived = read_arrived(table, self._record, self.rows, bad)
        x, events = self._encoding.apply(table)
        for mismatch in describe_mismatches(events) if not self.rows else ():
            message = f"{what}: {mismatch}; is it of the kind that it has in training?"
            warnings.warn(message, DataWarning, stacklevel=3)
        floor = np.full(table.num_rows, -np.inf)
        if self._saved.reference is not None:
            floor = raise_scores(floor, events, self._saved.reference.of_training)
        rows = np.arange(self.rows, self.rows + table.num_rows)
        points = Points(rows, arrived.time, arrived.name, x, floor)
        touched, wrong = self._distribute(arrived, points)
        self.rows += table.num_rows
        self._bad += len(wrong)
        yield from self._release(touched, points, wrong)

    def finish(self) -> Iterator[ScoredRows]:
        """End all series; yield the rows that are left."""
        pieces = [piece for series in self._series.values() for piece in series.close()]
        yield from self._release(pieces, None, {})

    def _distribute(
        self, arrived: Arrived, points: Points
    ) -> tuple[list[OpenPiece], dict[int, str]]:
        """Add timestamps to their series; return the pieces that grew, and the bad lines."""
        wrong, touched = dict(arrived.bad), []
        good = np.ones(len(points.row), bool)
        good[list(wrong)] = False
        before = self._bad + np.cumsum(~good)  # bad lines
        names, code = np.unique(points.name[good].astype(str), return_inverse=True)
        order = np.flatnonzero(good)[np.argsort(code, kind="stable")]
        for index in np.split(order, np.cumsum(np.bincount(code))[:-1]) if len(names) else ():
            name = str(points.name[index[0]])
            if name not in self._series:
                self._series[name] = OpenSeries(self._record, name, self._begin)
            series, value = self._series[name], arrived.value[index]
            if self._record.time is None:
                value = series.count + np.arange(len(index)) + 2.0 * before[index]
            late, reasons = series.find_late(value, points.time[index])
            of = "" if self._record.group is None else f" in series {name!r}"
            wrong |= {int(index[place]): reason + of for place, reason in reasons.items()}
            if not late.all():
                touched += series.extend(value[~late], points.take(index[~late]))
                assert series.piece is not None
                touched.append(series.piece)
        return touched, wrong

    def _begin(self, points: Points) -> OpenPiece:
        sums = begin_sums(self._saved.fitted, *points.x.shape)
        return OpenPiece(self._record.window, self._record.stride, points, sums)

    def _sum(self, x: np.ndarray, starts: np.ndarray) -> PointSums:
        """Sum the scores of the windows that begin at some timestamps, for each timestamp."""
        scaled = select_scaling(self._saved, x.shape[1]).apply(x)
        record = self._record
        view = Windows(scaled, starts.astype(np.int32), record.window, record.flat)
        return sum_points(self._saved.fitted, view)

    def _release(
        self, pieces: list[OpenPiece], points: Points | None, wrong: dict[int, str]
    ) -> Iterator[ScoredRows]:
        """Score complete windows of pieces; yield the finished timestamps and the bad lines."""
        starts = [piece.take_starts() for piece in pieces]
        full = [(p, own) for p, own in zip(pieces, starts, strict=True) if len(own)]
        if full:
            sizes = [len(piece.points.row) for piece, _ in full]
            offsets = np.cumsum([0, *sizes])
            places = [own + offset for (_, own), offset in zip(full, offsets, strict=False)]
            x = np.concatenate([piece.points.x for piece, _ in full])
            sums = self._sum(x, np.concatenate(places))
            for piece, _ in full:
                part = sums.split(len(piece.points.row))
                piece.sums.total += part.total
                piece.sums.count += part.count
            self.reached = True
        done = [piece.release() for piece in pieces]
        released = [own for own, _ in done]
        if wrong:
            assert points is not None
            released.append(points.take(np.array(sorted(wrong))))
        if sum(len(own.row) for own in released):
            sums = begin_sums(self._saved.fitted, 0, released[0].x.shape[1])
            sums.total = np.concatenate([sums.total, *(own.total for _, own in done)])
            sums.count = np.concatenate([sums.count, *(own.count for _, own in done)])
            sums.extend(len(wrong))
            first = 0 if points is None else int(points.row[0])
            reasons = {first + place: reason for place, reason in wrong.items()}
            yield self._tabulate(join_points(released), sums, reasons)

    def _tabulate(self, points: Points, sums: PointSums, wrong: dict[int, str]) -> ScoredRows:
        """Return the scores of timestamps and of bad lines; `wrong` has the rows of these."""
        import pyarrow as pa

        record, order = self._record, np.argsort(points.row, kind="stable")
        points = points.take(order)
        found = average_points(self._saved.fitted, sums)
        scores, reached = found.scores[:, order], found.reached[order]
        mean = scores.mean(axis=0, dtype=np.float64)
        bad = {place: wrong[row] for place, row in enumerate(points.row.tolist()) if row in wrong}
        for place in np.flatnonzero(reached & ~np.isfinite(mean)).tolist():
            bad[place] = "has no finite score"
            mean[place], scores[:, place] = np.nan, np.nan
        rim = ~reached
        rim[list(bad)] = False
        kind = pa.int64() if record.time is None else pa.string()
        return ScoredRows(
            scores,
            np.maximum(mean, points.floor),
            bad,
            points.x,
            ids=pa.array(points.time.tolist(), kind),
            id="time",
            group=None if record.group is None else pa.array(points.name.tolist(), pa.string()),
            more={n: v[order] for n, v in name_channels(self._saved, found).items()},
            rim=rim,
            rows=points.row,
        )
