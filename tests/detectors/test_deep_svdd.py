"""Deep SVDD: warm-up, the nu-property, and nets that cannot collapse."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxad
from jaxad.errors import ConfigError


def soft(quick, train, **config):
    return quick("deep_svdd", train, objective="soft_boundary", pretrain_epochs=0, **config)


def test_the_radius_leaves_zero_after_warm_up_alone(toy, quick):
    radii = []
    for epochs in (3, 4):
        detector = soft(quick, toy.train, radius_warm_up=3, epochs=epochs)
        radii.append(float(jaxad.fit(detector, toy.train).state.extras["radius_sq"][0]))
    assert radii[0] == 0 < radii[1]


@pytest.mark.parametrize("nu", [0.05, 0.2])
def test_nu_bounds_the_share_of_rows_outside_and_outside_or_on(toy_of, quick, nu):
    """Where the weights have come to rest; the step size is next to nothing after 30 epochs."""
    train = toy_of(rows=400).train
    rest = {"epochs": 60, "milestone": 0.5, "drop": 1e-9, "norm": "none"}
    fit = jaxad.fit(soft(quick, train, nu=nu, learning_rate=1e-2, **rest), train)
    beyond = jaxad.score(fit, train.x)[0, train.label >= 0]
    slack = 1e-3 * float(fit.state.extras["radius_sq"][0])
    assert slack > 0
    assert np.mean(beyond > slack) <= nu
    assert np.mean(beyond >= -slack) >= nu - 1 / len(beyond)


def test_the_released_radius_is_the_quantile_of_the_last_batch_before_its_step(toy, quick):
    settings = {"variant": "released", "radius_warm_up": 0, "norm": "none", "epochs": 1}
    detector = soft(quick, toy.train, **settings)
    state = detector.init(jax.random.key(0), toy.train)
    index = np.flatnonzero(toy.train.label >= 0)[:20]
    batch = jaxad.Batch(toy.train.x[index], toy.train.label[index], index, jnp.zeros(()))
    before = detector.score(state, batch.x)  # the radius is still 0: distances
    after, _ = detector.update(state, batch, jax.random.key(1))
    radius_sq = after.extras["radius_sq"]
    np.testing.assert_allclose(radius_sq, np.quantile(before, 0.9), rtol=1e-5)


def test_the_one_class_score_is_the_distance_and_the_soft_one_that_beyond_the_radius(toy, quick):
    one = jaxad.fit(quick("deep_svdd", toy.train, pretrain_epochs=0, epochs=1), toy.train)
    assert jaxad.score(one, toy.test).min() >= 0
    two = jaxad.fit(soft(quick, toy.train, epochs=2, radius_warm_up=1), toy.train)
    least = -float(two.state.extras["radius_sq"][0])
    assert least <= jaxad.score(two, toy.test).min() < 0


@pytest.mark.parametrize("name", ["deep_svdd", "deep_sad"])
@pytest.mark.parametrize(
    "shift", [{"bias": True}, {"norm": "batch"}, {"norm": "layer"}], ids=lambda s: str(s)
)
def test_a_net_that_could_collapse_is_built_only_when_asked_for(toy, name, shift):
    with pytest.raises(ConfigError, match="allow_collapse"):
        jaxad.make(name, toy.train, **shift)
    detector = jaxad.make(name, toy.train, **shift, allow_collapse=True)
    params = detector.init(jax.random.key(0), toy.train).params
    assert any("bias" in layer for layer in params.values())


@pytest.mark.parametrize("name", ["deep_svdd", "deep_sad"])
@pytest.mark.parametrize("shape", [(6,), (8, 8, 1)], ids=["table", "image"])
@pytest.mark.parametrize("norm", ["none", "batch_no_affine"])
def test_no_hypersphere_net_has_a_learned_shift(name, shape, norm):
    x = np.zeros((40, *shape), np.float32)
    train = jaxad.TrainData(x, np.zeros(40, np.int8), np.int32(40), np.int32(shape[-1]))
    detector = jaxad.make(name, train, norm=norm)
    params = jax.eval_shape(detector.init, jax.random.key(0), train).params
    assert all(set(layer) == {"kernel"} for layer in params.values())
