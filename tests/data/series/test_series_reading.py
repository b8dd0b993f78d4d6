"""Tables as series: time, groups, gaps, windows, and input that is refused."""

import numpy as np
import pandas as pd
import pytest

import jaxad
from jaxad.data.series.combine import PointSums
from jaxad.data.series.options import SeriesOptions
from jaxad.data.series.period import choose_window
from jaxad.data.series.reading import read_series
from jaxad.data.series.record import SeriesRecord
from jaxad.data.series.segments import cover, find_segments, find_starts
from jaxad.data.series.sources import find_series, split_series
from jaxad.data.series.training import name_points, read_training_series
from jaxad.data.tables.options import TableOptions
from jaxad.errors import ConfigError, DataError, DataWarning
from jaxad.types import Windows


def make_frame(n: int = 60, groups: tuple[str, ...] = ("x", "y")) -> pd.DataFrame:
    """Two channels of each series, the rows of the series in turns."""
    place = np.arange(n)
    time = pd.date_range("2024-01-01", periods=n, freq="min")
    values = {"a": np.sin(place / 3), "b": place % 7 / 7, "Label": (place == 30).astype(int)}
    parts = [pd.DataFrame({"timestamp": time, "unit": group, **values}) for group in groups]
    return pd.concat(parts).sort_values("timestamp", kind="stable").reset_index(drop=True)


def read(frame, time="timestamp", group="unit", window=None, stride=None, **options):
    return read_series(
        frame, TableOptions(series=SeriesOptions(time, group, window, stride), **options)
    )


def train(frame, window=10, stride=5, time="timestamp", group="unit", options=None, **kwargs):
    options = options or TableOptions()
    series = SeriesOptions(time, group, window, stride)
    return read_training_series(frame, options._replace(series=series), **kwargs)


def test_series_are_told_apart_and_keep_their_order():
    rows = read(make_frame())
    assert rows.groups == ("x", "y") and rows.roles.features == ("a", "b")
    assert rows.segments.tolist() == [[0, 60], [60, 120]]
    assert rows.row[:3].tolist() == [0, 2, 4] and rows.row[60:62].tolist() == [1, 3]
    assert name_points(rows, np.array([60]))[0].startswith("y/2024-01-01")
    assert rows.roles.label == "Label"


def test_a_gap_ends_a_piece_and_uneven_steps_do_not():
    time = np.array([0, 1, 2.2, 3, 4, 6, 7, 8.4, 9])
    segments = find_segments(time, np.zeros(9, int))
    assert segments.tolist() == [[0, 5], [5, 9]]
    assert find_segments(np.arange(4.0), np.array([0, 0, 1, 1])).tolist() == [[0, 2], [2, 4]]


def test_windows_reach_every_place_of_a_piece_and_none_of_a_short_one():
    segments = np.array([[0, 13], [13, 16], [16, 21]])
    assert find_starts(segments, 5, 4).tolist() == [0, 4, 8, 16]
    assert find_starts(segments, 5, 3).tolist() == [0, 3, 6, 8, 16]
    assert not len(find_starts(segments, 14, 1))
    marked = np.arange(21) == 7
    assert cover(np.array([0, 3, 7, 8]), 5, marked).tolist() == [False, True, True, False]


def test_a_view_is_the_array_of_its_windows():
    series = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    starts = np.arange(0, 30, 4)
    expected = np.stack([series[s : s + 10] for s in starts])
    view, flat = Windows(series, starts, 10), Windows(series, starts, 10, True, 32)
    np.testing.assert_array_equal(np.asarray(view), expected)
    assert view.shape == expected.shape and flat.shape == (len(starts), 32)
    np.testing.assert_array_equal(flat[2:4, ...][:, :30], expected[2:4].reshape(2, -1))
    assert not flat[:][:, 30:].any()


def test_the_score_of_a_timestamp_is_the_mean_of_its_windows():
    sums = PointSums(7, 1)
    sums.add(np.array([0, 2]), np.array([[[1.0]], [[3.0]]]), 4)
    np.testing.assert_array_equal(sums.compute_means()[:, 0], [1, 1, 2, 2, 3, 3, np.nan])
    errors = PointSums(5, 1)
    errors.add(np.array([0, 1]), np.array([[[1.0], [2.0]], [[4.0], [8.0]]]), 3, first=1)
    np.testing.assert_array_equal(errors.compute_means()[:, 0], [np.nan, 1, 3, 8, np.nan])


def test_the_window_is_the_period_if_there_is_one():
    rng = np.random.default_rng(0)
    waves = np.sin(2 * np.pi * np.arange(900) / 37)[:, None] + 0.3 * rng.normal(size=(900, 1))
    segments = np.array([[0, 900]])
    assert abs(choose_window(waves, segments)[0] - 37) <= 1
    assert choose_window(rng.normal(size=(900, 1)), segments)[0] == 50
    assert choose_window(np.ones((30, 2)), np.array([[0, 30]]))[0] == 10


def test_a_window_is_labelled_by_its_timestamps():
    frame = make_frame()
    data = train(frame)
    view = data.train.x
    assert isinstance(view, Windows) and view.shape == (22, 10, 2)
    holds = (view.starts % 60 <= 30) & (view.starts % 60 > 20)
    np.testing.assert_array_equal(data.train.label, np.where(holds, -1, 0))
    normal = train(frame, options=TableOptions(normal=("0",)))
    np.testing.assert_array_equal(normal.train.label, np.where(holds, -1, 1))
    hidden = train(frame, options=TableOptions(label="none"), truth="Label")
    np.testing.assert_array_equal(hidden.hidden, holds)
    assert not hidden.train.label.any()


def test_a_missing_value_is_an_event_and_categories_are_channels():
    frame = make_frame().assign(mode="on")
    frame.loc[40:80, "mode"] = "off"
    frame["a"] = frame["a"].astype(object)
    data = train(frame)
    assert len(data.encoding.names) > 2 and not len(data.events.row)
    frame.loc[7, "a"] = None
    later = read_series(frame, TableOptions(series=data.record.options), ("a", "b", "mode"))
    events = data.encoding.apply(later.features).events
    assert later.row[events.row].tolist() == [7]


def test_names_of_series_carry_options():
    assert split_series("series:a/b.csv") == ("a/b.csv", {})
    assert split_series("series:time=t,window=9:c:b.csv") == (
        "c:b.csv",
        {"time": "t", "window": "9"},
    )
    found = find_series("series:time=t,window=9:b.csv", TableOptions())
    assert found is not None and found[1].series == SeriesOptions("t", None, 9, None)
    for name, message in {
        "series:time=t,time=u:b.csv": "each once",
        "series:tim=t:b.csv": "Did you mean 'time'",
        "series:window=x:b.csv": "whole number",
        "series:stride=0:b.csv": "at least 1",
    }.items():
        with pytest.raises(ConfigError, match=message):
            find_series(name, TableOptions())
    given = TableOptions(series=SeriesOptions(window=5))
    with pytest.raises(ConfigError, match="window is given both"):
        find_series("series:window=9:b.csv", given)


def test_the_layout_of_tsb_ad_is_recognised(tmp_path):
    frame = pd.DataFrame({"Data": np.arange(9.0), "Label": 0})
    frame.to_csv(tmp_path / "one.csv", index=False)
    found = find_series(tmp_path / "one.csv", TableOptions())
    assert found is not None and found[1].series == SeriesOptions()
    frame.assign(more=1.5).to_csv(tmp_path / "two.csv", index=False)
    assert find_series(tmp_path / "two.csv", TableOptions()) is None


def test_a_data_set_of_windows_is_divided_by_time(tmp_path):
    frame = make_frame(80, ("x",)).drop(columns="unit")
    frame.loc[[20, 70], "Label"] = 1
    frame.to_csv(tmp_path / "one_tr_50_x.csv", index=False)
    source = f"{tmp_path}/one_tr_50_x.csv"
    data = jaxad.load_dataset(f"series:time=timestamp,window=10,stride=10:{source}")
    assert data.x_test is not None and data.y_test is not None
    assert data.x.shape == (5, 10, 2) and data.x_test.shape == (3, 10, 2)
    assert data.y.tolist() == [0, 0, 1, 1, 0] and data.y_test.tolist() == [0, 0, 1]
    half = jaxad.load_dataset(f"series:time=timestamp,window=8,train=0.5,flat=yes:{source}")
    assert half.x.shape == (33, 16)
    with pytest.raises(ConfigError, match="train must be a share"):
        jaxad.load_dataset(f"series:time=timestamp,train=1.5:{source}")
    with pytest.raises(DataError, match=r"the test part has 0 window\(s\) of 40"):
        jaxad.load_dataset(f"series:time=timestamp,window=40:{source}")


def swap(frame, i, j):
    frame.loc[[i, j], "timestamp"] = frame.loc[[j, i], "timestamp"].to_numpy()


BAD = {
    "goes back": (lambda f: swap(f, 20, 30), "goes back of series 'x' .* in row 22; sort"),
    "repeated": (lambda f: f.__setitem__("unit", "x"), "is repeated in row 1, .*aggregate"),
    "several series": (lambda f: f.pop("unit"), "group .* is not a column"),
    "no time": (lambda f: f.pop("timestamp"), "'timestamp' is not a column"),
    "no times": (lambda f: f.__setitem__("timestamp", "soon"), "does not hold times.*'soon'"),
    "a gap in time": (
        lambda f: f.loc.__setitem__((4, "timestamp"), pd.NaT),
        "has no time in row 4",
    ),
    "no group": (lambda f: f.loc.__setitem__((4, "unit"), None), "no value in row 4"),
    "other labels": (lambda f: f.loc.__setitem__((4, "Label"), 2), "holds 2; allowed are 1"),
    "only time": (lambda f: [f.pop(n) for n in ("a", "b", "Label")], "no channels"),
    "no labels": (lambda f: [f.pop(n) for n in ("a", "b")], "no columns but"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_series_are_refused_with_the_cure(name):
    frame = make_frame()
    change, message = BAD[name]
    change(frame)
    with pytest.raises((ConfigError, DataError), match=message):
        train(frame)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"stride": 0}, "stride .* at least 1; given 0"),
        ({"window": 1}, "window .* at least 2 timestamps; given 1"),
        ({"time": "unit"}, "both name column 'unit'"),
        ({"window": 61}, "series 'x' has 60 timestamp.* smaller --window"),
        ({"window": 60, "stride": 1, "group": None, "time": None}, None),
        ({"scaling": "gcn"}, "gcn is of single examples"),
        ({"options": TableOptions(id="unit")}, "named by their time"),
        ({"options": TableOptions(drop=("unit",))}, "group and drop"),
        ({"options": TableOptions(label="timestamp")}, "time and label"),
    ],
)
def test_options_out_of_range_are_refused(kwargs, message):
    if message is None:
        assert len(train(make_frame(), **kwargs).train.x) == 61
        return
    with pytest.raises((ConfigError, DataError), match=message):
        train(make_frame(), **kwargs)


def test_other_files_are_not_series(tmp_path):
    for path in (tmp_path, tmp_path / "x.npz"):
        with pytest.raises(ConfigError, match="must be a table"):
            train(path)


def test_short_series_are_named_and_left_out():
    frame = pd.concat([make_frame(), make_frame(1, ("lone",))])
    with pytest.warns(DataWarning, match=r"1 of 3 series: series 'lone' has 1 timestamp"):
        assert len(train(frame).train.x) == 22
    with pytest.raises(DataError, match="lone"):
        train(frame, strict=True)


def test_times_with_a_zone_are_converted_and_other_channels_encoded():
    frame = make_frame(60, ("x",))
    day = pd.date_range("2024-03-31 00:30", periods=60, freq="15min", tz="Europe/Berlin")
    frame["timestamp"] = day.map(str)
    assert len(read(frame).segments) == 1  # the clock is put forward, and no time is missing
    frame["timestamp"] = day.tz_localize(None).map(str)
    assert len(read(frame).segments) == 2
    frame["a"] = [None] * 60
    with pytest.warns(DataWarning, match="channel 'a' has no values"):
        assert train(frame).encoding.names[-1] == "b"
    with pytest.raises(DataError, match="--drop"):
        train(frame, strict=True)


def test_a_record_is_restored_or_refused():
    record = SeriesRecord("t", None, "numbers", 10, 2, True)
    assert SeriesRecord.restore(record.dump()) == record
    for part, value in {"window": 1, "stride": 0, "flat": 1, "time": 3, "layout": None}.items():
        with pytest.raises(DataError):
            SeriesRecord.restore(record.dump() | {part: value})
