"""Loss of the distances to several contexts."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Float

from jaxad.models.contexts import ContextOut
from jaxad.objectives.base import Objective
from jaxad.types import Batch, Leaf

__all__ = ["nearest_contexts"]


def nearest_contexts(alphas: Sequence[float] = (0.0,), epochs: float = 1.0) -> Objective:
    """Return the objective of CVDD, a weighted mean of the distances to the contexts.

    `normal = sum_k sigma_k d_k` with `sigma = softmax_k(-alpha d)` and the distances d of
    `jaxad.models.Contexts`. It has no loss of anomalies. Alpha takes the given values one after
    another, each for an equal share of the epochs.

    Args:
        alphas: Values of alpha, each >= 0; 0 gives the plain mean, larger values give more weight
            to the nearer contexts of a document.
        epochs: Number of epochs of the training, > 0.

    References:
        Ruff et al. 2019, CVDD, eq. 9 and 10; thesis of Ruff (2021), section 3.2.
    """
    return Objective(Partial(_weight_distances, np.asarray(alphas, np.float32), float(epochs)))


def _weight_distances(
    alphas: Float[Leaf, "stages"], epochs: float, out: ContextOut, batch: Batch | None = None
) -> Float[Array, "b"]:
    alphas = jnp.asarray(alphas)
    epoch = jnp.zeros(()) if batch is None else batch.epoch
    stage = jnp.floor(epoch / epochs * len(alphas)).astype(jnp.int32)
    alpha = alphas[jnp.clip(stage, 0, len(alphas) - 1)]
    return jnp.sum(jax.nn.softmax(-alpha * out.distance, axis=-1) * out.distance, axis=-1)
