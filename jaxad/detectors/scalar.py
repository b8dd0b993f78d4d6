"""Shared parts of detectors with a scalar score and batches balanced by labelled anomalies."""

from dataclasses import dataclass
from typing import Literal

from jaxad.detectors.build import choose_net
from jaxad.detectors.config import GradientConfig, is_count
from jaxad.detectors.registry import Spec
from jaxad.errors import ConfigError
from jaxad.nets.base import Net
from jaxad.nets.build import default_sizes
from jaxad.nets.norm import Norm
from jaxad.nets.scorer import scalar_net
from jaxad.padding import bucket_features, is_table
from jaxad.sampling.balanced import Balanced
from jaxad.sampling.base import Sampler
from jaxad.weighting import Weighting

__all__ = [
    "BalancedConfig",
    "Variant",
    "choose_balanced_sampler",
    "count_columns",
    "scalar_network",
]

Variant = Literal["anoonly", "original"]


@dataclass(frozen=True, kw_only=True)
class BalancedConfig(GradientConfig):
    """Settings of a detector whose epochs have a fixed number of balanced batches.

    Attributes:
        steps: Number of batches in an epoch, >= 1.
    """

    steps: int = 20
    batch_size: int = 64
    milestone: float = 1.0
    weight_decay: float = 0.0
    norm: Norm = "none"
    bias: bool = True
    slope: float = 0.0

    def __post_init__(self):
        super().__post_init__()
        self._need(is_count(self.steps, 1), "steps", "a whole number of at least 1")
        self._need(self.batch_size >= 2, "batch_size", "at least 2: half are labelled anomalies")


def count_columns(spec: Spec, what: str) -> int:
    """Return the padded number of columns of a table.

    Args:
        spec: The shape of an example.
        what: Name of the detector, for the error.

    Raises:
        ConfigError: The examples are not rows of a table.
    """
    if not is_table(spec.shape):
        raise ConfigError(
            f"examples must be rows of a table, (features,): {what} takes rows of a table only; "
            f"given examples of shape {spec.shape}. Flatten them to rows of a table"
        )
    return bucket_features(spec.shape[0])


def scalar_network(config: GradientConfig, spec: Spec, widths: tuple[int, ...], what: str) -> Net:
    """Build a network from rows of a table or images to one number each.

    Args:
        config: Sizes, normalisation and biases of the network.
        spec: The shape of an example.
        widths: Widths of the hidden dense layers if the configuration has none.
        what: Name of the detector, for the error.

    Raises:
        ConfigError: The examples are neither rows of a table nor images.
    """
    shape, channels = spec.shape, config.channels
    if is_table(shape):
        shape = (bucket_features(shape[0]),)
    elif len(shape) != 3:
        raise ConfigError(
            f"examples must be rows of a table or images (height, width, channels) for {what}; "
            f"given examples of shape {shape}. Reshape them to either"
        )
    elif channels is None:
        channels = default_sizes(shape)[0]
    sizes = (shape, channels or (), config.widths or widths)
    return choose_net(
        config, spec, lambda: scalar_net(*sizes, config.norm, config.bias, config.slope)
    )


def choose_balanced_sampler(config: BalancedConfig, weighting: Weighting) -> Sampler | None:
    """Return a sampler of balanced batches, or None if the weighting uses no labelled anomalies."""
    if not weighting.labelled_anomalies:
        return None
    return Balanced(config.batch_size, config.steps, float(weighting.labelled_normals))
