"""`jaxad score DIR -` for series: timestamps are scored when their windows are complete."""

import io
import sys

import numpy as np
import pandas as pd
import pytest

from jaxad.cli import main
from jaxad.data.tables.options import TableOptions
from jaxad.errors import DataError
from jaxad.saving import open_detector
from jaxad.saving.streams import score_stream

CUT = ("--time", "t", "--group", "unit", "--window", "6", "--stride", "4")


def make_frame(n=40, seed=0):
    """Two series in turns; the second has a gap and a short piece behind it."""
    place, rng = np.arange(n), np.random.default_rng(seed)
    time = pd.date_range("2024-01-01", periods=n, freq="min").map(str)
    parts = [
        pd.DataFrame({"t": time, "unit": unit, "a": np.sin(place / 2), "b": rng.normal(size=n)})
        for unit in ("x", "y")
    ]
    parts[1] = parts[1].drop(index=range(17, n - 3))
    frame = pd.concat(parts).sort_values("t", kind="stable").reset_index(drop=True)
    return frame.astype({"b": object})


class Pipe(io.BytesIO):
    """A stream that has as many bytes at a time as are given."""

    def __init__(self, *parts):
        super().__init__()
        self.parts = [part.encode() for part in parts]

    def read1(self, size=-1):
        return self.parts.pop(0) if self.parts else b""


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A forecaster with errors of channels, a detector of flat windows, and one without times."""
    here = tmp_path_factory.mktemp("fit")
    make_frame().to_csv(here / "ts.csv", index=False)
    make_frame()[["a", "b"]].to_csv(here / "plain.csv", index=False)
    few = ["--epochs", "2", "--batch-size", "8", "--set", "given=2"]
    calls = {
        "mlp_forecaster": ["ts.csv", "mlp_forecaster", *CUT, *few],
        "knn": ["ts.csv", "knn", *CUT],
        "plain": ["plain.csv", "knn", "--window", "6", "--stride", "4"],
    }
    for name, (file, *argv) in calls.items():
        assert main(["fit", str(here / file), *argv, "--out", str(here / name)]) == 0
    return here


@pytest.fixture
def feed(monkeypatch):
    """Give standard input, in the parts in which it arrives."""

    def set_input(*parts):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
        monkeypatch.setattr("jaxad.cli.score.open_stdin", lambda: Pipe(*parts))

    return set_input


def as_lines(frame):
    return frame.to_csv(index=False).splitlines(keepends=True)


def read(text):
    return pd.read_csv(io.StringIO(text))


@pytest.mark.parametrize("name", ["mlp_forecaster", "knn"])
def test_a_stream_has_the_scores_of_the_file(cli, folders, feed, name):
    frame = make_frame(seed=1)
    frame.loc[9, "b"] = None  # raises the score: training had no gap
    frame.to_csv("new.csv", index=False)
    scored = ("--threshold", "quantile(0.1)")
    assert cli("score", folders / name, "new.csv", "--out", "file.csv", *scored).code == 0
    expected = pd.read_csv("file.csv")
    lines = as_lines(frame)
    feed("".join(lines[:20]), *lines[20:33], "".join(lines[33:]))
    ended = cli("score", folders / name, "-", *scored)
    assert ended.code == 0, ended.err
    found, keys = read(ended.out), ["group", "time"]
    assert list(found) == list(expected)
    assert f"{expected['score'].isna().sum()} of them have no score" in ended.err
    left, right = (f.sort_values(keys).reset_index(drop=True) for f in (found, expected))
    pd.testing.assert_frame_equal(left, right, rtol=1e-4)


def test_a_timestamp_waits_for_at_most_a_window(cli, folders, monkeypatch):
    frame = make_frame(seed=1)
    frame, seen = frame[frame["unit"] == "x"], []

    class Watched(Pipe):
        def read1(self, size=-1):
            seen.append(sys.stdout.buffer.getvalue().count(b"\n"))
            return super().read1(size)

    monkeypatch.setattr("jaxad.cli.score.open_stdin", lambda: Watched(*as_lines(frame)))
    assert cli("score", folders / "knn", "-").code == 0
    # After the names and n timestamps; one line of the output has the names.
    waiting = [n - max(lines - 1, 0) for n, lines in enumerate(seen[2:])]
    assert max(waiting) <= 6 and waiting[-1] >= 5


def test_bad_lines_are_named_and_left_out(cli, folders, feed):
    frame = make_frame(30, seed=1)
    frame = frame[frame["unit"] == "x"]
    lines = as_lines(frame)
    lines.insert(10, lines[9])  # repeated
    lines.insert(14, lines[3])  # goes back
    lines.insert(16, "noon,x,1,2\n")
    lines.insert(18, "2024-01-01 00:20:00,,1,2\n")
    lines.insert(20, "1,2\n")
    feed(*lines)
    ended = cli("score", folders / "knn", "-")
    assert ended.code == 3
    found = read(ended.out)
    assert found["time"].isna().sum() == 1 and len(found) == len(lines) - 1
    said = ended.err.splitlines()
    assert "row 9: time '2024-01-01 00:08:00' is repeated in series 'x'" in said[0]
    assert "row 13: time goes back from '2024-01-01 00:11:00' to '2024-01-01 00:02:00'" in said[1]
    assert "row 15: column 't' holds 'noon'; times must be written" in said[2]
    assert "row 17: column 'unit' names no series" in said[3]
    assert "row 19: 2 values for 4 columns" in said[4]
    good = found[found["score"].notna()]
    frame.to_csv("new.csv", index=False)
    assert cli("score", folders / "knn", "new.csv", "--out", "file.csv").code == 0
    np.testing.assert_allclose(good["score"], pd.read_csv("file.csv")["score"], rtol=1e-4)
    feed(*lines)
    assert cli("score", folders / "knn", "-", "--strict").code == 1


def test_without_times_a_bad_line_is_a_gap(cli, folders, feed):
    lines = as_lines(make_frame(20, seed=1)[["a", "b"]][:20])
    lines.insert(6, "1\n")  # five timestamps before it, less than a window
    feed("".join(lines))
    ended = cli("score", folders / "plain", "-")
    assert ended.code == 3 and "row 5: 1 values for 2 columns" in ended.err
    found = read(ended.out)
    assert np.flatnonzero(found["score"].isna()).tolist() == [0, 1, 2, 3, 4, 5]


def test_streams_that_cannot_be_scored(cli, folders, feed):
    frame = make_frame(seed=1)
    feed("".join(as_lines(frame)[1:]))
    ended = cli("score", folders / "knn", "-")
    assert ended.code == 2 and "time (--time) 't' is not a column" in ended.err
    feed("".join(as_lines(frame.drop(columns="b"))))
    ended = cli("score", folders / "knn", "-")
    assert ended.code == 1 and "missing: b" in ended.err
    feed("".join(as_lines(frame[:8])))
    ended = cli("score", folders / "knn", "-")
    assert ended.code == 0 and "no window of 6 timestamps fits" in ended.err
    saved = open_detector(folders / "knn")
    assert saved.series is not None and saved.series.step == 60
    older = saved._replace(series=saved.series._replace(step=None))
    with pytest.raises(DataError, match="by an earlier version; fit and save it again"):
        next(score_stream(older, Pipe(), TableOptions()))
    ended = cli("monitor", folders / "knn", "new.csv")
    assert ended.code == 2 and "whose timestamps depend on each other" in ended.err
