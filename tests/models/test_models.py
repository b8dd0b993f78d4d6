"""Score models: the centre's rule, the radius, and errors that count true columns alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxad.models import Hypersphere, Reconstruction, SoftBoundary
from jaxad.models.base import as_input
from jaxad.models.hypersphere import move_from_zero
from jaxad.nets.build import autoencoder_nets
from jaxad.types import TrainData, Variables

ENCODER, DECODER = autoencoder_nets((6,), None, (8, 4), "batch_no_affine", False, 0.1)
N, PADDING = 50, 14
MISSING = ENCODER.input_shape[0] - 6


@pytest.fixture(scope="module")
def data():
    """Rows around 2 with labels of all kinds, and padding that holds rubbish."""
    rng = np.random.default_rng(0)
    x = rng.normal(2, 1, size=(N + PADDING, 6)).astype(np.float32)
    x[N:] = 1e3
    label = np.concatenate([rng.integers(-1, 2, N), np.zeros(PADDING)]).astype(np.int8)
    return TrainData(x, label, np.int32(N), np.int32(6))


@pytest.fixture(scope="module")
def variables():
    """A random encoder whose running statistics are not those of any batch."""
    params, stats = ENCODER.init(jax.random.key(0), 6)
    stats = jax.tree.map(lambda s: s + 0.5, stats)
    return Variables(params, stats)


def distances(model, variables, extras, x):
    return model.score(model.apply(variables, extras, x, train=False).out)


def test_the_centre_is_the_mean_embedding_of_rows_that_may_be_normal(data, variables):
    centre = Hypersphere(ENCODER).extras(variables, data)["centre"]
    x = np.pad(data.x[:N][data.label[:N] >= 0], ((0, 0), (0, MISSING)))
    mean = np.asarray(ENCODER.apply(*variables, x, train=False).out).mean(axis=0)
    in_train_mode = np.asarray(ENCODER.apply(*variables, x, train=True).out).mean(axis=0)
    np.testing.assert_allclose(centre, move_from_zero(jnp.asarray(mean)), rtol=1e-5)
    assert np.abs(mean).max() > 0.1  # the rule for small coordinates is not all there is
    assert not np.allclose(mean, in_train_mode, atol=1e-2)


def test_labelled_anomalies_and_padding_do_not_move_the_centre(data, variables):
    outside = (np.arange(N + PADDING) >= N) | (data.label < 0)
    other = data._replace(x=np.where(outside[:, None], -7.0, data.x).astype(np.float32))
    for model in (Hypersphere(ENCODER), SoftBoundary(ENCODER)):
        one, two = model.extras(variables, data), model.extras(variables, other)
        np.testing.assert_array_equal(one["centre"], two["centre"])


def test_coordinates_near_zero_move_to_a_tenth_by_sign():
    centre = jnp.array([0.0, -0.0, 1e-9, -1e-9, 0.0999, -0.0999, 0.1, -0.1, 2.0, -2.0])
    want = [0.1, 0.1, 0.1, -0.1, 0.1, -0.1, 0.1, -0.1, 2.0, -2.0]
    np.testing.assert_allclose(move_from_zero(centre), want, rtol=1e-6)


def test_the_score_is_the_squared_distance_to_the_centre(data, variables):
    model = Hypersphere(ENCODER)
    extras = model.extras(variables, data)
    codes = np.asarray(model.embed(variables, data.x[:N]))
    want = np.sum((codes - np.asarray(extras["centre"])) ** 2, axis=1)
    np.testing.assert_allclose(distances(model, variables, extras, data.x[:N]), want, rtol=1e-5)


@pytest.mark.parametrize("nu", [0.05, 0.3, 1.0])
def test_at_most_nu_of_the_rows_that_may_be_normal_are_outside_the_radius(data, variables, nu):
    model = SoftBoundary(ENCODER)
    extras = model.extras(variables, data)
    assert extras["radius_sq"] == 0
    kept = data.x[:N][data.label[:N] >= 0]
    d = np.asarray(distances(model, variables, extras, kept))
    radius_sq = model.radius_sq(variables, extras, data, nu)
    want = np.sort(d)[max(len(d) - 1 - int(nu * len(d)), 0)]
    np.testing.assert_allclose(radius_sq, want, rtol=1e-5)
    moved = distances(model, variables, {**extras, "radius_sq": radius_sq}, kept)
    np.testing.assert_allclose(moved, d - float(radius_sq), rtol=1e-4, atol=1e-5)
    assert nu == 1 or np.mean(np.asarray(moved) > 1e-6) <= nu


def test_reconstruction_errors_are_summed_over_true_columns(data):
    model = Reconstruction(ENCODER, DECODER)
    variables, extras = model.init(jax.random.key(1), data)
    # A decoder that also writes into padded columns is not charged for it.
    params = jax.tree.map(lambda p: p + 0.1, variables.params)
    variables = Variables(params, variables.batch_stats)
    x = np.pad(data.x[:N], ((0, 0), (0, MISSING)))
    y = np.asarray(model.reconstruct(variables, x, train=False).out)
    assert np.abs(y[:, 6:]).min() > 0
    want = np.sum((x[:, :6] - y[:, :6]) ** 2, axis=1)
    np.testing.assert_allclose(distances(model, variables, extras, data.x[:N]), want, rtol=1e-5)


def test_pixels_of_bytes_are_scaled_to_one():
    pixels = np.arange(2 * 8 * 8, dtype=np.uint8).reshape(2, 8, 8, 1)
    np.testing.assert_allclose(as_input(pixels, (8, 8, 1)), pixels / 255.0, rtol=1e-6)
    floats = (pixels / 255.0).astype(np.float32)
    np.testing.assert_array_equal(as_input(floats, (8, 8, 1)), floats)
