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
        ({"contamination": 1.0}, r"contamination=1.0 is not in \[0, 1\)"),
        ({"contamination": -0.1}, "contamination=-0.1"),
        ({"contamination": float("nan")}, "contamination=nan"),
        ({"labelled_anomalies": -1}, "labelled_anomalies=-1 is neither a count"),
        ({"labelled_anomalies": 1.5}, "labelled_anomalies=1.5"),
        ({"labelled_anomalies": True}, "labelled_anomalies=True"),
        ({"labelled_normals": -0.5}, "labelled_normals=-0.5"),
        ({"test_size": 0.0}, r"test_size=0.0 is not in \(0, 1\)"),
        ({"test_size": 1.0}, "test_size=1.0"),
        ({"n_train": 0}, "n_train=0 must be at least 1"),
        ({"n_train": 1.5}, "n_train=1.5 must be at least 1, a fraction"),
        ({"n_train": 0.0}, "n_train=0.0 must be at least 1, a fraction"),
        ({"seeds": 0}, "seeds=0 must be at least 1"),
        ({"scaling": "max"}, "scaling='max' is not 'auto', 'standard'"),
        ({"protocol": "odds"}, "protocol='odds'"),
        ({"protocol": "adbench", "scaling": "standard"}, "scales by 'minmax'"),
        ({"known_anomaly_classes": 0}, "known_anomaly_classes=0 must be at least 1"),
        ({"known_anomaly_classes": 3}, "known_anomaly_classes=3, .* has 2 anomaly classes"),
        ({"known_anomaly_classes": ["ant"]}, "class 0, which is not anomalous"),
        ({"known_anomaly_classes": ["dog"]}, "unknown class"),
        ({"anomaly_labels": "bee"}, "not both"),
        ({"few_anomalies": "some"}, "few_anomalies='some' is not 'raise' or 'own'"),
        ({"contamination": "0.1"}, "contamination='0.1' is not in"),
        ({"n_train": "all"}, "n_train='all' must be at least 1"),
    ],
)
def test_settings_out_of_range_are_refused(asked, message):
    with pytest.raises(ConfigError, match=message):
        contaminate(three_classes(), 0, **{"normal_class": "ant"} | asked)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"labelled_anomalies": 19}, "labelled_anomalies: 19 rows are needed, 18 are available"),
        ({"labelled_normals": 31}, "labelled_normals: 31 rows are needed, 30 are available"),
        (
            {"labelled_anomalies": 7, "known_anomaly_classes": ["cow"]},
            r"of the classes \(2,\): 7 rows are needed, 6 are available",
        ),
        (
            {"contamination": 0.5},
            "needs 30 hidden anomalies among 30 normals, 18 .* at most 0.375, n_train of .* 36",
        ),
        (
            {"contamination": 0.1, "labelled_anomalies": 18},
            "needs 3 hidden .* 0 unlabelled ones are available: ask for at most 0, or label fewer",
        ),
        ({"n_train": 40, "contamination": 0}, "n_train=40 needs 40 unlabelled normals, 30"),
        ({"n_train": 1, "contamination": 0}, "the training set has 1 rows; at least 2"),
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
    with pytest.raises(ConfigError, match="has the classes ant, bee, cow: say which are normal"):
        contaminate(three_classes(), 0)
    with pytest.raises(ConfigError, match="no anomalous class left"):
        contaminate(three_classes(), 0, normal_class=["ant", "bee", "cow"])
    with pytest.raises(ConfigError, match="no normal class left"):
        contaminate(three_classes(), 0, anomaly_labels=[0, 1, 2])


def test_key_must_be_one_key():
    with pytest.raises(ConfigError, match="key is"):
        contaminate(three_classes(), "seed", normal_class=0)  # pyright: ignore
