"""Transforms of batches on the device before a training step, such as augmentation."""

from collections.abc import Callable

import jax
from jax.tree_util import Partial

from jaxad.types import Batch, Info, Key, State

__all__ = ["Transform", "transform_batches"]

Transform = Callable[[Key, Batch], Batch]


def transform_batches(update: Callable, transforms: tuple[Partial, ...]) -> Partial:
    """Return a step that applies transforms to its batch first.

    Args:
        update: `(state, batch, key) -> (state, info)`.
        transforms: Functions `(key, batch) -> batch`, applied in order, each with its own key.

    Returns:
        The new update, or the given one if there are no transforms.
    """
    update = update if isinstance(update, Partial) else Partial(update)
    return Partial(_apply_transforms, transforms, update) if transforms else update


def _apply_transforms(
    transforms: tuple[Partial, ...], update: Partial, state: State, batch: Batch, key: Key
) -> tuple[State, Info]:
    own, *keys = jax.random.split(key, len(transforms) + 1)
    for transform, transform_key in zip(transforms, keys, strict=True):
        batch = transform(transform_key, batch)
    return update(state, batch, own)
