"""The margin beside an unsquared score."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxad
from jaxad.models import Hypersphere, Margined, Reconstruction
from jaxad.models.base import forward_mode
from jaxad.models.margin import MarginRule
from jaxad.nets.build import autoencoder_nets
from jaxad.nets.conv import plain_conv
from jaxad.objectives import hinge


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    label = np.repeat(np.array([0, -1, 0, 1], np.int8), (64, 5, 64, 3))
    x = rng.normal(size=(136, 32)).astype(np.float32)
    return jaxad.TrainData(x, label, np.int32(136), np.int32(32))


def models(shape=(32,)):
    sizes = ((), (8, 4)) if len(shape) == 1 else ((2, 3), (6, 4))
    nets = autoencoder_nets(shape, *sizes, "batch_no_affine", False, 0.1)
    return [Hypersphere(nets[0]), Reconstruction(*nets)]


@pytest.mark.parametrize("base", models(), ids=["hypersphere", "reconstruction"])
def test_the_margin_is_of_the_scores_that_training_sees_first(data, base):
    """The mean over the unlabelled rows or the largest of the labelled ones, in train mode."""
    rules: list[tuple[MarginRule, np.ndarray, Callable]] = [
        ("mean_unlabelled", data.label == 0, np.mean),
        ("max_labelled", data.label != 0, np.max),
    ]
    for rule, where, of in rules:
        model = Margined(base, rule)
        variables, extras = model.init(jax.random.key(0), data)
        plain = base.apply(variables, extras["base"], jnp.asarray(data.x[where]), train=True).out
        np.testing.assert_allclose(extras["margin"], of(np.sqrt(plain)), rtol=2e-3)
        out = model.apply(variables, extras, jnp.asarray(data.x), train=True).out
        plain, stats, _ = base.apply(variables, extras["base"], jnp.asarray(data.x), train=True)
        np.testing.assert_allclose(model.score(out) ** 2, plain, rtol=1e-5)
        np.testing.assert_allclose(out.margin, np.full(136, extras["margin"]))
        assert jax.tree.structure(stats) == jax.tree.structure(variables.batch_stats)
        np.testing.assert_allclose(hinge().normal(out), out.omega)
        inside = np.maximum(out.margin - out.omega, 0)
        assert ((inside > 0).any() and (inside == 0).any()) or rule == "max_labelled"
        anomaly = hinge().anomaly
        assert anomaly is not None
        np.testing.assert_allclose(anomaly(out), inside, rtol=1e-6)


def test_the_root_has_a_finite_derivative_at_0(data):
    model = Margined(models()[0])
    variables, extras = model.init(jax.random.key(0), data)
    zeros = jax.tree.map(jnp.zeros_like, variables.params)
    extras = jax.tree.map(jnp.zeros_like, extras)

    def mean(params):
        variables_now = variables._replace(params=params)
        return jnp.mean(model.apply(variables_now, extras, jnp.asarray(data.x), True).out.omega)

    value, slope = jax.value_and_grad(mean)(zeros)
    np.testing.assert_allclose(value, 1e-6, rtol=1e-3)
    for leaf in jax.tree.leaves(slope):
        np.testing.assert_array_equal(leaf, 0)


def test_forward_mode_takes_the_plain_convolution_in_every_network():
    for base in models((8, 8, 1)):
        model = forward_mode(Margined(base))
        assert model.base.encoder.module.convolution is plain_conv
        if isinstance(base, Reconstruction):
            assert model.base.decoder.module.convolution is plain_conv
    table = Margined(models()[0])
    assert forward_mode(table) == table
