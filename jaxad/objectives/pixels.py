"""Losses of a map whose anomalous pixels are known."""

import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float, Num

from jaxad.nets.fully_convolutional import ReceptiveField
from jaxad.nets.upsampling import gaussian_upsampling
from jaxad.objectives.base import Objective

__all__ = ["pixelwise"]


def pixelwise(
    objective: Objective,
    mask: Num[Array, "b height width"],
    field: ReceptiveField,
    sigma: Array | float,
) -> Objective:
    """The losses of FCDD where the anomalous pixels G of images are known.

    With A a map, A' the same in the size of the image, and means over all of its pixels,
    `normal = n(mean(A' (1 - G)))` and `anomaly = n(mean(A' (1 - G))) + a(mean(A' G))`, n and a
    the losses of a score. An anomaly of which no pixel is marked has the loss of a whole image
    instead, `a(mean(A))`: it must not be trained as a normal one.

    Args:
        objective: The losses n and a of a score, mostly `hypersphere_classification()`.
        mask: `(b, height, width)` G, 1 for anomalous pixels; 0 in rows taken as normal.
        field: The receptive field of an entry of the map.
        sigma: Deviation of the Gaussian that makes A' of A, in pixels, > 0.

    References:
        Liznerski et al. 2021, Explainable deep one-class classification, eq. 4.
    """
    known = jnp.asarray(mask, jnp.float32)
    assert objective.anomaly is not None
    return Objective(
        Partial(_normal, objective.normal, known, field, sigma),
        Partial(_anomaly, objective, known, field, sigma),
    )


def _normal(normal, mask, field, sigma, maps: Float[Array, "b u v"]) -> Float[Array, "b"]:
    there, _ = _parts(mask, field, sigma, maps)
    return normal(there)


def _anomaly(objective, mask, field, sigma, maps: Float[Array, "b u v"]) -> Float[Array, "b"]:
    there, marked = _parts(mask, field, sigma, maps)
    some = jnp.any(mask > 0, axis=(1, 2))
    known = objective.normal(there) + objective.anomaly(marked)
    return jnp.where(some, known, objective.anomaly(jnp.mean(maps, axis=(1, 2))))


def _parts(mask, field, sigma, maps):
    """The sums of A' over unmarked and over marked pixels, both over the number of all pixels."""
    large = gaussian_upsampling(maps, mask.shape[1:], field, sigma)
    return jnp.mean(large * (1 - mask), axis=(1, 2)), jnp.mean(large * mask, axis=(1, 2))
