"""Wrong labels in the protocol: exact counts, the rows that they touch, and every door."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxad.cli import main
from jaxad.data import contaminate, from_arrays
from jaxad.errors import ConfigError, DataError
from jaxad.results import read_results
from jaxad.sweep import expand, load_experiment

COMMON = settings(max_examples=25, deadline=None, derandomize=True)
Y = np.repeat([0, 1, 2], [90, 40, 30])
DATA = from_arrays(np.arange(160.0)[:, None], Y, name="tagged", anomaly=False, scaling="none")
KNOWN = {"normal_class": 0, "labelled_anomalies": 10, "labelled_normals": 6}


def draw(key=0, **changes):
    return contaminate(DATA, key, **KNOWN | {"contamination": 0.1} | changes)


def rows_of(split, label):
    return set(split.train_rows[split.train.label == label].tolist())


@COMMON
@given(
    key=st.integers(0, 2**31 - 1),
    noise=st.floats(0, 0.99),
    positive=st.integers(0, 12),
    negative=st.integers(0, 12),
    contamination=st.sampled_from([None, 0.0, 0.1]),
)
def test_wrong_labels_are_counted_and_nothing_leaks(key, noise, positive, negative, contamination):
    labels = {"labelled_anomalies": positive, "labelled_normals": negative}
    clean, noisy = (
        draw(key, contamination=contamination, label_noise=share, **labels) for share in (0, noise)
    )
    anomalous = Y[noisy.train_rows] != 0
    label = noisy.train.label
    assert (label == -1).sum() == positive and (label == 1).sum() == negative
    assert (~anomalous[label == -1]).sum() == round(noise * positive)
    assert anomalous[label == 1].sum() == round(noise * negative)
    rows = noisy.setting["rows"]
    assert rows["mislabelled"] == round(noise * positive) + round(noise * negative)
    np.testing.assert_array_equal(noisy.hidden, anomalous & (label == 0))
    np.testing.assert_array_equal(noisy.test_rows, clean.test_rows)
    np.testing.assert_array_equal(noisy.test.label, clean.test.label)
    assert len(set(noisy.train_rows)) == len(noisy.train_rows)
    assert not set(noisy.train_rows) & set(noisy.test_rows)
    normals = rows["unlabelled"] - rows["hidden_anomalies"]
    if contamination is not None:
        hidden = round(contamination / (1 - contamination) * normals)
        assert rows["hidden_anomalies"] == hidden


@COMMON
@given(key=st.integers(0, 1000), noise=st.sampled_from([0.2, 0.5]))
def test_more_noise_keeps_the_other_labels_and_the_hidden_anomalies(key, noise):
    clean, some, more = (draw(key, label_noise=n) for n in (0.0, noise, 0.9))
    for label in (-1, 1):
        all_labels = [rows_of(split, label) for split in (clean, some, more)]
        wrong = [{row for row in rows if (Y[row] == 0) == (label < 0)} for rows in all_labels]
        assert not wrong[0] and wrong[1] < wrong[2]
        right = [rows - others for rows, others in zip(all_labels, wrong, strict=True)]
        assert right[2] < right[1] < right[0]
    hidden = [set(s.train_rows[s.hidden == 1]) for s in (clean, some)]
    # Only a hidden anomaly that is now called normal makes room for another one.
    assert hidden[0] - hidden[1] <= rows_of(some, 1)
    np.testing.assert_array_equal(some.train_rows, draw(key, label_noise=noise).train_rows)


def test_anomalies_of_known_classes_are_replaced_by_normal_rows():
    split = draw(known_anomaly_classes=(1,), label_noise=0.3, labelled_normals=0)
    classes = np.bincount(Y[list(rows_of(split, -1))], minlength=3)
    assert classes.tolist() == [3, 7, 0]


def test_seeds_are_stacked_and_exposure_rows_are_not_noise():
    stacked = draw(seeds=3, label_noise=0.5)
    for i in range(3):
        label = stacked.seed(i).train.label
        assert ((label == -1) & (Y[stacked.seed(i).train_rows] == 0)).sum() == 5
    others = from_arrays(np.arange(500.0, 520.0)[:, None], np.zeros(20, int), name="others")
    split = draw(label_noise=0.5, exposure=others)
    assert split.setting["rows"]["mislabelled"] == 8


def test_fewer_rows_than_wrong_labels_need():
    few = from_arrays(np.arange(30.0)[:, None], np.repeat([0, 1], [26, 4]), name="few")
    with pytest.raises(DataError, match="label_noise: 9 rows are needed, but"):
        contaminate(few, 0, labelled_normals=10, label_noise=0.9)


@pytest.mark.parametrize("noise", [-0.1, 1.0, 1, True, "some", None, float("nan")])
def test_values_out_of_range_are_refused(noise):
    with pytest.raises(ConfigError, match=r"label_noise=.* must be in"):
        draw(label_noise=noise)


def test_it_is_an_axis_of_experiments_a_column_and_an_option(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.toml").write_text(
        'datasets = ["blobs"]\ndetectors = ["pca"]\nlabel_noise = [0.0, 0.2]\n'
        "labelled_anomalies = 5\nseeds = 1\n"
    )
    jobs = expand(load_experiment("a.toml"))
    assert [job.protocol.label_noise for job in jobs] == [0.0, 0.2]
    run = ["run", "blobs", "pca", "--seeds", "2", "--labelled-anomalies", "5"]
    assert main([*run, "--label-noise", "0.2"]) == 0
    found = read_results("results")
    assert found.label_noise.tolist() == [0.2, 0.2]
    assert main([*run, "--label-noise", "1.5"]) == 2
    assert "label_noise=1.5 must be in [0, 1)" in capsys.readouterr().err
