"""Models that draw random numbers in training: each step gives them a key."""

import jax
from jax.tree_util import Partial

from jaxad.types import Batch, Info, Key, State

__all__ = ["with_noise"]


def with_noise(step: Partial, state: State, batch: Batch, key: Key) -> tuple[State, Info]:
    """A step during which the model finds a key of its own in the extras, under "key".

    Give it as `Partial(with_noise, step)`. The state that comes out holds no key: models in
    inference mode, and learners without this wrapper, draw nothing.
    """
    own, rest = jax.random.split(key)
    after, info = step(state._replace(extras={**state.extras, "key": own}), batch, rest)
    extras = {name: value for name, value in after.extras.items() if name != "key"}
    return after._replace(extras=extras), info
