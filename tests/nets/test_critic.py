"""Critics: one logit a row, by strided convolutions or dense layers."""

import jax
import numpy as np
import pytest

from jaxad.nets.critics import critic

KEY = jax.random.key(0)


def test_dense_layers_of_a_critic_are_leaky_relus_and_a_linear_logit():
    net = critic((6,), (5, 3), slope=0.3)
    p = net.init(KEY, 6).params
    x = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)

    def dense(z, layer):
        return z @ layer["kernel"] + layer["bias"]

    z = jax.nn.leaky_relu(dense(x, p["input"]), 0.3)
    z = jax.nn.leaky_relu(dense(z, p["dense_1"]), 0.3)
    expected = dense(z, p["head"])[:, 0]
    np.testing.assert_allclose(net.apply(p, {}, x, True).out, expected, rtol=1e-5)


@pytest.mark.parametrize("shape", [(28, 28, 1), (9, 11, 2)])
def test_each_convolution_of_a_critic_halves_the_image(shape):
    net = critic(shape, (7,), channels=(4, 3))
    layers = jax.eval_shape(lambda: net.init(KEY, 1)).params
    height, width = (int(np.ceil(size / 4)) for size in shape[:2])
    assert layers["conv_0"]["kernel"].shape == (5, 5, shape[-1], 4)
    assert layers["dense_0"]["kernel"].shape == (height * width * 3, 7)
    logits = jax.eval_shape(
        lambda: net.apply(net.init(KEY, 1).params, {}, np.zeros((2, *shape)), True).out
    )
    assert logits.shape == (2,) and net.convolutional


def test_a_row_s_logit_does_not_depend_on_the_rows_beside_it():
    net = critic((8, 8, 1), (4,), channels=(2,))
    x = np.random.default_rng(0).uniform(size=(3, 8, 8, 1)).astype(np.float32)
    params = net.init(KEY, 1).params
    together = net.apply(params, {}, x, True).out
    alone = net.apply(params, {}, x[1:2], True).out
    np.testing.assert_allclose(alone[0], together[1], rtol=1e-5)
