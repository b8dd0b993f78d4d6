"""Outlier exposure: rows of another data set behind those of the first, as labelled anomalies."""

import json

import numpy as np
import pytest

from jaxad.cli import main
from jaxad.data import contaminate, from_arrays, load_dataset
from jaxad.data.split import stack_splits
from jaxad.errors import ConfigError, DataError
from jaxad.results import read_results
from jaxad.saving.training_file import ABOUT
from jaxad.sweep.experiment import load_experiment
from jaxad.sweep.jobs import expand


def images(shape, rows=40, dtype=np.uint8, seed=0, name="images"):
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 256, (rows, *shape)).astype(np.uint8)
    x = x if dtype == np.uint8 else (x / 255).astype(dtype)
    return from_arrays(x, np.arange(rows) % 4, name=name, anomaly=False)


def exposed(data, exposure, **asked):
    return contaminate(data, 0, normal_class=0, contamination=0.0, exposure=exposure, **asked)


def last_rows(split, n):
    return np.asarray(split.train.x)[-n:]


def test_rows_come_behind_the_others_which_stay_as_they_are():
    data, other = images((8, 8, 1)), images((8, 8, 1), 12, seed=1, name="other")
    alone = exposed(data, None, labelled_anomalies=3)
    split = exposed(data, other, labelled_anomalies=3)
    n = int(alone.train.count)
    assert int(split.train.count) == n + 12
    for name in ("x", "label"):
        both = (getattr(s.train, name)[:n] for s in (split, alone))
        np.testing.assert_array_equal(*both)
    np.testing.assert_array_equal(split.train_rows[:n], alone.train_rows)
    np.testing.assert_array_equal(split.test.x, alone.test.x)
    assert (split.train.label[n:] == -1).all() and split.hidden.sum() == 0
    np.testing.assert_array_equal(last_rows(split, 12), other.x[-2 - split.train_rows[n:]])
    rows = split.setting["rows"]
    assert (rows["labelled_anomalies"], rows["exposure"]) == (3, 12)
    assert split.setting["exposure"] == "other"
    json.dumps(split.setting)


def test_some_rows_are_drawn_by_the_key_and_more_of_them_add_to_the_same():
    data, other = images((8, 8, 1)), images((8, 8, 1), 30, seed=1, name="other")
    few, more = (exposed(data, other, exposure_rows=n).train_rows for n in (5, 9))
    few, more = few[few < -1], more[more < -1]
    assert len(set(few)) == 5 and set(few) < set(more)
    seeds = exposed(data, other, exposure_rows=5, seeds=2)
    drawn = [set(rows[rows < -1].tolist()) for rows in seeds.train_rows]
    assert drawn[0] != drawn[1] and [len(rows) for rows in drawn] == [5, 5]


def test_padding_is_no_exposure_row():
    data, other = images((8, 8, 1)), images((8, 8, 1), 30, seed=1, name="other")
    split = stack_splits([exposed(data, other, exposure_rows=n) for n in (3, 7)])
    for seed, (n, count) in enumerate(zip((3, 7), split.train.count, strict=True)):
        rows, label = split.train_rows[seed], split.train.label[seed]
        assert (rows[:count] != -1).all() and (rows[count:] == -1).all()
        assert (rows < -1).sum() == n == (label == -1).sum()
        assert split.seed(seed).train_rows.tolist() == rows[:count].tolist()


def test_the_scaling_is_that_of_the_data_s_own_rows():
    data = from_arrays(np.linspace(0, 1, 60)[:, None], np.arange(60) % 2, anomaly=True, name="a")
    other = from_arrays(np.linspace(50, 90, 20)[:, None], np.zeros(20), name="b")
    alone, split = (exposed(data, e) for e in (None, other))
    np.testing.assert_array_equal(split.scaling.shift, alone.scaling.shift)
    expected = (other.x[-2 - split.train_rows[-20:]] - alone.scaling.shift) / alone.scaling.scale
    np.testing.assert_allclose(last_rows(split, 20), expected, rtol=1e-5)


def test_colour_becomes_grey_by_luminance_and_grey_three_channels():
    colours = np.zeros((4, 8, 8, 3), np.uint8)
    for i in range(3):
        colours[i, ..., i] = 200
    colours[3] = 200
    colour = from_arrays(colours, np.arange(4), anomaly=False, name="colour")
    split = exposed(images((8, 8, 1)), colour)
    order = -2 - split.train_rows[-4:]
    expected = np.array([60, 117, 23, 200])[order]  # 0.299, 0.587, 0.114 of 200, rounded
    np.testing.assert_array_equal(last_rows(split, 4)[:, 4, 4, 0], expected)
    grey = images((8, 8, 1), 4, seed=2, name="grey")
    split = exposed(images((8, 8, 3)), grey)
    assert last_rows(split, 4).shape == (4, 8, 8, 3)
    np.testing.assert_array_equal(
        last_rows(split, 4), np.repeat(grey.x[-2 - split.train_rows[-4:]], 3, axis=-1)
    )


@pytest.mark.parametrize(("size", "kind"), [((32, 32), np.uint8), ((10, 30), np.float32)])
def test_another_size_keeps_means_and_ramps(size, kind):
    """Linear interpolation of a ramp is a ramp; halving the size averages over what is covered."""
    rows, columns = size
    ramp = np.linspace(0, 1, columns)[None, :, None] * np.ones((rows, 1, 1))
    flat = np.full((rows, columns, 1), 0.6)
    x = np.stack([flat, ramp])
    x = np.rint(255 * x).astype(np.uint8) if kind == np.uint8 else x.astype(kind)
    other = from_arrays(x, np.arange(2), anomaly=False, name="other")
    data = images((16, 16, 1), dtype=kind)
    got = last_rows(exposed(data, other), 2).astype(float) / (255 if kind == np.uint8 else 1)
    got = got[np.argsort(exposed(data, other).train_rows[-2:])[::-1]]
    np.testing.assert_allclose(got[0], 0.6, atol=2e-3)
    steps = np.diff(got[1, :, 1:-1, 0], axis=1)
    side = min(size)  # what is left of the width after the cut to a square
    expected = side / 16 / (columns - 1)
    np.testing.assert_allclose(steps, expected, atol=5e-3)
    np.testing.assert_allclose(got[1].mean(), 0.5, atol=5e-3)


def test_pixels_take_the_units_of_the_data():
    whole, share = images((8, 8, 1), 12, seed=3), images((8, 8, 1), 12, np.float32, 3)
    for data in (images((8, 8, 1)), images((8, 8, 1), dtype=np.float32)):
        one, two = (exposed(data, e) for e in (whole, share))
        assert one.train.x.dtype == two.train.x.dtype == data.x.dtype
        np.testing.assert_allclose(last_rows(one, 12), last_rows(two, 12), atol=1e-6)


def test_what_cannot_be_made_to_fit_is_refused():
    data = images((8, 8, 1))
    with pytest.raises(DataError, match="'two' have 2 channels, those of 'images' 1"):
        exposed(data, images((8, 8, 2), 4, name="two"))
    table = from_arrays(np.ones((4, 3)), np.arange(4), anomaly=False, name="table")
    with pytest.raises(
        DataError, match=r"'table' have shape \(3,\), those of 'images' \(8, 8, 1\)"
    ):
        exposed(data, table)
    sevens = np.ones((40, 8, 8, 1)) * 7
    wide = from_arrays(sevens, np.arange(40) % 4, anomaly=False, name="wide")
    with pytest.raises(DataError, match="'wide' are from 7 to 7, those of 'images' are uint8"):
        exposed(data, wide)
    with pytest.raises(DataError, match=r"'images' are uint8 .*, those of 'wide' are from 7"):
        exposed(wide, images((8, 8, 1), 4))
    with pytest.raises(DataError, match="exposure_rows=41 is more than the 40 rows of 'images'"):
        exposed(images((8, 8, 1), seed=5), data, exposure_rows=41)
    with pytest.raises(ConfigError, match=r"is the training data itself.*known_anomaly_classes"):
        exposed(data, images((8, 8, 1)))
    with pytest.raises(ConfigError, match="exposure_rows=0 must be an integer of at least 1"):
        exposed(data, images((8, 8, 1), 4), exposure_rows=0)
    with pytest.raises(ConfigError, match="needs an exposure set to draw rows from"):
        exposed(data, None, exposure_rows=3)


def test_experiments_take_it_and_jobs_without_it_keep_their_names(tmp_path):
    """What a folder of results has already need not run again."""
    text = 'datasets = ["digits"]\nnormal_class = [3]\ndetectors = ["deep_sad"]\n'
    path = tmp_path / "a.toml"
    path.write_text(text)
    (before,) = expand(load_experiment(path))
    assert before.name == "7092644b8ee2bffc"
    path.write_text(text + 'exposure = ["none", "wine"]\nexposure_rows = [10, 20]\n')
    jobs = expand(load_experiment(path))
    asked = [(j.protocol.exposure, j.protocol.exposure_rows) for j in jobs]
    assert asked == [(None, None), ("wine", 10), ("wine", 20)]
    assert jobs[0].name == before.name and len({j.name for j in jobs}) == 3


def test_run_and_fit_take_it_and_what_is_saved_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 4)), np.arange(60) % 3 == 0
    np.savez(tmp_path / "own.npz", X=x, y=y.astype(int))
    np.savez(tmp_path / "other.npz", X=rng.normal(size=(25, 4)) + 3, y=np.zeros(25, int))
    small = ["--epochs", "1", "--batch-size", "16", "--seeds", "1"]
    shown = ["--exposure", "other.npz", "--exposure-rows", "15"]

    run = ["run", "own.npz", "deep_sad", *small, *shown, "--labelled-anomalies", "2", "--json"]
    assert main([*run, "--contamination", "none"]) == 0
    setting = json.loads(capsys.readouterr().out)["setting"]
    assert (setting["exposure"], setting["exposure_rows"]) == ("other", 15)
    (row,) = read_results("results").to_dict("records")
    assert (row["exposure"], row["exposure_rows"]) == ("other", 15)

    fit = ["fit", "own.npz", "deep_sad", *small, *shown, "--positive", "1", "--out", "saved"]
    assert main(fit) == 0
    assert "on 40 unlabelled rows, 35 labelled anomalies" in capsys.readouterr().out
    about = json.loads((tmp_path / "saved" / ABOUT).read_text())
    assert about["exposure"] == {"name": "other", "rows": 15} and about["rows"] == 60
    assert main([*fit[:-1], "again", "--exposure-rows", "0"]) == 2
    assert "exposure_rows=0 must be an integer" in capsys.readouterr().err
    assert main([*fit[:-1], "again", "--exposure", "wine"]) == 1
    assert "rows of 'wine' have shape (13,)" in capsys.readouterr().err


def test_text_is_no_exposure_set(tmp_path):
    """A word's number means another word in another data set."""
    lines = [{"text": f"word{'abc'[i % 3]} thing", "label": "ab"[i % 2]} for i in range(20)]
    (tmp_path / "texts.jsonl").write_text("\n".join(map(json.dumps, lines)))
    texts = load_dataset(tmp_path / "texts.jsonl")
    with pytest.raises(DataError, match="'texts' is text, and texts of different"):
        contaminate("digits", 0, normal_class=3, exposure=texts)
    with pytest.raises(DataError, match="'texts' is text, and texts of different"):
        contaminate(texts, 0, normal_class="a", exposure="wine")
