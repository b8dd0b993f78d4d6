"""Kernels and forests on principal components: as by scikit-learn on its projection; saves."""

import json

import jax
import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import KernelDensity
from sklearn.svm import OneClassSVM

import jaxad
from jaxad.errors import ConfigError
from jaxad.utils.checksums import write_checksums


@pytest.fixture(scope="module")
def flat(toy):
    """Rows of 6 columns, 95 % of whose variance is in fewer."""
    size = np.array([3, 2, 1, 0.3, 0.2, 0.1], np.float32)
    mix = np.linalg.qr(np.random.default_rng(0).normal(size=(6, 6)))[0].astype(np.float32)
    return toy.train._replace(x=toy.train.x * size @ mix), toy.test.x * size @ mix


def test_scores_are_those_of_scikit_learn_on_its_projection(flat):
    train, rows = flat
    normal = train.x[train.label >= 0].astype(float)
    plane = PCA(0.95, svd_solver="full").fit(normal)
    assert plane.n_components_ == 3
    inside, outside = plane.transform(normal), plane.transform(rows.astype(float))
    fit = jaxad.fit(jaxad.make("kde", train, bandwidth=0.5, variance=0.95), train)
    density = KernelDensity(bandwidth=0.5, rtol=1e-9).fit(inside)
    np.testing.assert_allclose(jaxad.score(fit, rows)[0], -density.score_samples(outside), 1e-4)
    fit = jaxad.fit(jaxad.make("ocsvm", train, gamma=0.3, nu=0.2, variance=0.95), train)
    machine = OneClassSVM(gamma=0.3, nu=0.2).fit(inside)
    want = -machine.decision_function(outside)
    np.testing.assert_allclose(jaxad.score(fit, rows)[0], want, rtol=1e-3, atol=1e-3)
    fit = jaxad.fit(jaxad.make("iforest", train, trees=30, variance=0.95), train, seeds=[3], key=1)
    seed = int(jax.random.key_data(jax.random.fold_in(jax.random.key(1), 3))[-1])
    trees = IsolationForest(n_estimators=30, random_state=seed).fit(inside)
    np.testing.assert_allclose(jaxad.score(fit, rows)[0], -trees.score_samples(outside), rtol=1e-5)


def test_forests_on_components_do_not_depend_on_a_rotation(flat):
    train, rows = flat
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(6, 6)))[0].astype(np.float32)
    turned = train._replace(x=train.x @ turn)
    gaps = {}
    for variance in (0.95, None):
        one, other = (
            jaxad.score(jaxad.fit(jaxad.make("iforest", t, variance=variance), t), r)[0]
            for t, r in ((train, rows), (turned, rows @ turn))
        )
        gaps[variance] = 1 - np.corrcoef(one, other)[0, 1]
    assert gaps[0.95] < 0.2 * gaps[None]


def test_gradients_are_those_of_differences_and_attributions_add_up(flat):
    train, rows = flat
    fit = jaxad.fit(jaxad.make("kde", train, variance=0.95), train)
    (score,), rows = fit.models, rows[:3].astype(float)
    step = 1e-5 * np.eye(6)
    numeric = [(score(rows + e) - score(rows - e)) / 2e-5 for e in step]
    np.testing.assert_allclose(score.gradient(rows), np.stack(numeric, axis=1), atol=1e-5)
    found = jaxad.explain.attributions(fit, rows.astype(np.float32), steps=300).sum(axis=1)
    np.testing.assert_allclose(found, score(rows) - score(np.zeros((1, 6))), rtol=1e-2, atol=1e-2)


def test_it_loads_and_so_do_folders_from_before_the_setting(flat, tmp_path):
    train, rows = flat
    cases = [
        (of, when, v) for of in ("kde", "iforest") for when, v in (("new", 0.95), ("old", None))
    ]
    for of, name, variance in cases:
        fit = jaxad.fit(jaxad.make(of, train, variance=variance), train)
        folder = jaxad.save(fit, tmp_path / of / name)
        about = json.loads((folder / "config.json").read_text())
        if name == "old":
            del about["config"]["variance"]
            (folder / "config.json").write_text(json.dumps(about))
            write_checksums(folder)
        loaded, _ = jaxad.load(folder)
        np.testing.assert_array_equal(jaxad.score(loaded, rows), jaxad.score(fit, rows))


def test_equal_rows_have_one_component(toy):
    train = toy.train._replace(x=np.ones_like(toy.train.x))
    for name in ("kde", "iforest"):
        fit = jaxad.fit(jaxad.make(name, train, variance=0.95), train)
        assert np.isfinite(jaxad.score(fit, toy.test)).all()


def test_shares_out_of_range_and_linear_kernels_are_refused(toy):
    for name in ("kde", "ocsvm", "iforest"):
        for variance in (0.0, 1.0, 95):
            with pytest.raises(ConfigError, match=r"variance must be in \(0, 1\) or None"):
                jaxad.make(name, toy.train, variance=variance)
    with pytest.raises(ConfigError, match="variance must be None with kernel='linear'"):
        jaxad.make("ocsvm", toy.train, kernel="linear", variance=0.9)
