"""Sequences: how they are told from tables and images, and that they go the whole way."""

import numpy as np
import pytest

import jaxad
from jaxad.data import as_sequences, from_arrays, load_table
from jaxad.errors import DataError

RNG = np.random.default_rng(0)


@pytest.fixture
def ecg_like(tmp_path):
    """Arrays as in ECG5000: one channel, a part for training and one to test."""
    x = RNG.normal(size=(60, 14)).astype(np.float32)
    y = (np.arange(60) % 3 == 0).astype(np.int64)
    parts = {"x_train": x[:40], "y_train": y[:40], "x_test": x[40:], "y_test": y[40:]}
    np.savez(tmp_path / "ecg.npz", **parts)
    return tmp_path, parts


def test_columns_of_a_table_are_points_in_time_only_if_asked(ecg_like):
    folder, parts = ecg_like
    assert jaxad.load_dataset("ecg", data_dir=folder).x.shape == (40, 14)
    for source in ("sequence:ecg", f"sequence:{folder / 'ecg.npz'}"):
        data = jaxad.load_dataset(source, data_dir=folder)
        np.testing.assert_array_equal(data.x, parts["x_train"][..., None])
        np.testing.assert_array_equal(data.x_test, parts["x_test"][..., None])
        np.testing.assert_array_equal(data.y, parts["y_train"])


def test_windows_of_several_channels_are_sequences_as_they_are():
    x = RNG.normal(size=(20, 8, 3)).astype(np.float32)
    data = from_arrays(x, np.arange(20) % 2)
    assert data.x.shape == as_sequences(data).x.shape == (20, 8, 3)
    np.testing.assert_array_equal(as_sequences(data).x, x)


def test_bundled_sequences():
    assert jaxad.load_dataset("monotone").x.shape == (2000, 10)
    data = jaxad.load_dataset("sequence:monotone")
    step = np.diff(data.x[..., 0], axis=1)
    assert (step[data.y == 0] > 0).all() and (step[data.y == 1] < 0).all()


@pytest.mark.parametrize(
    ("x", "what"),
    [
        (np.zeros((4, 8, 8), np.uint8), r"\(8, 8, 1\)"),  # images
        (np.zeros((4, 1)), r"\(1, 1\)"),  # no second point
    ],
)
def test_what_is_no_sequence_is_refused(x, what):
    with pytest.raises(DataError, match=f"{what}; sequences must have shape"):
        as_sequences(from_arrays(x, [0, 1, 0, 1]))


@pytest.mark.parametrize("suffix", ["csv", "npz"])
def test_files_without_a_truth_are_sequences_too(tmp_path, suffix):
    x = RNG.normal(size=(5, 4)).round(3)
    path = tmp_path / f"waves.{suffix}"
    if suffix == "npz":
        np.savez(path, X=x)
    else:
        np.savetxt(path, x, delimiter=",", header="a,b,c,d", comments="")
    table = load_table(f"sequence:{path}")
    np.testing.assert_allclose(table.x, x[..., None])
    assert table.columns == (() if suffix == "npz" else ("a", "b", "c", "d"))


@pytest.mark.parametrize("kind", ["standard", "minmax", "range"])
def test_scaling_has_a_constant_for_each_channel_over_time_from_training_rows(kind):
    x = RNG.normal(size=(200, 6, 2)) * [1.0, 50.0] + [3.0, -9.0]
    split = jaxad.contaminate(from_arrays(x, np.arange(200) % 4 == 0), 0, scaling=kind)
    raw, train = x[split.train_rows], split.train.x
    assert split.scaling.shift.shape == (2,)
    np.testing.assert_allclose(split.scaling.apply(raw), train, rtol=1e-6)
    if kind == "standard":
        np.testing.assert_allclose(train.mean(axis=(0, 1)), 0, atol=1e-6)
        np.testing.assert_allclose(train.std(axis=(0, 1)), 1, rtol=1e-6)
    over = (0, 1) if kind == "minmax" else None
    if kind != "standard":
        np.testing.assert_allclose(train.min(axis=over), 0, atol=1e-6)
        np.testing.assert_allclose(train.max(axis=over), 1, rtol=1e-6)


@pytest.mark.parametrize("name", ["mlp_forecaster", "contradicting_lstm_forecaster"])
def test_splits_of_several_seeds_from_a_name_to_metrics(name):
    """Windows of three channels; the anomalies' third channel is shifted in time."""
    time = np.arange(12) / 2 + RNG.uniform(0, 6, size=(300, 1))
    y = np.arange(300) % 3 == 0
    waves = [np.sin(time), np.cos(time), np.sin(time + np.where(y, 2.0, 0.0)[:, None])]
    data = from_arrays(np.stack(waves, axis=-1), y)
    split = jaxad.contaminate(data, 0, contamination=0.02, labelled_anomalies=9, seeds=2)
    assert split.train.x.shape[2:] == (12, 3)
    detector = jaxad.make(name, split.train, epochs=60, batch_size=32, milestone=1.0)
    fit = jaxad.fit(detector, split.train)
    assert jaxad.evaluate(fit, split.test).auroc.per_seed.min() > 0.9
    with pytest.raises(DataError, match=r"\(n, 12, 3\)"):
        jaxad.score(fit, split.test.x[0, :, :, :1])
