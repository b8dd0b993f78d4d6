"""DAGMM: energies against scipy's, singular covariances, dropout in training alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from scipy.stats import multivariate_normal

import jaxad
from jaxad.models.mixture import compute_energy, fit_mixture
from jaxad.types import Batch

KEY = jax.random.key(0)
N, M, K = 60, 3, 4


def described(seed=0, n=N):
    rng = np.random.default_rng(seed)
    membership = rng.dirichlet(np.ones(K), size=n)
    return rng.normal(1, 2, size=(n, M)), membership


def fitted(z, membership):
    return fit_mixture(jnp.asarray(z), jnp.asarray(membership), jnp.ones(len(z), bool))


def test_energies_are_minus_scipy_s_log_density_of_the_weighted_moments():
    z, membership = described()
    with jax.enable_x64(True):
        got = np.asarray(compute_energy(fitted(z, membership), jnp.asarray(z)))
    density = np.zeros(N)
    for gamma in membership.T:
        mean, covariance = np.average(z, axis=0, weights=gamma), np.cov(z.T, aweights=gamma, ddof=0)
        covariance += (1e-6 + 1e-5 * np.trace(covariance) / M) * np.eye(M)
        density += gamma.mean() * multivariate_normal(mean, covariance).pdf(z)
    np.testing.assert_allclose(got, -np.log(density), rtol=1e-9)


def test_gradients_agree_with_finite_differences():
    z, membership = described(n=12)
    with jax.enable_x64(True):
        check_grads(
            jax.jit(lambda z, g: compute_energy(fitted(z, g / jnp.sum(g, 1, keepdims=True)), z)),
            (jnp.asarray(z), jnp.asarray(membership)),
            order=1,
            modes=["rev"],
        )


def test_rows_that_take_no_part_change_nothing():
    z, membership = described()
    alone = fitted(z, membership)
    behind = (
        np.concatenate([z, np.full((5, M), 1e6)]),
        np.concatenate([membership, np.ones((5, K))]),
    )
    padded = fit_mixture(*map(jnp.asarray, behind), jnp.arange(N + 5) < N)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), alone, padded)


SINGULAR = {
    "all rows the same": np.ones((N, M)),
    "on a line": np.linspace(-1, 1, N)[:, None] * np.array([1.0, -2.0, 3.0]),
    "on a long line far off": 1e3 + 1e3 * np.linspace(0, 1, N)[:, None] * np.ones(M),
    "zeros": np.zeros((N, M)),
}


@pytest.mark.parametrize("z", SINGULAR.values(), ids=SINGULAR)
@pytest.mark.parametrize("empty", [False, True], ids=["all components", "empty components"])
def test_singular_covariances_have_finite_energies_and_gradients(z, empty):
    membership = np.eye(K)[np.zeros(N, int)] if empty else described()[1]
    z, membership = jnp.asarray(z, jnp.float32), jnp.asarray(membership, jnp.float32)

    def total(z, membership):
        mixture = fitted(z, membership)
        penalty = jnp.sum(1 / jnp.sum(mixture.factor**2, axis=-1))
        return jnp.sum(compute_energy(mixture, z)) + 0.005 * penalty

    value, grads = jax.value_and_grad(total, (0, 1))(z, membership)
    assert np.isfinite(value)
    assert all(np.isfinite(g).all() for g in grads)


def batch_of(x):
    return Batch(jnp.asarray(x), jnp.zeros(len(x), jnp.int8), jnp.arange(len(x)), jnp.zeros(()))


def test_dropout_is_in_training_alone(toy):
    detector = jaxad.make("dagmm", toy.train)
    state = detector.init(KEY, toy.train)
    step, batch = jax.jit(detector.update), batch_of(toy.train.x[:32])
    losses = [float(step(state, batch, jax.random.key(i))[1]["loss"]) for i in (0, 0, 1)]
    assert losses[0] == losses[1] != losses[2]
    scores = [detector.score(state, toy.test.x) for _ in range(2)]
    np.testing.assert_array_equal(*scores)


def test_the_mixture_follows_the_weights_at_each_epoch(toy):
    detector = jaxad.make("dagmm", toy.train)
    state = detector.init(KEY, toy.train)
    moved, _ = detector.update(state, batch_of(toy.train.x[:32]), KEY)
    jax.tree.map(np.testing.assert_array_equal, moved.extras, state.extras)
    fresh = detector.each_epoch(moved, toy.train, jnp.ones(()))
    assert np.any(fresh.extras["mixture"].mean != state.extras["mixture"].mean)


def test_rows_of_zeros_and_constant_columns_train(toy):
    x = toy.train.x.copy()
    x[:40], x[:, 3] = 0, 1
    x[:20] = 0
    train = toy.train._replace(x=x)
    fit = jaxad.fit(jaxad.make("dagmm", train, epochs=3, learning_rate=1e-2), train)
    assert np.isfinite(fit.history["train"]["loss"]).all()
    assert np.isfinite(jaxad.score(fit, x)).all()
