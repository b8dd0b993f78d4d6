"""SS-DGM: its bounds against a sum over classes, and when labelled terms vanish."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxad
from jaxad.learners.gradient import weighted_loss
from jaxad.models.class_code import ClassCodeOut
from jaxad.objectives import class_bound
from jaxad.types import Batch
from jaxad.weighting import Context, Weights

KEY = jax.random.key(0)
LOGIT = np.array([0.0, 2.0, -3.0, 0.5], np.float32)
NORMAL = np.array([1.0, 5.0, 0.3, 2.0], np.float32)
ANOMALY = np.array([4.0, 0.5, 3.0, 2.0], np.float32)
OUT = ClassCodeOut(*map(jnp.asarray, (LOGIT, NORMAL, ANOMALY)))
ALPHA, PRIOR = 0.3, 0.2
OBJECTIVE = class_bound(ALPHA, PRIOR)


def of_labels(*label):
    """A batch of which the objective reads the labels alone."""
    rows = jnp.array(label, jnp.int8)
    return Batch(jnp.zeros((len(label), 1)), rows, jnp.arange(len(label)), jnp.zeros(()))


UNLABELLED = of_labels(0, 0, 0, 0)


def test_unlabelled_rows_have_the_expected_bound_less_the_entropy():
    q = 1 / (1 + np.exp(-LOGIT))
    bounds = NORMAL - np.log(1 - PRIOR), ANOMALY - np.log(PRIOR)
    entropy = -(q * np.log(q) + (1 - q) * np.log(1 - q))
    want = (1 - q) * bounds[0] + q * bounds[1] - entropy
    got = OBJECTIVE.normal(OUT, UNLABELLED)
    np.testing.assert_allclose(got, want, rtol=1e-5)


def test_the_best_classifier_of_unlabelled_rows_is_bayes_rule():
    """At the posterior odds of the two bounds the loss is minus the log of their sum."""
    odds = np.log(PRIOR) - ANOMALY - np.log(1 - PRIOR) + NORMAL
    loss = partial(OBJECTIVE.normal, batch=UNLABELLED)
    best = loss(OUT._replace(logit=jnp.asarray(odds)))
    want = -np.log((1 - PRIOR) * np.exp(-NORMAL) + PRIOR * np.exp(-ANOMALY))
    np.testing.assert_allclose(best, want, rtol=1e-5)
    for other in (odds - 0.1, odds + 0.1):
        assert np.all(loss(OUT._replace(logit=jnp.asarray(other))) > best)


def test_labelled_rows_have_the_bound_of_their_class_and_a_cross_entropy():
    q = 1 / (1 + np.exp(-LOGIT))
    assert OBJECTIVE.anomaly is not None
    normal = NORMAL - np.log(1 - PRIOR) - ALPHA * np.log(1 - q)
    anomaly = ANOMALY - np.log(PRIOR) - ALPHA * np.log(q)
    np.testing.assert_allclose(OBJECTIVE.normal(OUT, of_labels(1, 1, 1, 1)), normal, rtol=1e-5)
    np.testing.assert_allclose(
        OBJECTIVE.anomaly(OUT, of_labels(-1, -1, -1, -1)), anomaly, rtol=1e-5
    )


def test_saturated_odds_have_finite_losses_and_gradients():
    for logit in (200.0, -200.0, 1e6, -1e6):
        for loss in OBJECTIVE[:2]:
            assert loss is not None
            loss = partial(loss, batch=of_labels(0, 1, 0, 1))
            value, slope = jax.value_and_grad(
                lambda s, loss=loss: jnp.sum(loss(OUT._replace(logit=s)))
            )(jnp.full(4, logit))
            assert np.isfinite(value) and np.isfinite(slope).all()


@jax.jit
def step(update, *args):
    """Numbers of an update are traced: one program for all of them."""
    return update(*args)


def loss_of(toy, label, **config):
    detector = jaxad.make("ss_dgm", toy.train, weight_decay=0.0, **config)
    state = detector.init(KEY, toy.train)
    label = jnp.asarray(label, jnp.int8)
    batch = Batch(jnp.asarray(toy.train.x[:8]), label, jnp.arange(8), jnp.zeros(()))
    return float(step(detector.update, state, batch, KEY)[1]["loss"])


@pytest.mark.parametrize("kind", [-1, 1])
def test_a_single_labelled_row_in_a_batch_counts_for_nothing(toy, kind):
    """Two count; one leaves the other seven rows' terms, whatever alpha is."""
    one, two = np.zeros(8), np.zeros(8)
    one[0], two[:2] = kind, kind
    assert loss_of(toy, one, alpha=0.1) == loss_of(toy, one, alpha=50.0)
    assert loss_of(toy, two, alpha=0.1) < loss_of(toy, two, alpha=50.0)


def test_labelled_and_unlabelled_rows_have_a_mean_each(toy):
    """Rows that come twice change neither mean, whatever their share of the batch becomes."""
    detector = jaxad.make("ss_dgm", toy.train, weight_decay=0.0, norm="none")
    state = detector.init(KEY, toy.train)
    x = jnp.asarray(toy.train.x[:8])
    model, objective, weighting, _ = detector.parts
    weights = Weights(jnp.ones(1), jnp.zeros(1))
    label = jnp.array([-1, 1, -1, 0, 0, 0, 0, 0], jnp.int8)

    def loss(index):
        batch = Batch(x[index], label[index], index, jnp.zeros(()))
        # Without a key no code is drawn: a row has the same loss wherever it is in a batch.
        out = model.apply(state.variables, state.extras, batch.x, train=True).out
        context = Context(model, objective, state.variables, state.extras, batch, out, KEY)
        given, _ = weighting.update(weights, state.weighting, context)
        return weighted_loss(objective, given, out, batch)

    once = jnp.arange(8)
    known_twice = jnp.concatenate([once[:3], once])
    np.testing.assert_allclose(loss(once), loss(known_twice), rtol=1e-5)


def test_the_bounds_of_both_classes_differ_by_the_class_that_is_decoded_alone(toy):
    detector = jaxad.make("ss_dgm", toy.train, norm="none")
    state = detector.init(KEY, toy.train)
    model, x = detector.parts.model, jnp.asarray(toy.train.x[:5])
    params = dict(state.params)
    for name, layer in (("posterior", "input"), ("decoder", "dense_0")):
        # Without the weights of the class, the last input, both classes are the same.
        kernel = params[name][layer]["kernel"]
        blind = params[name][layer] | {"kernel": kernel.at[-1].set(0.0)}
        params[name] = params[name] | {layer: blind}
    out = model.apply(state.variables, state.extras, x, train=False).out
    blind = model.apply(state.variables._replace(params=params), state.extras, x, train=False).out
    assert np.all(out.normal != out.anomaly)
    np.testing.assert_allclose(blind.normal, blind.anomaly, rtol=1e-6)


def test_stacked_its_codes_are_those_of_a_vae_that_is_left_alone(toy):
    """The VAE's phase is the detector `vae` without its labels; the second moves none of it."""
    detector = jaxad.make("ss_dgm", toy.train, stacked=True, vae_epochs=2, epochs=2)
    fit = jaxad.fit(detector, toy.train)
    fresh = jaxad.fit(detector._replace(epochs=1), toy.train)
    for a, b in zip(
        jax.tree.leaves(fit.state.extras["vae"]),
        jax.tree.leaves(fresh.state.extras["vae"]),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)
    start = detector.init(jax.random.fold_in(KEY, 0), toy.train)
    assert not np.allclose(
        jax.tree.leaves(start.extras["vae"].params)[0],
        jax.tree.leaves(fit.state.extras["vae"].params)[0][0],
    )
    assert list(fit.history) == ["vae", "train"]


def test_stacked_in_inference_mode_the_model_sees_the_mean_code(toy):
    detector = jaxad.make("ss_dgm", toy.train, stacked=True)
    state = detector.init(KEY, toy.train)
    model, x = detector.parts.model, jnp.asarray(toy.train.x[:5])
    mean, _, _ = model.vae.posterior(state.extras["vae"], jnp.pad(x, ((0, 0), (0, 26))), False)
    inner = model.model.apply(state.variables, state.extras["model"], mean, train=False).out
    np.testing.assert_allclose(detector.score(state, x), inner.logit, rtol=1e-6)
    assert mean.shape == (5, model.vae.decoder.input_shape[0])


def test_stacked_images_are_codes_too(toy):
    """A VAE of images under a generative model of tables."""
    x = np.random.default_rng(0).random((12, 8, 8, 1), np.float32)
    train = toy.train._replace(
        x=x, label=np.array([-1, -1] + [0] * 10, np.int8), count=12, features=1
    )
    detector = jaxad.make("ss_dgm", train, stacked=True, vae_epochs=1, epochs=1)
    assert np.isfinite(jaxad.score(jaxad.fit(detector, train), x)).all()


def test_stacked_it_learns_from_codes_that_are_drawn(toy):
    detector = jaxad.make("ss_dgm", toy.train, stacked=True, norm="none")
    state = detector.init(KEY, toy.train)
    model, x = detector.parts.model, jnp.asarray(toy.train.x[:5])

    def logit(key, train=True):
        return model.apply(state.variables, state.extras, x, train, key).out.logit

    np.testing.assert_array_equal(logit(KEY), logit(KEY))
    other = jax.random.key(1)
    assert np.all(logit(KEY) != logit(other))
    np.testing.assert_array_equal(logit(KEY, train=False), logit(other, train=False))


@pytest.mark.parametrize("name", ["ss_dgm", "feawad"])
def test_the_first_of_two_stages_starts_from_the_detector_s_own_weights(toy, name):
    config = {"stacked": True} if name == "ss_dgm" else {}
    detector = jaxad.make(name, toy.train, **config)
    state = detector.init(KEY, toy.train)
    begun = detector.before[0].begin(state, toy.train, jax.random.key(5))
    own = state.extras["vae"].params if name == "ss_dgm" else state.params
    assert set(begun.params) == {"encoder", "decoder"}
    jax.tree.map(np.testing.assert_array_equal, begun.params, {k: own[k] for k in begun.params})
    assert any(np.any(leaf) for leaf in jax.tree.leaves(begun.params))
