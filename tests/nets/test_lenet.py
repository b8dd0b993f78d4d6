"""Networks of images: sizes, shapes that mirror, initial scale, biases."""

import jax
import numpy as np
import pytest

from jaxad.errors import ConfigError
from jaxad.nets.build import autoencoder_nets, default_sizes

KEY = jax.random.key(0)
IMAGES = [(28, 28, 1), (32, 32, 3), (8, 8, 1), (9, 11, 2)]
CODES = {(28, 28, 1): 32, (32, 32, 3): 128, (8, 8, 1): 32, (9, 11, 2): 32}


def nets(shape, norm="batch_no_affine", bias=False, **sizes):
    settings = {"channels": None, "widths": None} | sizes
    return autoencoder_nets(shape, norm=norm, bias=bias, slope=0.1, **settings)


def kernels(net):
    params = jax.eval_shape(lambda: net.init(KEY, 1)).params
    return [layer["kernel"].shape for layer in params.values() if "kernel" in layer]


@pytest.mark.parametrize("shape", IMAGES, ids=str)
def test_the_decoder_gives_images_of_the_encoder_s_input(shape):
    encoder, decoder = nets(shape)
    x = np.zeros((2, *shape), np.float32)

    def roundtrip():
        code = encoder.apply(*encoder.init(KEY, 1), x, train=True).out
        return code, decoder.apply(*decoder.init(KEY, 1), code, train=True).out

    code, image = jax.eval_shape(roundtrip)
    assert code.shape == (2, CODES[shape])
    assert image.shape == x.shape


@pytest.mark.parametrize(
    ("shape", "channels", "widths"),
    [
        ((28, 28, 1), (16, 32), (64, 32)),
        ((8, 8, 1), (16, 32), (64, 32)),
        ((32, 32, 3), (32, 64, 128), (128,)),
    ],
)
def test_default_sizes_are_those_of_the_thesis(shape, channels, widths):
    assert default_sizes(shape) == (channels, widths)


def test_layers_of_the_fashion_mnist_net():
    encoder, decoder = nets((28, 28, 1))
    assert kernels(encoder) == [(5, 5, 1, 16), (5, 5, 16, 32), (7 * 7 * 32, 64), (64, 32)]
    assert sorted(kernels(decoder)) == sorted(
        [(32, 64), (64, 7 * 7 * 32), (5, 5, 32, 16), (5, 5, 16, 1)]
    )


def test_layers_of_the_mnist_net():
    encoder, _ = nets((28, 28, 1), channels=(8, 4), widths=(32,))
    assert kernels(encoder) == [(5, 5, 1, 8), (5, 5, 8, 4), (7 * 7 * 4, 32)]


@pytest.mark.parametrize("bias", [False, True])
def test_biases_only_where_they_are_asked_for(bias):
    for net in nets((8, 8, 1), "none", bias, channels=(2, 3), widths=(4,)):
        layers = jax.eval_shape(lambda net=net: net.init(KEY, 1)).params.values()
        assert all(("bias" in layer) == bias for layer in layers)


def test_kernels_have_the_scale_of_their_fan_in():
    for net in nets((28, 28, 1)):
        for layer in jax.jit(net.init)(KEY, 1).params.values():
            kernel = np.asarray(layer["kernel"])
            fan_in = kernel[..., 0].size
            assert abs(kernel.std() * np.sqrt(3 * fan_in) - 1) < 5 / np.sqrt(kernel.size)


def test_reconstructions_are_pixels():
    _, decoder = nets((8, 8, 1), channels=(2,), widths=(3,))
    code = 100 * jax.random.normal(KEY, (4, 3))
    image = np.asarray(decoder.apply(*decoder.init(KEY, 1), code, train=False).out)
    assert 0 <= image.min() < 0.1 and 0.9 < image.max() <= 1


@pytest.mark.parametrize(
    ("shape", "channels", "match"),
    [((3, 28, 1), None, "at least 4 pixels"), ((10, 3), None, "shape"), ((6,), (4,), "channels")],
)
def test_shapes_that_no_net_takes_are_refused(shape, channels, match):
    with pytest.raises(ConfigError, match=match):
        nets(shape, channels=channels)


def test_without_convolutions_images_have_dense_layers():
    encoder, decoder = autoencoder_nets((6, 5, 2), (), (8, 3), "none", True, 0.1)
    assert not encoder.convolutional and not decoder.convolutional
    x = np.random.default_rng(0).uniform(size=(4, 6, 5, 2)).astype(np.float32)
    p, q = encoder.init(jax.random.key(0), 2).params, decoder.init(jax.random.key(1), 2).params

    def dense(z, layer):
        return z @ layer["kernel"] + layer["bias"]

    code = dense(jax.nn.leaky_relu(dense(x.reshape(4, -1), p["dense_0"]), 0.1), p["dense_1"])
    np.testing.assert_allclose(encoder.apply(p, {}, x, False).out, code, rtol=1e-5)
    pixels = dense(jax.nn.leaky_relu(dense(code, q["dense_0"]), 0.1), q["dense_1"])
    expected = jax.nn.sigmoid(pixels).reshape(x.shape)
    np.testing.assert_allclose(decoder.apply(q, {}, code, False).out, expected, rtol=1e-5)
