"""LatentOut: distances against scikit-learn's neighbours, scales, and what is kept of the data."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

import jaxad
from jaxad.errors import ConfigError
from jaxad.models.neighbours import compute_mean_distance

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)
POINTS, KNOWN = RNG.normal(size=(9, 3)), RNG.normal(size=(40, 3))


@pytest.mark.parametrize("nearest", [1, 5, 30])
def test_the_mean_distance_is_that_of_scikit_learn_s_neighbours(nearest):
    where = np.arange(40) < 30
    known = np.where(where[:, None], KNOWN, 0)
    got = compute_mean_distance(
        jnp.asarray(POINTS), jnp.asarray(known), jnp.asarray(where), nearest
    )
    want = NearestNeighbors(n_neighbors=nearest).fit(KNOWN[:30]).kneighbors(POINTS)[0].mean(1)
    np.testing.assert_allclose(got, want, rtol=1e-5)


def test_with_fewer_rows_than_neighbours_it_is_the_mean_over_all():
    where = jnp.arange(40) < 4
    got = compute_mean_distance(jnp.asarray(POINTS), jnp.asarray(KNOWN), where, 20)
    want = np.linalg.norm(POINTS[:, None] - KNOWN[:4], axis=2).mean(1)
    np.testing.assert_allclose(got, want, rtol=1e-5)


def scores_by_hand(model, state, train, x, nearest):
    """The score from all training rows that are no labelled anomalies."""

    def point(x):
        x = np.pad(x, ((0, 0), (0, 26)))
        code, made = model.encode_and_decode(state.variables, jnp.asarray(x), train=False)
        y = made.out
        return np.asarray(code), np.linalg.norm((x - np.asarray(y))[:, :6], axis=1)[:, None]

    code, error = point(train.x[train.label >= 0])
    sizes = np.sqrt(np.sum(code.var(axis=0))), error.std()
    known = np.concatenate([code / sizes[0], error / sizes[1]], axis=1)
    at = np.concatenate([part / size for part, size in zip(point(x), sizes, strict=True)], axis=1)
    return NearestNeighbors(n_neighbors=nearest).fit(known).kneighbors(at)[0].mean(1)


def test_the_score_is_the_distance_in_the_joint_space_of_code_and_error(toy):
    detector = jaxad.make("latentout", toy.train, neighbours=7)
    state, model = detector.init(KEY, toy.train), detector.parts.model
    got = detector.score(state, toy.test.x[:9])
    want = scores_by_hand(model, state, toy.train, toy.test.x[:9], 7)
    np.testing.assert_allclose(got, want, rtol=1e-4)


def test_kept_rows_are_measured_with_the_weights_of_the_moment(toy):
    """After the weights have moved the score is that of the moved weights throughout."""
    detector = jaxad.make("latentout", toy.train, neighbours=7, norm="none")
    state, model = detector.init(KEY, toy.train), detector.parts.model
    state = state._replace(params=jax.tree.map(lambda p: 1.5 * p + 0.01, state.params))
    want = scores_by_hand(model, state, toy.train, toy.test.x[:5], 7)
    np.testing.assert_allclose(detector.score(state, toy.test.x[:5]), want, rtol=1e-4)


def test_a_constant_code_and_error_have_finite_scores(toy):
    detector = jaxad.make("latentout", toy.train, norm="none")
    state = detector.init(KEY, toy.train)
    zeros = state._replace(params=jax.tree.map(jnp.zeros_like, state.params))
    assert np.isfinite(detector.score(zeros, toy.test.x)).all()


def test_more_neighbours_than_kept_rows_are_refused(toy):
    with pytest.raises(ConfigError, match="at least neighbours, 20; given 10"):
        jaxad.make("latentout", toy.train, references=10)
