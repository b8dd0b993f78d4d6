"""Adversarial training: players that take turns within one step.

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

__all__ = ["Player", "Turn", "generated_loss", "real_loss", "start_players", "take_turns"]

Turn = tuple[Float[Array, ""], tuple[State, Info]]


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["loss", "optimiser"],
    meta_fields=["name", "moves"],
)
@dataclass(frozen=True)
class Player:
    """Some networks of a state, with a loss that trains them and an optimiser of their own.

    Attributes:
        name: Name of the player; the history records its loss as "{name}_loss".
        moves: The entries of `State.params` that it trains; players may share some.
        loss: A `Partial` `(state, batch, key) -> (loss, (state, info))`, differentiated by the
            entries that the player trains; all others are constants. The returned state may have
            new running statistics, extras and weighting; its parameters and optimiser states are
            ignored.
        optimiser: Optimiser of the entries.
    """

    name: str
    moves: tuple[str, ...]
    loss: Partial
    optimiser: Optimiser


def start_players(
    players: Sequence[Player], variables: Variables, extras: PyTree, weighting: PyTree = ()
) -> State:
    """Build the initial state for `take_turns`, with an optimiser state for each player."""
    opt_state = {
        player.name: player.optimiser.init(_select(player, variables.params)) for player in players
    }
    return State(variables.params, variables.batch_stats, extras, opt_state, weighting)


def take_turns(
    players: Sequence[Player], state: State, batch: Batch, key: Key
) -> tuple[State, Info]:
    """Take one step: each player in turn trains its networks, on the state left by those before.

    Player i gets the key `fold_in(key, i)`. The history records every player's loss, and that of
    the last player also as "loss"; the player whose networks give the score should come last.

    An adversarial detector's `update` is `Partial(take_turns, players)`, its `init` ends with
    `start_players`, and its module defines a loss for each player.

    Examples:
        A generator with one parameter b learns the location of the data against a critic
        `w x + c`.

        >>> from math import inf
        >>> def critic(state, batch, key):
        ...     made = generate(state, key)
        ...     loss = real_loss(judge(state, batch.x)) + generated_loss(judge(state, made))
        ...     return loss, (state, {})
        >>> def generator(state, batch, key):
        ...     made = generate(state, key)
        ...     return real_loss(judge(state, made)), (state, {"mean": jnp.mean(made)})
        >>> def judge(state, x):
        ...     return x @ state.params["critic"]["kernel"] + state.params["critic"]["bias"]
        >>> def generate(state, key):
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
        state, loss, own = _take_turn(player, state, batch, jax.random.fold_in(key, i))
        info |= {f"{player.name}_loss": loss, **own}
    return state, {"loss": loss, **info}


def _take_turn(player: Player, state: State, batch: Batch, key: Key):
    """Return the state after one player's turn, its loss, and its diagnostics."""

    def compute_loss(own: PyTree) -> Turn:
        now = state._replace(params=state.params | own)
        loss, after = player.loss(now, batch, key)
        return loss + player.optimiser.penalty(own), after

    own = _select(player, state.params)
    (loss, (after, info)), grads = jax.value_and_grad(compute_loss, has_aux=True)(own)
    own, opt_state = player.optimiser.update(grads, state.opt_state[player.name], own, batch.epoch)
    after = after._replace(
        params=state.params | own, opt_state=state.opt_state | {player.name: opt_state}
    )
    return after, loss, info


def _select(player: Player, params: PyTree) -> PyTree:
    return {name: params[name] for name in player.moves}


def real_loss(logits: Float[Array, "*b"]) -> Float[Array, ""]:
    """Compute `mean -log sigmoid(logits)`, low where a critic takes all for real; finite."""
    return jnp.mean(jax.nn.softplus(-logits))


def generated_loss(logits: Float[Array, "*b"]) -> Float[Array, ""]:
    """Compute `mean -log (1 - sigmoid(logits))`, low where a critic takes all for generated."""
    return jnp.mean(jax.nn.softplus(logits))
