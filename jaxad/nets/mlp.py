"""Multi-layer perceptrons for rows of a table."""

from collections.abc import Sequence

import flax.linen as nn

from jaxad.nets.base import INPUT, OUTPUT, ZEROS, Net
from jaxad.nets.norm import Norm, bias_before, normalise

__all__ = ["mlp_decoder", "mlp_encoder"]


class MLPEncoder(nn.Module):
    """Dense layers with normalisation and leaky ReLU, except the last, which is linear."""

    widths: tuple[int, ...]
    norm: Norm
    bias: bool
    code_bias: bool
    slope: float

    @nn.compact
    def __call__(self, x, train):
        last = len(self.widths) - 1
        hidden_bias = bias_before(self.norm, self.bias)
        for i, width in enumerate(self.widths):
            name = INPUT if i == 0 else f"dense_{i}"
            bias = hidden_bias if i < last else self.code_bias
            x = nn.Dense(width, use_bias=bias, kernel_init=ZEROS, name=name)(x)
            if i < last:
                x = normalise(self.norm, train, f"norm_{i}")(x)
                x = nn.leaky_relu(x, self.slope)
        return x


class MLPDecoder(nn.Module):
    """The mirror of the encoder: its hidden layers reversed, then a linear layer to the columns."""

    widths: tuple[int, ...]
    features: int
    norm: Norm
    bias: bool
    slope: float

    @nn.compact
    def __call__(self, z, train):
        bias = bias_before(self.norm, self.bias)
        for i, width in enumerate(self.widths):
            z = nn.Dense(width, use_bias=bias, kernel_init=ZEROS, name=f"dense_{i}")(z)
            z = normalise(self.norm, train, f"norm_{i}")(z)
            z = nn.leaky_relu(z, self.slope)
        return nn.Dense(self.features, use_bias=self.bias, kernel_init=ZEROS, name=OUTPUT)(z)


def mlp_encoder(
    features: int,
    widths: Sequence[int],
    norm: Norm,
    bias: bool,
    slope: float = 0.1,
    code_bias: bool | None = None,
) -> Net:
    """Build an MLP from a table's (padded) columns to a code.

    Args:
        features: The padded number of columns.
        widths: Width of each layer, ending with the code's: `(32, 16, 8)`.
        norm: Normalisation before each activation.
        bias: Whether layers have a bias, except those before a BatchNorm. A hypersphere
            model must have none (Ruff et al. 2018, prop. 2).
        slope: Slope of the leaky ReLU for negative inputs.
        code_bias: Whether the last layer has a bias; None for `bias`.
    """
    code_bias = bias if code_bias is None else code_bias
    return Net(MLPEncoder(tuple(widths), norm, bias, code_bias, slope), (features,))


def mlp_decoder(
    features: int, widths: Sequence[int], norm: Norm, bias: bool, slope: float = 0.1
) -> Net:
    """Build the mirror of `mlp_encoder` with the same arguments, from code to columns."""
    hidden = tuple(reversed(widths[:-1]))
    return Net(MLPDecoder(hidden, features, norm, bias, slope), (widths[-1],))
