"""GANomaly and AnoGAN: losses and searches against their formulas, and who moves what."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from layouts import are_channels_last

import jaxad
from jaxad.models import LatentSearch
from jaxad.nets.critics import critic
from jaxad.nets.mlp import mlp_decoder
from jaxad.objectives import encoded_twice
from jaxad.types import Batch

KEY = jax.random.key(0)


def batch_of(x):
    return Batch(jnp.asarray(x), jnp.zeros(len(x), jnp.int8), jnp.arange(len(x)), jnp.zeros(()))


def moved(before, after):
    """The names of the networks that a step has moved."""
    return {
        name
        for name in before.params
        if any(
            np.any(a != b)
            for a, b in zip(
                *(jax.tree.leaves(state.params[name]) for state in (before, after)), strict=True
            )
        )
    }


def test_the_losses_of_ganomaly_are_means_over_entries_that_are_data(toy):
    detector = jaxad.make("ganomaly", toy.train)
    state, model = detector.init(KEY, toy.train), detector.parts.model
    assert model.decoder.input_shape == (3,)
    x = np.pad(toy.train.x[:7], ((0, 0), (0, 26)))
    out = model.apply(state.variables, state.extras, jnp.asarray(toy.train.x[:7]), train=False).out

    def through(net, name, x):
        return net.apply(state.params[name], state.batch_stats[name], x, train=False).out

    z = np.tanh(through(model.encoder, "encoder", x))
    made = np.asarray(through(model.decoder, "decoder", z)) * (np.arange(32) < 6)
    again = np.tanh(through(model.again, "again", made))
    real, fake = (through(model.critic, "critic", rows)[1] for rows in (x, made))
    np.testing.assert_allclose(out.error, np.abs(x - made)[:, :6].mean(1), rtol=1e-5)
    np.testing.assert_allclose(out.code_error, np.abs(z - again).mean(1), rtol=1e-5)
    np.testing.assert_allclose(out.matching, np.mean((real - fake) ** 2, axis=1), rtol=1e-4)
    total = encoded_twice(2.0, 30.0, 4.0).normal(out)
    np.testing.assert_allclose(
        total, 2 * out.matching + 30 * out.error + 4 * out.code_error, rtol=1e-6
    )
    np.testing.assert_array_equal(detector.score(state, toy.train.x[:7]), out.code_error)


@pytest.mark.parametrize(("columns", "code"), [(3, 1), (6, 3), (8, 2), (40, 10)])
def test_the_code_of_ganomaly_has_a_quarter_of_the_columns_or_half_of_few(columns, code, toy_of):
    train = toy_of(features=columns).train
    model = jaxad.make("ganomaly", train).parts.model
    assert model.decoder.input_shape == (code,)


@pytest.mark.parametrize(
    ("name", "networks"),
    [
        ("ganomaly", {"critic": {"critic"}, "generator": {"encoder", "decoder", "again"}}),
        ("anogan", {"generator": {"generator"}, "critic": {"critic"}}),
    ],
)
def test_each_player_moves_its_own_networks(toy, name, networks):
    detector = jaxad.make(name, toy.train)
    (players,) = detector.update.args
    assert {player.name: set(player.moves) for player in players} == networks
    state = detector.init(KEY, toy.train)
    after, info = jax.jit(detector.update)(state, batch_of(toy.train.x[:32]), KEY)
    assert moved(state, after) == set.union(*networks.values())
    assert all(np.isfinite(value) for value in info.values())


def test_by_label_the_critic_of_anogan_takes_labelled_anomalies_for_generated(toy):
    detector = jaxad.make("anogan", toy.train, weighting="by_label")
    state, (players,) = detector.init(KEY, toy.train), detector.update.args
    critic = players[1].loss
    model = critic.args[0]
    batch = batch_of(toy.train.x[:8])._replace(
        label=jnp.array([-1, 0, 1, 0, 0, 0, -1, 0], jnp.int8)
    )
    loss, _ = critic(state, batch, KEY)
    made = model.generate(state.variables, state.extras, KEY, 8, train=True).out
    x = jnp.pad(batch.x, ((0, 0), (0, 26)))
    real, fake = (np.asarray(model.judge(state.variables, rows)[0]) for rows in (x, made))
    sign = np.where(batch.label < 0, 1, -1)
    want = np.logaddexp(0, sign * real).mean() + np.logaddexp(0, fake).mean()
    np.testing.assert_allclose(loss, want, rtol=1e-5)


@pytest.mark.parametrize("name", ["anogan", "ganomaly"])
def test_a_saturated_critic_leaves_all_weights_finite(toy, name):
    detector = jaxad.make(name, toy.train)
    state = detector.init(KEY, toy.train)
    large = jax.tree.map(lambda p: 1e6 * p, state.params["critic"])
    state = state._replace(params=state.params | {"critic": large})
    after, info = jax.jit(detector.update)(state, batch_of(toy.train.x[:32]), KEY)
    assert all(np.isfinite(value) for value in info.values())
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(after.params))


def linear_search(train, width=3):
    """A generator that is a linear map, and its matrix `(width, columns)`."""
    model = LatentSearch(
        mlp_decoder(32, (width,), "none", False), critic((32,), (5,), features=True)
    )
    variables, extras = model.init(KEY, train)
    return model, variables, extras, np.asarray(variables.params["generator"]["output"]["kernel"])


def test_the_search_finds_the_code_of_a_generated_row(toy):
    model, variables, extras, matrix = linear_search(toy.train)
    code = np.array([[1.0, -0.5, 0.2], [0.0, 0.0, 0.0], [-2.0, 1.0, 0.5]], np.float32)
    rows = (code @ matrix)[:, :6]
    start = model.distance(variables, extras, 0.1, jnp.zeros_like(code), rows)
    found = model.search(variables, extras, 400, 0.02, 0.1, rows)
    assert np.all(found[np.array([0, 2])] < 0.05 * start[np.array([0, 2])])
    assert found[1] < 0.05


def test_no_search_leaves_the_distance_to_the_row_of_the_mean_code(toy):
    """A linear generator without bias makes zeros of it."""
    model, variables, extras, _ = linear_search(toy.train)
    x = toy.test.x[:5]
    got = model.search(variables, extras, 0, 0.05, 0.0, x)
    np.testing.assert_allclose(got, np.abs(x).sum(1), rtol=1e-6)
    real, fake = (
        model.judge(variables, jnp.pad(rows, ((0, 0), (0, 26))))[1] for rows in (x, 0 * x)
    )
    only_features = model.search(variables, extras, 0, 0.05, 1.0, x)
    np.testing.assert_allclose(only_features, np.abs(real - fake).sum(1), rtol=1e-5)


def test_a_row_s_search_does_not_know_the_rows_beside_it(toy):
    model, variables, extras, _ = linear_search(toy.train)
    x = jnp.asarray(toy.test.x[:8])
    search = jax.jit(lambda x: model.search(variables, extras, 50, 0.05, 0.1, x))
    beside = jnp.concatenate([x[:2], 100 * x[2:]])
    np.testing.assert_allclose(search(x)[:2], search(beside)[:2], rtol=1e-5)


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="layouts matter on the CPU alone")
@pytest.mark.parametrize("name", ["anogan", "ganomaly"])
def test_every_convolution_of_steps_and_searches_is_channels_last(name):
    x = np.zeros((8, 16, 16, 1), np.uint8)
    train = jaxad.TrainData(x, np.zeros(8, np.int8), np.int32(8), np.int32(1))
    detector = jaxad.make(name, train, channels=(4, 8), widths=(8, 4))
    state = jax.eval_shape(lambda: detector.init(KEY, train))

    def steps(state):
        state, _ = jax.lax.scan(
            lambda s, t: detector.update(s, batch_of(x), jax.random.fold_in(KEY, t)),
            state,
            jnp.arange(3),
        )
        return detector.score(state, jnp.asarray(x))

    text = jax.jit(steps).lower(state).as_text()
    assert are_channels_last(text)


def test_anogan_generates_rows_with_zeros_in_columns_of_padding(toy):
    detector = jaxad.make("anogan", toy.train)
    made = np.asarray(detector.generate(detector.init(KEY, toy.train), KEY))
    assert made.shape == (128, 32) and np.any(made[:, :6]) and not np.any(made[:, 6:])
