"""What a weighting is, and those that read labels alone.

Like an optax transformation, a weighting is a pair of pure functions with a state of its own, and
weightings chain. It is a pytree: its functions are structure, its numbers are leaves, so that
weightings that differ in numbers alone share one compiled program.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Bool, Float, Int

from jaxad.errors import ConfigError
from jaxad.models.base import Model
from jaxad.objectives import Objective
from jaxad.types import Batch, Info, Key, PyTree, TrainData, Variables
from jaxad.weighting.registry import register

__all__ = ["Context", "Weighting", "Weights", "by_label", "chain", "unsupervised"]


class Weights(NamedTuple):
    """How much of each loss the examples of a batch get; constants to the gradient.

    Attributes:
        normal: Weight of the loss of rows taken as normal.
        anomaly: Weight of the loss of rows taken as anomalous.
        held: Losses of rows that have come as far as they may: they count in the loss that is
            reported, and move nothing.
    """

    normal: Float[Array, "b"]
    anomaly: Float[Array, "b"]
    held: Float[Array, "b"] | float = 0.0


def _no_info(state: PyTree) -> Info:
    del state
    return {}


NO_INFO = Partial(_no_info)


class Context(NamedTuple):
    """What a weighting may look at when it weighs a batch.

    Attributes:
        model: The score model.
        objective: The pair of losses.
        variables: The current variables, before this step.
        extras: The model's quantities in closed form.
        batch: The batch with its labels and row indices.
        out: The model's output on the batch, in train mode.
        key: A random key of this step.
    """

    model: Model
    objective: Objective
    variables: Variables
    extras: PyTree
    batch: Batch
    out: PyTree
    key: Key


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["init", "update", "info"],
    meta_fields=[],
    # Read when a detector is built, not after.
    drop_fields=["anomaly_loss", "codes", "labelled_anomalies", "labelled_normals"],
)
@dataclass(frozen=True)
class Weighting:
    """A pair of pure functions, and what it asks of the rest.

    Attributes:
        init: `(TrainData) -> state`.
        update: `(Weights, state, Context) -> (Weights, state)`.
        info: `state -> {name: number}`, diagnostics of the step for the history.
        anomaly_loss: Whether it can give a row weight on the objective's loss of anomalies.
        codes: Whether it reads what a model with codes gives beside scores (`models.Coded`).
        labelled_anomalies: Whether labelled anomalies should be in its batches at all.
        labelled_normals: The same of labelled normal rows.
    """

    init: Partial
    update: Partial
    info: Partial = NO_INFO
    anomaly_loss: bool = False
    codes: bool = False
    labelled_anomalies: bool = True
    labelled_normals: bool = True


def chain(*weightings: Weighting) -> Weighting:
    """Weightings one after the other, each given the weights of the one before.

    Example:
        >>> both = chain(by_label(), by_label(eta=2.0))
        >>> len(both.init(None))
        2
    """
    return Weighting(
        Partial(_chain_init, weightings),
        Partial(_chain_update, weightings),
        Partial(_chain_info, weightings),
        anomaly_loss=any(w.anomaly_loss for w in weightings),
        codes=any(w.codes for w in weightings),
        labelled_anomalies=all(w.labelled_anomalies for w in weightings),
        labelled_normals=all(w.labelled_normals for w in weightings),
    )


def _chain_init(weightings, data: TrainData | None) -> tuple:
    return tuple(w.init(data) for w in weightings)


def _chain_update(weightings, weights: Weights, states: tuple, context: Context):
    new = []
    for weighting, state in zip(weightings, states, strict=True):
        weights, state = weighting.update(weights, state, context)
        new.append(state)
    return weights, tuple(new)


def _chain_info(weightings, states: tuple) -> Info:
    info = {}
    for weighting, state in zip(weightings, states, strict=True):
        info |= weighting.info(state)
    return info


@register("unsupervised")
def unsupervised() -> Weighting:
    """`(1, 0)` for every row; labelled anomalies are left out of the batches.

    A labelled anomaly is known not to be normal, so no method trains on it as normal.
    """
    return by_table([[0, 0], [1, 0], [1, 0]], labelled_anomalies=False)


@register("by_label")
def by_label(eta: float = 1.0) -> Weighting:
    """`(1, 0)` unlabelled, `(eta, 0)` labelled normal, `(0, eta)` labelled anomaly.

    Args:
        eta: Weight of a labelled row against an unlabelled one, > 0.

    Raises:
        ConfigError: `eta` is not positive.

    References:
        Ruff et al. 2020, eq. 7.
    """
    if not eta > 0:
        raise ConfigError(f"eta must be positive; given {eta}")
    return by_table([[0, eta], [1, 0], [eta, 0]], anomaly_loss=True)


def by_table(
    table: Any, *, anomaly_loss: bool = False, labelled_anomalies: bool = True
) -> Weighting:
    """Factors on the total weight, by label: rows -1, 0, +1; columns normal, anomaly."""
    table = np.asarray(table, np.float32)
    return Weighting(
        Partial(no_state),
        Partial(_look_up, table),
        anomaly_loss=anomaly_loss,
        labelled_anomalies=labelled_anomalies,
    )


def no_state(data: TrainData | None) -> tuple[()]:
    """The state of a weighting that remembers nothing."""
    del data
    return ()


def _look_up(table, weights: Weights, state: tuple[()], context: Context):
    factor = jnp.asarray(table)[context.batch.label.astype(jnp.int32) + 1]
    total = weights.normal + weights.anomaly
    weights = weights._replace(normal=total * factor[:, 0], anomaly=total * factor[:, 1])
    return weights, state


def place_in_batch(values: Float[Array, "b"], among: Bool[Array, "b"]) -> Int[Array, "b"]:
    """How many of those that take part are higher; of equals the first comes before."""
    before = jnp.arange(len(values))[None, :] < jnp.arange(len(values))[:, None]
    higher = values[None, :] > values[:, None]
    equal = values[None, :] == values[:, None]
    return jnp.sum((higher | (equal & before)) & among[None, :], axis=1)
