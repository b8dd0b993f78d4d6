"""Augmentation of images: closed forms, what strength 0 leaves alone, and what stays in range."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxad.errors import ConfigError
from jaxad.learners.batches.augment import AUGMENTATIONS, crop, flip, jitter, noise, parse_augment
from jaxad.types import Batch

ROWS = 200
ALL = "crop(2), flip, jitter(1.0, 1.0, 1.0), noise(0.5)"


def batch(channels=3, dtype=np.uint8, size=8, mask=False):
    rng = np.random.default_rng(channels)
    x = rng.integers(0, 256, (ROWS, size, size, channels)).astype(np.uint8)
    x = x if dtype == np.uint8 else (x / 255).astype(dtype)
    masks = jnp.asarray(x[..., 0] > 0.5, jnp.uint8) if mask else None
    label = jnp.zeros(ROWS, jnp.int8)
    return Batch(jnp.asarray(x), label, jnp.arange(ROWS), jnp.zeros(()), masks)


def pixels(of):
    x = np.asarray(of.x)
    return x / 255 if x.dtype == np.uint8 else x


def done(text, given, key=0):
    for i, transform in enumerate(parse_augment(text)):
        given = transform(jax.random.fold_in(jax.random.key(key), i), given)
    return given


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    "text", ["crop(0)", "crop(3, p=0)", "flip(0)", "jitter(0, 0, 0)", "noise(0)"]
)
def test_strength_0_leaves_images_as_they_are(text, channels, dtype):
    given = batch(channels, dtype)
    got = done(text, given)
    assert got.x.dtype == jnp.float32
    np.testing.assert_allclose(got.x, pixels(given), atol=2e-7)


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_pixels_stay_in_range_and_keep_their_shape(channels):
    given = batch(channels)
    got = done(ALL, given)
    assert got.x.shape == given.x.shape and got.x.dtype == jnp.float32
    assert got.x.min() >= 0 and got.x.max() <= 1


def test_two_flips_are_none_and_half_of_the_images_are_flipped():
    given = batch()
    once, always = done("flip", given), done("flip(1)", given)
    np.testing.assert_allclose(always.x, pixels(given)[:, :, ::-1], atol=1e-7)
    np.testing.assert_allclose(done("flip(1), flip(1)", given).x, pixels(given), atol=1e-7)
    same = np.isclose(once.x, pixels(given)).all(axis=(1, 2, 3))
    other = np.isclose(once.x, pixels(given)[:, :, ::-1]).all(axis=(1, 2, 3))
    assert (same ^ other).all() and 0.35 < same.mean() < 0.65


def test_a_crop_moves_an_image_by_at_most_its_padding_and_fills_with_0():
    """Every image is one of the 25 windows of its padded self, and all 25 occur."""
    given = batch(channels=1)
    wide = np.pad(pixels(given), [(0, 0), (2, 2), (2, 2), (0, 0)])
    windows = np.stack([wide[:, i : i + 8, j : j + 8] for i in range(5) for j in range(5)])
    found = np.isclose(windows, done("crop(2)", given).x, atol=1e-6).all(axis=(2, 3, 4))
    assert (found.sum(axis=0) == 1).all() and found.any(axis=1).all()


def test_masks_are_moved_with_their_images():
    """What the mask marks is what the image shows there, wherever both were moved to."""
    given = batch(channels=1, dtype=np.float32, mask=True)
    got = done("crop(2), flip", given)
    assert got.mask.dtype == jnp.uint8
    np.testing.assert_array_equal(np.asarray(got.x[..., 0]) > 0.5, np.asarray(got.mask) == 1)
    assert not np.array_equal(got.mask, given.mask)


def test_brightness_multiplies_contrast_scales_about_the_mean_saturation_about_grey():
    x = 0.3 + 0.2 * pixels(batch())
    given = batch()._replace(x=jnp.asarray(x, jnp.float32))
    factor = np.asarray(done("jitter(0.5, 0, 0)", given).x) / x
    assert factor.std(axis=(1, 2, 3)).max() < 1e-6
    assert 0.5 <= factor.min() < 0.6 and 1.4 < factor.max() <= 1.5
    grey = x @ np.array([0.299, 0.587, 0.114])
    middle = grey.mean(axis=(1, 2)).reshape(-1, 1, 1, 1)
    got = np.asarray(done("jitter(0, 0.5, 0)", given).x, float)
    change = np.sum((got - middle) * (x - middle), axis=(1, 2, 3)) / np.sum(
        (x - middle) ** 2, (1, 2, 3)
    )
    np.testing.assert_allclose(got, middle + change.reshape(-1, 1, 1, 1) * (x - middle), atol=1e-5)
    assert change.min() < 0.6 and change.max() > 1.4
    got = np.asarray(done("jitter(0, 0, 0.5)", given).x, float)
    np.testing.assert_allclose(got @ np.array([0.299, 0.587, 0.114]), grey, atol=1e-5)
    assert np.abs(got - x).max() > 0.01
    single = batch(channels=1, dtype=np.float32)
    np.testing.assert_allclose(done("jitter(0, 0, 1)", single).x, single.x, atol=1e-6)


def test_noise_is_normal_and_differs_between_pixels_and_rows():
    given = batch(size=16)._replace(x=jnp.full((ROWS, 16, 16, 3), 0.5))
    z = (np.asarray(done("noise(0.05)", given).x, float) - 0.5).ravel() / 0.05
    n = len(z)
    assert abs(z.mean()) < 5 / np.sqrt(n) and abs(z.std() - 1) < 5 / np.sqrt(n)
    assert abs((z**3).mean()) < 5 * np.sqrt(15 / n) and abs((z**4).mean() - 3) < 5 * np.sqrt(96 / n)
    for lag in (1, 3, n // 2):
        assert abs(np.mean(z[lag:] * z[:-lag])) < 5 / np.sqrt(n - lag)


def test_a_key_gives_one_result_and_each_image_draws_for_itself():
    given = batch()._replace(x=jnp.repeat(batch().x[:1], ROWS, axis=0))
    one, same, other = (done(ALL, given, key).x for key in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other) and not np.array_equal(one[0], one[1])


def test_strengths_are_traced_and_sizes_are_not():
    """Other strengths are the same program."""

    def structure(*transforms):
        leaves, tree = jax.tree.flatten(transforms)
        return tree, [np.shape(leaf) for leaf in leaves]

    weak, strong = jitter(0.1, 0.1, 0.1), jitter(0.9, 0.5, 0.2)
    assert structure(weak, noise(0.1), flip(0.1)) == structure(strong, noise(0.2), flip(0.9))
    assert structure(crop(2)) != structure(crop(4))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "crop(-1)",
            "padding of augmentation crop must be .* in \\[0, 1024\\]; given -1",
        ),
        ("crop(1.5)", "padding"),
        ("flip(2)", r"p of augmentation flip must be in \[0, 1\]; given 2"),
        ("jitter(brightness=2)", "brightness of augmentation jitter must be"),
        ("jitter(hue=0.1)", "jitter takes"),
        ("noise(-0.1)", "scale of augmentation noise must be >= 0"),
        ("rotate(3)", "unknown augmentation 'rotate'"),
        ("flip flip", "augment must be names or calls .* as in 'crop"),
    ],
)
def test_other_texts_are_refused(text, says):
    with pytest.raises(ConfigError, match=says):
        parse_augment(text)


def test_every_name_is_known_by_its_function():
    assert all(name == build.__name__ for name, build in AUGMENTATIONS.items())
