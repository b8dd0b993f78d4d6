"""Players that take turns: who moves what, on what, and in which order."""

from math import inf

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial

from jaxad.learners import (
    Optimiser,
    Player,
    generated_loss,
    real_loss,
    start_players,
    take_turns,
)
from jaxad.types import Batch, Variables

KEY = jax.random.key(3)
BATCH = Batch(jnp.ones((4, 1)), jnp.zeros(4, jnp.int8), jnp.arange(4), jnp.zeros(()))


def sgd(rate, decay=0.0):
    return Optimiser("sgd", rate, inf, 1.0, decay)


def state_of(players, **numbers):
    params = {name: {"kernel": jnp.float32(value)} for name, value in numbers.items()}
    return start_players(players, Variables(params, {}), {})


def numbers_of(state):
    return {name: float(part["kernel"]) for name, part in state.params.items()}


def product(sign, state, batch, key):
    """`sign * a * b`: of a the player should climb or descend, of b too if it moves it."""
    del batch, key
    a, b = (state.params[name]["kernel"] for name in "ab")
    return sign * a * b, (state, {})


def test_each_player_moves_its_own_and_sees_what_those_before_left():
    """By hand: min over a of ab, then max over b of ab, each by a gradient step."""
    players = (
        Player("down", ("a",), Partial(product, 1.0), sgd(0.1)),
        Player("up", ("b",), Partial(product, -1.0), sgd(0.01)),
    )
    state, info = take_turns(players, state_of(players, a=2.0, b=3.0), BATCH, KEY)
    a = 2 - 0.1 * 3
    b = 3 + 0.01 * a
    assert numbers_of(state) == pytest.approx({"a": a, "b": b})
    assert info["down_loss"] == pytest.approx(6)
    assert info["up_loss"] == info["loss"] == pytest.approx(-a * 3)


def test_players_may_share_a_network_and_keep_their_own_optimisers():
    adam, slow = Optimiser("adam", 0.1, inf, 1.0, 0.0), sgd(0.01)
    players = (
        Player("both", ("a", "b"), Partial(product, 1.0), adam),
        Player("one", ("a",), Partial(product, 1.0), slow),
    )
    state, _ = take_turns(players, state_of(players, a=2.0, b=3.0), BATCH, KEY)
    # Adam's first step is the step size.
    assert numbers_of(state) == pytest.approx({"a": 1.9 - 0.01 * 2.9, "b": 2.9}, rel=1e-4)
    assert int(state.opt_state["both"].count) == 1
    assert set(state.opt_state["both"].mu) == {"a", "b"}


def test_parameters_that_a_loss_returns_are_not_looked_at():
    def spoiling(state, batch, key):
        loss, (state, info) = product(1.0, state, batch, key)
        nothing = jax.tree.map(jnp.zeros_like, state.params)
        return loss, (state._replace(params=nothing, opt_state={}), info)

    honest = (Player("down", ("a",), Partial(product, 1.0), sgd(0.1)),)
    players = (Player("down", ("a",), Partial(spoiling), sgd(0.1)),)
    want, got = (take_turns(p, state_of(p, a=2.0, b=3.0), BATCH, KEY)[0] for p in (honest, players))
    assert numbers_of(got) == numbers_of(want)
    assert got.opt_state.keys() == want.opt_state.keys()


def test_the_penalty_is_on_what_a_player_moves():
    players = (Player("down", ("a",), Partial(product, 0.0), sgd(0.1, decay=0.5)),)
    state, info = take_turns(players, state_of(players, a=2.0, b=3.0), BATCH, KEY)
    assert numbers_of(state) == pytest.approx({"a": 2 - 0.1 * 0.5 * 2, "b": 3.0})
    assert info["loss"] == pytest.approx(0.5 * 0.5 * 4)


def test_each_turn_has_its_own_key_and_passes_the_rest_of_the_state_on():
    def loss(name, state, batch, key):
        drawn = jax.random.uniform(key)
        extras = state.extras | {name: drawn, f"{name}_before": len(state.extras)}
        return 0.0 * state.params["a"]["kernel"], (state._replace(extras=extras), {name: drawn})

    players = tuple(
        Player(name, ("a",), Partial(lambda *args, name=name: loss(name, *args)), sgd(0.1))
        for name in ("first", "second")
    )
    state, info = take_turns(players, state_of(players, a=1.0), BATCH, KEY)
    assert (state.extras["first_before"], state.extras["second_before"]) == (0, 2)
    for i, name in enumerate(("first", "second")):
        assert info[name] == state.extras[name] == jax.random.uniform(jax.random.fold_in(KEY, i))


def test_numbers_of_players_are_traced():
    def players(sign, rate):
        return (Player("down", ("a",), Partial(product, sign), sgd(rate)),)

    step = jax.jit(take_turns)
    for sign, rate in [(1.0, 0.1), (-2.0, 0.3)]:
        these = players(sign, rate)
        step(these, state_of(these, a=1.0, b=2.0), BATCH, KEY)
    assert step._cache_size() == 1


@pytest.mark.parametrize("loss", [real_loss, generated_loss])
@pytest.mark.parametrize("logit", [0.0, 3.0, 1e4, -1e4, 1e30, -1e30])
def test_a_saturated_critic_has_finite_losses_and_gradients(loss, logit):
    logits = jnp.full(8, logit, jnp.float32)
    value, slope = jax.value_and_grad(loss)(logits)
    assert np.isfinite(value) and np.isfinite(slope).all()
    sign = -1 if loss is real_loss else 1
    expected = np.logaddexp(0, np.float64(sign * logit))
    np.testing.assert_allclose(value, expected, rtol=1e-5)
