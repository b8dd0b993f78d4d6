"""The mixture of two Gaussians: against scikit-learn, and its modes."""

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

from jaxad.weighting.mixture import fit_mixture, has_two_modes, is_upper

RNG = np.random.default_rng(0)


def fit(values, among=None, rounds=200):
    values = jnp.asarray(values, jnp.float32)
    return fit_mixture(values, jnp.ones(len(values), bool) if among is None else among, rounds)


@pytest.mark.parametrize("far", [4.0, 8.0])
def test_it_is_that_of_scikit_learn(far):
    values = np.append(RNG.normal(0, 1, 900), RNG.normal(far, 0.7, 100))
    found = fit(values)
    other = GaussianMixture(2, random_state=0, tol=1e-8, max_iter=1000).fit(values[:, None])
    order = np.argsort(other.means_[:, 0])
    np.testing.assert_allclose(found.share, other.weights_[order], atol=0.01)
    np.testing.assert_allclose(found.mean, other.means_[order, 0], atol=0.05)
    np.testing.assert_allclose(found.deviation**2, other.covariances_[order, 0, 0], atol=0.06)
    upper = np.asarray(is_upper(found, jnp.asarray(values, jnp.float32)))
    inside = (values > 0) & (values < far)
    expected = other.predict(values[:, None]) == order[1]
    assert np.mean(upper[inside] == expected[inside]) > 0.99
    assert bool(has_two_modes(found))


@pytest.mark.parametrize("draw", [RNG.normal, RNG.exponential, RNG.standard_t, RNG.chisquare])
def test_one_mode_is_one_mode(draw):
    shape = (3, 1000) if draw in (RNG.standard_t, RNG.chisquare) else (0, 1, 1000)
    shape = (1.0, 1000) if draw == RNG.exponential else shape
    assert not bool(has_two_modes(fit(draw(*shape))))


def test_only_some_values_count_and_equal_ones_are_finite():
    values = np.append(RNG.normal(0, 1, 100), np.full(50, 1e6))
    among = jnp.arange(150) < 100
    assert float(fit(values, among).mean[1]) < 10
    for same in (np.zeros(9), np.full(9, 7.0), [3.0]):
        found = fit(same)
        assert all(np.isfinite(part).all() for part in found)
        assert not bool(has_two_modes(found))
