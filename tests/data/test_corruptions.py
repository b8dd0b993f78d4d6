"""Corruptions: their truth, their randomness, and that each changes what it says."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from jaxad.data.corruptions import CORRUPTIONS, corrupt
from jaxad.errors import ConfigError, DataError

each = pytest.mark.parametrize("name", CORRUPTIONS)


@pytest.fixture(scope="module")
def digits():
    x = np.repeat(np.repeat(load_digits().images[:12] / 16, 3, axis=1), 3, axis=2)
    return np.pad(x, ((0, 0), (2, 2), (2, 2)))[..., None]


@each
def test_the_truth_is_what_was_changed(digits, name):
    x, truth = corrupt(digits, name, 3)
    assert x.shape == digits.shape and x.dtype == np.float32
    assert x.min() >= 0 and x.max() <= 1
    np.testing.assert_allclose(truth, np.abs(x - digits)[..., 0], atol=1e-6)
    assert (x[..., 0][truth == 0] == digits.astype(np.float32)[..., 0][truth == 0]).all()
    assert (truth.sum(axis=(1, 2)) > 0).all()


@each
def test_a_key_says_all(digits, name):
    first, again, other = (corrupt(digits, name, key).x for key in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    same = name in ("brightness", "edges", "scale", "stripe")
    assert np.array_equal(first, other) == same
    # An image's numbers depend on its place alone, not on how many there are behind it.
    np.testing.assert_allclose(corrupt(digits[:5], name, 0).x, first[:5], atol=1e-6)
    as_bytes = np.round(255 * digits).astype(np.uint8)
    np.testing.assert_allclose(corrupt(as_bytes, name, 0).x, corrupt(as_bytes / 255, name, 0).x)


def test_lines_and_noise_leave_the_rest_as_it_was(digits):
    for name, most in (
        ("dotted_line", 0.05),
        ("zigzag", 0.15),
        ("impulse_noise", 0.2),
        ("spatter", 0.4),
        ("stripe", 0.51),
    ):
        changed = (corrupt(digits, name, 0).truth > 0).mean()
        assert 0 < changed < most, name


def test_stripes_invert_the_outer_quarters_of_the_columns():
    """MNIST-C inverts columns 0 to 6 and 21 to 27 of 28."""
    image = np.random.default_rng(0).random((2, 28, 28, 1))
    x, truth = corrupt(image, "stripe", 0)
    outer = np.r_[0:7, 21:28]
    np.testing.assert_allclose(x[:, :, outer], 1 - image[:, :, outer], atol=1e-6)
    np.testing.assert_array_equal(x[:, :, 7:21], image[:, :, 7:21].astype(np.float32))
    assert (truth[:, :, 7:21] == 0).all()


def test_blots_are_dark_grey_and_cover_a_part():
    """MNIST-C: 63 / 255 where the smoothed mask is at least 0.8, mixed with the image by it."""
    white, black = (corrupt(np.full((64, 28, 28, 1), v), "spatter", 0).x for v in (1.0, 0.0))
    covered = black > 0
    assert covered.any(axis=(1, 2, 3)).all() and 0.1 < covered.mean() < 0.45
    assert black[covered].min() >= 0.8 * 63 / 255 - 1e-6 and black.max() <= 63 / 255 + 1e-6
    np.testing.assert_allclose(white + 192 / 63 * black, 1, atol=1e-5)


def test_glass_only_moves_light_to_neighbours():
    """Swaps keep the sum of all pixels; light moves up and to the left at most once per round."""
    image = np.zeros((64, 28, 28, 1))
    image[:, 14, 14] = 1
    x = corrupt(image, "glass_blur", 0).x[..., 0]
    np.testing.assert_allclose(x.sum(axis=(1, 2)), 1, atol=1e-5)
    blurred = corrupt(np.full((2, 28, 28, 1), 0.5), "glass_blur", 0).x
    np.testing.assert_allclose(blurred, 0.5, atol=1e-6)
    assert len({one.tobytes() for one in x}) > 60


def test_moves_keep_what_they_move():
    """A bar in the middle keeps its light when it is turned, sheared or moved within the image."""
    image = np.zeros((4, 32, 32, 1))
    image[:, 13:19, 14:18] = 1
    total = image[0].sum()
    for name in ("rotate", "shear", "translate"):
        got = corrupt(image, name, 0).x.sum(axis=(1, 2, 3))
        np.testing.assert_allclose(got, total, rtol=0.05, err_msg=name)
    smaller = corrupt(image, "scale", 0).x.sum(axis=(1, 2, 3))
    assert (smaller < 0.6 * total).all() and (smaller > 0.15 * total).all()
    blurred = corrupt(image, "motion_blur", 0).x
    np.testing.assert_allclose(blurred.sum(axis=(1, 2, 3)), total, rtol=0.01)
    assert blurred.max() < 1


def test_counts_of_light_have_the_mean_of_the_image():
    grey = np.full((64, 8, 8, 1), 0.3)
    assert abs(corrupt(grey, "shot_noise", 0).x.mean() - 0.3) < 0.02


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 28, 28)), r"\(n, height, width, 1\)"),
        (np.zeros((2, 28, 28, 3)), r"\(n, height, width, 1\)"),
        (np.zeros((2, 5, 28, 1)), "sides of at least 8"),
        (np.full((2, 28, 28, 1), 1.5), r"floats in \[0, 1\]"),
        (np.full((2, 28, 28, 1), np.nan), r"floats in \[0, 1\]"),
    ],
)
def test_what_cannot_be_corrupted_is_refused(images, message):
    with pytest.raises(DataError, match=message):
        corrupt(images, "fog")


def test_other_names_are_refused():
    with pytest.raises(ConfigError, match=r"corruption 'fogg'\. Did you mean 'fog'"):
        corrupt(np.zeros((1, 8, 8, 1)), "fogg")
