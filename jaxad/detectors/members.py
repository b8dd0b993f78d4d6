"""Detectors of many members, which are trained side by side in one state."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Float

from jaxad.detector import Detector, Phase, keep
from jaxad.types import Batch, Info, Key, PyTree, State, TrainData

__all__ = ["map_members"]


def map_members(member: Detector, members: int) -> Detector:
    """Return the detector whose state holds that of each member, and whose score is their mean.

    A batch holds the rows of each member in turn; a sampler such as `jaxad.sampling.bags.Bags`
    draws them. Members differ in their initialisation, their keys and their rows.

    Args:
        member: The detector that each member is.
        members: The number of members, >= 1.
    """
    numbers = np.arange(members, dtype=np.uint32)
    mapped = [
        Phase(
            phase.name,
            Partial(_update, phase.update, numbers),
            _map_begin(phase.begin, numbers),
            keep if phase.each_epoch is keep else Partial(_each_epoch, phase.each_epoch),
            phase.sampler,
            phase.epochs,
        )
        for phase in member.phases
    ]
    last = mapped[-1]
    return Detector(
        Partial(_init, member.init, numbers),
        last.update,
        Partial(_score, member.score),
        begin=last.begin,
        each_epoch=last.each_epoch,
        sampler=last.sampler,
        epochs=last.epochs,
        before=tuple(mapped[:-1]),
        convolutional=member.convolutional,
    )


def _map_begin(begin, numbers: np.ndarray):
    return keep if begin is keep else Partial(_begin, begin, numbers)


def _split(key: Key, numbers: Array):
    return jax.vmap(jax.random.fold_in, (None, 0))(key, numbers)


def _init(init: Partial, numbers: Array, key: Key, data: TrainData) -> State:
    return jax.vmap(lambda key: init(key, data))(_split(key, numbers))


def _begin(begin: Partial, numbers: Array, state: State, data: TrainData, key: Key) -> State:
    return jax.vmap(lambda state, key: begin(state, data, key))(state, _split(key, numbers))


def _each_epoch(each_epoch: Partial, state: State, data: TrainData, epoch: Array) -> State:
    return jax.vmap(lambda state: each_epoch(state, data, epoch))(state)


def _update(
    update: Partial, numbers: Array, state: State, batch: Batch, key: Key
) -> tuple[State, Info]:
    """Update each member on its part of the batch; what is reported is the mean over members."""

    def cut(leaf: Array) -> Array:
        return leaf.reshape(len(numbers), -1, *leaf.shape[1:])

    # The members share the place in training, and differ in the rest.
    place = {"epoch": batch.epoch, "step": batch.step}
    place = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, len(numbers)), place)
    rows = jax.tree.map(cut, batch._replace(epoch=jnp.zeros(len(numbers)), step=None))
    parts: PyTree = rows._replace(**place)
    state, info = jax.vmap(update)(state, parts, _split(key, numbers))
    return state, jax.tree.map(lambda values: values.mean(axis=0), info)


def _score(score: Partial, state: State, x: Array) -> Float[Array, "b"]:
    return jax.vmap(score, (0, None))(state, x).mean(axis=0)
