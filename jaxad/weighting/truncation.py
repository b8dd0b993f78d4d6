"""Loss truncation: the rows of a batch with the largest losses are left out, in growing batches.

References:
    Cho et al. 2024, ALTBI: constructing improved outlier detection models via optimization of
    inlier-memorization effect, arXiv 2408.09791.
"""

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float

from jaxad.errors import ConfigError
from jaxad.types import TrainData
from jaxad.weighting.base import Context, Weighting, Weights, place_in_batch
from jaxad.weighting.registry import register

__all__ = ["loss_truncation"]


@register("loss_truncation")
def loss_truncation(rho: float = 0.9, start: float = 0.25, growth: float = 1.03) -> Weighting:
    r"""Train on the fraction `rho` of the unlabelled rows of a batch with the smallest losses.

    In step t, a random part of the unlabelled rows of the batch is used. It grows, so that the
    truncation is coarse while a network memorises normal rows, and exact afterwards:

    $$n_t = \min(m, \lceil m \cdot start \cdot growth^t \rceil), \qquad
    L_t = \frac{\sum_{i \le n_t} \ell_i 1[\ell_i \le \tau_t]}
    {\sum_{i \le n_t} 1[\ell_i \le \tau_t]},$$

    with m unlabelled rows in the batch, the loss of a row as a normal one, and its `rho` quantile
    `tau_t` over the `n_t` rows. The weights of the rows that are kept are raised so that their sum
    is that of all unlabelled rows; the weights of labelled rows do not change. The paper averages
    the scores of several steps; here the score is that of the last step. The defaults are this
    library's own.

    Args:
        rho: The fraction of the rows that is kept, in (0, 1].
        start: The part of the unlabelled rows that the first step uses, in (0, 1]; 1 for batches
            that do not grow.
        growth: The factor by which it grows in each step, >= 1.

    Raises:
        ConfigError: A value is out of range.
    """
    for name, value in (("rho", rho), ("start", start)):
        if not 0 < value <= 1:
            raise ConfigError(f"{name} must be in (0, 1]; given {value}")
    if not 1 <= growth < float("inf"):
        raise ConfigError(f"growth must be a finite number of at least 1; given {growth}")
    update = Partial(_truncate, float(rho), float(start), float(growth))
    return Weighting(Partial(_init), update)


def _init(data: TrainData | None) -> Float[Array, ""]:
    del data
    return jnp.zeros(())


def _truncate(
    rho, start, growth, weights: Weights, step: Float[Array, ""], context: Context
) -> tuple[Weights, Float[Array, ""]]:
    among, loss = context.batch.label == 0, context.normal_loss()
    m = jnp.sum(among)
    # A little less, so that a fraction of a number of rows that is whole is so in float32, too.
    size = jnp.ceil(m * jnp.minimum(1.0, start * growth**step) - 1e-4)
    order = jax.random.uniform(context.key, loss.shape)
    drawn = among & (place_in_batch(order, among) < size)
    kept = drawn & (place_in_batch(-loss, drawn) < jnp.ceil(rho * size - 1e-4))
    factor = jnp.where(among, kept * m / jnp.maximum(jnp.sum(kept), 1), 1)
    return weights._replace(
        normal=factor * weights.normal, anomaly=factor * weights.anomaly
    ), step + 1
