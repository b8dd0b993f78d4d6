r"""Influence of training rows on the loss of other rows, by the path kernel of training.

With small steps of gradient descent the loss of a row x as a normal one changes over training by

$$L(x; \theta_T) = L(x; \theta_0) + \sum_i K(x, x_i), \qquad
K(x, x_i) = -\int \langle \nabla L(x), \nabla L_i \rangle \, dt.$$

Rows with the most negative K made x look normal.

References:
    Wu et al. 2022, Understanding and mitigating data contamination in deep anomaly detection: a
    kernel-based approach, theorem 1.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxad.data.rng import as_key
from jaxad.detector import Detector, Parts, keep
from jaxad.errors import ConfigError, DataError
from jaxad.evaluation.scoring import score
from jaxad.learners import gradient_step
from jaxad.padding import pad_to_buckets, take_rows
from jaxad.training import program
from jaxad.training.checks import check_scorable, check_trainable
from jaxad.training.fitted import Fit
from jaxad.training.program import BUFFER, How, Window
from jaxad.training.stacking import as_partial, share
from jaxad.training.train import fit
from jaxad.types import Batch, Key, Keys, PyTree, State, TrainData, Variables
from jaxad.utils.modes import pinned_modes
from jaxad.weighting import Context, Weights

__all__ = ["Influence", "PathKernel", "influence", "path_kernel"]

HOW = How("map", None)  # one seed


class PathKernel(NamedTuple):
    """The first-order effect of training steps on the losses of some rows.

    Attributes:
        kernel: `(m, n)` the effect of each of n training rows on each of m rows; negative effects
            made the row look more normal.
        decay: `(m,)` the effect of the penalty on the weights.
        state: The state after the steps.
    """

    kernel: Float[Array, "m n"]
    decay: Float[Array, "m"]
    state: State


@dataclass(frozen=True, eq=False)
class Influence:
    """The effect of each training row on the losses of some rows.

    Attributes:
        kernel: `(m, n)` the path kernel K of each row with each training row; negative values made
            the row look more normal.
        decay: `(m,)` the effect of the penalty on the weights, with the same sign.
        before: `(m,)` the losses of the rows as normal ones before training, after any
            pre-training.
        after: `(m,)` the same losses after training.
    """

    kernel: Float[np.ndarray, "m n"]
    decay: Float[np.ndarray, "m"]
    before: Float[np.ndarray, "m"]
    after: Float[np.ndarray, "m"]

    @property
    def remainder(self) -> Float[np.ndarray, "m"]:
        """The part of each change beyond first order; it shrinks with the step size."""
        return self.after - self.before - self.kernel.sum(axis=1) - self.decay

    def top(self, count: int = 10) -> Int[np.ndarray, "m count"]:
        """Return the training rows that made each row look normal, the strongest first."""
        return np.argsort(self.kernel, axis=1, kind="stable")[:, :count]


@pinned_modes()
def influence(
    fitted: Fit | Detector, train: TrainData, x: Any, *, seed: int = 0, key: int | Key = 0
) -> Influence:
    """Compute which training rows made some rows look normal.

    The gradients along the path of training are needed. So one seed is trained again, with the
    same batches from the same key. Each step costs about as much as two more for each of the m
    rows; use it for small networks and few rows.

    The result is exact to first order for plain gradient descent only, and for networks in which
    the output of a row does not depend on the other rows of its batch: make the detector with
    `optimiser="sgd"` and `norm="none"` or `"layer"`. Pre-training counts as part of the
    initialisation.

    Args:
        fitted: A detector, or a fit of it; the scores of `x` under a fit must agree with those of
            the training here.
        train: The training data; with splits for several seeds, that of the seed.
        x: `(m, ...)` rows as in `train.x`; they need not be training rows.
        seed: The seed of the fit to follow.
        key: The key of the fit.

    Returns:
        The kernel and the losses before and after training, on the host.

    Raises:
        ConfigError: The detector's steps are not sums over rows, or no seed of the fit was trained
            with this data, key and seed.
        DataError: Rows that the detector cannot take, or training diverged.
    """
    detector = _check_detector(fitted.single if isinstance(fitted, Fit) else fitted)
    check_trainable(train, detector)
    if np.ndim(train.count):
        raise ConfigError("train has several splits; give one, as in split.seed(i).train")
    rows = np.asarray(x)
    check_scorable(rows, 0, detector.input_shape)
    root, data = as_key(key), jax.device_put(pad_to_buckets(train))
    keys = program.seed_keys(root, np.array([seed]))
    state = _at_start(detector, train, data, keys, root, seed)
    if jax.tree.leaves(state.batch_stats):
        raise ConfigError(
            "with BatchNorm a row's output depends on its batch and on running statistics, which "
            "no gradient moves: make the detector with norm='none' or 'layer'"
        )
    parts = detector.parts
    assert parts is not None  # `_check_detector` has checked it
    before = np.asarray(_losses(parts, state, rows))
    n = int(train.count)
    kernel, decay, state = _follow(detector, train, data, keys, state, rows)
    kernel, after = np.asarray(kernel)[:, :n], np.asarray(_losses(parts, state, rows))
    if not (np.isfinite(kernel).all() and np.isfinite(after).all()):
        raise DataError("training diverged; make the detector with a smaller learning_rate")
    if isinstance(fitted, Fit):
        ours, theirs = np.asarray(detector.score(state, jnp.asarray(rows))), score(fitted, rows)
        if not any(np.allclose(ours, of_seed, rtol=2e-3) for of_seed in theirs):
            raise ConfigError(
                "train, key and seed are not those of the fit, whose scores of x differ; given "
                f"seed={seed}"
            )
    return Influence(kernel, np.asarray(decay), before, after)


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
    """Take steps of gradient descent, and sum the effects of their rows on the losses of rows x.

    A step moves the parameters by `-(rate / b) sum_i grad l_i`, where `l_i` is a row's weighted
    loss; so row i changes `L(x)` by `-(rate / b) <grad L(x), grad l_i>` to first order. For one x
    the effects of all rows of a batch are one forward-mode derivative of the batch's losses along
    `grad L(x)`. The function is pure.

    Args:
        parts: The choices of a detector that `gradient_step` trains by plain gradient descent.
        state: The state to start from.
        data: The training rows.
        x: The rows whose losses are followed.
        index: The rows of each batch.
        epoch: The epoch of each step.
        keys: `(steps,)` a random key for each step.
        steps: How many of the steps to take; all by default.
    """
    model, objective, weighting, optimiser = parts
    assert objective is not None and optimiser is not None
    x, index, epoch = jnp.asarray(x), jnp.asarray(index), jnp.asarray(epoch)

    def step(t, carry):
        kernel, decay, state = carry
        rows = index[t]
        batch = Batch(take_rows(data.x, rows), jnp.asarray(data.label)[rows], rows, epoch[t])
        shares, penalty = _first_order(parts, state, batch, keys[t], x)
        rate = optimiser.rate(epoch[t])
        kernel = kernel.at[:, rows].add(-rate / rows.size * shares)
        after, _ = gradient_step(model, objective, weighting, optimiser, state, batch, keys[t])
        return PathKernel(kernel, decay - rate * penalty, after)

    dtype = jax.tree.leaves(state.params)[0].dtype
    kernel = jnp.zeros((len(x), np.shape(data.label)[0]), dtype)
    start = PathKernel(kernel, jnp.zeros(len(x), dtype), state)
    return jax.lax.fori_loop(0, len(index) if steps is None else steps, step, start)


_path_kernel = jax.jit(path_kernel)


def _first_order(
    parts: Parts, state: State, batch: Batch, key: Key, x: Array
) -> tuple[Float[Array, "m b"], Float[Array, "m"]]:
    """Compute `<grad L(x), grad l_i>` for each row of the batch, and the same with the penalty."""
    model, objective, weighting, optimiser = parts
    assert objective is not None and optimiser is not None
    out = model.apply(state.variables, state.extras, batch.x, train=True).out
    context = Context(model, objective, state.variables, state.extras, batch, out, key)
    start = Weights(jnp.ones(batch.label.shape), jnp.zeros(batch.label.shape))
    weights, _ = weighting.update(start, state.weighting, context)

    def of_batch(params: PyTree):
        variables = Variables(params, state.batch_stats)
        out = model.apply(variables, state.extras, batch.x, train=True).out
        losses = weights.normal * objective.normal(out, batch)
        if objective.anomaly is not None:
            losses = losses + weights.anomaly * objective.anomaly(out, batch)
        return losses, optimiser.penalty(params)

    def along(gradient: PyTree):
        return jax.jvp(of_batch, (state.params,), (gradient,))[1]

    gradients = jax.jacrev(lambda p: _losses_at(parts, state._replace(params=p), x))(state.params)
    return jax.vmap(along)(gradients)


def _losses_at(parts: Parts, state: State, x: Array) -> Float[Array, "m"]:
    """Compute the losses of rows as normal ones, in inference mode."""
    out = parts.model.apply(state.variables, state.extras, x, train=False).out
    rows = len(x)
    batch = Batch(x, jnp.zeros(rows, jnp.int8), jnp.zeros(rows, jnp.int32), jnp.zeros(()))
    assert parts.objective is not None
    return parts.objective.normal(out, batch)


_losses = jax.jit(_losses_at)


def _check_detector(detector: Any) -> Detector:
    """Return the detector, if its steps are sums over rows.

    Raises:
        ConfigError: They are not.
    """
    name = getattr(detector, "name", type(detector).__name__)
    update = getattr(detector, "update", None)
    if not isinstance(detector, Detector) or getattr(update, "func", None) is not gradient_step:
        raise ConfigError(
            f"influence supports detectors trained by gradient_step only; {name} is not one of them"
        )
    if detector.each_epoch is not keep:
        raise ConfigError(
            f"influence supports training by gradients only; {name} also sets quantities in closed "
            "form"
        )
    if detector.parts is None or detector.parts.optimiser is None:
        raise ConfigError(f"influence reads the parts of a detector; {name} has none")
    kind = detector.parts.optimiser.kind
    if kind != "sgd":
        raise ConfigError(
            f"optimiser={kind!r} has steps that are not sums over rows: make the detector with "
            "optimiser='sgd', and a learning_rate that suits it"
        )
    return detector


def _at_start(
    detector: Detector, train: TrainData, data: TrainData, keys: Keys, root: Key, seed: int
) -> State:
    """Return the state of one seed in which the detector's main training begins."""
    begin = as_partial(detector.begin)
    if not detector.before:
        functions = share((as_partial(detector.init), begin))
        state = program.start(functions, keys, data, how=HOW)
    else:
        *before, last = detector.before
        first = detector._replace(
            update=last.update,
            begin=last.begin,
            each_epoch=last.each_epoch,
            sampler=last.sampler,
            epochs=last.epochs,
            before=tuple(before),
        )
        state = fit(first, train, [seed], key=root, mode=HOW.mode).state  # pyright: ignore
        phase = len(detector.before)
        state = program.begin(share(begin), state, data, keys, phase, how=HOW)
    return jax.tree.map(lambda leaf: leaf[0], state)


def _follow(
    detector: Detector, train: TrainData, data: TrainData, keys: Keys, state: State, x: np.ndarray
) -> PathKernel:
    """Follow the detector's main training, with the batches that `fit` takes."""
    per_epoch = np.asarray(detector.sampler.steps_per_epoch(train)).reshape(1).astype(np.int32)
    table = jax.device_put(detector.sampler.init(data))
    total = int(per_epoch[0]) * detector.epochs
    kernel, decay = 0.0, 0.0
    for first in range(0, total, BUFFER):
        window = Window(len(detector.before), first, total, detector.epochs)
        drawn = program.draws(detector.sampler, keys, per_epoch, window, how=HOW)
        orders, step_keys = jax.tree.map(lambda leaf: leaf[0], (drawn.orders, drawn.keys))
        steps = first + np.arange(BUFFER)
        draw = jax.vmap(detector.sampler.draw, in_axes=(None, 0, 0))
        index = draw(table, orders, jnp.asarray(steps % per_epoch[0]))
        epoch = jnp.asarray(steps / per_epoch[0], jnp.float32)
        count = min(BUFFER, total - first)
        path = _path_kernel(detector.parts, state, data, x, index, epoch, step_keys, count)
        kernel, decay, state = kernel + path.kernel, decay + path.decay, path.state
    return PathKernel(jnp.asarray(kernel), jnp.asarray(decay), state)
