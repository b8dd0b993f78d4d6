"""What is done to a batch on the device before a step sees it: augmentation, drawn anomalies."""

from collections.abc import Callable

import jax
from jax.tree_util import Partial

from jaxad.types import Batch, Info, Key, State

__all__ = ["Transform", "transform_batches"]

Transform = Callable[[Key, Batch], Batch]


def transform_batches(update: Callable, transforms: tuple[Partial, ...]) -> Partial:
    """The same step on batches that are changed first.

    Args:
        update: `(state, batch, key) -> (state, info)`.
        transforms: `(key, batch) -> batch` each, done in order; each has a key of its own.

    Returns:
        An update; the given one where there are no transforms.
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
