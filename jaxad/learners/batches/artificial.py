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

BLOBS, FAINTEST = 6, 0.05  # the most in an image; how little a blob covers at least


def confetti(share: float, largest: float = 0.25) -> Partial:
    """A transform that makes about a share of the unlabelled images artificial anomalies.

    Each unlabelled image has this probability of becoming a labelled anomaly with blobs on it. Its
    mask marks them. Labelled images stay as they are.

    Args:
        share: The probability, in [0, 1].
        largest: The longest half axis of a blob, as a fraction of the image's shorter side.

    Returns:
        `(key, batch) -> batch`, for `transform_batches`; both numbers are traced.
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
    """Images with blobs, and 1 where the blobs are.

    An image has one to six. A blob is an ellipse or a rectangle anywhere, at any angle, with two
    half axes of their own, from half a pixel to `largest`; of one colour, any in [0, 1], which
    covers from a twentieth of what is beneath to all of it. Lengths and opacities are alike on a
    logarithmic scale: there are specks, scratches and faint patches among blobs. The paper says no
    more than that they are coloured; the rest is ours.

    Args:
        key: A random key.
        x: Images in [0, 1].
        largest: The longest half axis, as a fraction of the image's shorter side.
    """
    keys = jax.random.split(key, 2)
    count = jax.random.randint(keys[0], (len(x), 1), 1, BLOBS + 1)
    numbers = jax.random.uniform(keys[1], (BLOBS, len(x), 7 + x.shape[-1]), x.dtype)
    there = jnp.arange(BLOBS)[:, None] < count.T

    def paste(i, carry):
        x, mask = carry
        blob = _inside(numbers[i], x.shape[1:3], largest) & there[i][:, None, None]
        opacity, colour = numbers[i, :, 6], numbers[i, :, 7:]
        cover = blob * (FAINTEST ** (1 - opacity))[:, None, None]
        x = x + cover[..., None] * (colour[:, None, None, :] - x)
        return x, jnp.maximum(mask, blob)

    mask = jnp.zeros(x.shape[:3], x.dtype)
    return jax.lax.fori_loop(0, BLOBS, paste, (x, mask))


def _inside(numbers: Float[Array, "b k"], size: tuple[int, int], largest: Array | float):
    """Which pixels are in a blob, `(b, height, width)`; at least the one at its centre."""
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
