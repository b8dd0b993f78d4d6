"""Networks of tables: sizes, initial scale, biases, normalisation, padded columns."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxad.nets.base import INPUT, OUTPUT
from jaxad.nets.build import autoencoder_nets, default_sizes
from jaxad.nets.mlp import mlp_decoder, mlp_encoder

NORMS = ["none", "layer", "batch", "batch_no_affine"]
KEY = jax.random.key(0)


def shapes(net):
    params = net.init(KEY, net.input_shape[-1]).params
    return {name: {k: v.shape for k, v in layer.items()} for name, layer in params.items()}


def stats_of(net):
    return jax.tree.leaves(net.init(KEY, 3).batch_stats)


@pytest.mark.parametrize(
    ("features", "widths"), [(6, (32, 16, 8)), (64, (32, 16, 8)), (65, (128, 64, 32))]
)
def test_default_sizes_are_those_of_the_thesis(features, widths):
    assert default_sizes((features,)) == ((), widths)


def test_the_decoder_mirrors_the_encoder():
    encoder, decoder = autoencoder_nets((40,), None, (32, 16, 8), "none", False, 0.1)
    padded = encoder.input_shape[0]
    assert list(shapes(encoder).values()) == [
        {"kernel": shape} for shape in [(padded, 32), (32, 16), (16, 8)]
    ]
    assert sorted(layer["kernel"] for layer in shapes(decoder).values()) == sorted(
        [(8, 16), (16, 32), (32, padded)]
    )
    assert decoder.input_shape == (8,)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("bias", [False, True])
def test_what_is_learned_beside_kernels(norm, bias):
    """Biases where they are asked for and no BatchNorm takes them off; its own scale and shift."""
    for net in (mlp_encoder(8, (5, 4), norm, bias), mlp_decoder(8, (5, 4), norm, bias)):
        layers = shapes(net)
        biases = {name: "bias" in layer for name, layer in layers.items() if "kernel" in layer}
        norms = [layer for layer in layers.values() if "kernel" not in layer]
        hidden, last = ("input", "dense_1") if "input" in biases else ("dense_0", "output")
        assert biases == {hidden: bias and not norm.startswith("batch"), last: bias}
        affine = norm in ("layer", "batch")
        assert norms == ([{"bias": (5,), "scale": (5,)}] if affine else [])
        assert len(stats_of(net)) == (2 if norm.startswith("batch") else 0)


@pytest.mark.parametrize("norm", NORMS[1:])
def test_hidden_layers_are_normalised_before_the_activation_and_the_code_is_not(norm):
    """With an identity as the second layer the code is the leaky ReLU of normalised values."""
    net = mlp_encoder(6, (4, 4), norm, False, slope=0.2)
    params, stats = net.init(KEY, 6)
    params = {**params, "dense_1": {"kernel": jnp.eye(4)}}
    x = 3 + 5 * jax.random.normal(KEY, (50, 6))
    code, new_stats, _ = net.apply(params, stats, x, train=True)
    hidden = np.asarray(x @ params[INPUT]["kernel"], np.float64)
    axis = 1 if norm == "layer" else 0
    eps = 1e-6 if norm == "layer" else 1e-4
    z = (hidden - hidden.mean(axis, keepdims=True)) / np.sqrt(hidden.var(axis, keepdims=True) + eps)
    np.testing.assert_allclose(code, np.where(z > 0, z, 0.2 * z), atol=1e-4)
    if norm != "layer":
        moved = new_stats["norm_0"]
        np.testing.assert_allclose(moved["mean"], 0.1 * hidden.mean(0), rtol=1e-4)
        np.testing.assert_allclose(moved["var"], 0.9 + 0.1 * hidden.var(0), rtol=1e-4)
        again = net.apply(params, new_stats, x, train=False)
        assert again[1] is new_stats
        z = (hidden - moved["mean"]) / np.sqrt(moved["var"] + eps)
        np.testing.assert_allclose(again[0], np.where(z > 0, z, 0.2 * z), atol=1e-4)


def test_the_variance_of_values_far_from_zero_does_not_cancel():
    net = mlp_encoder(1, (1, 1), "batch_no_affine", False)
    params, stats = net.init(KEY, 1)
    params = {INPUT: {"kernel": jnp.ones((1, 1))}, "dense_1": {"kernel": jnp.ones((1, 1))}}
    x = 10_000 + jnp.array([[-1.0], [1.0]])
    np.testing.assert_allclose(net.apply(params, stats, x, True).out, [[-0.1], [1]], rtol=1e-3)


@pytest.mark.parametrize("features", [21, 512])
def test_kernels_have_the_scale_of_the_true_fan_in(features):
    """Standard deviation 1 / sqrt(3 fan-in), mean 0, within five standard errors."""
    encoder, decoder = (
        mlp_encoder(512, (400, 100), "none", False),
        mlp_decoder(512, (400, 100), "none", False),
    )
    down, up = encoder.init(KEY, features).params, decoder.init(KEY, features).params
    for fan_in, kernel in [
        (features, down[INPUT]["kernel"][:features]),
        (400, down["dense_1"]["kernel"]),
        (100, up["dense_0"]["kernel"]),
        (400, up[OUTPUT]["kernel"][:, :features]),
    ]:
        kernel = np.asarray(kernel)
        error = 5 / np.sqrt(kernel.size)
        assert abs(kernel.std() * np.sqrt(3 * fan_in) - 1) < error
        assert abs(kernel.mean() * np.sqrt(3 * fan_in)) < error
        assert np.abs(kernel).max() <= 1 / np.sqrt(fan_in)


@pytest.mark.parametrize("build", [mlp_encoder, mlp_decoder])
def test_a_larger_bucket_adds_zeros_alone(build):
    small, large = (build(size, (8, 4), "none", False).init(KEY, 21).params for size in (32, 64))
    for name, layer in small.items():
        axis = {INPUT: 0, OUTPUT: 1}.get(name)
        wide = np.asarray(large[name]["kernel"])
        if axis is not None:
            wide, rest = np.split(wide, [32], axis=axis)
            assert not rest.any()
            assert not np.split(wide, [21], axis=axis)[1].any()
        np.testing.assert_array_equal(layer["kernel"], wide)


def test_different_keys_and_layers_have_different_numbers():
    net = mlp_encoder(32, (32, 32), "none", False)
    one, two = (net.init(jax.random.key(i), 32).params for i in (0, 1))
    assert not np.allclose(one[INPUT]["kernel"], two[INPUT]["kernel"])
    assert not np.allclose(one[INPUT]["kernel"], one["dense_1"]["kernel"])


@pytest.mark.parametrize("norm", NORMS)
def test_derivatives_through_batch_statistics_are_those_of_finite_differences(norm):
    with jax.enable_x64(True):
        net = mlp_encoder(5, (4, 3), norm, norm == "layer")
        params, stats = jax.tree.map(lambda p: p.astype(float), tuple(net.init(KEY, 5)))
        x = jax.random.normal(KEY, (7, 5))
        check_grads(lambda p: net.apply(p, stats, x, True).out, (params,), 1, ["fwd", "rev"])
