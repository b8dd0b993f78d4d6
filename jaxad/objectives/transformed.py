"""Losses of networks that recognise how a row was transformed."""

import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float

from jaxad.models.transformed_images import TransformedImagesOut
from jaxad.models.transformed_rows import TransformedRowsOut
from jaxad.objectives.base import Objective
from jaxad.types import Batch

__all__ = ["centre_triplet", "transformation"]


def centre_triplet(margin: float = 1.0, cross_entropy: float = 0.1) -> Objective:
    """Return the objective of GOAD: a triplet-centre loss and a cross-entropy, as means over maps.

    `normal = mean_m [max(0, own_m + margin - nearest_m) + cross_entropy * CE_m]` with the distances
    and the cross-entropy of `jaxad.models.TransformedRows`. It has no loss of anomalies.

    Args:
        margin: Difference between the squared distances, > 0.
        cross_entropy: Weight of the cross-entropy, >= 0.

    References:
        Bergman and Hoshen 2020, Classification-based anomaly detection for general data, eq. 4; He
        et al. 2018, Triplet-center loss for multi-view 3D object retrieval, for both terms.
    """
    return Objective(Partial(_centre_triplet, float(margin), float(cross_entropy)))


def transformation() -> Objective:
    """Return the objective of GT and GT+: recognise the transformations of normal images only.

    `normal = -log p(m | T_m x)`, and `anomaly` is the cross-entropy from the uniform distribution
    to `p(. | T_m x)`; with several heads both are summed over them. p is that of
    `jaxad.models.TransformedImages`.

    References:
        Golan and El-Yaniv 2018, Deep anomaly detection using geometric transformations, for the
        loss of normal images; Hendrycks et al. 2019, Deep anomaly detection with outlier exposure,
        for that of anomalies.
    """
    return Objective(Partial(_not_recognised), Partial(_not_uniform))


def _centre_triplet(
    margin, cross_entropy, out: TransformedRowsOut, batch: Batch | None = None
) -> Float[Array, "b"]:
    del batch
    triplet = jnp.maximum(out.own + margin - out.nearest, 0)
    return jnp.mean(triplet + cross_entropy * out.cross_entropy, axis=1)


def _not_recognised(out: TransformedImagesOut, batch: Batch | None = None) -> Float[Array, "b"]:
    del batch
    return -out.log_probability


def _not_uniform(out: TransformedImagesOut, batch: Batch | None = None) -> Float[Array, "b"]:
    del batch
    return out.uniform
