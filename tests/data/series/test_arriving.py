"""Series that arrive in parts have the windows of whole series, and keep few timestamps."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxad.data.series.arriving import OpenSeries
from jaxad.data.series.combine import PointSums
from jaxad.data.series.pieces import OpenPiece, Points
from jaxad.data.series.record import SeriesRecord
from jaxad.data.series.segments import find_starts
from tests.fuzzing import examples


@settings(max_examples=examples(60))
@given(
    st.lists(st.sampled_from([1, 1, 1, 1, 1.4, 3]), min_size=0, max_size=60),
    st.lists(st.integers(1, 25), min_size=1, max_size=6),
    st.integers(2, 7),
    st.integers(1, 10),
)
def test_windows_are_those_of_the_whole_series(steps, cuts, length, stride):
    value = np.cumsum([0.0, *steps])
    points = Points(
        np.arange(len(value)),
        value.astype(str).astype(object),
        np.full(len(value), "", object),
        value[:, None],
        np.full(len(value), -np.inf),
    )
    record = SeriesRecord("t", None, "numbers", length, stride, True, 1.0)

    def begin(part):
        return OpenPiece(length, stride, part, PointSums(len(part.row), 1))

    series, rows, means = OpenSeries(record, "", begin), [], []

    def score(pieces):
        for piece in pieces:
            starts = piece.take_starts()
            first = piece.points.x[starts][:, :, None]  # the score of a window is its first time
            piece.sums.add(starts, first, length)
            released, sums = piece.release()
            rows.extend(released.row.tolist())
            means.extend(sums.compute_means()[:, 0].tolist())
            assert piece.closed or len(piece.points.row) <= length

    place = 0
    while place < len(value):
        for cut in cuts:
            part = slice(place, min(place + cut, len(value)))
            if part.start < part.stop:
                ended = series.extend(value[part], points.take(part))
                score([*ended, series.piece])
            place += cut
    score(series.close())
    assert rows == list(range(len(value)))
    bounds = [0, *np.flatnonzero(np.diff(value) > 1.5) + 1, len(value)]
    segments = np.stack([bounds[:-1], bounds[1:]], axis=1)
    starts = find_starts(segments, length, stride)
    whole = PointSums(len(value), 1)
    whole.add(starts, value[starts][:, None, None], length)
    np.testing.assert_allclose(means, whole.compute_means()[:, 0])


def test_late_times_are_found():
    record = SeriesRecord("t", None, "numbers", 3, 1, False, 1.0)
    series = OpenSeries(record, "", lambda part: OpenPiece(3, 1, part, PointSums(len(part.row), 1)))
    value = np.array([1.0, 2.0, 2.0, 1.5, 3.0, 0.0])
    late, reasons = series.find_late(value, value.astype(str))
    assert late.tolist() == [False, False, True, True, False, True]
    assert reasons[2] == "time '2.0' is repeated"
    assert reasons[5] == "time goes back from '3.0' to '0.0'"
