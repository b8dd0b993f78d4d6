"""Detectors that differ in numbers alone, trained side by side."""

import jax
import numpy as np
import pytest

import jaxad
from jaxad.errors import ConfigError
from jaxad.explain import generated
from jaxad.training import bound
from jaxad.training.stacking import describe_structure

RATES = (1e-3, 3e-3, 1e-2)


def _score(array, state, x):
    del state
    return x @ array


def made(toy, rates=RATES, name="deep_sad", **config):
    config = {"epochs": 3, "pretrain_epochs": 2} | config
    return [jaxad.make(name, toy.train, learning_rate=rate, **config) for rate in rates]


@pytest.mark.parametrize("mode", ["map", "vmap"])
def test_each_seed_is_trained_as_by_its_detector_alone(toy, mode):
    detectors = made(toy)
    together = jaxad.fit(detectors, toy.train, [4, 4, 7], mode=mode)
    scores = jaxad.score(together, toy.test.x)
    for i, (detector, seed) in enumerate(zip(detectors, (4, 4, 7), strict=True)):
        alone = jaxad.fit(detector, toy.train, [seed], mode=mode)
        np.testing.assert_allclose(scores[i], jaxad.score(alone, toy.test.x)[0], rtol=2e-4)
        np.testing.assert_allclose(
            together.history["train"]["loss"][i], alone.history["train"]["loss"][0], rtol=2e-4
        )
    assert not np.allclose(scores[0], scores[1], rtol=1e-2)


def test_what_a_seed_gives_does_not_depend_on_what_is_beside_it(toy):
    """Bit for bit, as the seeds of one detector do; so a sweep may be cut off anywhere."""
    three = jaxad.fit(made(toy), toy.train, [0, 1, 2], mode="map")
    one = jaxad.fit(made(toy, RATES[1:2]), toy.train, [1], mode="map")
    for a, b in zip(jax.tree.leaves(three.state), jax.tree.leaves(one.state), strict=True):
        np.testing.assert_array_equal(a[1], b[0])


def test_other_numbers_need_no_other_program(toy):
    jaxad.fit(made(toy), toy.train)
    before = bound.count_programs()
    jaxad.fit(made(toy, (5e-3, 2e-2, 1e-4), eta=3.0, weight_decay=1e-3), toy.train)
    assert bound.count_programs() == before
    jaxad.fit(made(toy, widths=(3, 2)), toy.train)
    assert bound.count_programs() > before


def test_one_of_them_can_be_taken_out_and_saved(toy, tmp_path):
    together = jaxad.fit(made(toy), toy.train)
    with pytest.raises(ConfigError, match=r"only\(i\)"):
        jaxad.save(together, tmp_path / "all")
    with pytest.raises(ConfigError, match=r"only\(i\)"):
        generated(together)
    one = together.only(1)
    assert one.detector.config.learning_rate == RATES[1]
    jaxad.save(one, tmp_path / "one")
    loaded, _ = jaxad.load(tmp_path / "one")
    np.testing.assert_array_equal(
        jaxad.score(loaded, toy.test.x)[0], jaxad.score(one, toy.test.x)[0]
    )
    np.testing.assert_allclose(
        jaxad.score(one, toy.test.x)[0], jaxad.score(together, toy.test.x)[1], rtol=1e-5
    )
    with pytest.raises(ConfigError, match=r"0\.\.2; given 3"):
        together.only(3)


def test_a_fit_that_was_cut_off_goes_on(toy, tmp_path):
    whole = jaxad.fit(made(toy), toy.train)
    jaxad.fit(made(toy), toy.train, checkpoint=tmp_path / "c")
    again = jaxad.fit(made(toy), toy.train, checkpoint=tmp_path / "c")
    for a, b in zip(jax.tree.leaves(whole.state), jax.tree.leaves(again.state), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ConfigError, match="another fit"):
        jaxad.fit(made(toy, (1e-3, 3e-3, 2e-2)), toy.train, checkpoint=tmp_path / "c")


def test_detectors_that_differ_in_more_than_numbers_are_refused(toy):
    for other in (
        made(toy, RATES[:1], optimiser="sgd"),
        made(toy, RATES[:1], widths=(4,)),
        made(toy, RATES[:1], batch_size=16),
        made(toy, RATES[:1], epochs=4),
        [jaxad.make("deep_svdd", toy.train)],
    ):
        with pytest.raises(ConfigError, match="numbers alone"):
            jaxad.fit(made(toy, RATES[:1]) + other, toy.train)
    for strange in ([jaxad.make("pca", toy.train)], "deep_sad"):
        with pytest.raises(ConfigError, match="side by side are trained detectors"):
            jaxad.fit(strange, toy.train)
    with pytest.raises(ConfigError, match="detector is an empty list"):
        jaxad.fit([], toy.train)
    with pytest.raises(ConfigError, match="one for each; given 3 for 2 seeds"):
        jaxad.fit(made(toy), toy.train, 2)


def test_small_arrays_are_numbers_and_large_ones_belong_to_the_structure(toy):
    def with_array(array):
        detector = jaxad.make("autoencoder", toy.train)
        return describe_structure(detector._replace(score=jax.tree_util.Partial(_score, array)))

    small, large = np.ones(6, np.float32), np.ones(2000, np.float32)
    assert with_array(small) == with_array(2 * small)
    assert with_array(small) != with_array(small[:5])
    assert with_array(large) == with_array(large.copy())
    assert with_array(large) != with_array(2 * large)


def _times(factor, state, x):
    del state
    return factor * x[:, 0]


def test_each_seed_is_scored_by_its_own_numbers(toy):
    base = made(toy, RATES[:1])[0]
    two = [base._replace(score=jax.tree_util.Partial(_times, f)) for f in (1.0, -3.0)]
    scores = jaxad.score(jaxad.fit(two, toy.train), toy.test.x)
    np.testing.assert_allclose(scores, np.stack([1.0, -3.0])[:, None] * toy.test.x[:, 0], rtol=1e-6)
