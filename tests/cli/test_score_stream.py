"""`jaxad score DIR -`: lines of standard input are scored as they come, with the files' scores."""

import io
import os
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from jaxad.cli import main
from jaxad.data.tables.lines import open_stream
from jaxad.errors import DataError


def make_rows(n=40, seed=0):
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame(rng.normal(size=(n, 2)).round(4), columns=["a", "b"])
    return rows.assign(kind=rng.choice(["x", "y"], n), key=[f"k{i}" for i in range(n)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A detector of two numbers and a category, with ids."""
    here = tmp_path_factory.mktemp("fit")
    make_rows().to_csv(here / "rows.csv", index=False)
    argv = ["fit", here / "rows.csv", "ecod", "--out", here / "m", "--id", "key"]
    assert main([str(arg) for arg in argv]) == 0
    return here / "m"


class Pipe(io.BytesIO):
    """A stream that has as many bytes at a time as are given."""

    def __init__(self, *parts):
        super().__init__()
        self.parts = [part.encode() for part in parts]

    def read1(self, size=-1):
        return self.parts.pop(0) if self.parts else b""


@pytest.fixture
def feed(monkeypatch):
    """Give standard input, in the parts in which it arrives."""

    def set_input(*parts):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
        monkeypatch.setattr("jaxad.cli.score.open_stdin", lambda: Pipe(*parts))

    return set_input


def as_lines(rows, **options):
    return rows.to_csv(index=False, **options).splitlines(keepends=True)


def test_lines_have_the_scores_of_the_file(cli, folder, feed):
    rows = make_rows(9, seed=1)
    rows.to_csv("rows.csv", index=False)
    assert cli("score", folder, "rows.csv", "--out", "file.csv").code == 0
    text = "".join(as_lines(rows))
    expected = pd.read_csv("file.csv")
    for parts in (as_lines(rows), [text], [*text], [text[:31], text[31:60], text[60:].rstrip()]):
        feed(*parts)
        ended = cli("score", folder, "-")
        assert ended.code == 0
        found = pd.read_csv(io.StringIO(ended.out))
        assert found.key.tolist() == rows.key.tolist()
        np.testing.assert_allclose(found.score, expected.score, rtol=1e-6)
        assert ended.err.startswith("jaxad: 9 rows scored with 1 seed(s); scores in standard out")


def test_each_line_is_written_before_the_next_one_is_read(cli, folder, feed, monkeypatch, capsys):
    seen = []

    class Watched(Pipe):
        def read1(self, size=-1):
            seen.append(sys.stdout.buffer.getvalue().count(b"\n"))
            return super().read1(size)

    lines = as_lines(make_rows(4, seed=1))
    monkeypatch.setattr("jaxad.cli.score.open_stdin", lambda: Watched(*lines))
    assert cli("score", folder, "-").code == 0
    assert seen == [0, 0, 2, 3, 4, 5]  # the first line of the output has the names


def test_a_first_line_of_values_has_the_columns_of_training(cli, folder, feed):
    rows = make_rows(5, seed=1)
    feed("".join(as_lines(rows)))
    named = pd.read_csv(io.StringIO(cli("score", folder, "-", "--threshold", "0").out))
    numbers = as_lines(rows.drop(columns="key"), header=False)
    feed(*numbers)
    ended = cli("score", folder, "-", "--header", "no", "--threshold", "0")
    plain = pd.read_csv(io.StringIO(ended.out))
    assert plain.columns.tolist() == ["row", "score", "anomaly"]
    np.testing.assert_allclose(plain.score, named.score)
    feed("1,2\n")
    ended = cli("score", folder, "-", "--header", "no")
    assert ended.code == 1
    assert "2 values and no names" in ended.err and "the 3 of training: a, b, kind" in ended.err


def test_bad_lines_are_said_and_the_rest_is_scored(cli, folder, feed):
    lines = as_lines(make_rows(6, seed=1))
    lines[2], lines[4], lines[5] = "1,2\n", '1,2,"x,k3\n', "z" * (1 << 21) + "\n"
    lines.insert(3, "\r\n")  # a blank line is no row
    feed(*lines)
    ended = cli("score", folder, "-")
    assert ended.code == 3
    found = pd.read_csv(io.StringIO(ended.out))
    assert np.flatnonzero(found.score.isna()).tolist() == [1, 3, 4]
    said = ended.err.splitlines()
    assert said[0] == "jaxad: row 1: 2 values for 4 columns"
    assert "row 3: the line cannot be read: a quote is not closed" in said[1]
    assert "row 4: the line is longer than 1048576 bytes" in said[2]
    assert "3 of 6 rows could not be scored" in said[-1]
    feed(*lines)
    ended = cli("score", folder, "-", "--strict")
    assert ended.code == 1 and ended.err.endswith("row 1: 2 values for 4 columns (--strict)\n")


def test_files_and_pipes_mix(cli, folder, feed):
    rows = make_rows(5, seed=1)
    rows.to_csv("rows.csv", index=False)
    printed = cli("score", folder, "rows.csv", "--out", "-")
    assert printed.code == 0
    feed("".join(as_lines(rows)))
    assert cli("score", folder, "-", "--out", "s.csv").code == 0
    with open("s.csv") as file:
        assert file.read() == printed.out


@pytest.mark.parametrize(
    ("code", "message", "argv", "text"),
    [
        (1, "standard input: is empty", ["-"], ""),
        (1, "standard input: is not UTF-8", ["-"], "a\0b\0\n"),
        (1, "has more than one column 'a'", ["-"], "a,a,kind\n"),
        (1, "missing", ["-"], "a,c,kind\n1,2,x\n"),
        (2, "--id", ["-", "--id", "name"], "a,b,kind,key\n"),
        (2, "--top needs all scores", ["-", "--top", "3"], "a,b,kind,key\n"),
        (2, "--out is missing", ["rows.csv"], ""),
    ],
)
def test_wrong_use(cli, folder, feed, code, message, argv, text):
    feed(*[text] if text else [])
    ended = cli("score", folder, *argv)
    assert ended.code == code and message in ended.err and ended.out == ""


def test_a_stream_of_the_other_sign_and_delimiter():
    stream = open_stream(Pipe("\ufeffa;b\r\n1,5", ";2\r\n", "3;4"), known=("a", "b"))
    assert stream.names == ("a", "b") and stream.form and stream.form.delimiter == ";"
    assert stream.read().to_pylist() == [{"a": "1,5", "b": "2"}, {"a": "3", "b": "4"}]
    with pytest.raises(DataError, match="first line is longer"):
        open_stream(Pipe("z" * (1 << 21), "\n"))


@pytest.mark.slow
def test_a_process_answers_at_once_and_stops_when_told(folder):
    """Each line is answered before the next is sent; SIGTERM ends it; a closed pipe does too."""
    lines = [line.encode() for line in as_lines(make_rows(4, seed=1))]
    argv = [sys.executable, "-m", "jaxad", "score", str(folder), "-"]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin and process.stdout and process.stderr
        for place, line in enumerate(lines):
            process.stdin.write(line)
            process.stdin.flush()
            if place == 1:
                assert process.stdout.readline() == b'"key","score"\n'.replace(b'"', b"")
            if place:
                assert process.stdout.readline().startswith(b'"k')
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 143
        assert b"stopped by SIGTERM" in process.stderr.read()
    read, write = os.pipe()
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=write, stderr=subprocess.PIPE
    ) as process:
        os.close(write)
        os.close(read)
        _, said = process.communicate(b"".join(lines), timeout=120)
        assert process.returncode == 1 and b"Traceback" not in said
