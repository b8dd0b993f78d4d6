"""Losses of a map whose anomalous pixels are known."""

import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float

from jaxad.errors import DataError
from jaxad.models.score_map import PixelMap
from jaxad.nets.upsampling import gaussian_upsampling
from jaxad.objectives.base import Objective
from jaxad.types import Batch

__all__ = ["pixelwise"]


def pixelwise(objective: Objective, model: PixelMap, sigma: Array | float) -> Objective:
    """The losses of FCDD where the anomalous pixels G of images are known.

    With A a map, A' the same in the size of the image, and means over all of its pixels,
    `normal = n(mean(A' (1 - G)))` and `anomaly = n(mean(A' (1 - G))) + a(mean(A' G))`, n and a
    the losses of a score. An anomaly of which no pixel is marked has the loss of a whole image
    instead, `a(mean(A))`: it must not be trained as a normal one. G are the masks of the batch, 0
    in rows taken as normal.

    Args:
        objective: The losses n and a of a score, mostly `hypersphere_classification()`.
        model: The model whose output is the map.
        sigma: Deviation of the Gaussian that makes A' of A, in pixels, > 0.

    Raises:
        DataError: When a batch has no masks.

    References:
        Liznerski et al. 2021, Explainable deep one-class classification, eq. 4.
    """
    assert objective.anomaly is not None
    return Objective(
        Partial(_normal, objective, model, sigma), Partial(_anomaly, objective, model, sigma)
    )


def _normal(
    objective: Objective, model: PixelMap, sigma, maps: Float[Array, "b u v"], batch: Batch
) -> Float[Array, "b"]:
    there, _ = _means(_masks(batch), model, sigma, maps)
    return objective.normal(there, batch)


def _anomaly(
    objective: Objective, model: PixelMap, sigma, maps: Float[Array, "b u v"], batch: Batch
) -> Float[Array, "b"]:
    assert objective.anomaly is not None
    mask = _masks(batch)
    there, marked = _means(mask, model, sigma, maps)
    some = jnp.any(mask > 0, axis=(1, 2))
    known = objective.normal(there, batch) + objective.anomaly(marked, batch)
    return jnp.where(some, known, objective.anomaly(jnp.mean(maps, axis=(1, 2)), batch))


def _masks(batch: Batch) -> Float[Array, "b height width"]:
    """The masks of a batch.

    Raises:
        DataError: It has none.
    """
    if batch.mask is None:
        raise DataError(
            "train.mask is missing: pixelwise training needs masks of labelled anomalies, or "
            "confetti, which makes its own. Give masks, or pixelwise=False"
        )
    return jnp.asarray(batch.mask, jnp.float32)


def _means(mask, model: PixelMap, sigma, maps):
    """The sums of A' over unmarked and over marked pixels, both over the number of all pixels."""
    large = gaussian_upsampling(maps, mask.shape[1:], model.field, sigma)
    return jnp.mean(large * (1 - mask), axis=(1, 2)), jnp.mean(large * mask, axis=(1, 2))
