"""The path kernel: the identity of theorem 1, and that it names the rows that matter."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxad
from jaxad.errors import ConfigError, DataError
from jaxad.explain import influence, path_kernel
from jaxad.learners import Optimiser

PLAIN = {"optimiser": "sgd", "norm": "none", "milestone": 1.0}
KINKED = {"slope": 0.1, "pretrain_epochs": 0, "eta": 2.0}
KEY = jax.random.key(3)


MOST = 640
follow = jax.jit(path_kernel)


def first_order_errors(toy, name, config, most=MOST, way=0.08):
    """Changes of losses in 3 numbers of steps of one length in all, less what kernels say."""
    data = toy.train._replace(x=toy.train.x.astype(np.float64))
    x = jnp.asarray(toy.test.x[:6], jnp.float64)
    index, keys = jnp.tile(jnp.arange(len(data.label)), (most, 1)), jax.random.split(KEY, most)
    errors, change = [], np.zeros(6)
    for steps in (most // 4, most // 2, most):
        settings = PLAIN | {"weight_decay": 0.05, "widths": (8, 3)} | config
        detector = jaxad.make(name, toy.train, learning_rate=way / steps, **settings)
        start = jax.tree.map(double, detector.init(KEY, toy.train))
        path = follow(detector.parts, start, data, x, index, jnp.zeros(most), keys, steps)
        change = np.asarray(detector.score(path.state, x) - detector.score(start, x))
        effects = path.kernel.sum(axis=1) + path.decay + path.momentum + path.statistics
        errors.append(change - np.asarray(effects))
    return np.abs(errors), np.abs(change)


def double(leaf):
    return jnp.asarray(leaf, jnp.float64) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf


# Without kinks in the activations the losses are smooth in the parameters.
@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("autoencoder", {"slope": 1.0}),
        ("autoencoder", {"slope": 1.0, "norm": "layer"}),
        ("autoencoder", {"slope": 1.0, "weighting": "contradicting(lam=2.0)"}),
        ("deep_sad", {"slope": 1.0, "pretrain_epochs": 0, "eta": 2.0}),
    ],
)
def test_the_kernels_sum_to_the_change_with_an_error_linear_in_the_step(toy_of, name, config):
    with jax.enable_x64(True):
        errors, change = first_order_errors(toy_of(rows=40, labelled=4), name, config)
    assert change.max() > 0.1  # there is something to explain
    assert errors[2].max() < 0.01 * change.max()
    np.testing.assert_allclose(errors[0].sum() / errors[1].sum(), 2, atol=0.15)
    np.testing.assert_allclose(errors[1].sum() / errors[2].sum(), 2, atol=0.1)


def test_kinks_of_the_activations_leave_small_errors(toy_of):
    with jax.enable_x64(True):
        errors, change = first_order_errors(toy_of(rows=40, labelled=4), "deep_sad", KINKED)
    assert errors[2].max() < 0.01 * change.max()
    assert errors[0].sum() > 3 * errors[2].sum()


@pytest.mark.parametrize(
    "config",
    [
        pytest.param({"optimiser": "adam"}, marks=pytest.mark.slow),
        {"optimiser": "rmsprop"},
        {"optimiser": "adam", "norm": "batch"},
    ],
)
def test_with_preconditioner_and_batch_statistics_the_rest_is_linear_in_the_step(toy_of, config):
    with jax.enable_x64(True):
        toy = toy_of(rows=40, labelled=4)
        errors, change = first_order_errors(toy, "autoencoder", {"slope": 1.0} | config, 640, 0.1)
    assert change.max() > 0.1
    assert errors[2].max() < 0.01 * change.max()
    for coarse, fine in pairwise(errors):
        np.testing.assert_allclose(coarse.sum() / fine.sum(), 2, atol=0.3)


@pytest.mark.parametrize("kind", ["adam", "adam_half", "sgd", "nesterov", "rmsprop", "adadelta"])
def test_a_gradient_moves_the_parameters_by_its_preconditioned_form_in_all(kind):
    optimiser = Optimiser(kind, 1.0, 1.0, 1.0, 0.0)
    params, gradient = {"kernel": jnp.zeros(3)}, {"kernel": jnp.array([1e-3, -2.0, 0.0])}
    start = optimiser.init(params)
    moved, after = optimiser.update(gradient, start, params, jnp.zeros(()))
    factored = optimiser.precondition(gradient, start, after)
    if kind == "nesterov":  # the other steps have no gradient of their own
        for _ in range(200):
            moved, after = optimiser.update(params, after, moved, jnp.zeros(()))
    np.testing.assert_allclose(moved["kernel"], -factored["kernel"], rtol=1e-4)


def test_one_step_s_kernel_is_the_inner_product_of_gradients(toy_of):
    toy = toy_of(rows=12, labelled=2)
    detector = jaxad.make("autoencoder", toy.train, **PLAIN, weight_decay=0.0)
    state = detector.init(jax.random.key(0), toy.train)
    index, epoch = jnp.array([[4, 0, 7]]), jnp.zeros(1)
    keys = jax.random.split(jax.random.key(0), 1)
    label = np.zeros(12, np.int8)
    data = toy.train._replace(label=label)
    x = jnp.asarray(toy.test.x[:2])
    path = path_kernel(detector.parts, state, data, x, index, epoch, keys)

    def gradient(x):
        grads = jax.grad(lambda p: detector.score(state._replace(params=p), x[None])[0])
        return jnp.concatenate([leaf.ravel() for leaf in jax.tree.leaves(grads(state.params))])

    expected = np.zeros((2, 12))
    for row in (4, 0, 7):
        for i in range(2):
            inner = gradient(jnp.asarray(toy.test.x[i])) @ gradient(jnp.asarray(data.x[row]))
            expected[i, row] = -1e-3 / 3 * inner
    np.testing.assert_allclose(path.kernel, expected, rtol=1e-4, atol=1e-7)


@pytest.fixture(scope="module")
def spoiled():
    """60 normal rows, 6 anomalies hidden behind them, and one more anomaly like those."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(67, 6)).astype(np.float32) * [1, 1, 0.1, 0.1, 0.1, 0.1]
    x[60:, 3] += 3
    return jaxad.as_train_data(x[:66]), x[66:].astype(np.float32)


def descend(train, epochs=150):
    config = {"learning_rate": 3e-3, "batch_size": 16, "widths": (8, 3), "epochs": epochs}
    return jaxad.make("autoencoder", train, **PLAIN, **config)


def test_it_follows_a_fit_and_names_the_rows_that_made_an_anomaly_look_normal(spoiled):
    train, x = spoiled
    detector = descend(train)
    fit = jaxad.fit(detector, train, 3, key=5)
    found = influence(fit, train, x, seed=2, key=5)
    np.testing.assert_allclose(found.after, jaxad.score(fit, x)[2], rtol=1e-3)
    assert found.kernel.shape == (1, 66)
    assert np.abs(found.remainder) < 0.2 * np.abs(found.after - found.before)
    top = found.top(6)[0]
    assert (top >= 60).mean() > 0.8  # the anomalies of its own kind

    def rise(rows):
        left = jaxad.as_train_data(np.delete(train.x, rows, axis=0))
        again = jaxad.fit(descend(left), left, 3, key=5)
        return (jaxad.score(again, x) - jaxad.score(fit, x)).mean()

    rng = np.random.default_rng(0)
    by_chance = [rise(rng.choice(66, 6, replace=False)) for _ in range(4)]
    assert rise(top) > 2 * max(by_chance)


def test_pretraining_is_part_of_the_start(toy_of):
    toy = toy_of(rows=40, labelled=4)
    config = {"epochs": 3, "pretrain_epochs": 4, "batch_size": 16, "learning_rate": 1e-3}
    detector = jaxad.make("deep_svdd", toy.train, **PLAIN, **config)
    fit = jaxad.fit(detector, toy.train, 2)
    found = influence(fit, toy.train, toy.test.x[:3], seed=1)
    np.testing.assert_allclose(found.after, jaxad.score(fit, toy.test.x[:3])[1], rtol=1e-3)
    labelled = toy.train.label < 0
    assert (found.kernel[:, labelled] == 0).all()  # they are in no batch
    assert (found.kernel[:, ~labelled] != 0).any(axis=0).all()


def test_adam_names_the_hidden_anomalies_and_with_batchnorm_their_sum_made_it_look_normal(spoiled):
    train, x = spoiled
    hidden = np.arange(66) >= 60
    for norm in ("none", "batch"):
        settings = {"norm": norm, "optimiser": "adam", "learning_rate": 3e-3, "widths": (8, 3)}
        detector = jaxad.make("autoencoder", train, epochs=60, batch_size=22, **settings)
        fit = jaxad.fit(detector, train)
        found = influence(fit, train, x)
        np.testing.assert_allclose(found.after, jaxad.score(fit, x)[0], rtol=2e-3)
        assert abs(found.remainder) < 0.2 * abs(found.after - found.before)
        if norm == "none":
            assert (found.top(6)[0] >= 60).mean() > 0.8
        assert found.sum_over(hidden) < min(0, found.sum_over(~hidden)[0])
    both = found.sum_over(hidden) + found.sum_over(np.arange(60))
    np.testing.assert_allclose(both, found.kernel.sum(axis=1), rtol=1e-5)
    change = both + found.decay + found.momentum + found.statistics + found.remainder
    np.testing.assert_allclose(found.before + change, found.after, rtol=1e-4)
    with pytest.raises(DataError, match="66 training rows"):
        found.sum_over(hidden[:60])
    with pytest.raises(DataError, match="66 training rows"):
        found.sum_over(np.array([66]))


def test_what_cannot_be_followed_is_refused(toy, toy_of):
    labelled = toy_of(rows=40, labelled=4).train
    x = toy.test.x[:5]
    soft = {"objective": "soft_boundary", "optimiser": "sgd"}
    with pytest.raises(ConfigError, match="closed form"):
        influence(jaxad.make("deep_svdd", toy.train, **soft), toy.train, x)
    with pytest.raises(ConfigError, match="pairs"):
        influence(jaxad.make("prenet", labelled, epochs=1), labelled, x)
    with pytest.raises(ConfigError, match="gradient_step only"):
        influence(jaxad.make("iforest", toy.train), toy.train, x)
    quick = {"epochs": 20, "batch_size": 16}
    detector = jaxad.make("autoencoder", toy.train, **PLAIN, **quick, learning_rate=1e-2)
    fit = jaxad.fit(detector, toy.train)
    with pytest.raises(ConfigError, match="not those of the fit"):
        influence(fit, toy.train, x, key=9)
    with pytest.raises(DataError, match=r"\(n, 6\)"):
        influence(fit, toy.train, x[:, :3])
    wild = jaxad.make("autoencoder", toy.train, **PLAIN, **quick, learning_rate=9)
    with pytest.raises(DataError, match="diverged"):
        influence(wild, toy.train, x)
