"""The risk of learning from positive and unlabelled rows, bounded from below.

References:
    Kiryo et al. 2017, Positive-unlabeled learning with non-negative risk estimator (nnPU), eq. 6
    and algorithm 1; du Plessis et al. 2015, Convex formulation for learning from positive and
    unlabeled data (uPU).
"""

import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Bool, Float

from jaxad.errors import ConfigError
from jaxad.weighting.base import Context, Weighting, Weights, no_state
from jaxad.weighting.registry import register

__all__ = ["nnpu"]


@register("nnpu")
def nnpu(prior: float = 0.1, bounded: bool = True) -> Weighting:
    r"""Take the labelled anomalies P out of the loss that the unlabelled rows U have as normal.

    With the share pi of anomalies among U, the risk of a classifier is, in each batch,

    $$R = \pi \operatorname{mean}_P \ell^A + r, \qquad
    r = \operatorname{mean}_U \ell^N - \pi \operatorname{mean}_P \ell^N.$$

    The rows of U get the weight `(1, 0)` and those of P `(-pi, pi)`, each times the size of the
    batch over that of U or P. The part r, the risk of normal rows, cannot be negative except by
    overfitting: in a batch where it is, algorithm 1 takes a step along the gradient of -r alone.
    Labelled normal rows count as rows of U. A batch without labelled anomalies has the mean over U.

    Args:
        prior: The assumed share pi of anomalies among the unlabelled rows, in [0, 1).
        bounded: Whether r is bounded (nnPU), or R is minimised as it is (uPU).

    Raises:
        ConfigError: A value is out of range.
    """
    if not 0 <= prior < 1:
        raise ConfigError(f"prior must be in [0, 1); given {prior}")
    if not isinstance(bounded, bool):
        raise ConfigError(f"bounded must be true or false; given {bounded!r}")
    update = Partial(_split_risk, float(prior), float(bounded))
    return Weighting(Partial(no_state), update, anomaly_loss=True)


def _split_risk(prior, bounded, weights: Weights, state: tuple[()], context: Context):
    positive = context.batch.label < 0
    in_p, in_u = _mean_weights(positive), _mean_weights(~positive)
    before = weights.normal + weights.anomaly
    normal, anomaly = before * (in_u - prior * in_p), before * prior * in_p
    r = jnp.mean(normal * context.normal_loss())
    negative = (r < 0) & (bounded > 0)
    return weights._replace(
        normal=jnp.where(negative, -normal, normal), anomaly=jnp.where(negative, 0.0, anomaly)
    ), state


def _mean_weights(among: Bool[Array, "b"]) -> Float[Array, "b"]:
    """Return the weights under which the mean over the batch is the mean over some of its rows."""
    return among * len(among) / jnp.maximum(jnp.sum(among), 1)
