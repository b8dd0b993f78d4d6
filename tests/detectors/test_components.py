"""Principal components: the density of probabilistic PCA, and the pursuit of a low-rank part."""

from typing import Any

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.stats import multivariate_normal

import jaxad
from jaxad.detectors.classical.components import ComponentDensity
from jaxad.detectors.classical.pursuit import pursue_low_rank
from jaxad.errors import ConfigError


def draw_plane(rows=200, columns=12, noise=0.05):
    """Rows near a plane of two dimensions, and the plane's orthonormal basis."""
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.normal(size=(columns, 2)))[0]
    codes = rng.normal(size=(rows, 2)) * [3, 2]
    return codes @ basis.T + noise * rng.normal(size=(rows, columns)), basis


def fit(x, **settings):
    train = jaxad.as_train_data(x.astype(np.float32))
    return jaxad.fit(jaxad.make("pca", train, **settings), train)


def test_the_density_is_that_of_the_likeliest_gaussian():
    """The eigenvalues of the covariance along the components, their mean outside."""
    x, _ = draw_plane()
    x = x.astype(np.float32).astype(float)
    fitted = fit(x, score="likelihood")
    values, vectors = np.linalg.eigh(np.cov(x.T, bias=True))
    values[:-2] = values[:-2].mean()
    covariance: Any = vectors * values @ vectors.T
    gaussian = multivariate_normal(x.mean(axis=0), covariance)
    scores = jaxad.score(fitted, x.astype(np.float32))[0]
    np.testing.assert_allclose(scores, -gaussian.logpdf(x), rtol=1e-5)
    (density,) = fitted.models
    for factor in (0.9, 1.1):
        other = ComponentDensity(
            density.mean, density.components, density.variances, factor * density.noise
        )
        assert other(x).mean() > density(x).mean()
    slope: Any = approx_fprime(x[0], lambda row: density(row[None])[0], 1e-6)
    np.testing.assert_allclose(density.gradient(x[:1])[0], slope, rtol=1e-3, atol=1e-3)


def test_the_pursuit_recovers_a_low_rank_matrix_under_gross_errors():
    """Theorem 1.1 of Candes et al., with 5 % of the entries replaced."""
    low_rank, _ = draw_plane(noise=0.0, columns=40)
    rng = np.random.default_rng(1)
    errors = np.where(rng.random(low_rank.shape) < 0.05, rng.normal(0, 20, low_rank.shape), 0)
    found = pursue_low_rank(low_rank + errors)
    assert np.linalg.norm(found - low_rank) < 1e-3 * np.linalg.norm(low_rank)
    np.testing.assert_array_equal(pursue_low_rank(np.zeros((4, 3))), 0)


def test_a_robust_plane_ignores_gross_errors_of_training_rows():
    x, basis = draw_plane(columns=20)
    rng = np.random.default_rng(1)
    x[rng.random(x.shape) < 0.02] = 30.0
    new = np.concatenate([rng.normal(size=(20, 2)) @ basis.T, rng.normal(size=(20, 20))])
    errors = [jaxad.score(fit(x, robust=r), new.astype(np.float32))[0] for r in (False, True)]
    off_plane = np.sum((new - new @ basis @ basis.T) ** 2, axis=1)
    plain, robust = (np.abs(e - off_plane).mean() for e in errors)
    assert robust < 0.2 * plain


@pytest.mark.parametrize("settings", [{"score": "likelihood"}, {"robust": True}])
def test_constant_and_few_rows_have_finite_scores(settings):
    for x in (np.ones((5, 3)), np.arange(12.0).reshape(2, 6), np.eye(4)[:, :1]):
        scores = jaxad.score(fit(x, **settings), (x + 1).astype(np.float32))
        assert np.isfinite(scores).all()


def test_wrong_settings_are_refused(toy, tmp_path):
    with pytest.raises(ConfigError, match="score must be 'error' or 'likelihood'"):
        jaxad.make("pca", toy.train, score="density")
    with pytest.raises(ConfigError, match="robust must be true or false"):
        jaxad.make("pca", toy.train, robust=1)
    fitted = fit(draw_plane()[0], score="likelihood", robust=True)
    rows = np.ones((3, 12), np.float32)
    loaded, _ = jaxad.load(jaxad.save(fitted, tmp_path / "model"))
    np.testing.assert_array_equal(jaxad.score(loaded, rows), jaxad.score(fitted, rows))
