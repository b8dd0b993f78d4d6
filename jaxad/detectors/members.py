"""Detectors of many members, which are trained side by side in one state."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Bool, Float

from jaxad.detector import Detector, Phase, keep
from jaxad.types import Batch, Info, Key, Leaf, PyTree, State, TrainData

__all__ = ["BagRecord", "get_member_scores", "map_members"]


class BagRecord(NamedTuple):
    """The state of a member's weighting, with a record of the rows in its bag.

    Attributes:
        own: The state of the weighting.
        in_bag: Whether a row has been in a batch of the member.
    """

    own: PyTree
    in_bag: Bool[Leaf, "n"]


def map_members(member: Detector, members: int) -> Detector:
    """Return the detector whose state holds that of each member, and whose score is their mean.

    A batch holds the rows of each member in turn; a sampler such as `jaxad.sampling.bags.Bags`
    draws them. Members differ in their initialisation, their keys and their rows. The state of
    their weightings is a `BagRecord`.

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


def get_member_scores(detector: Detector) -> Partial:
    """Return the function `(state, (b, ...) rows) -> (b, members)` of a detector of members."""
    assert isinstance(detector.score, Partial)
    return Partial(_score_members, *detector.score.args)


def _map_begin(begin, numbers: np.ndarray):
    return keep if begin is keep else Partial(_begin, begin, numbers)


def _split(key: Key, numbers: Array):
    return jax.vmap(jax.random.fold_in, (None, 0))(key, numbers)


def _init(init: Partial, numbers: Array, key: Key, data: TrainData) -> State:
    def start(key: Key) -> State:
        state = init(key, data)
        return state._replace(
            weighting=BagRecord(state.weighting, jnp.zeros(len(data.label), bool))
        )

    return jax.vmap(start)(_split(key, numbers))


def _begin(begin: Partial, numbers: Array, state: State, data: TrainData, key: Key) -> State:
    def start(state: State, key: Key) -> State:
        return _keep_record(begin(_drop_record(state), data, key), state)

    return jax.vmap(start)(state, _split(key, numbers))


def _each_epoch(each_epoch: Partial, state: State, data: TrainData, epoch: Array) -> State:
    def start(state: State) -> State:
        return _keep_record(each_epoch(_drop_record(state), data, epoch), state)

    return jax.vmap(start)(state)


def _update(
    update: Partial, numbers: Array, state: State, batch: Batch, key: Key
) -> tuple[State, Info]:
    """Update each member on its part of the batch; what is reported is the mean over members."""

    def cut(leaf: Array) -> Array:
        return leaf.reshape(len(numbers), -1, *leaf.shape[1:])

    def update_one(state: State, batch: Batch, key: Key) -> tuple[State, Info]:
        new, info = update(_drop_record(state), batch, key)
        in_bag = state.weighting.in_bag.at[batch.index].set(True)
        return new._replace(weighting=BagRecord(new.weighting, in_bag)), info

    # The members share the place in training, and differ in the rest.
    place = {"epoch": batch.epoch, "step": batch.step}
    place = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, len(numbers)), place)
    rows = jax.tree.map(cut, batch._replace(epoch=jnp.zeros(len(numbers)), step=None))
    parts: PyTree = rows._replace(**place)
    state, info = jax.vmap(update_one)(state, parts, _split(key, numbers))
    return state, jax.tree.map(lambda values: values.mean(axis=0), info)


def _drop_record(state: State) -> State:
    return state._replace(weighting=state.weighting.own)


def _keep_record(new: State, old: State) -> State:
    return new._replace(weighting=BagRecord(new.weighting, old.weighting.in_bag))


def _score(score: Partial, state: State, x: Array) -> Float[Array, "b"]:
    return _score_members(score, state, x).mean(axis=1)


def _score_members(score: Partial, state: State, x: Array) -> Float[Array, "b members"]:
    return jax.vmap(lambda state: score(_drop_record(state), x), out_axes=1)(state)
