"""Deep SAD: its loss by the contract alone, its relation to Deep SVDD, the released variant."""

import jax
import jax.numpy as jnp
import numpy as np

import jaxad
from jaxad.types import Batch

KEY = jax.random.key(0)


def test_the_loss_is_that_of_the_scores_where_no_norm_tells_training_from_inference(toy):
    config = {"norm": "none", "eta": 3.0, "weight_decay": 0.0, "pretrain_epochs": 0}
    detector = jaxad.make("deep_sad", toy.train, **config)
    state = detector.init(KEY, toy.train)
    x, label = jnp.asarray(toy.train.x), jnp.asarray(toy.train.label)
    batch = Batch(x, label, jnp.arange(len(x)), jnp.zeros(()))
    d = np.asarray(detector.score(state, x), np.float64)
    want = np.select([label == 0, label == 1], [d, 3 * d], 3 / (d + 1e-6)).mean()
    np.testing.assert_allclose(detector.update(state, batch, KEY)[1]["loss"], want, rtol=1e-5)


def test_without_labels_it_is_one_class_deep_svdd(toy, quick):
    train = toy.train._replace(label=np.zeros_like(toy.train.label))
    sad, svdd = (
        jaxad.score(jaxad.fit(quick(name, train, epochs=5), train), toy.test)
        for name in ("deep_sad", "deep_svdd")
    )
    np.testing.assert_array_equal(sad, svdd)


def test_labelled_anomalies_are_pushed_away(toy, quick):
    """Beyond the same rows' scores in a fit that leaves them out."""
    anomalies = toy.train.x[toy.train.label < 0]
    sad, svdd = (
        jaxad.score(jaxad.fit(quick(name, toy.train), toy.train), anomalies).mean()
        for name in ("deep_sad", "deep_svdd")
    )
    assert sad > 1.5 * svdd


def test_the_released_variant_starts_from_random_weights(toy, quick):
    released = quick("deep_sad", toy.train, variant="released")
    random = quick("deep_sad", toy.train, pretrain_epochs=0)
    one, two = (jaxad.score(jaxad.fit(d, toy.train), toy.test) for d in (released, random))
    np.testing.assert_array_equal(one, two)
    assert not released.before and quick("deep_sad", toy.train).before
