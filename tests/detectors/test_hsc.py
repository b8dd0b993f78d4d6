"""HSC: its radial functions, what it refuses, and that its batches are balanced."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

import jaxad
from jaxad.data import from_arrays
from jaxad.detectors import make
from jaxad.errors import ConfigError
from jaxad.models.radial import RADII
from jaxad.sampling.balanced import Balanced
from jaxad.sampling.base import ShuffledEpochs

Z = np.array([[3.0, -4.0], [0.5, 0.0], [-1e-4, 1e-4]])


@pytest.mark.parametrize(
    ("radius", "expected"),
    [
        ("l1", [7, 0.5, 2e-4]),
        ("l2", [5, 0.5, np.sqrt(2) * 1e-4]),
        ("l2_squared", [25, 0.25, 2e-8]),
        ("pseudo_huber", [np.sqrt(26) - 1, np.sqrt(1.25) - 1, 1e-8]),
    ],
)
def test_radial_functions_have_their_closed_form(radius, expected):
    """Near 0 too, where the difference of a root to 1 would have no digit left in float32."""
    np.testing.assert_allclose(RADII[radius](jnp.asarray(Z, jnp.float32)), expected, rtol=1e-5)
    with jax.enable_x64(True):
        check_grads(jax.jit(RADII[radius]), (jnp.asarray(Z[:2] + 0.1),), order=1)


@pytest.mark.parametrize("radius", RADII)
def test_the_centre_has_distance_0_and_a_finite_derivative(radius):
    value, slope = jax.value_and_grad(lambda z: RADII[radius](z)[0])(jnp.zeros((1, 4)))
    assert value == 0 and np.isfinite(slope).all()


@pytest.mark.parametrize("radius", RADII)
def test_every_radius_learns(toy, quick, radius):
    fit = jaxad.fit(quick("hsc", toy.train, radius=radius, epochs=10), toy.train)
    assert jaxad.evaluate(fit, toy.test).auroc.mean > 0.9


def test_without_anomalies_it_says_what_to_give(toy):
    train = toy.train._replace(label=np.maximum(toy.train.label, 0))
    with pytest.raises(
        ConfigError, match=r"labelled anomalies must be given.*exposure.*a weighting"
    ):
        make("hsc", train)
    for weighting in ("unsupervised", "contradicting(20)"):
        with pytest.raises(ConfigError, match="takes no row as anomalous"):
            make("hsc", toy.train, weighting=weighting)
    found = make("hsc", train, weighting="latent_outlier_exposure(0.1)")
    assert isinstance(found.sampler, ShuffledEpochs)


def test_an_epoch_of_balanced_batches_has_every_other_row_once(toy, quick):
    for name in ("hsc", "deep_sad", "classifier"):
        sampler = quick(name, toy.train, balanced=True).sampler
        assert isinstance(sampler, Balanced)
        (steps,) = np.atleast_1d(sampler.steps_per_epoch(toy.train))
        assert steps == -(-(160 - 12) // 16)
        table, order = sampler.init(toy.train), sampler.shuffle(jax.random.key(0))
        draw = jax.jit(sampler.draw)
        drawn = np.concatenate([draw(table, order, t) for t in range(steps)])
        label = toy.train.label[drawn].reshape(steps, 32)
        assert (label[:, :16] < 0).all() and (label[:, 16:] >= 0).all()
        others = drawn.reshape(steps, 32)[:, 16:].ravel()
        assert set(others.tolist()) == set(np.flatnonzero(toy.train.label >= 0).tolist())
        assert not isinstance(quick(name, toy.train, balanced=False).sampler, Balanced)


@pytest.mark.parametrize("name", ["hsc", "deep_sad", "deep_svdd"])
def test_augmentation_is_for_images(toy, name):
    with pytest.raises(ConfigError, match=r"augment takes images.*'flip'.*\(6,\)"):
        make(name, toy.train, augment="flip")
    with pytest.raises(ConfigError, match="unknown augmentation 'flop'"):
        make(name, toy.train, augment="flop")


def spots(rows, where, seed):
    """Images of noise with a bright spot in a corner."""
    x = 0.5 * np.random.default_rng(seed).random((rows, 8, 8, 1))
    x[:, where, where] = 1
    return x.astype(np.float32)


@pytest.fixture(scope="module")
def exposed():
    """Spots in one corner are normal; those in the other are an exposure set."""
    x = np.concatenate([spots(60, 1, 0), spots(20, 6, 1)])
    data = from_arrays(x, np.repeat([0, 1], [60, 20]), name="spots")
    others = from_arrays(spots(30, 6, 2), np.zeros(30), name="others")
    return jaxad.contaminate(data, 0, contamination=0.0, exposure=others, exposure_rows=20)


@pytest.mark.parametrize("name", ["hsc", "deep_sad"])
def test_it_learns_from_an_exposure_set(exposed, quick, name):
    sizes = {"channels": (4,), "widths": (8,), "balanced": True}
    fit = jaxad.fit(quick(name, exposed.train, **sizes, learning_rate=1e-2), exposed.train)
    assert fit.detector.labelled == (20, 0)
    assert jaxad.evaluate(fit, exposed.test).auroc.mean > 0.9


def test_augmentation_of_strength_0_trains_the_same_and_another_strength_does_not(exposed, quick):
    def scores(augment):
        sizes = {"channels": (4,), "widths": (8,), "epochs": 3}
        detector = quick("hsc", exposed.train, augment=augment, **sizes)
        return jaxad.score(jaxad.fit(detector, exposed.train), exposed.test)

    plain = scores(None)
    np.testing.assert_allclose(scores("flip(0), noise(0)"), plain, rtol=1e-4, atol=1e-6)
    assert not np.allclose(scores("flip(0), noise(0.3)"), plain, rtol=1e-2)
