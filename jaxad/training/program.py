"""The compiled parts of training: pure functions, each mapped over seeds.

The data, the number of steps and every number of a detector are arguments, so that fits that differ
in these alone share programs.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, Float, Int

from jaxad.detector import keep
from jaxad.padding import largest
from jaxad.sampling.base import Sampler
from jaxad.training.bound import bounded
from jaxad.training.seeds import map_seeds
from jaxad.training.stacking import Functions
from jaxad.types import Batch, Key, Keys, Leaf, PyTree, TrainData, Windows

__all__ = [
    "BUFFER",
    "Draws",
    "How",
    "Window",
    "advance",
    "begin",
    "draws",
    "seed_keys",
    "start",
]

BUFFER = 1024  # the most steps in a window: the length of the history's buffer


class How(NamedTuple):
    """The static side of mapping over seeds.

    Attributes:
        mode: "vmap" or "map".
        data_axis: 0 if each seed has its own data, None if all share it.
        mesh: The devices that seeds are spread over; None if there is one.
    """

    mode: str
    data_axis: int | None
    mesh: Mesh | None = None


class Window(NamedTuple):
    """A range of steps of a phase, and the number of epochs of that phase."""

    phase: int
    start: int
    stop: int
    epochs: int


@bounded
@jax.jit
def seed_keys(root: Key, seeds: Int[Leaf, "seeds"]) -> Keys:
    """Derive the key of each seed."""
    return jax.vmap(partial(jax.random.fold_in, root))(seeds)


@bounded
@partial(jax.jit, static_argnames="how")
def start(functions: Functions, keys: Keys, data: TrainData, how: How) -> PyTree:
    """Make the state of every seed at the beginning of the first phase, by (init, begin)."""

    def one_seed(numbers, rest, key, data):
        init, begin = Functions(numbers, rest).whole()
        return begin(init(jax.random.fold_in(key, 0), data), data, _phase_key(key, 0))

    axes = (0, None, 0, how.data_axis)
    return map_seeds(one_seed, (*functions, keys, data), axes, how.mode, how.mesh)


@bounded
@partial(jax.jit, static_argnames="how")
def begin(
    functions: Functions, state: PyTree, data: TrainData, keys: Keys, phase: int, how: How
) -> PyTree:
    """Make the state of every seed at the beginning of a later phase, by begin."""

    def one_seed(numbers, rest, state, data, key):
        return Functions(numbers, rest).whole()(state, data, _phase_key(key, phase))

    axes = (0, None, 0, how.data_axis, 0)
    return map_seeds(one_seed, (*functions, state, data, keys), axes, how.mode, how.mesh)


def _phase_key(key: Key, phase: int) -> Key:
    return jax.random.fold_in(key, 1 + phase)


class Draws(NamedTuple):
    """The random numbers of a window of steps, `(seeds, BUFFER, ...)`."""

    orders: PyTree
    keys: Array


@bounded
@partial(jax.jit, static_argnames="how")
def draws(
    sampler: Sampler, keys: Keys, steps_per_epoch: np.ndarray, window: Window, how: How
) -> Draws:
    """Draw all random numbers that the sampler needs for a window, and a key for each step.

    Drawing them one by one inside the loop would cost more than a small step, and compiling the
    draws into every training program would cost as much as the rest of it.
    """

    def one_seed(key, steps_per_epoch):
        steps = window.start + jnp.arange(BUFFER)
        epoch_key = partial(jax.random.fold_in, _phase_key(key, window.phase))
        keys = jax.vmap(epoch_key)(steps // steps_per_epoch)
        orders = jax.vmap(sampler.shuffle)(keys)
        return Draws(orders, jax.vmap(jax.random.fold_in)(keys, steps % steps_per_epoch))

    return map_seeds(one_seed, (keys, steps_per_epoch), (0, 0), how.mode, how.mesh)


@bounded
@partial(jax.jit, static_argnames="how", donate_argnames="state")
def advance(
    state: PyTree,
    functions: Functions,
    sampler: Sampler,
    data: TrainData,
    table: PyTree,
    draws: Draws,
    steps_per_epoch: np.ndarray,
    window: Window,
    how: How,
) -> tuple[PyTree, dict[str, Float[Array, "seeds steps"]]]:
    """Take a window of steps for every seed, by (update, each_epoch).

    Returns:
        The states, and the diagnostics of each step, `(seeds, BUFFER)`; 0 for steps that are not
        taken.
    """
    return map_seeds(
        _advance_seed,
        (*functions, sampler, state, data, table, draws, steps_per_epoch, window),
        (0, None, None, 0, how.data_axis, how.data_axis, 0, 0, None),
        how.mode,
        how.mesh,
    )


def _advance_seed(
    numbers: PyTree,
    rest: PyTree,
    sampler: Sampler,
    state: PyTree,
    data: TrainData,
    table: PyTree,
    draws: Draws,
    steps_per_epoch: Int[Array, ""],
    window: Window,
) -> tuple[PyTree, dict[str, Float[Array, "steps"]]]:
    """Take a window of steps for one seed."""
    update, each_epoch = Functions(numbers, rest).whole()
    per_epoch = largest(steps_per_epoch)

    def draw(t: Int[Array, ""]) -> tuple[Batch, Key]:
        order, key = jax.tree.map(lambda leaf: leaf[t - window.start], draws)
        index = sampler.draw(table, order, t % per_epoch)
        mask = None if data.mask is None else _rows(data.mask, index)
        x, label = _rows(data.x, index), _rows(data.label, index)
        return Batch(x, label, index, t / per_epoch, mask, t), key

    def step(t, carry):
        state, history = carry
        if each_epoch.func is not keep:
            state = jax.lax.cond(
                t % per_epoch == 0,
                lambda state: each_epoch(state, data, t / per_epoch),
                lambda state: state,
                state,
            )
        state, info = update(state, *draw(t))
        at = t - window.start
        return state, jax.tree.map(lambda h, v: h.at[at].set(v), history, info)

    shapes = jax.eval_shape(lambda: update(state, *draw(jnp.asarray(window.start)))[1])
    history = jax.tree.map(lambda v: jnp.zeros((BUFFER, *v.shape), v.dtype), shapes)
    stop = jnp.minimum(window.stop, window.epochs * per_epoch)
    return jax.lax.fori_loop(window.start, stop, step, (state, history))


def _rows(x: Array | Windows, index: Int[Array, "*b"]) -> Array:
    if isinstance(x, Windows):
        return x[index]
    # A sampler's rows exist: without bounds checks the gather takes a fraction of the time.
    return x.at[index].get(mode="promise_in_bounds")
