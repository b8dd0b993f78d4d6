"""The canonical convolution against JAX's own, and the layout of what the compiler makes of it."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from fuzzing import examples
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jax.test_util import check_grads
from layouts import find_compiled, find_written

from jaxad.errors import ConfigError
from jaxad.nets.conv import canonical_conv, max_pool, plain_conv, upsample

LAYOUT = ("NHWC", "HWIO", "NHWC")
PADDINGS = ["SAME", "VALID", ((2, 1), (0, 3)), ((-1, 2), (1, -1))]


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape))


def operands(size, kernel):
    """Two images of two channels, and a square kernel to three."""
    return normal(0, 2, *size, 2), normal(1, kernel, kernel, 2, 3)


def both(values):
    """A value for each of the two spatial axes."""
    return st.tuples(values, values)


@settings(max_examples=examples(15), deadline=None)
@given(
    size=both(st.integers(5, 9)),
    kernel=both(st.integers(1, 5)),
    strides=both(st.integers(1, 3)),
    lhs_dilation=st.just((1, 1)) | both(st.integers(1, 3)),
    rhs_dilation=both(st.integers(1, 2)),
    padding=st.sampled_from(["SAME", "VALID"]) | both(both(st.integers(-1, 4))),
)
def test_value_and_cotangents_are_those_of_lax(
    size, kernel, strides, lhs_dilation, rhs_dilation, padding
):
    arguments = {
        "window_strides": strides,
        "padding": padding,
        "lhs_dilation": lhs_dilation,
        "rhs_dilation": rhs_dilation,
    }
    assume(not isinstance(padding, str) or lhs_dilation == (1, 1))
    with jax.enable_x64(True):
        x, w = normal(0, 2, *size, 2), normal(1, *kernel, 2, 3)
        expected, pull_theirs = jax.vjp(
            lambda x, w: jax.lax.conv_general_dilated(x, w, dimension_numbers=LAYOUT, **arguments),
            x,
            w,
        )
        assume(expected.size > 0)
        value, pull_ours = jax.vjp(lambda x, w: canonical_conv(x, w, **arguments), x, w)
        np.testing.assert_allclose(value, expected, atol=1e-12)
        g = normal(2, *expected.shape)
        for have, want in zip(pull_ours(g), pull_theirs(g), strict=True):
            np.testing.assert_allclose(have, want, atol=1e-12)


@pytest.mark.parametrize("padding", PADDINGS, ids=str)
@pytest.mark.parametrize(
    ("kernel", "strides"), [((1, 4), (2, 1)), ((5, 2), (1, 2)), ((3, 3), (2, 2))], ids=str
)
def test_second_derivatives_are_those_of_lax(kernel, strides, padding):
    def slope_of_slope(convolution):
        """Gradient of the squared length of a gradient."""

        def loss(xw):
            return jnp.sum(jnp.sin(convolution(*xw, strides, padding)))

        def length(xw):
            return sum(jnp.sum(g**2) for g in jax.grad(loss)(xw))

        return jax.jit(jax.grad(length))

    with jax.enable_x64(True):
        xw = normal(0, 2, 7, 8, 2), normal(1, *kernel, 2, 3)
        ours, theirs = slope_of_slope(canonical_conv)(xw), slope_of_slope(plain_conv)(xw)
        for have, want in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(have, want, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("stride", "padding"), [(1, "VALID"), (2, "SAME")])
def test_derivatives_agree_with_finite_differences(stride, padding):
    with jax.enable_x64(True):
        check_grads(
            jax.jit(lambda x, w: jnp.sin(canonical_conv(x, w, (stride, stride), padding))),
            operands((5, 6), 3),
            order=2,
            modes=["rev"],
            eps=1e-5,
        )


@pytest.mark.parametrize("space", [1, 3])
def test_one_and_three_spatial_axes(space):
    with jax.enable_x64(True):
        x, w = normal(0, 2, *(7, 6, 5)[:space], 2), normal(1, *(3, 2, 3)[:space], 2, 3)

        def energy(x, w, convolution):
            return jnp.sum(convolution(x, w, (2,) * space, "SAME") ** 3)

        ours = jax.value_and_grad(energy, (0, 1))(x, w, canonical_conv)
        theirs = jax.value_and_grad(energy, (0, 1))(x, w, plain_conv)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-10), ours, theirs)


def test_vmap_over_images_and_kernels_equals_a_loop():
    x, w = normal(0, 3, 2, 6, 5, 2), normal(1, 3, 3, 3, 2, 4)

    def gradient(x, w):
        return jax.grad(lambda w: jnp.sum(canonical_conv(x, w, (1, 1), "SAME") ** 2))(w)

    together = jax.vmap(gradient)(x, w)
    alone = jnp.stack([gradient(*pair) for pair in zip(x, w, strict=True)])
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-4)


def test_forward_mode_needs_the_plain_convolution():
    x, w = operands((5, 5), 3)
    with pytest.raises(TypeError, match="custom_vjp"):
        jax.jvp(lambda w: canonical_conv(x, w, (1, 1), "SAME"), (w,), (w,))
    value, tangent = jax.jvp(lambda w: plain_conv(x, w, (1, 1), "SAME"), (w,), (w,))
    np.testing.assert_allclose(tangent, value, rtol=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {"padding": "SAME"},
        {"padding": "VALID", "strides": 2},
        {"padding": 1, "kernel_dilation": 2},
        {"padding": "CIRCULAR", "strides": 2},
        {"padding": ((0, 2), (1, 0)), "input_dilation": 2},
    ],
    ids=str,
)
@pytest.mark.parametrize("convolution", [canonical_conv, plain_conv])
def test_plugged_into_linen_it_equals_linen(convolution, options):
    x = normal(0, 2, 9, 8, 3)
    theirs = nn.Conv(4, (3, 3), **options)
    ours = nn.Conv(4, (3, 3), **options, conv_general_dilated=convolution)
    variables = theirs.init(jax.random.key(0), x)

    def energy(variables, layer):
        return jnp.sum(layer.apply(variables, x) ** 2)

    have = jax.value_and_grad(energy)(variables, ours)
    want = jax.value_and_grad(energy)(variables, theirs)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4), have, want)


def test_what_has_no_canonical_form_is_refused():
    x, w = operands((5, 5), 3)
    with pytest.raises(ConfigError, match="must be channels-last"):
        canonical_conv(x, x, (1, 1), "SAME", dimension_numbers=("NCHW", "OIHW", "NCHW"))
    with pytest.raises(ConfigError, match="feature_group_count must be 1; given 2"):
        canonical_conv(x, w, (1, 1), "SAME", feature_group_count=2)
    with pytest.raises(ConfigError, match="larger than the padded input"):
        canonical_conv(x[:, :2], w, (1, 1), "VALID")
    with pytest.raises(ConfigError, match="give the padding in numbers"):
        canonical_conv(x, w, (1, 1), "SAME", lhs_dilation=(2, 2))


@pytest.mark.parametrize("size", [(6, 6), (7, 6), (8, 9), (7, 11)])
@pytest.mark.parametrize("window", [2, 3])
def test_max_pool_is_that_of_flax(size, window):
    x = normal(0, 2, *size, 3)

    def ours(x):
        return max_pool(x, window)

    def theirs(x):
        return nn.max_pool(x, (window, window), (window, window))

    def slope(pool):
        return jax.grad(lambda x: jnp.sum(jnp.sin(pool(x))))(x)

    np.testing.assert_array_equal(ours(x), theirs(x))
    np.testing.assert_allclose(slope(ours), slope(theirs), rtol=1e-6)


def test_the_first_of_ties_gets_the_gradient_of_max_pool():
    x = jnp.array([[0.0, 1.0], [1.0, 0.0]])[None, :, :, None]
    slope = jax.grad(lambda x: jnp.sum(max_pool(x)))(x)
    np.testing.assert_array_equal(slope[0, :, :, 0], [[0, 1], [0, 0]])


def test_max_pool_has_derivatives_in_both_modes():
    x = jax.random.normal(jax.random.key(0), (2, 5, 4, 3))
    with jax.enable_x64(True):
        x = jnp.asarray(x, jnp.float64)
        check_grads(jax.jit(max_pool), (x,), order=1, modes=("fwd", "rev"))


@pytest.mark.parametrize("window", [0, 6])
def test_max_pool_refuses_a_window_that_does_not_fit(window):
    with pytest.raises(ConfigError, match=f"window must be from 1 to 5, .* given {window}"):
        max_pool(jnp.zeros((1, 5, 7, 1)), window)


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_upsample_repeats_rows_and_columns(factor):
    x = normal(0, 2, 3, 5, 2)
    np.testing.assert_array_equal(upsample(x, factor), x.repeat(factor, 1).repeat(factor, 2))
    slope = jax.grad(lambda x: jnp.sum(upsample(x, factor)))(x)
    np.testing.assert_array_equal(slope, np.full(x.shape, factor**2))


def test_upsample_refuses_a_factor_below_one():
    with pytest.raises(ConfigError, match="factor must be at least 1; given 0"):
        upsample(jnp.zeros((1, 2, 2, 1)), 0)


class LeNet(nn.Module):
    convolution: object

    @nn.compact
    def __call__(self, x):
        for width in (8, 16):
            x = nn.Conv(width, (5, 5), conv_general_dilated=self.convolution)(x)
            x = max_pool(nn.leaky_relu(x))
        return nn.Dense(4)(x.reshape(len(x), -1))


def layouts(convolution):
    """Layouts of the convolutions of a scanned training step: as written, and as compiled."""
    net, x = LeNet(convolution), normal(0, 16, 28, 28, 1)
    params = net.init(jax.random.key(0), x)

    def step(params, _):
        loss, slope = jax.value_and_grad(lambda p: jnp.mean(net.apply(p, x) ** 2))(params)
        return jax.tree.map(lambda p, g: p - 0.1 * g, params, slope), loss

    program = jax.jit(lambda p: jax.lax.scan(step, p, length=3)).lower(params)
    compiled = program.compile().as_text()
    assert "select-and-scatter" not in compiled
    return (
        find_written(program.as_text()),
        find_compiled(compiled),
    )


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="layouts matter on the CPU alone")
def test_every_convolution_of_a_scanned_training_step_is_channels_last():
    # Images with few channels are convolved along their rows alone.
    canonical = {"[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]", "[b, 0, f]x[0, i, o]->[b, 0, f]"}
    written, compiled = layouts(canonical_conv)
    assert written == canonical
    # Nothing is left to find where the back end hands its convolutions to a library.
    assert compiled <= {"b01f_01io->b01f", "b0f_0io->b0f"}
    written, compiled = layouts(plain_conv)
    assert written > canonical
    assert not compiled or compiled - {"b01f_01io->b01f", "b0f_0io->b0f"}


def test_images_of_few_channels_go_by_rows_on_the_cpu_alone():
    traced = jax.jit(partial(canonical_conv, window_strides=(1, 1), padding="SAME")).trace(
        normal(0, 2, 9, 8, 3), normal(1, 5, 5, 3, 4)
    )
    images, rows = "[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]", "[b, 0, f]x[0, i, o]->[b, 0, f]"
    written = {
        name: find_written(traced.lower(lowering_platforms=(name,)).as_text())
        for name in ("cpu", "tpu", "cuda")
    }
    assert written == {"cpu": {rows}, "tpu": {images}, "cuda": {images}}
