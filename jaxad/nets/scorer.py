"""Networks of ReLU layers, a normalisation after the last one, and a linear head.

The order FC-ReLU-[norm]-FC is that of AnoOnly. The other networks of this library normalise before
each activation.
"""

from collections.abc import Sequence

import flax.linen as nn
import jax.numpy as jnp

from jaxad.nets.base import INPUT, ZEROS, Net
from jaxad.nets.lenet import lenet_encoder
from jaxad.nets.norm import Norm, normalise

__all__ = ["linear_head", "relu_net", "residual_scorer", "scalar_net"]


class ReLUNet(nn.Module):
    """Dense layers with leaky ReLU, one normalisation, and an optional linear head."""

    widths: tuple[int, ...]
    norm: Norm
    bias: bool
    slope: float
    head: bool

    @nn.compact
    def __call__(self, x, train):
        for i, width in enumerate(self.widths):
            name = INPUT if i == 0 else f"dense_{i}"
            x = nn.Dense(width, use_bias=self.bias, kernel_init=ZEROS, name=name)(x)
            x = nn.leaky_relu(x, self.slope)
        x = normalise(self.norm, train, "norm")(x)
        return _apply_head(x, self.bias) if self.head else x


class ResidualScorer(nn.Module):
    """FEAWAD's scorer of `[r / ||r||, h, ||r||]`, with `||r||` appended to the input of each layer.

    The normalisation covers the whole input of the head, including `||r||`.
    """

    features: int
    widths: tuple[int, ...]
    norm: Norm
    bias: bool
    slope: float

    @nn.compact
    def __call__(self, x, train):
        norm = x[:, -1:]
        for i, width in enumerate(self.widths):
            if i == 0:
                # One layer as the sum of two, so that the table's columns have their own kernel.
                y = nn.Dense(width, use_bias=False, kernel_init=ZEROS, name=INPUT)(
                    x[:, : self.features]
                )
                x = x[:, self.features :]
            else:
                y, x = 0, jnp.concatenate([x, norm], axis=1)
            dense = nn.Dense(width, use_bias=self.bias, kernel_init=ZEROS, name=f"dense_{i}")
            x = nn.leaky_relu(y + dense(x), self.slope)
        x = normalise(self.norm, train, "norm")(jnp.concatenate([x, norm], axis=1))
        return _apply_head(x, self.bias)


class Head(nn.Module):
    """A linear map to one number."""

    bias: bool

    @nn.compact
    def __call__(self, x, train):
        del train
        return _apply_head(x, self.bias)


def _apply_head(x, bias: bool):
    return nn.Dense(1, use_bias=bias, kernel_init=ZEROS, name="head")(x)[:, 0]


def relu_net(
    features: int, widths: Sequence[int], norm: Norm, bias: bool = True, slope: float = 0.0
) -> Net:
    """Build a network from a table's (padded) columns to normalised hidden features."""
    return Net(ReLUNet(tuple(widths), norm, bias, slope, head=False), (features,))


def linear_head(features: int, bias: bool = True) -> Net:
    """Build a linear map from features to one number per row, `(b,)`."""
    return Net(Head(bias), (features,))


def scalar_net(
    shape: tuple[int, ...],
    channels: Sequence[int],
    widths: Sequence[int],
    norm: Norm,
    bias: bool = True,
    slope: float = 0.0,
) -> Net:
    """Build a network from rows to one number each.

    Args:
        shape: `(padded features,)`, or `(height, width, channels)` of images.
        channels: For images, the filters of each module of a LeNet, which normalises before each
            activation and returns `(b, 1)`.
        widths: Widths of the hidden dense layers.
        norm: Normalisation before the last layer.
        bias: Whether layers have a bias.
        slope: Slope of the leaky ReLU for negative inputs.
    """
    if len(shape) == 1:
        return Net(ReLUNet(tuple(widths), norm, bias, slope, head=True), shape)
    return lenet_encoder(shape, channels, (*widths, 1), norm, bias, slope)


def residual_scorer(
    features: int,
    code: int,
    widths: Sequence[int],
    norm: Norm,
    bias: bool = True,
    slope: float = 0.0,
) -> Net:
    """Build FEAWAD's scorer, from `(b, features + code + 1)` to `(b,)`.

    Args:
        features: Padded number of a table's columns.
        code: Width of the autoencoder's code.
        widths: Widths of the hidden layers.
        norm: Normalisation before the last layer.
        bias: Whether layers have a bias.
        slope: Slope of the leaky ReLU for negative inputs.
    """
    module = ResidualScorer(features, tuple(widths), norm, bias, slope)
    return Net(module, (features + code + 1,))
