"""Gaussian up-sampling against a transposed convolution, and what it keeps."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxad.nets.fully_convolutional import Conv, Pool, default_layers, receptive_field
from jaxad.nets.upsampling import blur, default_sigma, gaussian_upsampling

rng = np.random.default_rng(0)


def transposed(maps, side, field, sigma):
    """The definition: the kernel is put at each entry's receptive field, and all are added up."""
    axis = np.arange(field.size) - (field.size - 1) / 2
    kernel = np.exp(-0.5 * (axis / sigma) ** 2)
    kernel = np.outer(kernel, kernel) * (field.jump / kernel.sum()) ** 2
    margin = field.size
    out = np.zeros((side + 2 * margin,) * 2)
    first = field.start - (field.size - 1) / 2 + margin
    assert first == int(first)
    for i, row in enumerate(maps):
        for j, value in enumerate(row):
            top, left = int(first) + i * field.jump, int(first) + j * field.jump
            out[top : top + field.size, left : left + field.size] += value * kernel
    return out[margin:-margin, margin:-margin]


@pytest.mark.parametrize(
    "layers",
    [
        default_layers((28, 28, 1)),
        (Conv(1, 3),),
        (Conv(1, 3, 2), Pool()),
        (Conv(1, 5), Pool(3)),
    ],
)
@pytest.mark.parametrize("sigma", [0.7, 3.0])
def test_it_is_the_transposed_convolution(layers, sigma):
    field = receptive_field(layers)
    side = field.jump * 5
    maps = rng.uniform(size=(2, 5, 5))
    got = gaussian_upsampling(jnp.asarray(maps), (side, side), field, sigma)
    for one, expected in zip(np.asarray(got), maps, strict=True):
        np.testing.assert_allclose(one, transposed(expected, side, field, sigma), rtol=2e-5)


def test_the_library_s_transposed_convolution_gives_the_same():
    field = receptive_field(default_layers((28, 28, 1)))
    maps = rng.uniform(size=(1, 7, 7)).astype(np.float32)
    axis = np.arange(field.size) - (field.size - 1) / 2
    kernel = np.exp(-0.5 * (axis / 1.2) ** 2)
    kernel = (np.outer(kernel, kernel) * (4 / kernel.sum()) ** 2).astype(np.float32)
    operands = maps[..., None], kernel[..., None, None]
    layout = ("NHWC", "HWIO", "NHWC")
    full = jax.lax.conv_transpose(*operands, (4, 4), "VALID", dimension_numbers=layout)[0, ..., 0]
    crop = int((field.size - 1) / 2 - field.start)
    got = gaussian_upsampling(jnp.asarray(maps), (28, 28), field, 1.2)[0]
    np.testing.assert_allclose(got, full[crop : crop + 28, crop : crop + 28], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("side", "sigma", "ripple"), [(224, 12.0, 0.03), (64, 3.0, 0.01), (28, 1.2, 0.75)]
)
def test_a_constant_map_stays_constant_away_from_the_border(side, sigma, ripple):
    """Within the documented ripple of both axes, and what is cut off at the field's edge."""
    field = receptive_field(default_layers((side, side, 1)))
    n = side // field.jump
    large = np.asarray(gaussian_upsampling(jnp.ones((n, n)), (side, side), field, sigma))
    inner = large[field.size // 2 : -field.size // 2, field.size // 2 : -field.size // 2]
    assert inner.size and np.abs(inner - 1).max() <= ripple
    assert abs(inner.mean() - 1) < 0.02


def test_the_mean_stays_that_of_the_map():
    field = receptive_field(default_layers((64, 64, 1)))
    maps = np.zeros((16, 16), np.float32)
    maps[5:11, 5:11] = rng.uniform(size=(6, 6))
    large = gaussian_upsampling(jnp.asarray(maps), (64, 64), field, 3.0)
    np.testing.assert_allclose(large.mean(), maps.mean(), rtol=1e-5)


def test_an_entry_is_largest_at_the_centre_of_its_field():
    field = receptive_field((Conv(1, 3), Pool(3)))
    for i in range(4):
        maps = np.zeros((4, 4), np.float32)
        maps[i, 3 - i] = 1
        large = np.asarray(gaussian_upsampling(jnp.asarray(maps), (12, 12), field, 1.0))
        place = np.unravel_index(large.argmax(), large.shape)
        assert place == (field.start + 3 * i, field.start + 3 * (3 - i))


def test_blurring_keeps_constants_everywhere_and_smooths():
    np.testing.assert_allclose(blur(jnp.ones((2, 9, 7)), 2.0), 1, rtol=1e-6)
    noise = jnp.asarray(rng.normal(size=(40, 40)))
    assert np.std(np.asarray(blur(noise, 2.0))) < 0.2


def test_sigma_is_published_at_32_and_at_224_pixels():
    assert default_sigma((28, 28, 1)) == default_sigma((32, 32, 3)) == 1.2
    assert default_sigma((224, 224, 3)) == default_sigma((300, 300, 3)) == 12
    assert default_sigma((64, 64, 1)) == 3.0
