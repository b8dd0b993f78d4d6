"""Fully convolutional nets: what an entry of a map sees, and where."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxad.errors import ConfigError
from jaxad.nets.conv import plain_conv
from jaxad.nets.fully_convolutional import (
    Conv,
    Pool,
    default_layers,
    fcn,
    parse_layers,
    receptive_field,
)


@pytest.mark.parametrize(("side", "size", "jump"), [(28, 16, 4), (32, 22, 4), (224, 62, 8)])
def test_the_nets_of_the_thesis_have_its_receptive_fields(side, size, jump):
    """Appendix B.2."""
    field = receptive_field(default_layers((side, side, 1)))
    assert (field.size, field.jump) == (size, jump)
    # The fields of the first and of the last entry lie alike at both borders.
    assert field.start == (side - 1) - (field.start + field.jump * (side // jump - 1))


@pytest.mark.parametrize(
    ("shape", "printed", "cancelled"),
    [
        ((28, 28, 1), 413_441, 128),
        ((32, 32, 3), 1_185_281, 128 + 2 * 256),
        ((224, 224, 3), 4_504_833, 64 + 128 + 2 * 256 + 2 * 512),
    ],
)
def test_the_nets_of_the_thesis_have_its_parameters(shape, printed, cancelled):
    """Appendix B.2, less the biases in front of a BatchNorm, which cancels them."""
    net = fcn(shape)
    params = jax.eval_shape(lambda: net.init(jax.random.key(0), shape[-1])).params
    assert sum(p.size for p in jax.tree.leaves(params)) == printed - cancelled


def test_a_convolution_without_activation_is_linear():
    """A convolution with a bias, and nothing else: the map is linear up to a constant."""
    net = fcn((8, 8, 1), (Conv(3, 3, activation="none"),), convolution=plain_conv)
    params, stats = net.init(jax.random.key(0), 1)
    assert stats == {} and set(params["conv_0"]) == {"kernel", "bias"}
    x = jax.random.normal(jax.random.key(1), (2, 8, 8, 1))

    def maps(x):
        return net.apply(params, stats, x, True).out

    np.testing.assert_allclose(maps(x) + maps(-x), 2 * maps(0 * x), atol=1e-5)
    relu = fcn((8, 8, 1), (Conv(3, 3, activation="relu"),), norm="none", convolution=plain_conv)
    leaky = fcn((8, 8, 1), (Conv(3, 3),), norm="none", slope=0.0, convolution=plain_conv)
    np.testing.assert_array_equal(
        relu.apply(params, {}, x, True).out, leaky.apply(params, {}, x, True).out
    )


@pytest.mark.parametrize(
    "layers",
    [
        (Conv(2, 3), Pool(), Conv(2, 3), Conv(2, 3)),
        (Conv(2, 5, 2), Conv(2, 3, 2)),
        (Pool(3), Conv(2, 3), Pool()),
    ],
)
def test_an_entry_sees_its_receptive_field_and_nothing_else(layers):
    """A column of pixels is raised: all entries rise that see it, also through maxima."""
    field = receptive_field(layers)
    side = field.jump * 6
    net = fcn((side, side, 1), layers, norm="none", convolution=plain_conv)
    variables = net.init(jax.random.key(0), 1)
    params = jax.tree.map(jnp.abs, variables.params)  # nothing cancels
    raised = 1 + 100 * np.repeat(np.eye(side)[:, None, :, None], side, axis=1)
    maps = net.apply(params, {}, jnp.asarray(raised, jnp.float32), False).out
    plain = net.apply(params, {}, jnp.ones((1, side, side, 1)), False).out
    rises = np.asarray(maps - plain)[:, 3] > 0
    centre = field.start + field.jump * np.arange(6)
    reach = (field.size - 1) / 2
    np.testing.assert_array_equal(rises, np.abs(np.arange(side)[:, None] - centre) <= reach)


@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 48, 3)])
def test_a_map_has_an_entry_for_each_jump(shape):
    net = fcn(shape, parse_layers("conv(4, 5), pool, conv(4, 3, stride=2)"))
    variables = jax.eval_shape(lambda: net.init(jax.random.key(0), shape[-1]))
    maps, *_ = jax.eval_shape(lambda v: net.apply(*v, jnp.zeros((2, *shape)), True), variables)
    assert maps.shape == (2, shape[0] // 4, shape[1] // 4)


def test_layers_are_read_from_text():
    assert parse_layers("conv(128, 5), pool, conv(64)") == (Conv(128, 5), Pool(), Conv(64))
    assert parse_layers("conv(8, kernel=1, stride=2), pool(3)") == (Conv(8, 1, 2), Pool(3))
    assert parse_layers("conv(8, activation='none')") == (Conv(8, activation="none"),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("conv(8, 4)", "odd number"),
        ("conv(0)", "filters must be a whole number of at least 1"),
        ("conv", "layer conv takes"),
        ("convolution(3)", "convolution"),
        ("conv(8", "as in"),
        ("pool(2.5)", "window must be"),
        ("conv(8, activation='tanh')", "activation must be one of 'leaky_relu', 'relu', 'none'"),
    ],
)
def test_layers_that_make_no_sense_are_refused(text, message):
    with pytest.raises(ConfigError, match=message):
        parse_layers(text)


def test_a_size_that_does_not_fit_says_which_do():
    with pytest.raises(ConfigError, match=r"multiples of 4 .*, such as 28, 32; given 30x28"):
        fcn((30, 28, 1))
    with pytest.raises(ConfigError, match=r"multiples of 8 .*, such as 224, 232"):
        fcn((230, 230, 3))
    with pytest.raises(ConfigError, match="must be images"):
        fcn((12,))
    with pytest.raises(ConfigError, match="contain a convolution"):
        fcn((28, 28, 1), (Pool(),))


def test_a_scanned_step_is_channels_last():
    """On the CPU any other convolution is a naive loop, 20 times slower."""
    net = fcn((12, 12, 1), parse_layers("conv(4, 5), pool, conv(4, 3, stride=2)"))
    variables = net.init(jax.random.key(0), 1)

    def step(params, x):
        def loss(params):
            return jnp.mean(net.apply(params, variables.batch_stats, x, True).out ** 2)

        grads = jax.grad(loss)(params)
        return jax.tree.map(lambda p, g: p - 0.1 * g, params, grads), 0.0

    batches = jnp.zeros((3, 8, 12, 12, 1))
    text = jax.jit(lambda p, b: jax.lax.scan(step, p, b)).lower(variables.params, batches)
    lines = [line for line in text.compile().as_text().splitlines() if "dim_labels=" in line]
    # Those of grey images are along rows alone.
    canonical = ("dim_labels=b01f_01io->b01f", "dim_labels=b0f_0io->b0f")
    assert lines and all(any(one in line for one in canonical) for line in lines)
