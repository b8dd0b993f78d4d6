"""A step on triplets of rows."""

import jax.numpy as jnp
from jax.tree_util import Partial

from jaxad.types import Batch, Info, Key, State

__all__ = ["triplet_step"]


def triplet_step(step: Partial, state: State, batch: Batch, key: Key) -> tuple[State, Info]:
    """A step to whose weighting a triplet is one row, labelled an anomaly if it cannot be right.

    That is a triplet whose anchor or positive is a labelled anomaly.

    Args:
        step: A step on rows.
        state: The training state.
        batch: Triplets: `x` is `(b, 3, ...)`, `label` and `index` are `(b, 3)`.
        key: A random key of this step.
    """
    wrong = jnp.any(batch.label[:, :2] < 0, axis=1)
    label = -wrong.astype(batch.label.dtype)
    return step(state, batch._replace(label=label, index=batch.index[:, 0]), key)
