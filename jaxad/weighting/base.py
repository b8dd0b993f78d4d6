"""The interface of weightings, and their chains.

Like an optax transformation, a weighting is a pair of pure functions with a state of its own, and
weightings can be chained. It is a pytree with functions as structure and numbers as leaves, so that
weightings that differ in numbers only share one compiled program.
"""

from dataclasses import dataclass
from functools import partial, reduce
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Bool, Float, Int

from jaxad.models.base import Model
from jaxad.objectives import Objective
from jaxad.types import Batch, Info, Key, PyTree, TrainData, Variables

__all__ = ["Context", "Weighting", "Weights", "chain"]


class Weights(NamedTuple):
    """The weights of the two losses for the rows of a batch; no gradient flows through them.

    Attributes:
        normal: `(b,)` weights of the loss of a row as normal.
        anomaly: `(b,)` weights of the loss of a row as an anomaly.
        held: `(b,)` losses of rows that have reached their bound: they are part of the reported
            loss, but have no gradient.
    """

    normal: Float[Array, "b"]
    anomaly: Float[Array, "b"]
    held: Float[Array, "b"] | float = 0.0


def _no_info(state: PyTree) -> Info:
    del state
    return {}


def _all_rows(batch: Batch) -> None:
    del batch


NO_INFO, ALL_ROWS = Partial(_no_info), Partial(_all_rows)


class Context(NamedTuple):
    """What a weighting can read when it computes the weights of a batch.

    Attributes:
        model: The score model.
        objective: The pair of losses.
        variables: The current variables, before this step.
        extras: The model's quantities in closed form, such as a centre.
        batch: The batch with one label and one index for each example.
        out: The model's output on the batch, in train mode.
        key: A random key of this step, for the weighting.
        drawn: The batch as it was drawn, which the losses read; None where it is `batch`. They
            differ for objectives of pairs and triplets (`Objective.relabel`).
        model_key: The key that the model drew with, if any.
    """

    model: Model
    objective: Objective
    variables: Variables
    extras: PyTree
    batch: Batch
    out: PyTree
    key: Key
    drawn: Batch | None = None
    model_key: Key | None = None

    @property
    def examples(self) -> Batch:
        """The batch as the objective's losses read it."""
        return self.batch if self.drawn is None else self.drawn

    def normal_loss(self) -> Float[Array, "b"]:
        """Compute the loss that each example has as a normal one."""
        return self.objective.normal(self.out, self.examples)

    def anomaly_loss(self) -> Float[Array, "b"]:
        """Compute the loss that each example has as an anomaly.

        The objective must have one: a weighting says so by `Weighting.anomaly_loss`, and detectors
        are checked for it when they are made.
        """
        assert self.objective.anomaly is not None
        return self.objective.anomaly(self.out, self.examples)


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["init", "update", "info", "statistics"],
    meta_fields=[],
    # Read when a detector is built, not after.
    drop_fields=["anomaly_loss", "codes", "labelled_anomalies", "labelled_normals", "blind"],
)
@dataclass(frozen=True)
class Weighting:
    """A pair of pure functions that decide the two weights of each row, and what they need.

    Attributes:
        init: `(TrainData) -> state`, the initial state.
        update: `(Weights, state, Context) -> (Weights, state)`, the new weights of a batch.
        info: `state -> {name: number}`, diagnostics of a step for the history.
        statistics: `Batch -> mask or None`, the rows of the batch as drawn that BatchNorm takes its
            statistics from; None for all.
        anomaly_loss: Whether it can put weight on the objective's loss of anomalies.
        codes: Whether it reads the codes of a model that has them beside its scores
            (`jaxad.models.Calibrated`).
        labelled_anomalies: Whether batches should contain labelled anomalies.
        labelled_normals: Whether batches should contain labelled normal rows.
        blind: Epochs before it does what it is for; a detector that trains no longer is refused.
    """

    init: Partial
    update: Partial
    info: Partial = NO_INFO
    statistics: Partial = ALL_ROWS
    anomaly_loss: bool = False
    codes: bool = False
    labelled_anomalies: bool = True
    labelled_normals: bool = True
    blind: float = 0.0


def chain(*weightings: Weighting) -> Weighting:
    """Chain weightings, each of which gets the weights of the one before.

    Example:
        >>> from jaxad.weighting import by_label
        >>> both = chain(by_label(), by_label(eta=2.0))
        >>> len(both.init(None))
        2
    """
    return Weighting(
        Partial(_chain_init, weightings),
        Partial(_chain_update, weightings),
        Partial(_chain_info, weightings),
        Partial(_chain_statistics, weightings),
        anomaly_loss=any(w.anomaly_loss for w in weightings),
        codes=any(w.codes for w in weightings),
        labelled_anomalies=all(w.labelled_anomalies for w in weightings),
        labelled_normals=all(w.labelled_normals for w in weightings),
        blind=max((w.blind for w in weightings), default=0.0),
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


def _chain_statistics(weightings, batch: Batch) -> Bool[Array, "b *group"] | None:
    masks = [mask for w in weightings if (mask := w.statistics(batch)) is not None]
    return reduce(jnp.logical_and, masks) if masks else None


def no_state(data: TrainData | None) -> tuple[()]:
    """Return the state of a weighting without a state."""
    del data
    return ()


def place_in_batch(values: Float[Array, "b"], among: Bool[Array, "b"]) -> Int[Array, "b"]:
    """Return the place of each value in descending order, from 0; ties in their order.

    Args:
        values: `(b,)` numbers.
        among: `(b,)` which of them count.

    Returns:
        `(b,)` the number of values that count and are higher.
    """
    before = jnp.arange(len(values))[None, :] < jnp.arange(len(values))[:, None]
    higher = values[None, :] > values[:, None]
    equal = values[None, :] == values[:, None]
    return jnp.sum((higher | (equal & before)) & among[None, :], axis=1)
