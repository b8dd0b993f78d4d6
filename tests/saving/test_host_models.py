"""Detectors that the host trains: the same scores after saving, pickling and copying."""

import copy
import io
import os
import pickle
import zipfile

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.model_selection import KFold, cross_validate
from sklearn.tree._tree import Tree

import jaxad
from jaxad.detector import HostDetector
from jaxad.detectors.registry import REGISTRY
from jaxad.errors import ConfigError, DataError
from jaxad.saving import check_savable
from jaxad.saving.models import MODELS, dump_models, load_models
from jaxad.sklearn import JaxADDetector
from jaxad.utils.checksums import write_checksums

HOST = sorted(name for name, found in REGISTRY.items() if found.host and found.examples == "table")
PLAIN = [name for name in HOST if not name.startswith("hybrid:")]


def make_quick(name, quick, train):
    return quick(name, train, epochs=2) if name.startswith("hybrid:") else quick(name, train)


@pytest.mark.parametrize("name", HOST)
def test_scores_are_the_same_after_loading(name, quick, toy, tmp_path):
    detector = make_quick(name, quick, toy.train)
    check_savable(detector)
    fitted = jaxad.fit(detector, toy.train, seeds=2)
    back, scaling = jaxad.load(jaxad.save(fitted, tmp_path / "saved"))
    assert scaling is None and back.seeds == 2 and back.rows == fitted.rows
    np.testing.assert_array_equal(jaxad.score(back, toy.test), jaxad.score(fitted, toy.test))


@pytest.mark.parametrize("name", PLAIN)
def test_estimators_are_the_same_after_pickling_and_saving(name, rows_of, tmp_path):
    x, y = rows_of(80)
    few = {"trees": 20, "members": 10}
    settings = {k: v for k, v in few.items() if k in REGISTRY[name].config.__dataclass_fields__}
    det = JaxADDetector(name, settings=settings, seeds=2).fit(x, y)
    joblib.dump(det, tmp_path / "det.joblib")
    copies = [
        pickle.loads(pickle.dumps(det)),
        copy.deepcopy(det),
        joblib.load(tmp_path / "det.joblib"),
        JaxADDetector.load(det.save(tmp_path / "saved")),
    ]
    new = rows_of(20, seed=1)[0]
    for one in copies:
        np.testing.assert_array_equal(one.anomaly_score(new), det.anomaly_score(new))
        assert one.threshold_ == det.threshold_


def test_fitted_copies_come_back_from_other_processes(rows_of):
    x, y = rows_of(80)
    found = cross_validate(
        JaxADDetector("iforest"),
        x,
        y,
        cv=KFold(2),
        scoring=top_score,
        return_estimator=True,
        n_jobs=2,
    )
    tops = [top_score(one, x[half]) for one, half in zip(found["estimator"], HALVES, strict=True)]
    np.testing.assert_array_equal(found["test_score"], tops)


HALVES = (slice(0, 40), slice(40, 80))


def top_score(estimator, x, y=None):
    return estimator.anomaly_score(x).max()


@pytest.fixture
def rows_of():
    def make(count, seed=0):
        rng = np.random.default_rng(seed)
        y = (np.arange(count) % 8 == 0).astype(int)
        return rng.normal(size=(count, 3)) + 3 * y[:, None], np.where(y, 1, -1)

    return make


class Command:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


class Held:
    pass


@pytest.fixture
def folder(quick, toy, tmp_path):
    fitted = jaxad.fit(quick("iforest", toy.train), toy.train)
    return jaxad.save(fitted, tmp_path / "saved")


def replace_models(folder, content):
    (folder / MODELS).write_bytes(content)
    write_checksums(folder)


def hold_command(path):
    return pickle.dumps(Command(path))


def name_function(path):
    """A file of skops in which a class's name was replaced by that of a function."""
    schema = skops.io.dumps({"models": [Held()]})
    return rename_in_schema(schema, {"Held": "mkdir", Held.__module__: "posix"})


def rename_in_schema(content, names):
    source, target = zipfile.ZipFile(io.BytesIO(content)), io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in source.namelist():
            text = source.read(name)
            if name == "schema.json":
                for old, new in names.items():
                    text = text.replace(f'"{old}"'.encode(), f'"{new}"'.encode())
            archive.writestr(name, text)
    return target.getvalue()


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (hold_command, "cannot be read"),
        (name_function, "posix.mkdir"),
        (lambda path: skops.io.dumps({"models": [{"model": Held()}]}), "Held"),
        (lambda path: skops.io.dumps({"models": [{"model": os.mkdir}]}), "mkdir"),
        (lambda path: b"", "cannot be read"),
        (lambda path: b"PK", "cannot be read"),
    ],
)
def test_other_types_are_refused_and_nothing_runs(folder, tmp_path, make, match):
    mark = tmp_path / "ran"
    replace_models(folder, make(mark))
    with pytest.raises(DataError, match=match):
        jaxad.load(folder)
    assert not mark.exists()


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"models": 3},
        {"models": []},
        {"models": [3]},
        {"models": [{}]},
        {"models": [{"model": 3}]},
        {"models": [{"model": 3, "more": 3}]},
        {"models": [{"model": np.zeros(3)}]},
        [1, 2],
    ],
    ids=str,
)
def test_other_content_is_refused(folder, content):
    replace_models(folder, skops.io.dumps(content))
    with pytest.raises(DataError, match="models"):
        jaxad.load(folder)


def test_models_of_another_detector_or_width_are_refused(folder, quick, toy, toy_of):
    for name, data in (("kde", toy), ("kpca", toy), ("iforest", toy_of(features=4))):
        fitted = jaxad.fit(quick(name, data.train), data.train)
        replace_models(folder, dump_models(fitted.models))
        with pytest.raises(DataError, match="models of 6 columns"):
            jaxad.load(folder)


def test_a_missing_file_of_models_is_refused(folder):
    (folder / MODELS).unlink()
    write_checksums(folder)
    with pytest.raises(DataError, match="no models"):
        jaxad.load(folder)


def edit_tree(tree, **changes):
    state = tree.__getstate__()
    nodes = state["nodes"].copy()
    for name, value in changes.items():
        nodes[name][0] = value
    made = Tree(tree.n_features, tree.n_classes, tree.n_outputs)
    made.__setstate__(state | {"nodes": nodes})
    return made


@pytest.mark.parametrize(
    "changes",
    [
        {"left_child": 0},
        {"right_child": 10**9},
        {"left_child": -5},
        {"feature": 99},
        {"feature": -3},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["iforest", "random_forest", "xgbod"])
def test_trees_whose_nodes_lead_elsewhere_are_refused(quick, toy, name, changes):
    """Compiled code follows the nodes without a check."""
    detector = quick(name, toy.train)
    (model,) = jaxad.fit(detector, toy.train).models
    ensemble = model.model
    member = (ensemble.trees if name == "xgbod" else ensemble.estimators_)[0]
    member.tree_ = edit_tree(member.tree_, **changes)
    width = toy.train.x.shape[1]
    with pytest.raises(DataError, match="tree"):
        load_models(dump_models((model,)), detector.score_type, width, "a folder")


@pytest.mark.parametrize(
    "changes",
    [
        {"_n_support": np.full(2, 10**6, np.int32)},
        {"_dual_coef_": np.zeros((1, 1))},
        {"_probA": np.zeros(3)},
        {"support_vectors_": np.zeros((3, 4))},
    ],
    ids=str,
)
def test_support_vectors_of_other_lengths_are_refused(quick, toy, changes):
    detector = jaxad.make("ocsvm", toy.train, kernel="linear")
    (model,) = jaxad.fit(detector, toy.train).models
    vars(model.model).update(changes)
    with pytest.raises(DataError, match="models of 6 columns"):
        load_models(dump_models((model,)), detector.score_type, 6, "a folder")


def test_score_functions_of_other_kinds_are_refused_before_training(toy, tmp_path, rows_of):
    own = HostDetector(lambda rows, label, seed: lambda new: new.sum(axis=1), name="iforest")
    with pytest.raises(ConfigError, match="score_type"):
        check_savable(own)
    det = JaxADDetector("iforest").fit(rows_of(30)[0])
    det.fitted_.detectors = (det.fitted_.detector._replace(score_type=None),)
    with pytest.raises(ConfigError, match="score_type"):
        pickle.dumps(det)
