"""The types that all parts of the library share: data, batches and training states.

A training label is -1 for a labelled anomaly, 0 for an unlabelled row and +1 for a labelled normal
row. An evaluation label is 1 for an anomaly and 0 for a normal row. A score is higher for rows
that are more anomalous.

Every type is a pytree of arrays. If several seeds (or cells of a study) are trained in one program,
every array has a leading seed axis. Rows from `count` on are padding.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Int8, Num, UInt8

__all__ = [
    "Batch",
    "Info",
    "Key",
    "Keys",
    "PyTree",
    "State",
    "TestData",
    "TrainData",
    "Variables",
    "Windows",
    "as_rows_or_view",
]

if TYPE_CHECKING:
    Leaf = Any  # an array of the host or of a device
else:
    Leaf = Array | np.ndarray
Key = jaxtyping.Key[Array, ""]
Keys = jaxtyping.Key[Array, "seeds"]
PyTree = Any
Info = dict[str, Float[Array, ""]]


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of series as a view, in place of an array of rows.

    The series are stored once; a window is gathered where it is used, on the device within a
    program. So a million windows of 100 timestamps take the memory of the series alone. A view has
    the shape and the dtype of the array of its windows; indexing and `np.asarray` copy windows.

    Attributes:
        series: `(points, channels)` floating: all series, one behind the other.
        starts: `(n,)` int32: the first point of each window.
        length: The number of points in a window.
        flat: Whether a window is a row `(length * channels,)` of a table instead of
            `(length, channels)`.
        padded: The number of columns of such a row with zeros at the end; 0: none are added.
    """

    series: Any  # arrays, or what JAX puts in their place, such as shapes
    starts: Any
    length: int = field(metadata={"static": True})
    flat: bool = field(default=False, metadata={"static": True})
    padded: int = field(default=0, metadata={"static": True})

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array of all windows."""
        channels = self.series.shape[-1]
        own = (self.length, channels)
        if self.flat:
            own = (max(self.length * channels, self.padded),)
        return (*self.starts.shape, *own)

    @property
    def ndim(self) -> int:
        """The number of axes of the array of all windows."""
        return len(self.shape)

    @property
    def dtype(self) -> Any:
        """The dtype of the values."""
        return self.series.dtype

    def __len__(self) -> int:
        """Return the number of windows."""
        return self.starts.shape[0]

    def __getitem__(self, index: Any) -> Any:
        """Return a copy of the windows of a slice or of indices, `(*index, ...)`."""
        starts = self.starts[index]
        place = np.arange(self.length)
        rows = starts[..., None] + place
        if isinstance(self.series, np.ndarray):
            windows = self.series[np.asarray(rows)]
        else:
            # Starts exist: without bounds checks the gather takes a fraction of the time.
            windows = self.series.at[rows].get(mode="promise_in_bounds")
        if not self.flat:
            return windows
        windows = windows.reshape(*starts.shape, -1)
        more = self.shape[-1] - windows.shape[-1]
        widths = [(0, 0)] * (windows.ndim - 1) + [(0, more)]
        return (np if isinstance(windows, np.ndarray) else jnp).pad(windows, widths)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return a copy of all windows."""
        del copy
        series, starts = np.asarray(self.series), np.asarray(self.starts)
        copied = Windows(series, starts, self.length, self.flat, self.padded)[:]
        return copied if dtype is None else copied.astype(dtype)


def as_rows_or_view(x: Any) -> Any:
    """Return rows as an array of NumPy; windows stay a view."""
    return x if isinstance(x, Windows) else np.asarray(x)


class TrainData(NamedTuple):
    """Training rows with all that training may know of them.

    The true classes of the unlabelled rows are not part of it; see `Split.hidden`.

    Attributes:
        x: Rows of a table `(n, d)`, images `(n, height, width, channels)` (uint8 in 0..255 or
            float in [0, 1]), windows of a sequence `(n, time, channels)`, which may be a view
            (`Windows`), or documents `(n, length)` int32 as word numbers, padded with zeros.
        label: `(n,)` int8: -1 labelled anomaly, 0 unlabelled, +1 labelled normal.
        count: The number of valid rows; the others are padding at the end.
        features: The number of valid columns of the last axis; the others are zeros at the end.
        mask: `(n, height, width)` uint8: 1 where a pixel of a labelled anomaly is anomalous; 0 for
            all other rows. None if no anomalous pixels are known.
        vocabulary: The `Vocabulary` of documents; None if rows are not text. Compiled programs do
            not use it.
    """

    x: Num[Leaf, "n *shape"]
    label: Int8[Leaf, "n"]
    count: Int[Leaf, ""]
    features: Int[Leaf, ""]
    mask: UInt8[Leaf, "n height width"] | None = None
    vocabulary: Any = None


class TestData(NamedTuple):
    """Test rows with their true labels.

    Attributes:
        x: Rows as in `TrainData.x`.
        label: `(n,)` int8: 1 anomaly, 0 normal.
        count: The number of valid rows; the others are padding at the end.
        seen: `(n,)` bool: whether the row is an anomaly of a class from which labelled anomalies
            were drawn. All false if labelled anomalies were not restricted to some classes.
        mask: `(n, height, width)` uint8: 1 where a pixel is anomalous. None if unknown.
    """

    x: Num[Leaf, "n *shape"]
    label: Int8[Leaf, "n"]
    count: Int[Leaf, ""]
    seen: Bool[Leaf, "n"]
    mask: UInt8[Leaf, "n height width"] | None = None


class Batch(NamedTuple):
    """The rows of one optimisation step.

    Attributes:
        x: `(b, ...)` rows.
        label: `(b,)` training labels.
        index: `(b,)` the numbers of the rows in the training data.
        epoch: The number of epochs of this phase so far, step / steps per epoch.
        mask: `(b, height, width)` anomalous pixels as in `TrainData.mask`, or None.
        step: The number of steps of this phase so far, the same for all seeds; None outside of
            training.
    """

    x: Num[Array, "b *shape"]
    label: Int8[Array, "b"]
    index: Int[Array, "b *group"]  # pyright: ignore[reportIncompatibleMethodOverride]
    epoch: Float[Array, ""]
    mask: UInt8[Array, "b height width"] | None = None
    step: Any = None


class Variables(NamedTuple):
    """The variables of a network: trained parameters and the statistics of BatchNorm."""

    params: PyTree
    batch_stats: PyTree


class State(NamedTuple):
    """The state of a detector during training, from which rows are scored afterwards.

    Attributes:
        params: Parameters that are trained by gradients.
        batch_stats: Running statistics of BatchNorm; {} without BatchNorm.
        extras: Quantities that are not trained by gradients, such as a centre or a radius.
        opt_state: The state of the optimiser.
        weighting: The state of the weighting, with its diagnostics.
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
