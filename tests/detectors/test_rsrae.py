"""RSRAE: its three losses against their formulas, who moves what, and directions of norm 0."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxad
from jaxad.errors import ConfigError
from jaxad.models.subspace import off_orthonormal
from jaxad.types import Batch

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def started(toy):
    detector = jaxad.make("rsrae", toy.train, widths=(8, 5), subspace=2, score="cosine")
    return detector, detector.init(KEY, toy.train)


def model_of(detector):
    return detector.parts.model


def batch_of(x):
    return Batch(jnp.asarray(x), jnp.zeros(len(x), jnp.int8), jnp.arange(len(x)), jnp.zeros(()))


def test_outputs_are_those_of_the_formulas(started, toy):
    detector, state = started
    model = model_of(detector)
    x = np.pad(toy.train.x[:9], ((0, 0), (0, 26)))
    out = model.apply(state.variables, state.extras, jnp.asarray(toy.train.x[:9]), train=False).out
    y = np.asarray(model.encoder.apply(state.params["encoder"], {}, x, train=False).out)
    a = np.asarray(model.matrix(state.variables))
    assert a.shape == (5, 2)
    z = y @ a
    code = z / np.linalg.norm(z, axis=1, keepdims=True)
    made = np.asarray(model.decoder.apply(state.params["decoder"], {}, code, train=False).out)[
        :, :6
    ]
    x = x[:, :6]
    cosine = np.sum(x * made, 1) / np.linalg.norm(x, axis=1) / np.linalg.norm(made, axis=1)
    np.testing.assert_allclose(out.error, np.linalg.norm(x - made, axis=1), rtol=1e-5)
    np.testing.assert_allclose(out.dissimilarity, 1 - cosine, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(out.residual, np.linalg.norm(y - z @ a.T, axis=1), rtol=1e-5)


def test_orthonormal_columns_and_rows_in_their_span_have_no_loss():
    q, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(6, 3)))
    np.testing.assert_allclose(off_orthonormal(jnp.asarray(q)), 0, atol=1e-10)
    np.testing.assert_allclose(off_orthonormal(2 * jnp.asarray(q)), 3 * 9, rtol=1e-5)
    y = np.random.default_rng(1).normal(size=(4, 3)) @ q.T
    np.testing.assert_allclose(y @ q @ q.T, y, atol=1e-10)


def test_the_subspace_s_player_leaves_the_decoder_and_the_other_moves_all(started, toy):
    detector, state = started
    (players,) = detector.update.args
    assert [set(player.moves) for player in players] == [
        {"encoder", "projection"},
        {"encoder", "projection", "decoder"},
    ]
    after, info = jax.jit(detector.update)(state, batch_of(toy.train.x[:32]), KEY)
    for name in ("encoder", "projection", "decoder"):
        pairs = zip(*map(jax.tree.leaves, (state.params[name], after.params[name])), strict=True)
        assert any(np.any(a != b) for a, b in pairs), name
    out, *_ = model_of(detector).apply(
        state.variables, state.extras, jnp.asarray(toy.train.x[:32]), train=True
    )
    want = np.mean(out.residual) + info["off_orthonormal"]
    np.testing.assert_allclose(info["subspace_loss"], want, rtol=1e-5)


def test_rows_and_codes_of_norm_0_have_finite_scores_and_gradients(started, toy):
    detector, state = started
    zeros = jax.tree.map(jnp.zeros_like, state.params)
    x = np.concatenate([np.zeros((4, 6), np.float32), toy.train.x[:4]])
    for params in (zeros, state.params):
        after, info = detector.update(state._replace(params=params), batch_of(x), KEY)
        assert np.isfinite(info["loss"])
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(after.params))
    scores = detector.score(state._replace(params=zeros), jnp.asarray(x))
    np.testing.assert_array_equal(scores, np.ones(8))


def test_the_score_is_of_the_direction_of_a_reconstruction_alone(started, toy):
    """A decoder whose rows are twice as long gives the same scores."""
    detector, state = started
    decoder = dict(state.params["decoder"])
    decoder["output"] = jax.tree.map(lambda p: 2 * p, decoder["output"])
    longer = state._replace(params=state.params | {"decoder": decoder})
    scores = [detector.score(s, jnp.asarray(toy.test.x)) for s in (state, longer)]
    np.testing.assert_allclose(*scores, rtol=1e-4, atol=1e-6)


def test_a_subspace_larger_than_the_encoder_s_output_is_refused(toy):
    with pytest.raises(ConfigError, match="subspace must be at most the last of widths, 8; given"):
        jaxad.make("rsrae", toy.train, widths=(16, 8), subspace=9)


def test_the_score_of_tables_is_the_error_unless_the_cosine_is_asked_for(started, toy):
    detector, state = started
    by_default = jaxad.make("rsrae", toy.train, widths=(8, 5), subspace=2)
    x = jnp.asarray(toy.test.x)
    out = model_of(detector).apply(state.variables, state.extras, x, train=False).out
    np.testing.assert_array_equal(by_default.score(state, x), out.error)
    np.testing.assert_array_equal(detector.score(state, x), out.dissimilarity)
    images = jaxad.as_train_data(np.zeros((4, 8, 8, 1), np.float32))
    assert not model_of(jaxad.make("rsrae", images, subspace=2)).by_error
