r"""The path kernel: the first-order effects of training rows on the losses of other rows.

A step with the size $\eta$ moves the parameters against the gradient of the mean loss of the b rows
of a batch, after an optimiser has multiplied it by a factor P for each parameter. So to first order
row i changes the loss of a row x as a normal one by

$$-\frac{\eta}{b} \langle \nabla L(x), P \nabla l_i \rangle.$$

References:
    Wu et al. 2022, Understanding and mitigating data contamination in deep anomaly detection: a
    kernel-based approach, theorem 1 (P = 1). Optimisers other than gradient descent and networks
    with BatchNorm are this library's own extension.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from jaxad.detector import Parts
from jaxad.learners import gradient_step, row_losses
from jaxad.nets.norm import batch_statistics
from jaxad.padding import take_rows
from jaxad.types import Batch, Key, Keys, PyTree, State, TrainData

__all__ = ["PathKernel", "final_losses", "path_kernel"]


class PathKernel(NamedTuple):
    """The first-order effects of training steps on the losses of some rows.

    Attributes:
        kernel: `(m, n)` the effect of each of n training rows on each of m rows; negative effects
            made the row look more normal.
        decay: `(m,)` the effect of the penalties on the weights.
        momentum: `(m,)` the effect of moving the parameters in other steps than those of the
            gradients; 0 for optimisers without momentum.
        statistics: `(m,)` the change of the losses with the rows that BatchNorm takes its
            statistics from; 0 without BatchNorm.
        state: The state after the steps.
    """

    kernel: Float[Array, "m n"]
    decay: Float[Array, "m"]
    momentum: Float[Array, "m"]
    statistics: Float[Array, "m"]
    state: State


class _Step(NamedTuple):
    """The effects of one step on m rows: of the b rows of its batch, and of the whole step."""

    rows: Float[Array, "m b"]
    decay: Float[Array, "m"]
    whole: Float[Array, "m"]
    change: Float[Array, "m"]  # not only to first order


def path_kernel(
    parts: Parts,
    state: State,
    data: TrainData,
    x: Float[Array, "m *shape"],
    index: Int[Array, "steps b"],
    epoch: Float[Array, "steps"],
    keys: Keys,
    steps: Int[Array, ""] | int | None = None,
) -> PathKernel:
    """Take steps of training, and sum the effects of their rows on the losses of rows x.

    For one x the effects of all rows of a batch are one forward-mode derivative of the batch's
    losses along `P grad L(x)`. P is `Optimiser.precondition`, with the second moments as given
    numbers: that a row affects them is not part of its effect.

    With BatchNorm, `L(x)` is the loss of x normalised by the statistics of the batch, and `l_i`
    that of row i in its batch, with statistics that move with the parameters. The effect of a row
    on the losses of others through the statistics counts for the others.

    The function is pure.

    Args:
        parts: The choices of a detector that `gradient_step` trains.
        state: The state to start from.
        data: The training rows.
        x: The rows whose losses are followed; with BatchNorm as wide as those of the data.
        index: The rows of each batch.
        epoch: The epoch of each step.
        keys: `(steps,)` a random key for each step.
        steps: How many of the steps to take; all by default.
    """
    model, objective, weighting, optimiser = parts
    assert objective is not None and optimiser is not None
    momentum = optimiser.has_momentum
    x, index, epoch = jnp.asarray(x), jnp.asarray(index), jnp.asarray(epoch)

    def step(t, carry: PathKernel):
        rows, now = index[t], carry.state
        batch = Batch(take_rows(data.x, rows), jnp.asarray(data.label)[rows], rows, epoch[t])
        after, _ = gradient_step(model, objective, weighting, optimiser, now, batch, keys[t])
        effect = _measure_step(parts, now, after, batch, keys[t], x)
        delayed = effect.whole - effect.rows.sum(axis=1) - effect.decay
        return PathKernel(
            carry.kernel.at[:, rows].add(effect.rows),
            carry.decay + effect.decay,
            carry.momentum + delayed if momentum else carry.momentum,
            carry.statistics - effect.change,
            after,
        )

    dtype = jax.tree.leaves(state.params)[0].dtype
    kernel, zero = jnp.zeros((len(x), len(data.label)), dtype), jnp.zeros(len(x), dtype)
    start = PathKernel(kernel, zero, zero, zero, state)
    path = jax.lax.fori_loop(0, len(index) if steps is None else steps, step, start)
    if not jax.tree.leaves(state.batch_stats):
        return path._replace(statistics=zero)
    whole = final_losses(parts, path.state, x) - final_losses(parts, state, x)
    return path._replace(statistics=path.statistics + whole)


def _measure_step(
    parts: Parts, now: State, after: State, batch: Batch, key: Key, x: Array
) -> _Step:
    """Compute the effects of a step on the losses of rows."""
    model, objective, weighting, optimiser = parts
    assert objective is not None and optimiser is not None

    def train(params: PyTree):
        state = now._replace(params=params)
        losses, penalty, _ = row_losses(model, objective, weighting, state, batch, key)
        return losses, penalty + optimiser.penalty(params)

    def followed(params: PyTree):
        losses = _losses_in_batch(parts, now._replace(params=params), batch, key, x)
        return losses, losses

    def along(gradient: PyTree):
        factored = optimiser.precondition(gradient, now.opt_state, after.opt_state)
        return jax.jvp(train, (now.params,), (factored,))[1]

    gradients, before = jax.jacrev(followed, has_aux=True)(now.params)
    shares, penalty = jax.vmap(along)(gradients)
    rate = optimiser.rate(batch.epoch).astype(before.dtype)
    moved = jax.tree.map(jnp.subtract, after.params, now.params)
    whole = jax.vmap(lambda g: jnp.asarray(optax.tree.vdot(g, moved)))(gradients)
    change = followed(after.params)[0] - before
    return _Step(-rate / batch.label.size * shares, -rate * penalty, whole, change)


def _losses_in_batch(
    parts: Parts, state: State, batch: Batch, key: Key, x: Array
) -> Float[Array, "m"]:
    """Compute the losses of rows as normal ones, normalised as the rows of a batch are."""
    if not jax.tree.leaves(state.batch_stats):
        return final_losses(parts, state, x)
    rows = parts.weighting.statistics(batch)
    rows = jnp.ones(batch.label.shape, bool) if rows is None else rows
    both = jnp.concatenate([batch.x, x])
    with batch_statistics(jnp.concatenate([rows, jnp.zeros(len(x), bool)])):
        out = parts.model.apply(state.variables, state.extras, both, True, key).out
    return _as_normal(parts, jax.tree.map(lambda leaf: leaf[len(rows) :], out), x)


def final_losses(parts: Parts, state: State, x: Array) -> Float[Array, "m"]:
    """Compute the losses of rows as normal ones, in inference mode."""
    return _as_normal(
        parts, parts.model.apply(state.variables, state.extras, x, train=False).out, x
    )


def _as_normal(parts: Parts, out: PyTree, x: Array) -> Float[Array, "m"]:
    rows = len(x)
    batch = Batch(x, jnp.zeros(rows, jnp.int8), jnp.zeros(rows, jnp.int32), jnp.zeros(()))
    assert parts.objective is not None
    return parts.objective.normal(out, batch)
