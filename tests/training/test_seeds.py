"""Seeds beside each other: the same numbers as alone, by either way of mapping."""

import jax
import numpy as np
import pytest

import jaxad
from jaxad.data import blobs, contaminate
from jaxad.errors import ConfigError
from jaxad.training.seeds import choose_mode, deal, join, lanes, map_seeds, resolve_mode

EPOCHS = {"epochs": 3, "pretrain_epochs": 2}


def scores(detector, toy, **how):
    return jaxad.score(jaxad.fit(detector, toy.train, **how), toy.test)


@pytest.mark.parametrize(("name", "config"), [("deep_sad", EPOCHS), ("autoencoder", {"epochs": 3})])
def test_a_seed_alone_is_the_seed_in_a_batch(toy, quick, name, config):
    detector = quick(name, toy.train, **config)
    alone, beside = (scores(detector, toy, seeds=s) for s in (1, 3))
    np.testing.assert_allclose(alone[0], beside[0], rtol=1e-5, atol=1e-6)
    for one, other in ((0, 1), (1, 2)):
        assert not np.allclose(beside[one], beside[other], rtol=1e-2)


def test_map_and_vmap_give_the_same_numbers(toy, quick):
    detector = quick("deep_sad", toy.train, **EPOCHS)
    fits = [jaxad.fit(detector, toy.train, seeds=3, mode=mode) for mode in ("vmap", "map")]
    assert [fit.mode for fit in fits] == ["vmap", "map"]
    one, two = (jaxad.score(fit, toy.test) for fit in fits)
    np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        *(fit.history["train"]["loss"] for fit in fits), rtol=1e-4, atol=1e-6
    )


def test_a_seed_of_stacked_splits_is_the_seed_of_its_own_split(quick):
    split = contaminate(blobs(0, 200, 60), 1, labelled_anomalies=5, contamination=0.1, seeds=2)
    detector = quick("deep_sad", split.train, **EPOCHS)
    both = jaxad.score(jaxad.fit(detector, split.train), split.test)
    alone = jaxad.score(jaxad.fit(detector, split.seed(0).train), split.seed(0).test)
    np.testing.assert_allclose(both[0], alone[0], rtol=1e-4, atol=1e-5)


def test_the_key_decides_everything(toy, quick):
    detector = quick("deep_sad", toy.train, **EPOCHS)
    one, again, typed, other = (
        scores(detector, toy, key=key) for key in (3, 3, jax.random.key(3), 4)
    )
    np.testing.assert_array_equal(one, again)
    np.testing.assert_array_equal(one, typed)
    assert not np.allclose(one, other, rtol=1e-2)


def test_each_seed_takes_the_steps_of_its_own_rows(toy_of, quick):
    """Splits of 40 and 160 rows, of which labelled anomalies are left out of pre-training."""
    parts = [toy_of(seed, rows=rows, labelled=6).train for seed, rows in enumerate((40, 160))]
    pad = 160 - 40
    train = jaxad.TrainData(
        np.stack([np.pad(parts[0].x, ((0, pad), (0, 0)), constant_values=1e3), parts[1].x]),
        np.stack([np.pad(parts[0].label, (0, pad)), parts[1].label]),
        np.array([40, 160], np.int32),
        np.full(2, 6, np.int32),
    )
    detector = quick("deep_sad", train, batch_size=8, **EPOCHS)
    fit = jaxad.fit(detector, train)
    assert fit.mode == "map"
    for phase, epochs, per_epoch in (("pretrain", 2, (5, 20)), ("train", 3, (5, 20))):
        loss = fit.history[phase]["loss"]
        assert loss.shape == (2, 20 * epochs)
        for seed, steps in enumerate(per_epoch):
            assert np.isfinite(loss[seed, : steps * epochs]).all()
            assert np.isnan(loss[seed, steps * epochs :]).all()
    x = toy_of(7).test.x
    alone = jaxad.score(jaxad.fit(detector, parts[0]), x)
    np.testing.assert_allclose(jaxad.score(fit, x)[0], alone[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("mode", ["vmap", "map"])
def test_map_seeds_maps_some_arguments_and_gives_others_whole(mode):
    x, y = np.arange(6.0).reshape(3, 2), np.array([10.0, 20.0])
    out = map_seeds(lambda x, y: {"sum": x + y, "dot": x @ y}, (x, y), (0, None), mode)
    np.testing.assert_array_equal(out["sum"], x + y)
    np.testing.assert_array_equal(out["dot"], x @ y)


@pytest.mark.parametrize("seeds", [1, 2, 3, 7, 10])
def test_lanes_are_of_one_length_and_join_to_every_seed_once(seeds):
    dealt = lanes(seeds)
    assert len({len(lane) for lane in dealt}) == 1
    tree = {"x": np.arange(seeds), "y": np.arange(3 * seeds).reshape(seeds, 3)}
    joined = join(deal(tree, dealt), seeds)
    for name, leaf in tree.items():
        np.testing.assert_array_equal(joined[name], leaf)


@pytest.mark.parametrize(
    ("shape", "channels", "on_tpu"),
    [((6,), None, "vmap"), ((12, 12, 1), (4,), "vmap"), ((12, 12, 3), (4,), "map"),
     ((12, 12, 3), (), "vmap")],
)  # fmt: skip
def test_seeds_are_mapped_one_after_the_other_on_the_cpu_and_for_colours_on_a_tpu(
    shape, channels, on_tpu
):
    rows = jaxad.as_train_data(np.random.default_rng(0).random((20, *shape), np.float32))
    detector = jaxad.make("deep_svdd", rows, channels=channels, widths=(4,))
    modes = {place: choose_mode(place, detector) for place in ("cpu", "tpu", "gpu")}
    assert modes == {"cpu": "map", "tpu": on_tpu, "gpu": "vmap"}
    assert resolve_mode("auto", detector) == modes[jax.default_backend()]
    assert resolve_mode("vmap", detector) == "vmap"


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="vmap rounds by how many there are")
def test_a_seed_on_the_cpu_is_bit_for_bit_the_same_whatever_is_beside_it(toy, quick):
    detector = quick("deep_sad", toy.train, **EPOCHS)
    one, five, third = (scores(detector, toy, seeds=s) for s in (1, 5, [2]))
    np.testing.assert_array_equal(one[0], five[0])
    np.testing.assert_array_equal(third[0], five[2])


def test_as_many_seeds_as_splits(quick):
    split = contaminate(blobs(0, 200, 60), 1, seeds=2)
    detector = quick("autoencoder", split.train, epochs=1)
    with pytest.raises(ConfigError, match="as many as the 2 splits"):
        jaxad.fit(detector, split.train, seeds=3)
    assert jaxad.fit(detector, split.train).seeds == 2
