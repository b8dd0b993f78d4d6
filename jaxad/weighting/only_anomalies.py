"""AnoOnly: no loss on normal data, which acts through the statistics of BatchNorm only.

References:
    Zhou et al. 2023, AnoOnly: semi-supervised anomaly detection without loss on normal data.
"""

from jax.tree_util import Partial

from jaxad.errors import ConfigError
from jaxad.weighting.base import Context, Weighting, Weights, no_state
from jaxad.weighting.registry import register

__all__ = ["anoonly"]


@register("anoonly")
def anoonly(normal_weight: float = 0.0) -> Weighting:
    """Multiply the weights on the loss of normal rows by `normal_weight`.

    It follows a weighting that puts weight on the loss of anomalies: `chain(by_label(),
    anoonly())`. All rows of a batch still pass through the network, so that rows taken as normal
    act through the statistics of BatchNorm. A batch in which no row has weight on its loss of
    anomalies has loss 0 and gradient 0.

    Args:
        normal_weight: Factor of the loss of normal rows, in [0, 1]; 1 is the base method.

    Raises:
        ConfigError: `normal_weight` is out of range.
    """
    if not 0 <= normal_weight <= 1:
        raise ConfigError(f"normal_weight must be in [0, 1]; given {normal_weight}")
    return Weighting(Partial(no_state), Partial(_weaken, float(normal_weight)))


def _weaken(normal_weight, weights: Weights, state: tuple[()], context: Context):
    del context
    return weights._replace(normal=normal_weight * weights.normal), state
