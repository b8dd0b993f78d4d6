"""Whatever an estimator and the command line are given: an answer, or one clear error."""

import contextlib
import datetime
import io
import os
import traceback
import warnings
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from fuzzing import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from jaxad.cli import main
from jaxad.sklearn import JaxADDetector

SETTINGS = {"epochs": 1, "batch_size": 16, "widths": (4,)}
SMALL = ("--epochs", "1", "--batch-size", "16", "--set", "widths=4,")
INSIDE = ("/jax/", "/jaxlib/", "/flax/", "/optax/", "/orbax/")
few = settings(max_examples=examples(8), deadline=None, suppress_health_check=list(HealthCheck))
many = settings(few, max_examples=examples(400))
several = settings(few, max_examples=examples(80))  # a command costs more than a call

numbers = st.one_of(
    st.floats(),
    st.floats(-10, 10),
    st.integers(-(2**70), 2**70),
    st.sampled_from([0.0, -0.0, 1e-45, 1e38, 3.5e38, 1e308, np.nan, np.inf, -np.inf]),
)
words = st.one_of(st.text(max_size=4), st.sampled_from(["", "nan", "missing", "1", "a", "b"]))
things = st.one_of(
    numbers,
    words,
    st.none(),
    st.booleans(),
    st.binary(max_size=3),
    st.dates(),
    st.just(Decimal("0.5")),
    st.just(pd.NaT),
    st.just(pd.NA),
    st.just([1, 2]),
    st.just({}),
    st.complex_numbers(),
)
dtypes = st.one_of(
    npst.boolean_dtypes(),
    npst.integer_dtypes(),
    npst.unsigned_integer_dtypes(),
    npst.floating_dtypes(sizes=(16, 32, 64)),
    npst.complex_number_dtypes(),
    npst.unicode_string_dtypes(max_len=3),
    npst.datetime64_dtypes(),
    st.just(np.dtype(object)),
)
shapes = st.one_of(
    st.tuples(st.integers(0, 9), st.integers(0, 4)),
    st.lists(st.integers(0, 4), max_size=4).map(tuple),
)


@st.composite
def arrays(draw):
    """An array of any type and shape, now and then of plain numbers or with all rows alike."""
    dtype, shape = draw(dtypes), draw(shapes)
    elements = things if dtype.kind == "O" else None
    if dtype.kind == "f" and draw(st.booleans()):
        elements = st.floats(-4, 4, width=8 * dtype.itemsize)
    x = draw(npst.arrays(dtype, shape, elements=elements, fill=st.nothing()))
    return x[:1].repeat(5, axis=0) if x.ndim and draw(st.booleans()) else x


@st.composite
def columns(draw, n):
    """A column of n values of one kind, or of any."""
    values = draw(
        st.one_of(
            st.lists(st.floats(-4, 4), min_size=n, max_size=n),
            st.lists(st.one_of(st.none(), st.floats(-4, 4)), min_size=n, max_size=n),
            st.lists(numbers, min_size=n, max_size=n),
            st.lists(st.one_of(st.none(), words), min_size=n, max_size=n),
            st.lists(things, min_size=n, max_size=n),
            st.just([None] * n),
            st.just([datetime.date(2024, 1, 1)] * n),
        )
    )
    if draw(st.booleans()) and all(v is None or isinstance(v, str) for v in values):
        return pd.Series(
            pd.Categorical(
                values, categories=sorted({"a", "b", *(v for v in values if v is not None)})
            )
        )
    return pd.Series(values, dtype=object)


@st.composite
def frames(draw):
    """A frame of any columns, with names that may come twice."""
    n, d = draw(st.integers(0, 9)), draw(st.integers(0, 4))
    name = st.one_of(st.text(max_size=2), st.integers(0, 9), st.sampled_from(["x", "y", "label"]))
    series = [draw(columns(n)) for _ in range(d)]
    frame = pd.DataFrame(
        {i: s.reset_index(drop=True) for i, s in enumerate(series)}, index=range(n)
    )
    frame.columns = [draw(name) for _ in range(d)]
    if draw(st.booleans()):
        frame = frame.infer_objects()
    if draw(st.booleans()):
        # Such a frame as polars takes; what it doesn't take cannot reach the estimator.
        with contextlib.suppress(Exception):
            return pl.from_pandas(frame.set_axis([str(c) for c in frame.columns], axis=1))
    return frame


labels = st.one_of(
    st.none(),
    st.lists(st.sampled_from([-1, 0, 1]), max_size=9),
    st.lists(things, max_size=9),
    st.sampled_from([0, "y", np.zeros((3, 2))]),
)
rules = st.sampled_from(
    ["quantile", "sigma", "extreme", "f1", "conformal(0.4)", "conformal", 0.5, "quantile(0.9)"]
)


def answers(act):
    """What `act` gives; None after an error of the kinds that are for a user's mistake."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of scikit-learn, pandas and polars about their input
            return act()
    except (ValueError, TypeError) as error:  # the library's own errors are of the first kind
        last = traceback.extract_tb(error.__traceback__)[-1].filename
        assert not any(part in last for part in INSIDE), f"{type(error).__name__}: {error}"
        assert str(error).strip()
    return None


def check_estimator_answers(x, new, y, rule, labels_kind):
    det = JaxADDetector("autoencoder", threshold=rule, labels=labels_kind, settings=SETTINGS)
    if answers(lambda: det.fit(x, y)) is None:
        return
    for rows in (x, new):
        scores = answers(lambda rows=rows: det.anomaly_score(rows))
        if scores is not None:
            assert scores.shape == (len(rows),) and np.isfinite(scores).all()
            assert set(answers(lambda rows=rows: det.predict(rows))) <= {-1, 1}
            share = answers(lambda rows=rows: det.predict_proba(rows))
            assert ((share >= 0) & (share <= 1)).all()


inputs = (
    st.one_of(arrays(), frames()),
    st.one_of(arrays(), frames()),
    labels,
    rules,
    st.sampled_from(["use", "ignore"]),
)


@few
@given(*inputs)
def test_the_estimator_answers(x, new, y, rule, labels_kind):
    check_estimator_answers(x, new, y, rule, labels_kind)


@pytest.mark.slow
@many
@given(*inputs)
def test_the_estimator_answers_at_length(x, new, y, rule, labels_kind):
    check_estimator_answers(x, new, y, rule, labels_kind)


# The command line.
cells = st.one_of(
    st.floats(-4, 4).map(str),
    st.sampled_from(["", "nan", "inf", "-inf", "1e400", "x", '"', '"a', "a,b", "1;2", "é", "true"]),
    st.integers(-(2**70), 2**70).map(str),
)
lines = st.lists(cells, min_size=0, max_size=4).map(",".join)


@st.composite
def files(draw):
    """The suffix and bytes of a file: a table as it should be, somewhat wrong, or no table."""
    if draw(st.booleans()):
        names = draw(
            st.sampled_from(["a,b,c\n", "a,b\n", "a,b,y\n", "", "a,a,b\n", "\ufeffa,b,c\n"])
        )
        rows = draw(st.lists(lines, max_size=9))
        good = [f"{i},{-i},{i * i % 5}" for i in range(draw(st.integers(0, 9)))]
        text = (names + "\n".join(draw(st.permutations(good + rows)))).encode()
        return ".csv", text + draw(st.sampled_from([b"", b"\n", b"\r\n", b"\xff\n", b"\x00"]))
    if draw(st.booleans()):
        return draw(st.sampled_from([".csv", ".parquet", ".npz"])), draw(st.binary(max_size=40))
    out = io.BytesIO()
    try:
        frame = draw(frames())
        frame.to_parquet(out) if isinstance(frame, pd.DataFrame) else frame.write_parquet(out)
    except Exception:  # what parquet cannot hold
        return ".parquet", b"PAR1"
    return ".parquet", out.getvalue()


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A folder with a saved detector, as the working directory."""
    folder, before = tmp_path_factory.mktemp("any"), Path.cwd()
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(30, 3)), columns=["a", "b", "c"])
    os.chdir(folder)
    frame.to_csv("rows.csv", index=False)
    assert main(["fit", "rows.csv", "autoencoder", "--out", "m", *SMALL]) == 0
    colour = frame.assign(b=np.resize(["x", "y", None], 30))
    JaxADDetector("autoencoder", settings=SETTINGS).fit(colour).save("estimator")
    yield folder
    os.chdir(before)


def check_command_answers(file, options):
    suffix, content = file
    Path(f"any{suffix}").write_bytes(content)
    out = Path("scores.csv")
    for argv in (
        ["score", "m", f"any{suffix}", "--out", str(out), "--force", *options],
        ["score", "estimator", f"any{suffix}", "--out", str(out), "--force", *options],
        ["fit", f"any{suffix}", "autoencoder", "--out", "new", *SMALL],
    ):
        said, told = io.StringIO(), io.StringIO()
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(told):
            code = answers(lambda argv=argv: main(argv))
        err = said.getvalue()
        assert code in (0, 1, 2, 3), err
        assert "--debug shows where" not in err, f"not an error of a user's mistake: {err}"
        assert "Traceback" not in err
        if code in (1, 2):
            assert err and all(line.startswith("jaxad: ") for line in err.splitlines())
            assert not out.exists()
        elif argv[0] == "score":
            scores = pd.read_csv(out)
            assert scores.row.tolist() == list(range(len(scores)))
            assert scores.score.isna().any() == (code == 3)
        out.unlink(missing_ok=True)
        if Path("new").exists():
            Path("new").rename(f"old{len(os.listdir())}")


options = st.sampled_from(
    [[], ["--strict"], ["--threshold", "quantile(0.2)"], ["--label", "a"], ["--threshold", "2"]]
)


@few
@given(files(), options)
def test_the_command_line_answers(here, file, options):
    check_command_answers(file, options)


@pytest.mark.slow
@several
@given(files(), options)
def test_the_command_line_answers_at_length(here, file, options):
    check_command_answers(file, options)
