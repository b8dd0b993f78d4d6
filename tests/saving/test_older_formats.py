"""Folders that older versions saved: they load and score the same, or say what to do.

`data/version_2` was saved by jaxad 0.1.0: an estimator of `deep_sad` with
`weighing="by_label, latent_outlier_exposure(0.1)"`, trained on 40 rows of 3 columns.
`data/version_2.npz` holds rows, and the scores and predictions that jaxad 0.1.0 gave them.
`data/version_2_explicit` is an autoencoder with `norm="explicit"`, two seeds, saved by the same
version with its penalty among the running statistics.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import jaxad
from jaxad.errors import DataError
from jaxad.nets.fully_convolutional import Pool, default_layers, parse_layers, receptive_field
from jaxad.saving.description import VERSION, read_description
from jaxad.sklearn import JaxADDetector
from jaxad.utils.checksums import write_checksums

DATA = Path(__file__).parent / "data"


@pytest.fixture
def old():
    return DATA / "version_2"


@pytest.fixture
def expected():
    with np.load(DATA / "version_2.npz") as arrays:
        return dict(arrays)


def test_a_folder_of_version_2_scores_the_same(old, expected):
    fitted, scaling = jaxad.load(old)
    assert fitted.detector.config.weighting == "by_label, latent_outlier_exposure(0.1)"
    scores = jaxad.score(fitted, scaling.apply(expected["x"])).mean(axis=0, dtype=np.float64)
    np.testing.assert_allclose(scores, expected["score"], rtol=1e-6)


def test_a_folder_with_a_penalty_scores_the_same():
    fitted, scaling = jaxad.load(DATA / "version_2_explicit")
    assert scaling is None and fitted.seeds == 2
    with np.load(DATA / "version_2_explicit.npz") as arrays:
        np.testing.assert_allclose(jaxad.score(fitted, arrays["x"]), arrays["score"], rtol=1e-6)


def test_what_its_weighting_recorded_is_there(old):
    fitted, _ = jaxad.load(old)
    record = fitted.state.weighting[1]
    assert record.exposure_rank.shape == record.seen.shape
    assert np.asarray(record.seen).sum() > 0


def test_an_estimator_of_version_1_predicts_the_same_and_can_be_refitted(old, expected):
    det = JaxADDetector.load(old)
    np.testing.assert_allclose(det.anomaly_score(expected["x"]), expected["score"], rtol=1e-6)
    np.testing.assert_array_equal(det.predict(expected["x"]), expected["predict"])
    assert "weighing" not in det.settings
    assert det.settings["weighting"] == "by_label, latent_outlier_exposure(0.1)"


def test_it_scores_files_and_is_saved_in_the_present_format(old, expected, tmp_path):
    np.savez(tmp_path / "rows.npz", X=expected["x"])
    (part,) = jaxad.saving.open_detector(old).score_file(tmp_path / "rows.npz")
    np.testing.assert_allclose(part.mean, expected["score"], rtol=1e-6)
    again = JaxADDetector.load(old).save(tmp_path / "again")
    assert json.loads((again / "config.json").read_text())["version"] == VERSION
    np.testing.assert_allclose(
        JaxADDetector.load(again).anomaly_score(expected["x"]), expected["score"], rtol=1e-6
    )


def test_rsrae_keeps_the_cosine_of_folders_without_a_score(tmp_path):
    about = {"format": "jaxad-detector", "version": 3, "detector": "rsrae", "seeds": 1, "rows": 8}
    about |= {"config": {}, "input_shape": [6], "labelled": [0, 0], "scaling": None}
    for config, score in (({}, "cosine"), ({"score": None}, None)):
        (tmp_path / "config.json").write_text(json.dumps(about | {"config": config}))
        assert read_description(tmp_path).config["score"] == score


@pytest.mark.parametrize(("side", "layers"), [(28, 4), (32, 6), (64, None), (224, 9)])
def test_fcdd_keeps_the_layers_of_version_2(tmp_path, side, layers):
    about = {"format": "jaxad-detector", "version": 2, "detector": "fcdd", "seeds": 1, "rows": 8}
    about |= {"input_shape": [side, side, 1], "labelled": [0, 0], "scaling": None}
    (tmp_path / "config.json").write_text(json.dumps(about | {"config": {"layers": None}}))
    got = read_description(tmp_path).config["layers"]
    if layers is None:
        assert got is None
    else:
        parsed = parse_layers(got)
        shape = (side, side, 1)
        assert len(parsed) == layers
        assert receptive_field(parsed) == receptive_field(default_layers(shape))
        assert all(isinstance(one, Pool) or one.activation == "leaky_relu" for one in parsed)


@pytest.mark.parametrize(
    ("version", "cure"),
    [(1, "fit and save the detector again"), (99, "update jaxad"), ("2", "again")],
)
def test_other_versions_are_refused_with_the_way_out(old, tmp_path, version, cure):
    folder = shutil.copytree(old, tmp_path / "copy")
    about = json.loads((folder / "config.json").read_text()) | {"version": version}
    (folder / "config.json").write_text(json.dumps(about))
    write_checksums(folder)
    with pytest.raises(DataError, match=f"format version {version}.*{cure}"):
        jaxad.load(folder)


def test_old_names_in_a_folder_of_the_present_version_are_refused(old, tmp_path):
    folder = shutil.copytree(old, tmp_path / "copy")
    about = json.loads((folder / "config.json").read_text()) | {"version": VERSION}
    (folder / "config.json").write_text(json.dumps(about))
    write_checksums(folder)
    with pytest.raises((DataError, jaxad.errors.ConfigError), match="weigh"):
        jaxad.load(folder)
