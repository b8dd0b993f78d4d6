"""Saved estimators: the same after loading, and refused where something was changed."""

import json

import numpy as np
import pytest

from jaxad.errors import ConfigError, DataError
from jaxad.sklearn import JaxADDetector
from jaxad.utils.checksums import write_checksums


@pytest.fixture
def folder(estimator, frame_of, tmp_path):
    frame = frame_of()
    det = estimator(threshold="conformal(0.2)", seeds=2).fit(frame)
    return det.save(tmp_path / "saved")


def test_it_is_the_same_after_loading(estimator, tmp_path, frame_of):
    frame, new = frame_of(), frame_of(seed=1)
    for name, x, parameters in [
        ("frame", frame, {"threshold": "conformal(0.2)", "seeds": 2}),
        ("array", frame[["count", "ok"]].to_numpy(float), {"scaling": "minmax"}),
    ]:
        rows = new if name == "frame" else x
        det = estimator(**parameters).fit(x)
        back = JaxADDetector.load(det.save(tmp_path / name))
        assert back.get_params() == det.get_params()
        assert back.encoded_names_ == det.encoded_names_
        assert (back.threshold_, back.offset_) == (det.threshold_, det.offset_)
        np.testing.assert_array_equal(back.anomaly_score(rows), det.anomaly_score(rows))
        np.testing.assert_array_equal(back.predict(rows), det.predict(rows))
        np.testing.assert_array_equal(back.predict_proba(rows), det.predict_proba(rows))
        if name == "frame":
            np.testing.assert_array_equal(back.p_values(rows), det.p_values(rows))
            assert back.feature_names_in_.tolist() == det.feature_names_in_.tolist()


def edit(folder, change):
    path = folder / "estimator.json"
    about = json.loads(path.read_text())
    change(about)
    path.write_text(json.dumps(about))


def test_a_change_since_saving_is_refused(folder):
    edit(folder, lambda about: about.update(threshold=1e9))
    with pytest.raises(DataError, match="changed since"):
        JaxADDetector.load(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda a: a.update(format="pickle"),
        lambda a: a.update(version=99),
        lambda a: a.pop("version"),
        lambda a: a.update(threshold="high"),
        lambda a: a.update(threshold=None),
        lambda a: a.pop("encoding"),
        lambda a: a.update(columns_in=4),
        lambda a: a["names_in"].pop(),
        lambda a: a["encoding"].pop("columns"),
        lambda a: a["encoding"]["columns"].pop(),
        lambda a: a["encoding"]["columns"][0].update(kind="code"),
        lambda a: a["encoding"]["columns"][0].update(median="x"),
        lambda a: a["encoding"]["columns"][3].update(categories=[]),
        lambda a: a["encoding"]["columns"][3].update(more=1),
        lambda a: a.update(version=2),
        lambda a: a["parameters"].update(threshold="__import__('os')"),
        lambda a: a["parameters"].update(seeds="all"),
        lambda a: a["parameters"].update(colour="red"),
    ],
)
def test_what_does_not_fit_together_is_refused(folder, change):
    """Checksums made anew: what is read must be safe without them."""
    edit(folder, change)
    write_checksums(folder)
    with pytest.raises((DataError, ConfigError)):
        JaxADDetector.load(folder)


def test_scores_that_are_no_arrays_are_refused(folder):
    scores = folder / "scores.npz"
    np.savez(scores, score=np.array([{}], object), label=np.zeros(1, "i1"), held_out=np.zeros(1))
    write_checksums(folder)
    with pytest.raises(DataError, match="no scores"):
        JaxADDetector.load(folder)
    scores.write_bytes(b"PK")
    write_checksums(folder)
    with pytest.raises(DataError, match="no scores"):
        JaxADDetector.load(folder)


def test_a_folder_is_overwritten_only_where_asked_and_where_it_is_a_detector(
    estimator, rows, tmp_path, monkeypatch
):
    x, _ = rows()
    one, two = estimator().fit(x), estimator(seed=1).fit(x)
    folder = one.save(tmp_path / "m", overwrite=True)
    with pytest.raises(ConfigError, match="exists already"):
        two.save(folder)
    two.save(folder, overwrite=True)
    np.testing.assert_array_equal(JaxADDetector.load(folder).anomaly_score(x), two.anomaly_score(x))
    other = tmp_path / "photos"
    other.mkdir()
    (other / "a.png").write_bytes(b"")
    with pytest.raises(ConfigError, match="not a saved detector"):
        one.save(other, overwrite=True)
    assert (other / "a.png").exists()

    def fail(*_, **__):
        raise ConfigError("disk full")

    monkeypatch.setattr("jaxad.sklearn.saved.save_fit", fail)
    with pytest.raises(ConfigError, match="disk full"):
        one.save(folder, overwrite=True)
    monkeypatch.undo()
    np.testing.assert_array_equal(JaxADDetector.load(folder).anomaly_score(x), two.anomaly_score(x))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m", "photos"]
