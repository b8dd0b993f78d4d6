"""Networks from the columns of a table to a number for each column."""

from collections.abc import Sequence

import flax.linen as nn

from jaxad.nets.base import INPUT, OUTPUT, ZEROS, Net

__all__ = ["column_net"]


class ColumnNet(nn.Module):
    """Dense layers with leaky ReLU, and a linear layer to the columns."""

    widths: tuple[int, ...]
    features: int
    slope: float

    @nn.compact
    def __call__(self, x, train):
        del train
        for i, width in enumerate(self.widths):
            name = INPUT if i == 0 else f"dense_{i}"
            x = nn.leaky_relu(nn.Dense(width, kernel_init=ZEROS, name=name)(x), self.slope)
        return nn.Dense(self.features, kernel_init=ZEROS, name=OUTPUT)(x)


def column_net(features: int, widths: Sequence[int], slope: float = 0.1) -> Net:
    """Build a network from a table's (padded) columns to as many outputs, without normalisation.

    Args:
        features: The padded number of columns.
        widths: Widths of the hidden layers, at least one.
        slope: Slope of the leaky ReLU for negative inputs.
    """
    return Net(ColumnNet(tuple(widths), features, slope), (features,))
