"""The VAE: its divergence against the formula and draws, its noise, and a linear one's optimum."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

import jaxad
from jaxad.models.variational import draw_code, kl_to_standard_normal
from jaxad.types import Batch

KEY = jax.random.key(0)
MEAN = np.array([[0.0, 0.0], [1.0, -0.5], [0.2, 3.0]], np.float32)
LOG_VARIANCE = np.array([[0.0, 0.0], [-1.0, 0.7], [1.2, -2.0]], np.float32)


def log_normal(z, mean, variance):
    return -0.5 * np.sum((z - mean) ** 2 / variance + np.log(2 * np.pi * variance), axis=-1)


def test_the_divergence_is_the_mean_log_ratio_of_the_two_densities():
    got = kl_to_standard_normal(jnp.asarray(MEAN), jnp.asarray(LOG_VARIANCE))
    variance = np.exp(LOG_VARIANCE)
    want = 0.5 * np.sum(MEAN**2 + variance - 1 - LOG_VARIANCE, axis=1)
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)
    assert got[0] == 0
    z = MEAN + np.sqrt(variance) * np.random.default_rng(0).normal(size=(200_000, 3, 2))
    sampled = np.mean(log_normal(z, MEAN, variance) - log_normal(z, 0.0, np.ones(2)), axis=0)
    np.testing.assert_allclose(got, sampled, atol=0.03)


def test_a_draw_code_has_the_mean_and_variance_and_passes_gradients_to_both():
    mean, log_variance = (np.tile(a[1], (100_000, 1)) for a in (MEAN, LOG_VARIANCE))
    z = np.asarray(draw_code(KEY, jnp.asarray(mean), jnp.asarray(log_variance)))
    np.testing.assert_allclose(z.mean(0), MEAN[1], atol=0.02)
    np.testing.assert_allclose(z.var(0), np.exp(LOG_VARIANCE[1]), rtol=0.02)
    with jax.enable_x64(True):
        moments = (jnp.asarray(MEAN, float), jnp.asarray(LOG_VARIANCE, float))
        check_grads(jax.jit(lambda m, v: jnp.sin(draw_code(KEY, m, v))), moments, order=1)


def started(toy, **config):
    detector = jaxad.make("vae", toy.train, widths=(8, 3), norm="none", **config)
    return detector, detector.init(KEY, toy.train)


def test_the_noise_is_that_of_the_step_s_key_and_leaves_no_trace(toy):
    detector, state = started(toy)
    index = jnp.arange(32)
    batch = Batch(jnp.asarray(toy.train.x[:32]), jnp.zeros(32, jnp.int8), index, jnp.zeros(()))
    step = jax.jit(detector.update)
    after, info = step(state, batch, KEY)
    assert jax.tree.structure(after) == jax.tree.structure(state)
    assert step(state, batch, KEY)[1]["loss"] == info["loss"]
    assert step(state, batch, jax.random.key(1))[1]["loss"] != info["loss"]


def test_both_scores_are_without_noise_and_differ_by_the_divergence(toy):
    by_error, state = started(toy, beta=0.3)
    by_evidence, _ = started(toy, beta=0.3, score="evidence")
    x = jnp.asarray(toy.test.x[:10])
    error, minus_evidence = (jax.jit(d.score)(state, x) for d in (by_error, by_evidence))
    moments, *_ = by_error.parts.model.encoder.apply(
        state.params["encoder"], {}, jnp.pad(x, ((0, 0), (0, 26))), train=False
    )
    divergence = kl_to_standard_normal(*jnp.split(moments, 2, axis=-1))
    np.testing.assert_allclose(minus_evidence, error / 2 + 0.3 * divergence, rtol=1e-5)


def test_variances_that_overflow_keep_losses_and_gradients_finite(toy):
    detector, state = started(toy)
    params = jax.tree.map(lambda p: 1e4 * jnp.ones_like(p), state.params["encoder"])
    state = state._replace(params={**state.params, "encoder": params})
    batch = Batch(jnp.ones((8, 6)), jnp.zeros(8, jnp.int8), jnp.arange(8), jnp.zeros(()))
    after, info = jax.jit(detector.update)(state, batch, KEY)
    assert np.isfinite(info["loss"])
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(after.params))


@pytest.mark.parametrize("beta", [0.25, 4.0])
def test_a_linear_vae_keeps_a_direction_whose_variance_is_above_beta(beta):
    """Its optimum is that of probabilistic PCA: other directions are left to the prior."""
    rng = np.random.default_rng(0)
    x = np.stack([rng.normal(size=512), np.zeros(512)], axis=1).astype(np.float32)
    train = jaxad.TrainData(x, np.zeros(512, np.int8), np.int32(512), np.int32(2))
    detector = jaxad.make(
        "vae", train, widths=(1,), norm="none", beta=beta, epochs=150, learning_rate=0.02
    )
    errors = jaxad.score(jaxad.fit(detector, train), x)[0]
    kept = 1 - errors.sum() / np.sum(x**2)
    # The posterior's mean shrinks a direction of variance v by 1 - beta / v.
    want = 1 - (1 - max(0, 1 - beta / np.var(x[:, 0]))) ** 2
    np.testing.assert_allclose(kept, want, atol=0.03)


def test_the_reconstruction_probability_of_a_linear_decoder_has_a_closed_form(toy):
    """E ||x - G z||^2 = ||x - G m||^2 + sum_j v_j ||G_j||^2 for codes of N(m, diag(v))."""
    beta, linear = 0.4, {"slope": 1.0, "bias": False}
    detector, state = started(toy, beta=beta, score="probability", draws=4000, **linear)
    model, x = detector.parts.model, jnp.asarray(toy.test.x[:5])
    mean, log_variance, _ = model.posterior(state.variables, jnp.pad(x, ((0, 0), (0, 26))), False)

    def decode(code):
        return model.decoder.apply(state.params["decoder"], {}, code[None], False).out[0, :6]

    matrix = jax.jit(jax.jacfwd(decode))(mean[0])
    spread = np.exp(log_variance) @ np.sum(np.square(matrix), axis=0)
    error = np.sum((x - mean @ matrix.T) ** 2, axis=1) + spread
    want = (error / beta + 6 * np.log(2 * np.pi * beta)) / 2
    np.testing.assert_allclose(jax.jit(detector.score)(state, x), want, rtol=0.02)


def test_the_reconstruction_probability_is_a_mean_of_log_densities(toy):
    detector, state = started(toy, beta=0.4, score="probability", draws=1)
    model, (noise, beta), x = detector.parts.model, detector.score.args[1:], toy.test.x[:5]
    mean, log_variance, _ = model.posterior(state.variables, np.pad(x, ((0, 0), (0, 26))), False)
    code = mean + np.exp(log_variance / 2) * noise
    made = model.decoder.apply(state.params["decoder"], {}, code, False).out[:, :6]
    want = -log_normal(x, made, np.full(6, beta))
    np.testing.assert_allclose(jax.jit(detector.score)(state, x), want, rtol=1e-4)
