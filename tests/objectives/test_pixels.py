"""The losses of FCDD, of whole images and of pixels, against closed forms."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxad.models.score_map import PixelMap
from jaxad.nets.fully_convolutional import Conv, Pool, fcn, receptive_field
from jaxad.nets.upsampling import gaussian_upsampling
from jaxad.objectives import hypersphere_classification, pixelwise
from jaxad.types import Batch

LAYERS = (Conv(1, 3), Pool())
FIELD, MODEL = receptive_field(LAYERS), PixelMap(fcn((8, 8, 1), LAYERS, "none", True, 0.1))
SIGMA, EPS = 1.5, 1e-6
rng = np.random.default_rng(0)
MAPS = rng.uniform(0, 2, (3, 4, 4))
MASK = np.zeros((3, 8, 8), np.uint8)
MASK[0, 2:4, 3:7] = 1


class Losses(NamedTuple):
    normal: Any
    anomaly: Any


def losses(mask):
    """Both losses as functions of a map."""
    rows = jnp.zeros(3, jnp.int8)
    batch = Batch(jnp.zeros((3, 8, 8, 1)), rows, rows, jnp.zeros(()), jnp.asarray(mask))
    objective = pixelwise(hypersphere_classification(EPS), MODEL, SIGMA)
    return Losses(partial(objective.normal, batch=batch), partial(objective.anomaly, batch=batch))


def large(maps):
    return np.asarray(gaussian_upsampling(jnp.asarray(maps), (8, 8), FIELD, SIGMA))


def test_the_loss_of_an_image_with_marked_pixels():
    """Equation 4: unmarked pixels down, marked ones up; means are over all pixels."""
    up = large(MAPS)
    marked = (up * MASK).sum(axis=(1, 2)) / 64
    rest = (up * (1 - MASK)).sum(axis=(1, 2)) / 64
    expected = rest[0] - np.log(1 - np.exp(-marked[0] - EPS))
    np.testing.assert_allclose(losses(MASK).anomaly(jnp.asarray(MAPS))[0], expected, rtol=1e-5)
    np.testing.assert_allclose(losses(MASK).normal(jnp.asarray(MAPS)), rest, rtol=1e-5)


def test_an_anomaly_without_marked_pixels_is_not_trained_as_normal():
    """Its loss falls as its map rises; that of a normal image would do the opposite."""
    whole = hypersphere_classification(EPS).anomaly(jnp.asarray(MAPS.mean(axis=(1, 2))))
    got = losses(MASK).anomaly(jnp.asarray(MAPS))
    np.testing.assert_allclose(got[1:], whole[1:], rtol=1e-6)
    slope = jax.grad(lambda maps: jnp.sum(losses(0 * MASK).anomaly(maps)))(jnp.asarray(MAPS))
    assert (slope < 0).all()


def test_marked_pixels_rise_and_unmarked_ones_fall():
    slope = jax.grad(lambda maps: losses(MASK).anomaly(maps)[0])(jnp.asarray(MAPS))[0]
    assert slope[1, 2] < 0 and slope[3, 0] > 0


@pytest.mark.parametrize("value", [0.0, 1e-30, 1e-8, 50.0])
def test_losses_and_derivatives_are_finite(value):
    maps = jnp.full((3, 4, 4), value, jnp.float32)
    for loss in losses(MASK):
        out, slope = jax.value_and_grad(lambda maps, loss=loss: jnp.sum(loss(maps)))(maps)
        assert np.isfinite(out) and np.isfinite(slope).all()
