"""`jaxad score` piece by piece: order, bad rows, thresholds, estimators; memory is a benchmark."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

import jaxad
from jaxad import thresholds
from jaxad.cli import main
from jaxad.sklearn import JaxADDetector

ONE = ("--epochs", "2", "--batch-size", "16")
SETTINGS = {"epochs": 2, "batch_size": 16, "widths": (4,)}


@pytest.fixture
def small_pieces(monkeypatch):
    """Seven rows at once."""
    monkeypatch.setattr("jaxad.saving.SavedDetector.rows_at_once", 7)


def make_rows(n=40, seed=0):
    return pd.DataFrame(np.random.default_rng(seed).normal(size=(n, 3)), columns=["a", "b", "c"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A detector that the command line saved."""
    here = tmp_path_factory.mktemp("fit")
    make_rows().to_csv(here / "rows.csv", index=False)
    argv = ["fit", here / "rows.csv", "autoencoder", "--out", here / "m", "--set", "widths=4,"]
    assert main([str(arg) for arg in (*argv, *ONE)]) == 0
    return here / "m"


def expected(folder, rows):
    fitted, scaling = jaxad.load(folder)
    return jaxad.score(fitted, scaling.apply(rows.to_numpy(float))).mean(axis=0)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_pieces_are_scored_in_order(cli, folder, small_pieces, suffix):
    """Whatever the size of what is read at once, and of the groups of rows in the file."""
    rows = make_rows(50, seed=1)
    rows.to_csv("rows.csv", index=False)
    parquet.write_table(pa.Table.from_pandas(rows), "rows.parquet", row_group_size=11)
    out = f"scores.{suffix}"
    ended = cli("score", folder, f"rows.{suffix}", "--out", out)
    assert (ended.code, ended.err) == (0, "")
    found = pd.read_csv(out) if suffix == "csv" else pd.read_parquet(out)
    assert found.columns.tolist() == ["row", "score"]
    assert found.row.tolist() == list(range(50))
    np.testing.assert_allclose(found.score, expected(folder, rows), rtol=1e-6)


BAD = {3: "1,2", 8: "1,2,3,4", 29: "1"}
UNKNOWN = {5: "x,0,0", 13: "0,,0", 14: "0,inf,0", 22: "0,1e39,0", 28: "0,NA,0"}


def write_bad(rows):
    lines = rows.to_csv(index=False, header=False).splitlines()
    lines = [(BAD | UNKNOWN).get(i, line) for i, line in enumerate(lines)]
    lines.insert(10, "")  # a blank line is no row
    Path("rows.csv").write_text("a,b,c\n" + "\n".join(lines) + "\n")


def test_bad_rows_are_said_and_the_rest_is_scored(cli, folder, small_pieces):
    rows = make_rows(30, seed=1)
    write_bad(rows)
    ended = cli("score", folder, "rows.csv", "--out", "s.csv")
    assert ended.code == 3
    said = ended.err.splitlines()
    assert [line.split(":")[1].strip() for line in said[:-1]] == [f"row {i}" for i in BAD]
    assert said[0] == "jaxad: row 3: 2 values for 3 columns"
    assert said[-1].startswith("jaxad: 3 of 30 rows could not be scored")
    found = pd.read_csv("s.csv")
    assert np.flatnonzero(found.score.isna()).tolist() == list(BAD)
    good = [i for i in range(30) if i not in BAD and i not in UNKNOWN]
    np.testing.assert_allclose(found.score[good], expected(folder, rows)[good], rtol=1e-6)
    # Gaps and text that training never had, and numbers beyond float32, are no less anomalous than
    # any training row.
    unknown = found.score[list(UNKNOWN)].to_numpy()
    assert (unknown >= training_scores(folder).max() * (1 - 1e-6)).all()


def test_strict_stops_at_the_first_bad_row_and_writes_nothing(cli, folder, tmp_path):
    write_bad(make_rows(30, seed=1))
    ended = cli("score", folder, "rows.csv", "--out", "s.csv", "--strict")
    assert ended.code == 1
    assert ended.err == "jaxad: rows.csv: row 3: 2 values for 3 columns (--strict)\n"
    assert [p.name for p in tmp_path.iterdir()] == ["rows.csv"]


def test_many_bad_rows_are_counted_and_nothing_but_bad_rows_is_an_error(cli, folder):
    lines = make_rows(60).to_csv(index=False).splitlines()
    lines[1:51] = ["1,2", "1,2,3,4"] * 25
    Path("rows.csv").write_text("\n".join(lines) + "\n")
    ended = cli("score", folder, "rows.csv", "--out", "s.parquet")
    assert ended.code == 3
    assert len(ended.err.splitlines()) == 21
    assert "50 of 60 rows could not be scored, the first 20 above" in ended.err
    fitted, scaling = jaxad.load(folder)
    jaxad.save(fitted, "plain", scaling=scaling)  # which knows nothing of gaps
    make_rows(50).assign(b=np.nan).to_parquet("rows.parquet")
    ended = cli("score", "plain", "rows.parquet", "--out", "t.csv")
    assert ended.code == 1 and "none of 50 rows" in ended.err
    assert not Path("t.csv").exists()


def test_rows_that_overflow_have_the_largest_scores(cli, folder):
    rows = make_rows(5)
    fitted, scaling = jaxad.load(folder)
    tiny = scaling._replace(scale=np.full(3, 1e-30))
    jaxad.save(fitted, "tiny", scaling=tiny)
    near = rows * 1e-30 + tiny.shift
    near.loc[2, "a"], near.loc[4, "b"] = 1e20, 1e-5
    near.to_csv("rows.csv", index=False)
    ended = cli("score", "tiny", "rows.csv", "--out", "s.csv", "--threshold", "1e25")
    assert ended.code == 0 and "2 rows (40 %) are anomalous" in ended.out
    scores = pd.read_csv("s.csv").score
    assert np.isfinite(scores).all() and scores.sort_values().index.tolist()[-2:] == [4, 2]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n",
        b"a,b,c\n",
        b"a,a,c\n1,2,3\n",
        b"\xff\xfe\x00\n",
        b"a,b\n1,2\n",
        b'a,b,"c\n1,2,3\n',
    ],
)
def test_files_without_rows_or_names_are_one_clear_error(cli, folder, content):
    Path("rows.csv").write_bytes(content)
    ended = cli("score", folder, "rows.csv", "--out", "s.csv")
    assert ended.code == 1
    assert ended.err.startswith("jaxad: ") and len(ended.err.splitlines()) == 1


def test_a_row_of_another_length_that_is_no_utf8_is_a_bad_row_and_no_noise(cli, folder):
    Path("rows.csv").write_bytes(b"a,b,c\n1,2,3\n1,\xff\n3,2,1\n")
    ended = cli("score", folder, "rows.csv", "--out", "s.csv")
    assert ended.code == 3
    assert "row 1: 2 values for 3 columns" in ended.err
    assert pd.read_csv("s.csv").score.isna().tolist() == [False, True, False]


def test_a_broken_parquet_file_and_columns_of_lists_are_one_clear_error(cli, folder):
    rows = make_rows(300)
    parquet.write_table(pa.Table.from_pandas(rows), "rows.parquet", compression="none")
    content = bytearray(Path("rows.parquet").read_bytes())
    content[4:400] = b"\xff" * 396
    Path("broken.parquet").write_bytes(bytes(content))
    Path("short.parquet").write_bytes(bytes(content[:100]))
    rows.assign(b=[[1]] * 300).to_parquet("lists.parquet")
    for name in ("broken", "short", "lists"):
        ended = cli("score", folder, f"{name}.parquet", "--out", "s.csv")
        assert ended.code == 1
        assert f"{name}.parquet" in ended.err and len(ended.err.splitlines()) == 1
        assert not Path("s.csv").exists()


def test_numbers_written_as_text_and_as_categories_are_numbers(cli, folder):
    rows = make_rows(6)
    rows.assign(a=rows.a.astype(str), b=rows.b.astype("category")).to_parquet("rows.parquet")
    assert cli("score", folder, "rows.parquet", "--out", "s.csv").code == 0
    np.testing.assert_allclose(pd.read_csv("s.csv").score, expected(folder, rows), rtol=1e-6)


# Thresholds


def training_scores(folder):
    return expected(folder, make_rows()).astype(np.float64)


@pytest.mark.parametrize(
    ("rule", "limit"),
    [
        ("quantile(0.2)", lambda s: thresholds.quantile(s, 0.2)),
        ("sigma", lambda s: thresholds.sigma(s, 3)),
        ("0.75", lambda s: 0.75),
    ],
)
def test_alarms_by_the_training_scores(cli, folder, rule, limit):
    rows = make_rows(30, seed=1)
    lines = rows.to_csv(index=False).splitlines()
    lines[5] = "1,2"
    Path("rows.csv").write_text("\n".join(lines) + "\n")
    ended = cli("score", folder, "rows.csv", "--out", "s.csv", "--threshold", rule)
    assert ended.code == 3
    found = pd.read_csv("s.csv")
    assert found.columns.tolist() == ["row", "score", "anomaly"]
    assert found.anomaly.isna().tolist() == [i == 4 for i in range(30)]
    good = found.dropna()
    above = good.score > limit(training_scores(folder))
    np.testing.assert_array_equal(good.anomaly.astype(bool), above)
    assert f"{above.sum()} rows" in ended.out


def test_conformal_alarms_and_p_values_by_a_reference(cli, folder):
    rows, normal = make_rows(30, seed=1), make_rows(99, seed=2)
    rows.to_csv("rows.csv", index=False)
    normal.to_parquet("normal.parquet")
    argv = ("score", folder, "rows.csv", "--out", "s.csv", "--threshold", "conformal(0.1)")
    ended = cli(*argv)
    assert ended.code == 2 and "--reference" in ended.err
    assert cli(*argv, "--reference", "normal.parquet").code == 0
    found = pd.read_csv("s.csv")
    held_out = expected(folder, normal).astype(np.float64)
    np.testing.assert_allclose(found.p_value, thresholds.p_values(found.score.to_numpy(), held_out))
    np.testing.assert_array_equal(found.anomaly == 1, found.p_value <= 0.1)


def test_f1_by_labels_of_a_reference(cli, folder):
    rows = make_rows(30, seed=1)
    y = np.arange(30) % 5 == 0
    rows.a += 5 * y
    rows.assign(label=y.astype(int)).to_csv("known.csv", index=False)
    argv = ("score", folder, "known.csv", "--out", "s.csv", "--threshold", "f1")
    assert "labelled" in cli(*argv).err  # training rows have no labels
    assert cli(*argv, "--reference", "known.csv", "--normal", "0").code == 0
    found = pd.read_csv("s.csv")
    limit = thresholds.f1(found.score.to_numpy(), np.where(y, -1, 1))
    np.testing.assert_array_equal(found.anomaly == 1, found.score > limit)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--threshold", "best"], "unknown threshold rule"),
        (["--threshold", "quantile(2)"], "in (0, 1)"),
        (["--reference", "rows.csv"], "--threshold"),
        (["--threshold", "3", "--reference", "rows.csv"], "--threshold"),
    ],
)
def test_rules_that_are_none_are_wrong_use(cli, folder, options, says):
    make_rows().to_csv("rows.csv", index=False)
    ended = cli("score", folder, "rows.csv", "--out", "s.csv", *options)
    assert ended.code == 2 and says in ended.err


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_budget_marks_so_many_rows(cli, folder, small_pieces, suffix):
    rows = pd.concat([make_rows(30, seed=1)] * 2)  # every score twice
    lines = rows.to_csv(index=False).splitlines()
    lines.insert(4, "1,2")
    Path("rows.csv").write_text("\n".join(lines))
    for top in (1, 5, 8, 100):
        argv = ("score", folder, "rows.csv", "--out", f"s.{suffix}", "--force", "--top", top)
        ended = cli(*argv)
        found = pd.read_csv("s.csv") if suffix == "csv" else pd.read_parquet("s.parquet")
        order = np.argsort(-found.score.to_numpy(), kind="stable")  # NaN is last
        marked = np.flatnonzero(found.anomaly == 1)
        assert marked.tolist() == sorted(order[: min(top, 60)])
        assert found.anomaly.isna().tolist() == [i == 3 for i in range(61)]
        assert f"The {min(top, 60)} rows with the highest scores" in ended.out
    ended = cli(*argv, "--threshold", "3")
    assert ended.code == 2 and "takes the place of --threshold" in ended.err
    assert cli(*argv[:-1], 0).code == 2


@pytest.mark.parametrize("own", ["id", "index", "named"])
def test_ids_are_carried_to_the_scores(cli, folder, small_pieces, own):
    rows = make_rows(20, seed=1)
    names = [f"r,{i}" for i in range(20)]
    if own == "id":
        rows.assign(tx=names).to_csv("rows.csv", index=False)
    else:
        rows.index = pd.Index(names, name="tx" if own == "named" else None)
        rows.to_parquet("rows.parquet") if own == "named" else rows.to_csv("rows.csv")
    source, *more = {"id": ["rows.csv", "--id", "tx"], "named": ["rows.parquet"]}.get(
        own, ["rows.csv"]
    )
    ended = cli("score", folder, source, "--out", "s.csv", *more)
    assert (ended.code, ended.err) == (0, "")
    found = pd.read_csv("s.csv")
    assert found.columns.tolist() == ["index" if own == "index" else "tx", "score"]
    assert found.iloc[:, 0].tolist() == names
    np.testing.assert_allclose(found.score, expected(folder, rows), rtol=1e-6)


def test_inputs_are_never_overwritten(cli, folder, tmp_path):
    make_rows().to_csv("rows.csv", index=False)
    Path("link.csv").symlink_to(tmp_path / "rows.csv")
    before = Path("rows.csv").read_bytes()
    for data, out, more in (
        ("rows.csv", "rows.csv", ()),
        ("rows.csv", "link.csv", ()),
        (folder.parent / "rows.csv", "rows.csv", ("--reference", "rows.csv", "--threshold", "f1")),
        ("rows.csv", folder / "scores.csv", ()),
    ):
        ended = cli("score", folder, data, "--out", out, "--force", *more)
        assert ended.code == 2 and "--out" in ended.err
    assert Path("rows.csv").read_bytes() == before
    assert not (folder / "scores.csv").exists()


def test_every_dialect_of_a_file_has_the_same_scores(cli, folder):
    rows = make_rows(12, seed=1)
    scores = {}
    for name, content, more in (
        ("plain", rows.to_csv(index=False), ()),
        ("semicolon", rows.to_csv(index=False, sep=";", decimal=","), ("--decimal", ",")),
        ("tab", rows.to_csv(index=False, sep="\t"), ("--delimiter", "tab")),
        ("bare", rows.to_csv(index=False, lineterminator="\r"), ()),
        ("mixed", "a,b,c\n" + rows.to_csv(index=False, header=False, lineterminator="\r"), ()),
        ("utf16", rows.to_csv(index=False).encode("utf-16"), ()),
        ("gzip", gzip.compress(rows.to_csv(index=False).encode()), ()),
    ):
        data = content if isinstance(content, bytes) else content.encode()
        Path("rows.csv").write_bytes(data)
        ended = cli("score", folder, "rows.csv", "--out", "s.csv", "--force", *more)
        assert (ended.code, ended.err) == (0, ""), name
        scores[name] = pd.read_csv("s.csv").score.tolist()
    rows.to_feather("rows.feather")
    assert cli("score", folder, "rows.feather", "--out", "s.csv", "--force").code == 0
    scores["feather"] = pd.read_csv("s.csv").score.tolist()
    for name, found in scores.items():
        np.testing.assert_allclose(found, expected(folder, rows), rtol=1e-5, err_msg=name)


def test_a_folder_saved_with_ids_and_labels_knows_them_again(cli):
    rows = make_rows().assign(tx=range(40), Class=[0, 1] * 20, when="2024")
    rows.to_csv("rows.csv", index=False)
    argv = ("--id", "tx", "--label", "Class", "--drop", "when")
    assert cli("fit", "rows.csv", "autoencoder", "--out", "m", *argv, *ONE).code == 0
    ended = cli("score", "m", "rows.csv", "--out", "s.csv", "--strict")
    assert (ended.code, ended.err) == (0, "")
    found = pd.read_csv("s.csv")
    assert found.columns.tolist() == ["tx", "score"] and found.tx.tolist() == list(range(40))


# Estimators


def test_an_estimator_s_folder_brings_its_columns_and_its_threshold(cli, small_pieces):
    frame = make_rows(60).assign(colour=np.resize(["red", "blue", None], 60))
    frame.loc[::6, "b"] = np.nan
    det = JaxADDetector("autoencoder", settings=SETTINGS, contamination=0.2).fit(frame)
    det.save("m")
    new = make_rows(20, seed=3).assign(colour=np.resize(["blue", "green"], 20))
    new.loc[1, ["b", "colour"]] = None
    new[["colour", "c", "a", "b"]].to_csv("rows.csv", index=False)
    new.to_parquet("rows.parquet")
    for name in ("rows.csv", "rows.parquet"):
        ended = cli("score", "m", name, "--out", "s.csv", "--force")
        assert (ended.code, ended.err) == (0, "")
        found = pd.read_csv("s.csv")
        np.testing.assert_allclose(found.score, det.anomaly_score(new), rtol=1e-6)
        np.testing.assert_array_equal(found.anomaly == 1, det.predict(new) == -1)
    wrong = new.astype({"a": object})
    wrong.loc[7, "a"] = "many"
    wrong.to_csv("rows.csv", index=False)
    ended = cli("score", "m", "rows.csv", "--out", "s.csv", "--force")
    assert (ended.code, ended.err) == (0, "")
    assert pd.read_csv("s.csv").score[7] >= det.reference_.score.max() * (1 - 1e-6)
