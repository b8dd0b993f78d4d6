"""What flows through the library: training data, test data, batches, training states.

A training label is -1 for a labelled anomaly, 0 for an unlabelled row, +1 for a labelled normal
row. An evaluation label is 1 for an anomaly and 0 for a normal row. A score is higher for rows
that are more anomalous.

Every type here is a pytree of arrays. Where several seeds (or cells of a study) are trained in
one program, every array has one more axis in front; `n` rows may be padding behind `count`.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import jaxtyping
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Int8, Num, UInt8

__all__ = ["Batch", "Info", "Key", "Keys", "PyTree", "State", "TestData", "TrainData", "Variables"]

if TYPE_CHECKING:
    from jaxad.data.text.vocabulary import Vocabulary

    Leaf = Any  # an array of the host or of a device
else:
    Leaf = Array | np.ndarray
Key = jaxtyping.Key[Array, ""]
Keys = jaxtyping.Key[Array, "seeds"]
PyTree = Any
Info = dict[str, Float[Array, ""]]


class TrainData(NamedTuple):
    """Rows to train on, and nothing about them that training may not know.

    The hidden truth of the unlabelled rows is in `Split.hidden` and has no place here.

    Attributes:
        x: Rows of a table `(n, d)`, images `(n, height, width, channels)` (uint8 in 0..255 or
            float in [0, 1]), windows of a sequence `(n, time, channels)`, or documents
            `(n, length)` int32 as numbers of words, zeros behind.
        label: `(n,)` int8: -1 labelled anomaly, 0 unlabelled, +1 labelled normal.
        count: How many of the rows are data; those behind are padding.
        features: How many columns of the last axis are data; those behind are zeros.
        mask: `(n, height, width)` uint8, 1 where a pixel of a labelled anomaly is known to be
            anomalous; all 0 for other rows. None where no pixels are known.
        vocabulary: The words of documents; None where rows are no text. It is no array, and no
            program sees it.
    """

    x: Num[Leaf, "n *shape"]
    label: Int8[Leaf, "n"]
    count: Int[Leaf, ""]
    features: Int[Leaf, ""]
    mask: UInt8[Leaf, "n height width"] | None = None
    vocabulary: "Vocabulary | None" = None


class TestData(NamedTuple):
    """Rows to evaluate on, with their truth.

    Attributes:
        x: Rows as in `TrainData.x`.
        label: `(n,)` int8: 1 anomaly, 0 normal.
        count: How many of the rows are data; those behind are padding.
        seen: `(n,)` bool: the row is an anomaly of a class from which labelled anomalies were
            drawn. All false where no classes are known.
        mask: `(n, height, width)` uint8, 1 where a pixel is anomalous. None where that is not
            known.
    """

    x: Num[Leaf, "n *shape"]
    label: Int8[Leaf, "n"]
    count: Int[Leaf, ""]
    seen: Bool[Leaf, "n"]
    mask: UInt8[Leaf, "n height width"] | None = None


class Batch(NamedTuple):
    """What one optimisation step sees.

    Attributes:
        x: `(b, ...)` rows.
        label: `(b,)` training labels.
        index: `(b,)` which training rows they are.
        epoch: How many epochs of this phase are over, with its fraction: step / steps per epoch.
        mask: `(b, height, width)` anomalous pixels as in `TrainData.mask`, or None.
    """

    x: Num[Array, "b *shape"]
    label: Int8[Array, "b"]
    index: Int[Array, "b *group"]  # pyright: ignore[reportIncompatibleMethodOverride]
    epoch: Float[Array, ""]
    mask: UInt8[Array, "b height width"] | None = None


class Variables(NamedTuple):
    """What a network computes with: trained parameters and the statistics of BatchNorm."""

    params: PyTree
    batch_stats: PyTree


class State(NamedTuple):
    """All that changes while a detector is trained, and all that scoring needs: one pytree.

    Attributes:
        params: What gradients move.
        batch_stats: Running statistics of BatchNorm; {} without BatchNorm.
        extras: Quantities in closed form, which no gradient moves: a centre, a radius.
        opt_state: The optimiser's state.
        weighting: The weighting's state, diagnostics included.
    """

    params: PyTree
    batch_stats: PyTree
    extras: PyTree
    opt_state: PyTree
    weighting: PyTree

    @property
    def variables(self) -> Variables:
        """The network's part of the state."""
        return Variables(self.params, self.batch_stats)
