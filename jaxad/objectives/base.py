"""What an objective is."""

from typing import NamedTuple

from jax.tree_util import Partial

from jaxad.types import Batch

__all__ = ["Objective"]


class Objective(NamedTuple):
    """A pair of losses, as pure functions of a model's output and the batch.

    Attributes:
        normal: `(out, batch) -> (b,)`: the loss of rows taken as normal.
        anomaly: `(out, batch) -> (b,)`: the loss of rows taken as anomalous; None where the
            objective has no such loss.
        relabel: `batch -> batch`: for batches of pairs or triplets, the same batch with one label
            and one index for each example, as weightings see it; None where examples are rows. The
            losses get the batch as it was drawn.
    """

    normal: Partial
    anomaly: Partial | None = None
    relabel: Partial | None = None

    def relabelled(self, batch: Batch) -> Batch:
        """Return the batch as weightings see it."""
        return batch if self.relabel is None else self.relabel(batch)
