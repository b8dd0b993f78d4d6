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
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from jaxad.data.rng import as_key
from jaxad.detector import Detector, keep
from jaxad.errors import ConfigError, DataError
from jaxad.evaluation.scoring import score
from jaxad.explain.training_path import PathKernel, final_losses, path_kernel
from jaxad.learners import gradient_step
from jaxad.padding import pad_axis, pad_to_buckets
from jaxad.training import program
from jaxad.training.checks import check_scorable, check_trainable
from jaxad.training.fitted import Fit
from jaxad.training.program import BUFFER, How, Window
from jaxad.training.stacking import as_partial, share
from jaxad.training.train import fit
from jaxad.types import Key, Keys, State, TrainData
from jaxad.utils.modes import pinned_modes

__all__ = ["Influence", "influence"]

HOW = How("map", None)  # one seed

_path_kernel = jax.jit(path_kernel)
_final_losses = jax.jit(final_losses)


@dataclass(frozen=True, eq=False)
class Influence:
    """The effect of each training row on the losses of some rows.

    Attributes:
        kernel: `(m, n)` the path kernel K of each row with each training row; negative values made
            the row look more normal.
        decay: `(m,)` the effect of the penalty on the weights, with the same sign.
        momentum: `(m,)` the effect of moving the parameters in other steps than those of the
            gradients; 0 for optimisers without momentum.
        statistics: `(m,)` the change with the rows that BatchNorm takes its statistics from, up to
            the running statistics after training; 0 without BatchNorm.
        before: `(m,)` the losses of the rows as normal ones before training, after any
            pre-training.
        after: `(m,)` the same losses after training.
    """

    kernel: Float[np.ndarray, "m n"]
    decay: Float[np.ndarray, "m"]
    momentum: Float[np.ndarray, "m"]
    statistics: Float[np.ndarray, "m"]
    before: Float[np.ndarray, "m"]
    after: Float[np.ndarray, "m"]

    @property
    def remainder(self) -> Float[np.ndarray, "m"]:
        """The part of each change beyond first order; it shrinks with the step size."""
        explained = self.kernel.sum(axis=1) + self.decay + self.momentum + self.statistics
        return self.after - self.before - explained

    def sum_over(
        self, rows: Bool[np.ndarray, "n"] | Int[np.ndarray, "k"]
    ) -> Float[np.ndarray, "m"]:
        """Sum the kernel over some training rows, such as the hidden or the labelled anomalies.

        Over groups that make up all training rows these are the terms of theorem 1: the change of a
        loss is their sum and the other attributes.

        Args:
            rows: `(n,)` a mask of the training rows, or `(k,)` their indices.

        Returns:
            `(m,)` the effect of these rows on each row; negative where they made it look normal.

        Raises:
            DataError: A mask of another length, or an index that is out of range.
        """
        chosen, count = np.asarray(rows), self.kernel.shape[1]
        if chosen.dtype == bool and chosen.shape != (count,):
            raise DataError(
                f"rows must be a mask of the {count} training rows; given shape {chosen.shape}"
            )
        try:
            return self.kernel[:, chosen].sum(axis=1)
        except IndexError as error:
            raise DataError(
                f"rows must be a mask of booleans or indices of the {count} training rows: {error}"
            ) from error

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

    For plain gradient descent (`optimiser="sgd"`) without BatchNorm the result is exact to first
    order in the step size. With another optimiser, a row's gradient is multiplied by the factors
    that the optimiser has in its step (`Optimiser.precondition`), and `momentum` has what the
    optimiser moved at other times. With BatchNorm, `statistics` has what no row's loss explains;
    see `path_kernel`. Pre-training counts as part of the initialisation.

    The kernel follows this path of training. Training without some rows takes another path: treat
    the kernel as a ranking of rows, not as the change that leaving them out would make.

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
    parts = detector.parts
    assert parts is not None  # `_check_detector` has checked it
    wide = _like_training(rows, data)
    before = np.asarray(_final_losses(parts, state, wide))
    n = int(train.count)
    path = _follow(detector, train, data, keys, state, wide)
    state, kernel = path.state, np.asarray(path.kernel)[:, :n]
    after = np.asarray(_final_losses(parts, state, wide))
    if not (np.isfinite(kernel).all() and np.isfinite(after).all()):
        raise DataError("training diverged; make the detector with a smaller learning_rate")
    if isinstance(fitted, Fit):
        ours, theirs = np.asarray(detector.score(state, jnp.asarray(rows))), score(fitted, rows)
        if not any(np.allclose(ours, of_seed, rtol=2e-3) for of_seed in theirs):
            raise ConfigError(
                "train, key and seed are not those of the fit, whose scores of x differ; given "
                f"seed={seed}"
            )
    decay, momentum, statistics = map(np.asarray, (path.decay, path.momentum, path.statistics))
    return Influence(kernel, decay, momentum, statistics, before, after)


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
    return detector


def _like_training(x: np.ndarray, data: TrainData) -> np.ndarray:
    """Return rows with the dtype and the padded columns of the training rows.

    Raises:
        DataError: Pixels of whole numbers in one of them only.
    """
    kind = data.x.dtype
    if (x.dtype == np.uint8) != (kind == np.uint8):
        raise DataError(f"x must have the dtype of train.x, {kind}; given {x.dtype}")
    return pad_axis(x.astype(kind), data.x.shape[-1], x.ndim - 1)


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
    zero = jnp.zeros(())
    whole = PathKernel(zero, zero, zero, zero, state)
    for first in range(0, total, BUFFER):
        window = Window(len(detector.before), first, total, detector.epochs)
        drawn = program.draws(detector.sampler, keys, per_epoch, window, how=HOW)
        orders, step_keys = jax.tree.map(lambda leaf: leaf[0], (drawn.orders, drawn.keys))
        steps = first + np.arange(BUFFER)
        draw = jax.vmap(detector.sampler.draw, in_axes=(None, 0, 0))
        index = draw(table, orders, jnp.asarray(steps % per_epoch[0]))
        if index.ndim != 2:
            raise ConfigError(
                f"influence supports losses of single rows only; {detector.name} is trained on "
                "pairs or triplets of rows"
            )
        epoch = jnp.asarray(steps / per_epoch[0], jnp.float32)
        count = min(BUFFER, total - first)
        path = _path_kernel(detector.parts, whole.state, data, x, index, epoch, step_keys, count)
        whole = PathKernel(
            whole.kernel + path.kernel,
            whole.decay + path.decay,
            whole.momentum + path.momentum,
            whole.statistics + path.statistics,
            path.state,
        )
    return whole
