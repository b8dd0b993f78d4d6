"""Networks that predict points of a sequence from other points."""

from collections.abc import Sequence

import flax.linen as nn
import jax.numpy as jnp

from jaxad.nets.base import ZEROS, Net
from jaxad.nets.norm import Norm, bias_before, normalise

__all__ = ["lstm_forecaster", "mlp_forecaster"]


class MLPForecaster(nn.Module):
    """An MLP that predicts all wanted points at once from all given ones."""

    wanted: int
    widths: tuple[int, ...]
    norm: Norm
    bias: bool
    slope: float

    @nn.compact
    def __call__(self, x, train):
        points = (self.wanted, x.shape[-1])
        x = x.reshape(x.shape[0], -1)
        for i, width in enumerate(self.widths):
            bias = bias_before(self.norm, self.bias)
            x = nn.Dense(width, use_bias=bias, kernel_init=ZEROS, name=f"dense_{i}")(x)
            x = nn.leaky_relu(normalise(self.norm, train, f"norm_{i}")(x), self.slope)
        last = nn.Dense(
            points[0] * points[1], use_bias=self.bias, kernel_init=ZEROS, name="predict"
        )
        return last(x).reshape(x.shape[0], *points)


class LSTMForecaster(nn.Module):
    """LSTM layers and a linear layer that predict the next point at each point of a sequence."""

    widths: tuple[int, ...]
    bias: bool

    @nn.compact
    def __call__(self, x, train):
        del train
        channels = x.shape[-1]
        for i, width in enumerate(self.widths):
            cell = nn.OptimizedLSTMCell(
                width, kernel_init=ZEROS, recurrent_kernel_init=ZEROS, name=f"lstm_{i}"
            )
            zeros = jnp.zeros((x.shape[0], width), x.dtype)
            x = jnp.asarray(nn.RNN(cell)(x, initial_carry=(zeros, zeros)))
        return nn.Dense(channels, use_bias=self.bias, kernel_init=ZEROS, name="predict")(x)


def mlp_forecaster(
    given: int,
    wanted: int,
    channels: int,
    widths: Sequence[int],
    norm: Norm,
    bias: bool,
    slope: float = 0.1,
) -> Net:
    """Build an MLP that predicts some points from others: `(b, given, c)` to `(b, wanted, c)`.

    Args:
        given: Number of input points.
        wanted: Number of predicted points.
        channels: Number of values at each point.
        widths: Widths of the hidden layers.
        norm: Normalisation before each activation.
        bias: Whether layers have a bias, except those before a BatchNorm.
        slope: Slope of the leaky ReLU for negative inputs.
    """
    module = MLPForecaster(wanted, tuple(widths), norm, bias, slope)
    return Net(module, (given, channels))


def lstm_forecaster(given: int, channels: int, widths: Sequence[int], bias: bool) -> Net:
    """Build an LSTM that predicts the next point at each point: `(b, given, c)` to that shape.

    A prediction depends only on points up to the current one.

    Args:
        given: Length of a sequence.
        channels: Number of values at each point.
        widths: Number of cells in each LSTM layer.
        bias: Whether the final linear layer has a bias.
    """
    return Net(LSTMForecaster(tuple(widths), bias), (given, channels))
