"""Weightings that read labels alone."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from jaxad.errors import ConfigError
from jaxad.weighting.base import Context, Weighting, Weights, no_state
from jaxad.weighting.registry import register

__all__ = ["by_label", "by_table", "unsupervised"]


@register("unsupervised")
def unsupervised() -> Weighting:
    """Give every row the weights `(1, 0)`, and leave labelled anomalies out of the batches.

    A labelled anomaly is known not to be normal, so it is never trained on as normal.
    """
    return by_table([[0, 0], [1, 0], [1, 0]], labelled_anomalies=False)


@register("by_label")
def by_label(eta: float = 1.0) -> Weighting:
    """Give unlabelled rows `(1, 0)`, labelled normal ones `(eta, 0)`, and anomalies `(0, eta)`.

    Args:
        eta: Weight of a labelled row relative to an unlabelled one, > 0.

    Raises:
        ConfigError: `eta` is not positive.

    References:
        Ruff et al. 2020, eq. 7.
    """
    if not eta > 0:
        raise ConfigError(f"eta must be positive; given {eta}")
    return by_table([[0, eta], [1, 0], [eta, 0]], anomaly_loss=True)


def by_table(
    table: Any, *, anomaly_loss: bool = False, labelled_anomalies: bool = True
) -> Weighting:
    """Multiply the total weight by factors that depend on the label.

    Args:
        table: `(3, 2)` factors; rows are the labels -1, 0 and 1, columns are normal and anomaly.
        anomaly_loss: As in `Weighting`.
        labelled_anomalies: As in `Weighting`.
    """
    table = np.asarray(table, np.float32)
    return Weighting(
        Partial(no_state),
        Partial(_look_up, table),
        anomaly_loss=anomaly_loss,
        labelled_anomalies=labelled_anomalies,
    )


def _look_up(table, weights: Weights, state: tuple[()], context: Context):
    factor = jnp.asarray(table)[context.batch.label.astype(jnp.int32) + 1]
    total = weights.normal + weights.anomaly
    weights = weights._replace(normal=total * factor[:, 0], anomaly=total * factor[:, 1])
    return weights, state
