"""Generated tables in every format and frame, through every function and command: one answer."""

import contextlib
import csv
import datetime
import gzip
import io
import json
import os
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from fuzzing import examples
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyarrow import feather, parquet

import jaxad
from jaxad.cli import main
from jaxad.data.tables.encoding import fit_encoding
from jaxad.data.tables.labels import as_text
from jaxad.data.tables.options import TableOptions
from jaxad.data.tables.rows import read_rows
from jaxad.errors import ConfigError, DataError
from jaxad.saving import open_detector
from jaxad.sklearn import JaxADDetector

FEW = settings(
    max_examples=examples(25),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],  # to make an example smaller takes minutes
)
LONG = settings(FEW, max_examples=examples(600))
WORDS = st.sampled_from(["a", "b", "b", "é€", "NA", "x,y;z\t|", 'q"', "two\nlines", "7", "7.0"])
NAMES = st.sampled_from(
    ["a", "b,c", "d;e", "f g", "Größe", "=1+1", "score", "row", "True", "nan", 'q"t', "h\ni", "10"]
)
delimiters = st.sampled_from(",;\t|")


class Table(NamedTuple):
    """A generated table, and the parts of its columns."""

    frame: pd.DataFrame
    options: TableOptions
    end: str
    encoding: str
    zipped: bool
    quoting: Any


def some(draw, values, n):
    """n values, now and then with gaps."""
    values = st.one_of(st.none(), values) if draw(st.booleans()) else values
    return draw(st.lists(values, min_size=n, max_size=n))


@st.composite
def columns(draw, n):
    kind = draw(st.sampled_from(["floats", "ints", "words", "bools", "dates", "texts", "levels"]))
    if kind == "floats":
        return pd.Series(some(draw, st.floats(-9, 9, width=32), n), dtype=float)
    if kind == "ints":
        return pd.Series(some(draw, st.integers(-3, 2**40), n), dtype="Int64")
    if kind == "words":
        return pd.Series(some(draw, WORDS, n), dtype=object)
    if kind == "bools":
        return pd.Series(some(draw, st.booleans(), n), dtype="boolean")
    if kind == "dates":
        low, high = datetime.datetime(1999, 1, 1), datetime.datetime(2030, 1, 1)
        moments = st.datetimes(low, high).map(lambda moment: moment.replace(microsecond=0))
        return pd.Series(some(draw, moments, n), dtype="datetime64[s]")
    if kind == "texts":  # numbers as text, one or another of them odd
        numbers = st.integers(0, 99).map(str)
        return pd.Series(some(draw, st.one_of(numbers, numbers, WORDS), n), dtype=object)
    levels = some(draw, st.sampled_from(["low", "high"]), n)
    return pd.Series(pd.Categorical(levels, categories=["low", "high"]))


@st.composite
def tables(draw, least=1):
    n, d = draw(st.integers(least, 14)), draw(st.integers(1, 4))
    names = draw(st.lists(NAMES, min_size=d, max_size=d, unique=True))
    frame = pd.DataFrame({name: draw(columns(n)) for name in names})
    label = draw(st.sampled_from(["none", "y", "Class"]))
    if label != "none":
        y = draw(st.lists(st.sampled_from([0, 0, 0, 1]), min_size=n, max_size=n))
        frame.insert(draw(st.integers(0, d)), label, y)
    key = None
    if draw(st.booleans()):
        key = "key"
        frame.insert(draw(st.integers(0, d)), key, [f"k{i % (n or 1)}" for i in range(n)])
    # A first line of such names alone is a row, unless the header is settled.
    header = "yes" if set(frame.columns) <= {"True", "nan", "10"} else "auto"
    drop = tuple(names[:1]) if d > 1 and draw(st.booleans()) else ()
    return Table(
        frame,
        TableOptions(label, id=key, drop=drop, header=header, delimiter=draw(delimiters)),
        draw(st.sampled_from(["\n", "\r\n", "\r"])),
        draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])),
        draw(st.booleans()),
        draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])),
    )


def write(table, folder):
    """Write the table in every format; return the paths by format."""
    frame = table.frame
    out = io.StringIO(newline="")
    writer = csv.writer(
        out, delimiter=table.options.delimiter, lineterminator="\r\n", quoting=table.quoting
    )
    writer.writerow(frame.columns)
    for row in frame.astype(object).itertuples(index=False):
        cells = ["" if pd.isna(v) else str(v) for v in row]
        writer.writerow(cells)
    # Line ends within quotes are values, and stay as they are.
    lines = out.getvalue().split("\r\n")
    content = table.end.join(lines).encode(table.encoding)
    paths = {kind: folder / f"table.{kind}" for kind in ("csv", "parquet", "feather")}
    paths["csv"].write_bytes(gzip.compress(content) if table.zipped else content)
    arrow = pa.Table.from_pandas(frame, preserve_index=False)
    parquet.write_table(arrow, paths["parquet"])
    feather.write_feather(arrow, paths["feather"])
    return paths


def as_polars(frame):
    return pl.from_arrow(pa.Table.from_pandas(frame, preserve_index=False))


def attempt(act):
    """What `act` returns, or the message of an error that is for a user's mistake."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return act()
    except (DataError, ConfigError) as error:
        assert str(error)
        return str(error)


def read_and_encode(source, options):
    rows = read_rows(source, options)
    ids = None if rows.ids is None else [as_text(value) for value in rows.ids.to_pylist()]
    label = rows.read_labels(options)
    encoding = fit_encoding(rows.features)
    x, events = encoding.apply(rows.features)
    labels = None if label is None else label.tolist()
    return rows.roles, rows.others, ids, labels, encoding, x, events.texts


def check_reading(table, folder):
    paths = write(table, folder)
    frames = {"pandas": table.frame, "polars": as_polars(table.frame)}
    found = {
        kind: attempt(lambda source=source: read_and_encode(source, table.options))
        for kind, source in (paths | frames).items()
    }
    first = found["csv"]
    for kind, other in found.items():
        if isinstance(first, str):
            assert isinstance(other, str), (kind, first, other)
            name = str(paths.get(kind, "X"))
            assert other.replace(name, "FILE") == first.replace(str(paths["csv"]), "FILE"), kind
            continue
        assert not isinstance(other, str), (kind, other)
        assert other[:5] == first[:5], kind
        np.testing.assert_array_equal(other[5], first[5])
        assert other[6] == first[6], kind


@FEW
@given(table=tables())
def test_every_format_is_read_and_encoded_alike(tmp_path_factory, table):
    check_reading(table, tmp_path_factory.getbasetemp())


@pytest.mark.slow
@LONG
@given(table=tables())
def test_every_format_is_read_and_encoded_alike_at_length(tmp_path_factory, table):
    check_reading(table, tmp_path_factory.getbasetemp())


# The commands and functions that train


DETECTOR = "hbos"


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """An empty folder, as the working directory."""
    folder, before = tmp_path_factory.mktemp("doors"), Path.cwd()
    os.chdir(folder)
    yield folder
    os.chdir(before)


def run(*argv):
    """Run a command; return its exit code, output and the message of an error."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(arg) for arg in argv])
    told = [line for line in err.getvalue().splitlines() if line.startswith("jaxad: ")]
    told = [line for line in told if not line.startswith("jaxad: warning: ")]
    assert "--debug prints" not in err.getvalue(), err.getvalue()
    return code, out.getvalue(), told[-1] if told else ""


def list_options(options):
    values = {"--label": options.label, "--id": options.id}
    argv = [text for option, value in values.items() if value for text in (option, value)]
    argv += ["--header", options.header, "--delimiter", options.delimiter]
    return [*argv, *(["--drop", *options.drop] if options.drop else [])]


def fit_estimator(table, frame):
    """Fit an estimator to a frame; return it, the scores and the ids of the rows."""
    rows = frame[[name for name in frame.columns if name not in table.options.drop]]
    det = JaxADDetector(DETECTOR, label=table.options.label, id=table.options.id).fit(rows)
    scores = det.score_frame(rows)
    return det, scores.score.to_numpy(), [str(value) for value in scores.index]


def check_training(table, folder):
    paths, options = write(table, folder), list_options(table.options)
    number = len(os.listdir(folder))
    frames = (table.frame, as_polars(table.frame))
    fits = [attempt(lambda frame=frame: fit_estimator(table, frame)) for frame in frames]
    errors = {}
    for kind, path in paths.items():
        saved, out = Path(f"m{number}{kind}"), Path(f"s{number}{kind}.csv")
        code, _, told = run("fit", path, DETECTOR, "--out", saved, *options)
        if code:
            assert code in (1, 2) and told and not saved.exists()
            errors[kind] = told.replace(str(path), "FILE")
            # No other command trains on such a file.
            assert run("audit", path, DETECTOR, "--method", "score", "--out", "a.csv", *options)[0]
            assert run("recommend", path, *options)[0] in (0, 1, 2)
            continue
        assert not any(isinstance(found, str) for found in fits), (kind, fits)
        assert run("score", saved, path, "--out", out, *options)[0] == 0
        scored = pd.read_csv(out, dtype={0: str}, keep_default_na=False)
        known = open_detector(saved)
        for det, scores, ids in fits:
            assert known.encoding == det._encoding
            np.testing.assert_allclose(known.reference.score, det.reference_.score, rtol=1e-9)
            np.testing.assert_array_equal(known.reference.label, det.reference_.label)
            np.testing.assert_allclose(scored.score.astype(float), scores, rtol=1e-9)
            assert scored.iloc[:, 0].tolist() == ids
        check_audit(path, known, ids, options)
        code, text, told = run("recommend", path, "--json", *options)
        situation = json.loads(text)["situation"]
        assert code == 0 and situation["rows"] == len(table.frame), told
        assert situation["labelled_anomalies"] == int(np.sum(known.reference.label == -1))
    assert len(set(errors.values())) <= 1, errors
    assert len(errors) in (0, len(paths)), errors
    if errors:
        assert all(isinstance(found, str) for found in fits), (errors, fits)
    check_data_set(table, paths, options)


def check_audit(path, known, ids, options):
    """The audit by scores ranks the unlabelled rows, by ids, as the saved scores do."""
    code, _, told = run(
        *("audit", path, DETECTOR, "--method", "score", "--seeds", "1"),
        *("--out", "a.csv", "--force", *options),
    )
    label, score = known.reference.label, known.reference.score
    if code:
        assert not (label == 0).any(), told
        return
    found = pd.read_csv("a.csv", dtype=str, keep_default_na=False)
    rows = found.row.astype(int).to_numpy()
    assert sorted(rows) == np.flatnonzero(label == 0).tolist()
    assert (np.diff(score[rows]) <= 1e-9).all()
    if "key" in found:
        assert found.key.tolist() == [ids[row] for row in rows]


def check_data_set(table, paths, options):
    """`load_dataset` and `jaxad run` take the same rows of a labelled table."""
    if table.options.label == "none":
        return
    given = table.options
    sources = [*paths.values(), table.frame, as_polars(table.frame)]
    found = [attempt(lambda s=source: jaxad.load_dataset(s, options=given)) for source in sources]
    first = found[0]
    for other in found[1:]:
        assert isinstance(other, str) == isinstance(first, str), (first, other)
        if not isinstance(first, str):
            np.testing.assert_array_equal(other.x, first.x)
            np.testing.assert_array_equal(other.y, first.y)
    ended = [
        run("run", path, DETECTOR, "--seeds", "1", "--json", "--out", "results", *options)
        for path in paths.values()
    ]
    aurocs = [[json.loads(line)["auroc"] for line in out.splitlines()] for _, out, _ in ended]
    assert all(value == aurocs[0] for value in aurocs), ended
    pairs = zip(ended, paths.values(), strict=True)
    told = {text.replace(str(path), "FILE") for (*_, text), path in pairs}
    assert len(told) == 1, told


@settings(FEW, max_examples=examples(3))
@given(table=tables(least=2))
def test_every_door_gives_one_answer(here, table):
    check_training(table, here)


@pytest.mark.slow
@settings(FEW, max_examples=examples(30))
@given(table=tables(least=2))
def test_every_door_gives_one_answer_at_length(here, table):
    check_training(table, here)
