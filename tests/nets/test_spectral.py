"""The spectral convolution against JAX's own, and where it is taken."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from fuzzing import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.test_util import check_grads

from jaxad.errors import ConfigError
from jaxad.nets.conv import canonical_conv, plain_conv
from jaxad.nets.fully_convolutional import fcn
from jaxad.nets.spectral import conv_by_cost, spectral_conv


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape))


def both(values):
    """A value for each of the two spatial axes."""
    return st.tuples(values, values)


@settings(max_examples=examples(5), deadline=None)
@given(
    size=both(st.integers(4, 7)),
    kernel=both(st.integers(1, 4)),
    padding=st.sampled_from(["SAME", "VALID"]) | both(both(st.integers(0, 6))),
)
def test_value_and_cotangents_are_those_of_lax(size, kernel, padding):
    with jax.enable_x64(True):
        x, w = normal(0, 2, *size, 2), normal(1, *kernel, 2, 3)
        expected, pull_theirs = jax.vjp(lambda x, w: plain_conv(x, w, (1, 1), padding), x, w)
        value, pull_ours = jax.vjp(lambda x, w: spectral_conv(x, w, padding), x, w)
        np.testing.assert_allclose(value, expected, atol=1e-12)
        g = normal(2, *expected.shape)
        for ours, theirs in zip(pull_ours(g), pull_theirs(g), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_derivatives_of_both_modes_and_second_order():
    with jax.enable_x64(True):
        x, w = normal(0, 1, 4, 3, 2), normal(1, 3, 2, 2, 2)
        check_grads(jax.jit(lambda x, w: jnp.sin(spectral_conv(x, w))), (x, w), order=2)


def test_errors_of_single_precision_are_those_of_a_sum():
    x, w = normal(0, 4, 14, 14, 64).astype("float32"), normal(1, 5, 5, 64, 64).astype("float32")
    with jax.enable_x64(True):
        wide, wide_w = jnp.asarray(x, "float64"), jnp.asarray(w, "float64")
        exact = np.asarray(plain_conv(wide, wide_w, (1, 1), "SAME"))
    error = np.abs(np.asarray(spectral_conv(x, w)) - exact).max()
    assert error < 1e-6 * np.abs(exact).max()


def convolutions(function, *operands, platform="cpu"):
    lowered = jax.jit(function).trace(*operands).lower(lowering_platforms=(platform,))
    return lowered.as_text().count("stablehlo.convolution")


def by_cost(x, w, strides=(1, 1), dilation=None):
    return convolutions(lambda x, w: conv_by_cost(x, w, strides, "SAME", None, dilation), x, w)


def test_other_platforms_convolve():
    x, w = jnp.ones((100, 14, 14, 64)), jnp.ones((5, 5, 64, 64))
    for platform, number in (("cpu", 0), ("tpu", 1), ("cuda", 1)):
        function = partial(conv_by_cost, window_strides=(1, 1), padding="SAME")
        assert convolutions(function, x, w, platform=platform) == number
        gradients = jax.grad(lambda x, w, f=function: jnp.sum(f(x, w) ** 2), (0, 1))
        assert convolutions(gradients, x, w, platform=platform) == 3 * number


def test_many_channels_of_small_images_take_no_convolution():
    few, many = jnp.ones((5, 5, 4, 4)), jnp.ones((5, 5, 64, 64))
    assert by_cost(jnp.ones((100, 14, 14, 4)), few) == 1
    assert by_cost(jnp.ones((100, 14, 14, 64)), many) == 0
    assert by_cost(jnp.ones((100, 40, 40, 64)), many) == 1
    assert by_cost(jnp.ones((100, 14, 14, 64)), jnp.ones((1, 1, 64, 64))) == 1


def test_the_transform_of_the_kernel_does_not_pay_for_a_single_image():
    assert by_cost(jnp.ones((1, 14, 14, 64)), jnp.ones((5, 5, 64, 64))) == 1


@pytest.mark.parametrize(
    "arguments",
    [{"strides": (2, 2)}, {"dilation": (2, 2)}],
    ids=lambda given: next(iter(given)),
)
def test_strides_and_dilations_are_left_to_the_canonical_one(arguments):
    assert by_cost(jnp.ones((100, 14, 14, 64)), jnp.ones((5, 5, 64, 64)), **arguments) == 1


def test_half_precision_is_left_to_the_canonical_one():
    half = jnp.bfloat16
    assert by_cost(jnp.ones((100, 14, 14, 64), half), jnp.ones((5, 5, 64, 64), half)) == 1


def test_errors_are_those_of_the_canonical_one():
    x, w = jnp.ones((1, 3, 3, 64)), jnp.ones((5, 5, 64, 64))
    for convolution in (canonical_conv, conv_by_cost):
        with pytest.raises(ConfigError, match="larger than the padded input"):
            convolution(x, w, (1, 1), "VALID")
        with pytest.raises(ConfigError, match="channels-last"):
            convolution(x, w, (1, 1), "SAME", dimension_numbers=("NCHW", "OIHW", "NCHW"))
        with pytest.raises(ConfigError, match="groups"):
            convolution(x, w, (1, 1), "SAME", feature_group_count=2)


def test_a_net_is_the_same_function_by_either():
    shape = (28, 28, 1)
    ours, canonical = fcn(shape), fcn(shape, convolution=canonical_conv)
    variables = ours.init(jax.random.key(0), 1)
    x = normal(3, 16, *shape).astype("float32")
    value = ours.apply(*variables, x, train=True).out
    expected = canonical.apply(*variables, x, train=True).out
    np.testing.assert_allclose(value, expected, atol=2e-5)
    assert convolutions(lambda x: ours.apply(*variables, x, train=True).out, x) == 2
    assert convolutions(lambda x: canonical.apply(*variables, x, train=True).out, x) == 3
