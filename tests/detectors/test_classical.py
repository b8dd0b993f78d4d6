"""Classical detectors: what scikit-learn computes, on the rows and seeds that ours have."""

from functools import cache

import jax
import numpy as np
import pytest
from scipy.stats import norm
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import KernelDensity
from sklearn.svm import OneClassSVM

import jaxad
from jaxad.cli import main
from jaxad.detectors import REGISTRY
from jaxad.detectors.classical.kernels import choose_bandwidth, compute_likelihoods
from jaxad.errors import ConfigError, DataError

RNG = np.random.default_rng(0)
HOST = [name for name, found in REGISTRY.items() if found.host and found.examples == "table"]
each = pytest.mark.parametrize("name", HOST)


@pytest.fixture(scope="module")
def on_host(toy, quick):
    return cache(lambda name: jaxad.fit(quick(name, toy.train), toy.train, seeds=2))


@each
def test_it_finds_blobs_and_evaluates_as_ours_do(on_host, toy, name):
    fit = on_host(name)
    result = jaxad.evaluate(fit, toy.test)
    scores = jaxad.score(fit, toy.test)
    assert scores.shape == (2, len(toy.test.x)) and fit.seeds == 2
    want = [roc_auc_score(toy.test.label, s) for s in scores]
    np.testing.assert_allclose(result.auroc.per_seed, want, atol=1e-6)
    assert min(want) > 0.9


@each
def test_labelled_anomalies_are_used_where_the_entry_says_so(on_host, toy, quick, name):
    anomalies = (toy.train.label < 0)[:, None]
    train = toy.train._replace(x=np.where(anomalies, np.float32(1e3), toy.train.x))
    scores = jaxad.score(jaxad.fit(quick(name, train), train, seeds=2), toy.test)
    same = np.array_equal(scores, jaxad.score(on_host(name), toy.test))
    assert same != REGISTRY[name].uses_labels


def test_the_isolation_forest_is_scikit_learn_s(toy):
    fit = jaxad.fit(jaxad.make("iforest", toy.train, trees=30), toy.train, seeds=[3], key=1)
    seed = int(jax.random.key_data(jax.random.fold_in(jax.random.key(1), 3))[-1])
    rows = toy.train.x[toy.train.label >= 0].astype(float)
    forest = IsolationForest(n_estimators=30, random_state=seed).fit(rows)
    np.testing.assert_allclose(
        jaxad.score(fit, toy.test)[0], -forest.score_samples(toy.test.x.astype(float))
    )


def test_the_density_is_exact_where_it_is_low():
    """Of one point it is the normal one; scikit-learn's tree has another for many columns."""
    point, rows = np.zeros(400), np.random.default_rng(0).normal(size=(5, 400))
    train = jaxad.as_train_data(np.stack([point, point]))
    fit = jaxad.fit(jaxad.make("kde", train, bandwidth=0.1), train)
    want = -norm.logpdf(rows.astype(np.float32), scale=0.1).sum(axis=1)
    np.testing.assert_allclose(jaxad.score(fit, rows.astype(np.float32))[0], want, rtol=1e-6)


def test_the_svm_is_scikit_learn_s(toy):
    fit = jaxad.fit(jaxad.make("ocsvm", toy.train, nu=0.2), toy.train)
    svm = OneClassSVM(nu=0.2, gamma="scale").fit(toy.train.x[toy.train.label >= 0].astype(float))
    want = -svm.decision_function(toy.test.x.astype(float))
    np.testing.assert_allclose(jaxad.score(fit, toy.test)[0], want, atol=1e-9)


@pytest.mark.parametrize("name", ["ocsvm", "kpca", "ssad"])
def test_the_width_of_the_kernel_is_a_setting(toy, name):
    """The default is 1 / (d var(x)); another width gives other scores."""
    used = toy.train.label == 0 if name == "ssad" else toy.train.label >= 0
    rows = toy.train.x[used].astype(float)

    def scores(**settings):
        fitted = jaxad.fit(jaxad.make(name, toy.train, **settings), toy.train)
        return jaxad.score(fitted, toy.test)[0]

    default = scores()
    np.testing.assert_allclose(scores(gamma=1 / (rows.shape[1] * rows.var())), default, atol=1e-5)
    assert np.abs(scores(gamma=2.0) - default).max() > 1e-3
    with pytest.raises(ConfigError, match="gamma must be > 0 or None; given 0"):
        jaxad.make(name, toy.train, gamma=0)


def test_the_likelihood_of_held_out_rows_is_scikit_learn_s():
    rows, fold = RNG.normal(size=(60, 3)), np.arange(60) % 5
    widths = np.array([0.2, 0.5, 1.0])

    def held_out(width, k):
        model = KernelDensity(bandwidth=width).fit(rows[fold != k])
        return model.score_samples(rows[fold == k])

    want = [np.mean([held_out(width, k) for k in range(5)]) for width in widths]
    np.testing.assert_allclose(compute_likelihoods(rows, fold, widths), want, rtol=1e-6)


def test_the_bandwidth_by_likelihood_fits_clusters():
    """Scott's rule smooths narrow clusters away; rows between them are then hardly anomalous."""
    x = np.repeat([[0.0, 0], [10, 0], [0, 10]], 40, axis=0) + 0.1 * RNG.normal(size=(120, 2))
    scott, chosen = (choose_bandwidth(width, x, 0) for width in (None, "likelihood"))
    assert chosen < 0.2 * scott
    train = jaxad.as_train_data(x.astype(np.float32))
    fitted = jaxad.fit(jaxad.make("kde", train, bandwidth="likelihood"), train)
    assert jaxad.score(fitted, np.float32([[1, 1], [0, 0]]))[0].argmax() == 0
    with pytest.raises(ConfigError, match="bandwidth must be > 0, 'likelihood' or None"):
        jaxad.make("kde", train, bandwidth="likely")


def test_splits_of_several_seeds_and_images(tmp_path):
    split = jaxad.contaminate("digits", 0, normal_class=1, contamination=0.1, seeds=2)
    fit = jaxad.fit(jaxad.make("pca", split.train), split.train)
    assert jaxad.evaluate(fit, split.test).auroc.mean > 0.8
    x = split.train.x.reshape(*split.train.x.shape[:2], 8, 8, 1)
    images = split.train._replace(x=x, features=np.ones(2, np.int32))
    again = jaxad.fit(jaxad.make("pca", images), images)
    rows = split.test.x[0][:5]
    np.testing.assert_allclose(
        jaxad.score(again, rows.reshape(5, 8, 8, 1)), jaxad.score(fit, rows), rtol=1e-4
    )


def test_what_cannot_be_done_is_refused(toy, tmp_path):
    bare = toy.train._replace(label=np.maximum(toy.train.label, 0))
    with pytest.raises(DataError, match="labelled anomalies"):
        jaxad.make("random_forest", bare)
    with pytest.raises(ConfigError, match="nu must be"):
        jaxad.make("ocsvm", toy.train, nu=0.0)


def test_they_stand_beside_ours_on_the_command_line(tmp_path, capsys):
    args = ["run", "blobs", "iforest", "deep_svdd", "--epochs", "1", "--seeds", "2"]
    assert main([*args, "--out", str(tmp_path)]) == 0
    assert "iforest" in capsys.readouterr().out
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n" + "\n".join(f"{i},{i % 3}" for i in range(30)))
    saved = str(tmp_path / "saved")
    assert main(["fit", str(path), "iforest", "--out", saved]) == 0
    assert main(["score", saved, str(path), "--out", str(tmp_path / "scores.csv")]) == 0
