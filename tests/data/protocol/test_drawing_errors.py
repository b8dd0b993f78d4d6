"""What a split refuses, and that its messages say what is needed and what there is."""

import numpy as np
import pytest

from jaxad.data import contaminate, from_arrays
from jaxad.errors import ConfigError, DataError


def three_classes():
    y = np.repeat(["ant", "bee", "cow"], [50, 20, 10])
    return from_arrays(np.arange(80.0)[:, None], y, name="zoo")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"contamination": 1.0}, r"contamination=1.0 must be in \[0, 1\)"),
        ({"contamination": -0.1}, "contamination=-0.1"),
        ({"contamination": float("nan")}, "contamination=nan"),
        ({"labelled_anomalies": -1}, "labelled_anomalies=-1 must be a count"),
        ({"labelled_anomalies": 1.5}, "labelled_anomalies=1.5"),
        ({"labelled_anomalies": True}, "labelled_anomalies=True"),
        ({"labelled_normals": -0.5}, "labelled_normals=-0.5"),
        ({"test_size": 0.0}, r"test_size=0.0 must be in \(0, 1\)"),
        ({"test_size": 1.0}, "test_size=1.0"),
        ({"n_train": 0}, "n_train=0 must be an integer of at least 1"),
        ({"n_train": 1.5}, "n_train=1.5 must be an integer of at least 1, a fraction"),
        ({"n_train": 0.0}, "n_train=0.0 must be an integer of at least 1, a fraction"),
        ({"seeds": 0}, "seeds=0 must be an integer of at least 1"),
        ({"scaling": "max"}, "scaling='max' must be 'auto', 'standard'"),
        ({"protocol": "odds"}, "protocol='odds'"),
        (
            {"protocol": "adbench", "scaling": "standard"},
            "must be 'auto' or 'minmax' with protocol='adbench'",
        ),
        ({"known_anomaly_classes": 0}, "known_anomaly_classes=0 must be an integer of at least 1"),
        (
            {"known_anomaly_classes": 3},
            "known_anomaly_classes=3 is more than the 2 anomaly classes",
        ),
        ({"known_anomaly_classes": ["ant"]}, "class 0, which is not anomalous"),
        ({"known_anomaly_classes": ["dog"]}, "unknown class"),
        ({"anomaly_labels": "bee"}, "give only one of them"),
        ({"few_anomalies": "some"}, "few_anomalies='some' must be 'raise' or 'own'"),
        ({"contamination": "0.1"}, "contamination='0.1' must be in"),
        ({"n_train": "all"}, "n_train='all' must be an integer of at least 1"),
    ],
)
def test_settings_out_of_range_are_refused(asked, message):
    with pytest.raises(ConfigError, match=message):
        contaminate(three_classes(), 0, **{"normal_class": "ant"} | asked)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {"labelled_anomalies": 19},
            "labelled_anomalies: 19 rows are needed, but 18 are available",
        ),
        ({"labelled_normals": 31}, "labelled_normals: 31 rows are needed, but 30 are available"),
        (
            {"labelled_anomalies": 7, "known_anomaly_classes": ["cow"]},
            r"of the classes \(2,\): 7 rows are needed, but 6 are available",
        ),
        (
            {"contamination": 0.5},
            "30 hidden anomalies among 30 normal rows, but 18 .* most 0.375, an n_train of .* 36",
        ),
        (
            {"contamination": 0.1, "labelled_anomalies": 18},
            "needs 3 hidden .* but 0 are available: give a contamination of at most 0, or fewer",
        ),
        ({"n_train": 40, "contamination": 0}, "n_train=40 needs 40 unlabelled normal rows, but 30"),
        ({"n_train": 1, "contamination": 0}, "n_train=1 leaves 1 training rows; at least 2"),
    ],
)
def test_too_few_rows_are_counted(asked, message):
    with pytest.raises(DataError, match=message):
        contaminate(three_classes(), 0, **{"normal_class": "ant"} | asked)


def test_largest_possible_contamination_is_possible():
    split = contaminate(three_classes(), 0, normal_class="ant", contamination=0.375)
    assert split.hidden.sum() == 18
    split = contaminate(three_classes(), 0, normal_class="ant", contamination=0.5, n_train=36)
    assert split.hidden.sum() == 18


def test_absent_and_missing_classes_name_those_there_are():
    with pytest.raises(ConfigError, match=r"unknown class of 'zoo' 'cat'.*: ant, bee, cow"):
        contaminate(three_classes(), 0, normal_class="cat")
    with pytest.raises(ConfigError, match="'7'"):
        contaminate(three_classes(), 0, anomaly_labels=7)
    with pytest.raises(
        ConfigError, match="has the classes ant, bee, cow: give the normal ones as normal_class"
    ):
        contaminate(three_classes(), 0)
    with pytest.raises(ConfigError, match="no anomalous class left"):
        contaminate(three_classes(), 0, normal_class=["ant", "bee", "cow"])
    with pytest.raises(ConfigError, match="no normal class left"):
        contaminate(three_classes(), 0, anomaly_labels=[0, 1, 2])


def test_key_must_be_one_key():
    with pytest.raises(ConfigError, match="key is"):
        contaminate(three_classes(), "seed", normal_class=0)  # pyright: ignore
