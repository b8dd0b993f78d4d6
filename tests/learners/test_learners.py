"""The step that every method takes: its loss, its gradient, its step size, its phases."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.test_util import check_grads

import jaxad
from jaxad.learners import Optimiser, gradient_step, start_state, update_radius
from jaxad.learners.gradient import weighted_loss
from jaxad.models import Hypersphere, Reconstruction, SoftBoundary
from jaxad.models.hypersphere import move_from_zero
from jaxad.nets.build import autoencoder_nets
from jaxad.objectives import identity, inverse, soft_boundary
from jaxad.types import Batch, Variables
from jaxad.weighting import Context, Weights, by_label, unsupervised

KEY = jax.random.key(0)
ENCODER, DECODER = autoencoder_nets((6,), None, (8, 4), "batch_no_affine", False, 0.1)
PLAIN = Optimiser("sgd", 0.1, 10.0, 0.1, 0.0)


def batch_of(train, rows=32, epoch=0.0):
    index = jnp.arange(rows)
    x, label = jnp.asarray(train.x)[index], jnp.asarray(train.label)[index]
    return Batch(x, label, index, jnp.asarray(epoch))


def started(model, weighting, optimiser, train):
    variables, extras = model.init(KEY, train)
    return start_state(model, weighting, optimiser, variables, extras, train)


@pytest.mark.parametrize("eta", [1.0, 4.0])
def test_the_loss_of_deep_sad_is_that_of_the_paper(toy, eta):
    """Mean of d (unlabelled), eta d (labelled normal), eta / (d + 1e-6) (labelled anomaly)."""
    model, weighting = Hypersphere(ENCODER), by_label(eta)
    state = started(model, weighting, PLAIN, toy.train)
    batch = batch_of(toy.train)
    assert set(np.unique(batch.label)) == {-1, 0, 1}
    _, info = gradient_step(model, inverse(), weighting, PLAIN, state, batch, KEY)

    missing = ENCODER.input_shape[0] - 6
    x = jnp.pad(batch.x, ((0, 0), (0, missing)))
    codes = np.asarray(ENCODER.apply(*state.variables, x, train=True).out, np.float64)
    d = np.sum((codes - np.asarray(state.extras["centre"])) ** 2, axis=1)
    loss = np.select([batch.label == 0, batch.label == 1], [d, eta * d], eta / (d + 1e-6))
    np.testing.assert_allclose(info["loss"], loss.mean(), rtol=1e-5)


@pytest.mark.parametrize(
    ("model", "objective", "weighting"),
    [
        (Hypersphere(ENCODER), inverse(), by_label(2.0)),
        (SoftBoundary(ENCODER), soft_boundary(0.3), unsupervised()),
        (Reconstruction(ENCODER, DECODER), identity(), unsupervised()),
    ],
    ids=["deep_sad", "soft_boundary", "reconstruction"],
)
def test_the_gradient_is_that_of_finite_differences(toy, model, objective, weighting):
    """Through BatchNorm in train mode, and with a penalty on the kernels, in float64."""
    optimiser = Optimiser("sgd", 1.0, 10.0, 0.1, weight_decay=0.3)
    with jax.enable_x64(True):
        train = toy.train._replace(x=toy.train.x.astype(np.float64))
        state = started(model, weighting, optimiser, train)
        state = jax.tree.map(lambda leaf: leaf.astype(float), state)
        if "radius_sq" in state.extras:
            state = state._replace(extras={**state.extras, "radius_sq": jnp.asarray(0.02)})
        batch = batch_of(train)
        start = Weights(jnp.ones(32), jnp.zeros(32))

        def loss(params):
            variables = Variables(params, state.batch_stats)
            out = model.apply(variables, state.extras, batch.x, train=True).out
            context = Context(model, objective, variables, state.extras, batch, out, KEY)
            weights, _ = weighting.update(start, state.weighting, context)
            return weighted_loss(objective, weights, out, batch) + optimiser.penalty(params)

        check_grads(loss, (state.params,), order=1, modes=["rev"])
        new, info = gradient_step(model, objective, weighting, optimiser, state, batch, KEY)
        np.testing.assert_allclose(info["loss"], loss(state.params), rtol=1e-12)
        jax.tree.map(
            lambda p, n, g: np.testing.assert_allclose(p - n, g, rtol=1e-6, atol=1e-12),
            state.params,
            new.params,
            jax.grad(loss)(state.params),
        )


def test_weight_decay_acts_on_kernels_alone(toy):
    encoder, _ = autoencoder_nets((6,), None, (8, 4), "batch", True, 0.1)
    params = encoder.init(KEY, 6).params
    params = jax.tree.map(lambda p: p + 1.0, params)
    optimiser = Optimiser("sgd", 0.1, 10.0, 0.1, weight_decay=0.5)
    kernels = [np.asarray(layer["kernel"]) for layer in params.values() if "kernel" in layer]
    assert len(kernels) == 2 < len(jax.tree.leaves(params))
    want = 0.5 / 2 * sum(np.sum(k.astype(np.float64) ** 2) for k in kernels)
    np.testing.assert_allclose(optimiser.penalty(params), want, rtol=1e-5)
    for layer in jax.grad(optimiser.penalty)(params).values():
        for name, slope in layer.items():
            assert np.any(slope) == (name == "kernel")


@pytest.mark.parametrize(
    ("kind", "peer"),
    [
        ("adam", optax.adam(0.1)),
        ("adam_half", optax.adam(0.1, b1=0.5)),
        ("sgd", optax.sgd(0.1)),
        ("rmsprop", optax.rmsprop(0.1)),
    ],
)
def test_steps_are_those_of_optax_and_a_tenth_from_the_milestone_on(kind, peer):
    optimiser = Optimiser(kind, 0.1, 3.0, 0.1, 0.0)
    params = {"w": jnp.array([1.0, -2.0])}
    ours, theirs = optimiser.init(params), peer.init(params)
    for step, epoch in enumerate([0.0, 1.5, 2.99, 3.0, 3.01, 50.0]):
        grads = {"w": jnp.array([0.3, -0.1]) * (step + 1)}
        updates, theirs = peer.update(grads, theirs)
        new, ours = optimiser.update(grads, ours, params, jnp.asarray(epoch))
        want = updates["w"] * (1.0 if epoch < 3 else 0.1)
        np.testing.assert_allclose(new["w"] - params["w"], want, rtol=1e-4)


def test_the_step_size_drops_again_each_period_after_the_milestone():
    optimiser = Optimiser("sgd", 1.0, 10.0, 0.1, 0.0, period=5.0)
    epochs = [0.0, 9.9, 10.0, 14.9, 15.0, 20.0, 24.9]
    rates = [float(optimiser.rate(jnp.float32(epoch))) for epoch in epochs]
    np.testing.assert_allclose(rates, [1, 1, 0.1, 0.1, 0.01, 0.001, 0.001], rtol=1e-5)


def test_the_step_size_of_a_detector_drops_at_its_share_of_the_epochs(toy):
    settings = {"epochs": 40, "milestone": 0.25, "drop": 0.05, "learning_rate": 1e-3}
    detector = jaxad.make("autoencoder", toy.train, **settings)
    state = jax.jit(detector.init)(KEY, toy.train)
    update = jax.jit(detector.update)

    def moved(epoch):
        new, _ = update(state, batch_of(toy.train, epoch=jnp.float32(epoch)), KEY)
        return np.max([np.max(np.abs(d)) for d in jax.tree.leaves(diff(new.params, state.params))])

    def diff(one, two):
        return jax.tree.map(lambda a, b: np.asarray(a) - np.asarray(b), one, two)

    # Adam's first step is the step size, whatever the gradient.
    for epoch, size in [(0, 1e-3), (9.99, 1e-3), (10, 5e-5), (39.9, 5e-5)]:
        np.testing.assert_allclose(moved(epoch), size, rtol=1e-2)


@pytest.mark.parametrize("name", ["deep_svdd", "deep_sad"])
def test_the_detector_starts_from_the_weights_of_pre_training(toy, quick, name):
    """A bug of the released Deep SAD: the pre-trained weights never arrive."""
    detector = quick(name, toy.train)
    (phase,) = detector.before
    alone = detector._replace(
        update=phase.update,
        begin=phase.begin,
        sampler=phase.sampler,
        epochs=phase.epochs,
        before=(),
    )
    pretrained = jaxad.fit(alone, toy.train).state
    start = jaxad.fit(detector._replace(epochs=0), toy.train).state
    random = jaxad.fit(alone._replace(epochs=0), toy.train).state
    for part in ("params", "batch_stats"):
        want, have = getattr(pretrained, part)["encoder"], getattr(start, part)
        jax.tree.map(np.testing.assert_array_equal, want, have)
        first = getattr(random, part)["encoder"]
        assert not np.allclose(*(jax.tree.leaves(tree)[0] for tree in (first, have)), atol=1e-4)
    # The optimiser is new, and the centre is that of the pre-trained weights.
    assert all(not np.any(leaf) for leaf in jax.tree.leaves(start.opt_state))
    model = Hypersphere(autoencoder_nets((6,), None, None, "batch_no_affine", False, 0.1)[0])
    variables = jax.tree.map(lambda leaf: leaf[0], start.variables)
    codes = model.embed(variables, toy.train.x[toy.train.label >= 0])
    np.testing.assert_allclose(
        start.extras["centre"][0], move_from_zero(codes.mean(axis=0)), rtol=1e-4
    )


@pytest.mark.parametrize(("warm_up", "every"), [(0.0, 1.0), (3.0, 1.0), (2.0, 3.0)])
def test_the_radius_is_solved_for_after_warm_up_every_so_many_epochs(toy, warm_up, every):
    model = SoftBoundary(ENCODER)
    state = started(model, unsupervised(), PLAIN, toy.train)
    best = model.radius_sq(state.variables, state.extras, toy.train, 0.2)
    assert best > 0
    for epoch in range(10):
        epoch = jnp.float32(epoch)
        new = update_radius(model, 0.2, warm_up, every, state, toy.train, epoch)
        due = epoch >= warm_up and (epoch - warm_up) % every == 0
        np.testing.assert_allclose(new.extras["radius_sq"], best if due else 0, rtol=1e-6)
