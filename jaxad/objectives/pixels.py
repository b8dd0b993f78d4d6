"""Losses of a score map, for images whose anomalous pixels are known."""

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
    """Return the objective of FCDD for images whose anomalous pixels G are known.

    With a map A, A' its upsampling to the size of the image, and means over all pixels of an image,
    `normal = n(mean(A' (1 - G)))` and `anomaly = n(mean(A' (1 - G))) + a(mean(A' G))`, where n and
    a are the losses of a score. An anomaly without a marked pixel has the loss of the whole image,
    `a(mean(A))`, so that it is not trained as a normal image. G is the mask of the batch, 0 in rows
    taken as normal.

    Args:
        objective: The losses n and a of a score, usually `hypersphere_classification()`.
        model: The model whose output is the map.
        sigma: Standard deviation in pixels of the Gaussian that upsamples A to A', > 0.

    Raises:
        DataError: A batch has no masks.

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
    """Return the masks of a batch.

    Raises:
        DataError: The batch has no masks.
    """
    if batch.mask is None:
        raise DataError(
            "train.mask must be given for pixelwise training, which needs masks of labelled "
            "anomalies or the masks of confetti; given None. Give masks, set confetti, or set "
            "pixelwise=False"
        )
    return jnp.asarray(batch.mask, jnp.float32)


def _means(mask, model: PixelMap, sigma, maps):
    """Return the sums of A' over unmarked and over marked pixels, divided by all pixels."""
    large = gaussian_upsampling(maps, mask.shape[1:], model.field, sigma)
    return jnp.mean(large * (1 - mask), axis=(1, 2)), jnp.mean(large * mask, axis=(1, 2))
