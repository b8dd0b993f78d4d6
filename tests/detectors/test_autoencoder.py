"""Regularised autoencoders: noise and Jacobian against closed forms, and the critic's losses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxad
from jaxad.errors import ConfigError
from jaxad.models import Reconstruction
from jaxad.types import Batch

KEY = jax.random.key(0)
ROWS = 8
LINEAR = {"widths": (5, 3), "norm": "none", "bias": False, "slope": 1.0}


@pytest.fixture(scope="module")
def started(toy):
    """A detector's model with its initial state, and a batch of rows."""
    x = jnp.asarray(toy.train.x[:ROWS])
    batch = Batch(x, jnp.zeros(ROWS, jnp.int8), jnp.arange(ROWS), jnp.zeros(()))

    def start(**settings):
        detector = jaxad.make("autoencoder", toy.train, **settings)
        assert isinstance(detector, jaxad.Detector)
        return detector, detector.init(KEY, toy.train), batch

    return start


def average(detector, state, batch, draws=4000):
    """The mean of the parts of the loss over keys, in train mode."""
    model = detector.parts.model

    def parts(key):
        return model.apply(state.variables, state.extras, batch.x, True, key).out

    many = jax.jit(jax.vmap(parts))(jax.random.split(KEY, draws))
    return jax.tree.map(lambda leaf: np.mean(leaf, axis=0), many)


def test_the_contraction_is_the_norm_of_the_jacobian(started):
    detector, state, batch = started(contraction=0.1, widths=(5, 3), norm="none")
    model = detector.parts.model

    def encode(row):
        variables, rows = model.select_encoder(state.variables), jnp.pad(row, (0, 26))[None]
        return model.encoder.apply(*variables, rows, train=False).out[0]

    jacobian = jax.jit(jax.vmap(jax.jacfwd(encode)))(batch.x)
    want = np.sum(np.square(jacobian), axis=(1, 2))
    np.testing.assert_allclose(average(detector, state, batch).contraction, want, rtol=0.06)


def test_noise_adds_its_variance_through_a_linear_network(started):
    """E ||x - GF(x + sigma e)||^2 = ||x - GFx||^2 + sigma^2 ||GF||_F^2."""
    detector, state, batch = started(noise=0.7, **LINEAR)
    model = detector.parts.model

    def made(row):
        return model.reconstruct(state.variables, jnp.pad(row, (0, 26))[None], False).out[0, :6]

    matrix = jax.jit(jax.jacfwd(made))(batch.x[0])
    clean = detector.score(state, batch.x)
    want = clean + 0.7**2 * np.sum(np.square(matrix))
    np.testing.assert_allclose(average(detector, state, batch).error, want, rtol=0.03)
    residual = np.asarray(batch.x) @ (np.eye(6) - np.asarray(matrix)).T
    np.testing.assert_allclose(clean, np.sum(residual**2, axis=1), rtol=1e-4)


def test_the_loss_weights_the_contraction_and_its_weight_is_traced(started):
    losses = {}
    for weight in (0.5, 2.0):
        detector, state, batch = started(contraction=weight, **LINEAR)
        losses[weight] = float(jax.jit(detector.update)(state, batch, KEY)[1]["loss"])
    out = detector.parts.model.apply(
        state.variables, state.extras, batch.x, True, jax.random.split(KEY)[0]
    ).out
    np.testing.assert_allclose(losses[2.0] - losses[0.5], 1.5 * np.mean(out.contraction), rtol=1e-3)
    structures = [jax.tree.structure(started(noise=n)[0].update) for n in (0.1, 0.2)]
    assert structures[0] == structures[1]


def test_the_critic_and_the_encoder_have_opposite_losses(started):
    detector, state, batch = started(adversarial=0.3, noise=0.1, **LINEAR)
    model, (critic, autoencoder) = detector.parts.model, detector.update.args[0]
    assert (critic.moves, autoencoder.moves) == (("critic",), ("encoder", "decoder"))
    code = model.apply(state.variables, state.extras, batch.x, True).out.code
    real = model.judge(state.variables, jax.random.normal(KEY, code.shape))
    fake = model.judge(state.variables, code)
    want = np.mean(np.logaddexp(0, -real)) + np.mean(np.logaddexp(0, fake))
    np.testing.assert_allclose(critic.loss(state, batch, KEY)[0], want, rtol=1e-5)
    noisy = model.apply(state.variables, state.extras, batch.x, True, jax.random.split(KEY)[0]).out
    fooled = np.mean(np.logaddexp(0, -model.judge(state.variables, noisy.code)))
    want = np.mean(noisy.error) + 0.3 * fooled
    np.testing.assert_allclose(autoencoder.loss(state, batch, KEY)[0], want, rtol=1e-4)


def test_without_regularisers_it_is_the_plain_autoencoder(started, toy):
    assert type(started(noise=0.0)[0].parts.model) is Reconstruction
    for name in ("noise", "contraction", "adversarial"):
        with pytest.raises(ConfigError, match=f"{name} must be >= 0; given -1"):
            jaxad.make("autoencoder", toy.train, **{name: -1})


@pytest.mark.slow
@pytest.mark.parametrize("setting", [{"noise": 0.3}, {"contraction": 0.1}, {"adversarial": 0.5}])
def test_it_learns_and_is_saved(quick, toy, tmp_path, setting):
    fit = jaxad.fit(quick("autoencoder", toy.train, **setting), toy.train, seeds=2)
    assert jaxad.evaluate(fit, toy.test).auroc.per_seed.min() > 0.9
    loaded, _ = jaxad.load(jaxad.save(fit, tmp_path / "model"))
    np.testing.assert_array_equal(jaxad.score(loaded, toy.test), jaxad.score(fit, toy.test))
