"""AnoOnly: no loss on normal data, which acts through the statistics of BatchNorm only.

References:
    Zhou et al. 2023, AnoOnly: semi-supervised anomaly detection without loss on normal data.
"""

from typing import Literal, get_args

from jax.tree_util import Partial
from jaxtyping import Array, Bool

from jaxad.errors import ConfigError
from jaxad.types import Batch
from jaxad.weighting.base import ALL_ROWS, Context, Weighting, Weights, no_state
from jaxad.weighting.registry import register

__all__ = ["Statistics", "anoonly"]

Statistics = Literal["all", "normal"]


@register("anoonly")
def anoonly(normal_weight: float = 0.0, statistics: Statistics = "all") -> Weighting:
    """Multiply the weights on the loss of normal rows by `normal_weight`.

    It follows a weighting that puts weight on the loss of anomalies: `chain(by_label(),
    anoonly())`. All rows of a batch still pass through the network, so that rows taken as normal
    act through the statistics of BatchNorm. A batch in which no row has weight on its loss of
    anomalies has loss 0 and gradient 0.

    Args:
        normal_weight: Factor of the loss of normal rows, in [0, 1]; 1 is the base method.
        statistics: Rows that BatchNorm takes its statistics from in training: "all" rows of a
            batch, as published, or "normal", those that are not labelled anomalies. The paper
            supposes that normal rows dominate the statistics; half of a balanced batch are labelled
            anomalies.

    Raises:
        ConfigError: An argument is out of range.
    """
    if not 0 <= normal_weight <= 1:
        raise ConfigError(f"normal_weight must be in [0, 1]; given {normal_weight}")
    if statistics not in get_args(Statistics):
        allowed = " or ".join(map(repr, get_args(Statistics)))
        raise ConfigError(f"statistics must be {allowed}; given {statistics!r}")
    rows = ALL_ROWS if statistics == "all" else Partial(_keep_normal)
    update = Partial(_weaken, float(normal_weight))
    return Weighting(Partial(no_state), update, statistics=rows)


def _keep_normal(batch: Batch) -> Bool[Array, "b *group"]:
    """Return which rows are not labelled anomalies."""
    return batch.label >= 0


def _weaken(normal_weight, weights: Weights, state: tuple[()], context: Context):
    del context
    return weights._replace(normal=normal_weight * weights.normal), state
