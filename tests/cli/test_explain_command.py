"""`jaxad explain`: the pictures it writes, what it prints, and how it refuses."""

import numpy as np
import pandas as pd
import pytest

import jaxad
from jaxad.cli import main
from jaxad.explain import attributions, heatmaps, pixel_auroc
from jaxad.explain.tables import AttributedRows
from jaxad.sklearn import JaxADDetector

pytest.importorskip("matplotlib")


@pytest.fixture
def folder(fitted, tmp_path, monkeypatch):
    """A saved FCDD, and the toy images in a file with masks."""
    monkeypatch.chdir(tmp_path)
    jaxad.save(fitted("fcdd"), "model")
    return tmp_path


def write_images(toy_for, **more):
    test = toy_for("fcdd").test
    mask = (test.x[..., 0] > 0.75) & (test.label == 1)[:, None, None]
    np.savez("images.npz", x=test.x, y=test.label, mask=mask, **more)
    return test.x, mask


def run(capsys, *argv):
    code = main(["explain", *map(str, argv)])
    return code, *capsys.readouterr()


def test_it_draws_both_ends_and_measures_pixels(folder, fitted, toy_for, capsys):
    x, mask = write_images(toy_for)
    code, out, _ = run(capsys, "model", "images.npz", "--out", "maps", "--most", 5)
    assert code == 0
    for name in ("highest.png", "lowest.png"):
        assert (folder / "maps" / name).read_bytes().startswith(b"\x89PNG")
    pooled, each = pixel_auroc(heatmaps(fitted("fcdd"), x).mean(axis=0), mask)
    assert "120 images scored with 2 seed(s); heat maps of kind map" in out
    assert f"Pixel AUROC {100 * pooled:.1f}; mean over images {100 * each:.1f}" in out


def test_an_image_that_is_not_finite_does_not_lose_the_others(folder, toy_for, capsys):
    x = toy_for("fcdd").test.x[:6].astype(np.float32)
    x[2, 3, 4, 0] = np.nan
    np.savez("images.npz", x=x)
    code, out, _ = run(capsys, "model", "images.npz", "--out", "maps", "--most", 2)
    assert code == 3 and "5 images scored" in out
    assert "1 of the images could not be scored; the first: row 2: holds nan" in out
    rows = pd.read_csv("maps/images.csv")
    assert rows.score.isna().tolist() == [False, False, True, False, False, False]


def test_files_that_are_there_stay(folder, toy_for, capsys):
    write_images(toy_for)
    argv = ("model", "images.npz", "--out", "maps", "--most", 2, "--kind", "gradient")
    assert run(capsys, *argv)[0] == 0
    code, _, err = run(capsys, *argv)
    assert code == 2 and "has highest.png already" in err
    assert run(capsys, *argv, "--force")[0] == 0


def test_what_it_cannot_explain_is_refused(folder, fitted, toy_for, capsys):
    write_images(toy_for)
    np.savez("small.npz", x=np.zeros((3, 8, 8, 1), np.float32))
    code, _, err = run(capsys, "model", "small.npz", "--out", "maps")
    assert code == 1 and "trained on (12, 12, 1)" in err
    argv = ("model", "images.npz", "--out", "maps")
    code, _, err = run(capsys, *argv, "--kind", "reconstruction")
    assert code == 2 and "has no heat maps of kind 'reconstruction'" in err
    code, _, err = run(capsys, *argv, "--most", 0)
    assert code == 2 and "--most 0 must be at least 1" in err
    jaxad.save(fitted("mlp_forecaster"), "of_sequences")
    code, _, err = run(capsys, "of_sequences", "images.npz", "--out", "maps")
    assert code == 2 and "examples of shape (12, 1)" in err


@pytest.fixture
def table(fitted, toy, tmp_path, monkeypatch):
    """A saved Deep SVDD with the names of its columns, and rows with a label and a bad row."""
    monkeypatch.chdir(tmp_path)
    about = '{"columns": ["a", "b", "c", "d", "e", "$f$"]}'
    jaxad.save(fitted("deep_svdd"), "model", files={"data.json": about.encode()})
    x = toy.test.x[:20]
    lines = [",".join(map(str, [*row, 0])) for row in x.tolist()]
    lines.insert(3, "1,2,4,5,6,0")
    (tmp_path / "rows.csv").write_text("\n".join(["a,b,c,d,e,$f$,kind", *lines]) + "\n")
    return tmp_path, x


def test_columns_of_a_table_get_bars_and_a_file(table, fitted, capsys):
    folder, x = table
    argv = ("model", "rows.csv", "--out", "bars", "--most", 4, "--label", "kind")
    code, out, _ = run(capsys, *argv)
    assert code == 3 and "21 rows read, 1 of them could not be scored; attributions by lrp" in out
    head, *lines = (folder / "bars" / "attributions.csv").read_text().splitlines()
    assert head == "row,score,a,b,c,d,e,$f$"
    numbers = np.array([line.split(",") for line in lines], float)
    assert numbers[:, 0].tolist() == [i for i in range(21) if i != 3]
    np.testing.assert_allclose(numbers[:, 2:], attributions(fitted("deep_svdd"), x), rtol=1e-4)
    np.testing.assert_allclose(numbers[:, 2:].sum(axis=1), numbers[:, 1], rtol=1e-3)
    for name in ("highest.png", "lowest.png"):
        assert (folder / "bars" / name).read_bytes().startswith(b"\x89PNG")
    code, _, err = run(capsys, *argv)
    assert code == 2 and "has highest.png already" in err


def test_pieces_of_a_file_give_the_extremes_of_the_whole():
    rng = np.random.default_rng(0)
    score = rng.normal(size=30)
    x, value = rng.normal(size=(2, 30, 2))
    whole = AttributedRows(np.arange(30), score, x, value, np.full(30, "", object))
    kept = None
    for rows in np.split(np.arange(30), [7, 8, 20]):
        new = AttributedRows(*(part[rows] for part in whole))
        kept = (new if kept is None else kept.join(new)).keep_extremes(3)
    assert kept is not None
    order = np.argsort(score)
    assert set(kept.row) == {*order[:3], *order[-3:]}
    np.testing.assert_array_equal(kept.value, whole.value[kept.row])


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--kind", "map"], "--kind map applies only to images; this detector of tables has"),
        (["--kind", "residuals"], "--kind residuals: 'deep_svdd' has no such attributions; it has"),
        (["--sigma", 1], "--sigma applies only to heat maps"),
        (["--label", "kinds"], "'kinds' is not a column"),
    ],
)
def test_what_tables_do_not_have_is_refused(table, capsys, argv, message):
    code, _, err = run(capsys, "model", "rows.csv", "--out", "bars", *argv)
    assert code == 2 and message in err
    assert not list((table[0] / "bars").glob("*"))


def test_pixels_can_be_attributed_too(toy_for, quick, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    images = toy_for("fcdd")
    sizes = {"channels": (), "widths": (8,), "epochs": 1}
    jaxad.save(jaxad.fit(quick("autoencoder", images.train, **sizes), images.train), "model")
    write_images(toy_for)
    argv = ("model", "images.npz", "--out", "maps", "--most", 2)
    code, out, _ = run(capsys, *argv, "--kind", "lrp")
    assert code == 0 and "heat maps of kind lrp" in out
    code, _, err = run(capsys, *argv, "--kind", "lrp", "--sigma", 1, "--force")
    assert code == 2 and "is not smoothed" in err


def test_encoded_columns_are_merged_and_events_shown(tmp_path, monkeypatch, capsys):
    """As by the estimator that saved the detector; forests by occlusion."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "service": rng.choice(["http", "dns", "ssh"], 120),
            "bytes": rng.normal(size=120).round(6),
            "day": [f"2024-{1 + i % 12:02}-0{1 + i % 9}" for i in range(120)],
        }
    )
    new = frame.iloc[:12].copy()
    new.loc[3, "service"], new.loc[5, "bytes"] = "a\nnew $one$", None
    new.to_csv("new.csv")
    for name, told in (("hbos", "terms"), ("iforest", "occlusion")):
        det = JaxADDetector(name).fit(frame)
        det.save(name)
        argv = (name, "new.csv", "--out", f"of_{name}", "--most", 3)
        code, out, err = run(capsys, *argv)
        assert code == 0 and f"attributions by {told}" in out, err
        assert "2 rows have values that training hardly saw" in out
        found = pd.read_csv(f"of_{name}/attributions.csv", index_col="index")
        assert found.columns.tolist() == ["score", "service", "bytes", "day", "events"]
        np.testing.assert_allclose(found.score, det.anomaly_score(new), rtol=1e-5)
        np.testing.assert_allclose(
            found[["service", "bytes", "day"]], det.explain(new), rtol=1e-4, atol=1e-5
        )
        assert found.events.fillna("").tolist() == det.events(new).tolist()
        assert found.events[3] == "unseen category in `service`"
    frame[["bytes"]].assign(events=1.5, score=frame.bytes.round()).to_csv("odd.csv", index=False)
    assert main(["fit", "odd.csv", "hbos", "--out", "odd"]) == 0
    assert run(capsys, "odd", "odd.csv", "--out", "of_odd")[0] == 0
    with open("of_odd/attributions.csv") as file:
        assert file.readline() == "row,score,bytes,events,score_,events_\n"
    code, _, err = run(capsys, "iforest", "new.csv", "--out", "x", "--kind", "lrp")
    assert code == 2 and "it has occlusion" in err
