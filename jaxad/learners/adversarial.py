"""Several networks against each other: players that take turns within one step.

References:
    Goodfellow et al. 2014, Generative adversarial nets, algorithm 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float

from jaxad.learners.optimiser import Optimiser
from jaxad.types import Batch, Info, Key, PyTree, State, Variables

__all__ = ["Player", "Turn", "as_generated", "as_real", "start_players", "take_turns"]

Turn = tuple[Float[Array, ""], tuple[State, Info]]


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["loss", "optimiser"],
    meta_fields=["name", "moves"],
)
@dataclass(frozen=True)
class Player:
    """Some of a state's networks, the loss that moves them and their own optimiser.

    Attributes:
        name: What the history calls its loss, with "_loss" behind it.
        moves: The entries of `State.params` that it moves; players may share some.
        loss: A `Partial` `(state, batch, key) -> (loss, (state, info))`. Its gradient is taken in
            the entries that the player moves, all others are constants to it. The state that it
            returns may have other running statistics, extras and weighting; its parameters and
            optimisers are not looked at.
        optimiser: How the entries move.
    """

    name: str
    moves: tuple[str, ...]
    loss: Partial
    optimiser: Optimiser


def start_players(
    players: Sequence[Player], variables: Variables, extras: PyTree, weighting: PyTree = ()
) -> State:
    """The state from which `take_turns` goes on: an optimiser's state for each player."""
    opt_state = {
        player.name: player.optimiser.init(_own(player, variables.params)) for player in players
    }
    return State(variables.params, variables.batch_stats, extras, opt_state, weighting)


def take_turns(
    players: Sequence[Player], state: State, batch: Batch, key: Key
) -> tuple[State, Info]:
    """One step: each player in turn moves its networks, and sees what those before it left.

    Player i gets the key `fold_in(key, i)`. The history has every player's loss, and the last
    player's as "loss": put the one whose networks give the score at the end.

    An adversarial detector's `update` is `Partial(take_turns, players)`, its `init` ends in
    `start_players`, and its file holds a loss for each player.

    Examples:
        A generator of one number b learns where the data is, against a critic `w x + c`.

        >>> from math import inf
        >>> def critic(state, batch, key):
        ...     made = generated(state, key)
        ...     loss = as_real(judged(state, batch.x)) + as_generated(judged(state, made))
        ...     return loss, (state, {})
        >>> def generator(state, batch, key):
        ...     made = generated(state, key)
        ...     return as_real(judged(state, made)), (state, {"mean": jnp.mean(made)})
        >>> def judged(state, x):
        ...     return x @ state.params["critic"]["kernel"] + state.params["critic"]["bias"]
        >>> def generated(state, key):
        ...     return state.params["generator"]["bias"] + jax.random.normal(key, (64, 1))
        >>> adam = Optimiser("adam", 0.03, inf, 1.0, weight_decay=0.3)
        >>> players = (
        ...     Player("critic", ("critic",), Partial(critic), adam),
        ...     Player("generator", ("generator",), Partial(generator), adam),
        ... )
        >>> networks = {
        ...     "critic": {"kernel": jnp.zeros((1, 1)), "bias": jnp.zeros(1)},
        ...     "generator": {"bias": jnp.zeros(1)},
        ... }
        >>> state, key = start_players(players, Variables(networks, {}), {}), jax.random.key(0)
        >>> x = 2 + jax.random.normal(jax.random.key(1), (64, 1))
        >>> batch = Batch(x, jnp.zeros(64, jnp.int8), jnp.arange(64), jnp.zeros(()))
        >>> step = jax.jit(partial(take_turns, players))
        >>> for t in range(400):
        ...     state, info = step(state, batch, jax.random.fold_in(key, t))
        >>> sorted(info)
        ['critic_loss', 'generator_loss', 'loss', 'mean']
        >>> bool(abs(state.params["generator"]["bias"][0] - 2) < 0.3)
        True
    """
    info: Info = {}
    loss = jnp.zeros(())
    for i, player in enumerate(players):
        state, loss, told = _take_turn(player, state, batch, jax.random.fold_in(key, i))
        info |= {f"{player.name}_loss": loss, **told}
    return state, {"loss": loss, **info}


def _take_turn(player: Player, state: State, batch: Batch, key: Key):
    """The state after one player's move, its loss, and what it has to tell."""

    def loss_of(own: PyTree) -> Turn:
        now = state._replace(params=state.params | own)
        loss, after = player.loss(now, batch, key)
        return loss + player.optimiser.penalty(own), after

    own = _own(player, state.params)
    (loss, (after, info)), grads = jax.value_and_grad(loss_of, has_aux=True)(own)
    own, opt_state = player.optimiser.update(grads, state.opt_state[player.name], own, batch.epoch)
    after = after._replace(
        params=state.params | own, opt_state=state.opt_state | {player.name: opt_state}
    )
    return after, loss, info


def _own(player: Player, params: PyTree) -> PyTree:
    return {name: params[name] for name in player.moves}


def as_real(logits: Float[Array, "*b"]) -> Float[Array, ""]:
    """`mean -log sigmoid(logits)`: low where a critic takes all for real; never infinite."""
    return jnp.mean(jax.nn.softplus(-logits))


def as_generated(logits: Float[Array, "*b"]) -> Float[Array, ""]:
    """`mean -log (1 - sigmoid(logits))`: low where a critic takes all for generated."""
    return jnp.mean(jax.nn.softplus(logits))
