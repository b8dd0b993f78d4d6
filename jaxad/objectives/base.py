"""What an objective is."""

from typing import NamedTuple

from jax.tree_util import Partial

__all__ = ["Objective"]


class Objective(NamedTuple):
    """A pair of pure functions from a model's output to `(b,)` losses.

    Attributes:
        normal: The loss of rows taken as normal.
        anomaly: The loss of rows taken as anomalous; None where there is no such loss.
    """

    normal: Partial
    anomaly: Partial | None = None
