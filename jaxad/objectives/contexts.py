"""The loss of distances to several contexts."""

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float

from jaxad.models.contexts import ContextOut
from jaxad.objectives.base import Objective

__all__ = ["nearest_contexts"]


def nearest_contexts(alpha: Array | float = 0.0) -> Objective:
    """`normal = sum_k sigma_k d_k` with `sigma = softmax_k(-alpha d)`; there is no anomaly loss.

    Distances d are those of `jaxad.models.Contexts`.

    Args:
        alpha: How much more the nearer contexts of a document count, >= 0: 0 for the mean.

    References:
        Ruff et al. 2019, CVDD, eq. 9 and 10; thesis of Ruff (2021), section 3.2.
    """
    return Objective(Partial(_weighted, alpha))


def _weighted(alpha: Array | float, out: ContextOut) -> Float[Array, "b"]:
    return jnp.sum(jax.nn.softmax(-alpha * out.distance, axis=-1) * out.distance, axis=-1)
