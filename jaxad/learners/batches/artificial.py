"""Artificial anomalies for images: confetti, coloured blobs at random places.

References:
    Liznerski et al. 2021, Explainable deep one-class classification, section 4.2; Ruff thesis,
    section 3.1.
"""

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float

from jaxad.models.base import as_input
from jaxad.types import Batch, Key

__all__ = ["confetti", "draw_confetti"]

BLOBS, FAINTEST = 6, 0.05  # the most blobs in an image; the smallest opacity of a blob


def confetti(share: float, largest: float = 0.25) -> Partial:
    """Build a transform that turns unlabelled images into artificial anomalies.

    Each unlabelled image becomes a labelled anomaly with probability `share`: blobs are drawn on
    it, and its mask marks them. Labelled images are unchanged.

    Args:
        share: Probability of the change, in [0, 1].
        largest: Longest half axis of a blob as a fraction of the image's shorter side.

    Returns:
        A transform `(key, batch) -> batch` for `transform_batches`; both numbers are traced.
    """
    return Partial(_confetti, float(share), float(largest))


def _confetti(share, largest, key: Key, batch: Batch) -> Batch:
    x = as_input(batch.x, batch.x.shape[1:])
    chosen_key, key = jax.random.split(key)
    chosen = (batch.label == 0) & (jax.random.uniform(chosen_key, batch.label.shape) < share)
    spoiled, mask = draw_confetti(key, x, largest)
    given = jnp.zeros(mask.shape, jnp.uint8) if batch.mask is None else batch.mask
    return batch._replace(
        x=jnp.where(chosen[:, None, None, None], spoiled, x),
        label=jnp.where(chosen, -1, batch.label).astype(batch.label.dtype),
        mask=jnp.where(chosen[:, None, None], mask.astype(jnp.uint8), given),
    )


def draw_confetti(
    key: Key, x: Float[Array, "b height width c"], largest: Array | float
) -> tuple[Float[Array, "b height width c"], Float[Array, "b height width"]]:
    """Draw blobs on images; also return masks that are 1 on the blobs.

    An image has one to six blobs. A blob is an ellipse or a rectangle at any place and angle, with
    two independent half axes from half a pixel to `largest`, one colour with channels in [0, 1] and
    an opacity from 1/20 to 1. Lengths and opacities are uniform on a logarithmic scale, which
    includes specks, scratches and faint patches. The paper says only that blobs are coloured; the
    rest is our choice.

    Args:
        key: A random key.
        x: Images in [0, 1].
        largest: Longest half axis as a fraction of the image's shorter side.
    """
    keys = jax.random.split(key, 2)
    count = jax.random.randint(keys[0], (len(x), 1), 1, BLOBS + 1)
    numbers = jax.random.uniform(keys[1], (BLOBS, len(x), 7 + x.shape[-1]), x.dtype)
    there = jnp.arange(BLOBS)[:, None] < count.T

    def paste(i, carry):
        x, mask = carry
        blob = _compute_inside(numbers[i], x.shape[1:3], largest) & there[i][:, None, None]
        opacity, colour = numbers[i, :, 6], numbers[i, :, 7:]
        cover = blob * (FAINTEST ** (1 - opacity))[:, None, None]
        x = x + cover[..., None] * (colour[:, None, None, :] - x)
        return x, jnp.maximum(mask, blob)

    mask = jnp.zeros(x.shape[:3], x.dtype)
    return jax.lax.fori_loop(0, BLOBS, paste, (x, mask))


def _compute_inside(numbers: Float[Array, "b k"], size: tuple[int, int], largest: Array | float):
    """Compute the pixels inside a blob, `(b, height, width)`; at least that at its centre."""
    row, column, first, second, angle, kind = jnp.moveaxis(numbers[:, :6], 1, 0)[..., None, None]
    row, column = jnp.floor(row * size[0]), jnp.floor(column * size[1])
    down = jnp.arange(size[0])[:, None] - row
    right = jnp.arange(size[1]) - column
    cosine, sine = jnp.cos(jnp.pi * angle), jnp.sin(jnp.pi * angle)
    most = jnp.maximum(largest * min(size), 0.5)
    axes = (0.5 * (most / 0.5) ** length for length in (first, second))
    along, across = (
        jnp.abs(part) / axis
        for part, axis in zip(
            (cosine * right + sine * down, cosine * down - sine * right), axes, strict=True
        )
    )
    ellipse = along**2 + across**2 <= 1
    rectangle = jnp.maximum(along, across) <= 1
    return jnp.where(kind < 0.5, ellipse, rectangle)
