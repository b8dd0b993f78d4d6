"""The pair of losses that an objective consists of."""

from typing import NamedTuple

from jax.tree_util import Partial

from jaxad.types import Batch

__all__ = ["Objective"]


class Objective(NamedTuple):
    """Pair of losses, each a pure function of a model's output and the batch.

    Attributes:
        normal: `(out, batch) -> (b,)`, the loss of each row if it is taken as normal.
        anomaly: `(out, batch) -> (b,)`, the loss of each row if it is taken as anomalous; None if
            the objective has no such loss.
        relabel: `batch -> batch`, for batches of pairs or triplets: reduces labels and indices to
            one for each example, as weightings need them. None if examples are single rows. The
            losses receive the batch as drawn.
    """

    normal: Partial
    anomaly: Partial | None = None
    relabel: Partial | None = None

    def apply_relabel(self, batch: Batch) -> Batch:
        """Return the batch with one label and one index for each example, for weightings."""
        return batch if self.relabel is None else self.relabel(batch)
