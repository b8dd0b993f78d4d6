"""LeNet-type encoders for images and their mirrored decoders (Ruff thesis, section B.1)."""

import math
from collections.abc import Callable, Sequence

import flax.linen as nn

from jaxad.nets.base import ZEROS, Net
from jaxad.nets.conv import max_pool, upsample
from jaxad.nets.norm import Norm, PooledBatchNorm, bias_before, normalise
from jaxad.nets.spectral import conv_by_cost
from jaxad.padding import pad_axis

__all__ = ["lenet_decoder", "lenet_encoder"]

_KERNEL = (5, 5)


class _LeNet(nn.Module):
    """The layers shared by encoder and decoder."""

    channels: tuple[int, ...]
    widths: tuple[int, ...]
    norm: Norm
    bias: bool
    slope: float
    convolution: Callable

    def conv(self, x, channels: int, i: int, bias: bool):
        """Apply a 5x5 convolution."""
        return nn.Conv(
            channels,
            _KERNEL,
            use_bias=bias,
            kernel_init=ZEROS,
            conv_general_dilated=self.convolution,
            name=f"conv_{i}",
        )(x)

    def dense(self, x, width: int, i: int, bias: bool):
        """Apply a dense layer."""
        return nn.Dense(width, use_bias=bias, kernel_init=ZEROS, name=f"dense_{i}")(x)

    def activate(self, x, train: bool, name: str):
        """Apply normalisation and leaky ReLU."""
        return nn.leaky_relu(normalise(self.norm, train, name)(x), self.slope)

    def activate_and_pool(self, x, train: bool, name: str):
        """Apply normalisation, leaky ReLU and a 2x2 max-pool, pooling early where equivalent."""
        if self.norm == "batch_no_affine":
            return nn.leaky_relu(PooledBatchNorm(train, name=name)(x), self.slope)
        return max_pool(self.activate(x, train, name))


class LeNetEncoder(_LeNet):
    """Modules of convolution, normalisation, leaky ReLU and max-pool, then dense layers."""

    code_bias: bool = False

    @nn.compact
    def __call__(self, x, train):
        bias = bias_before(self.norm, self.bias)
        for i, channels in enumerate(self.channels):
            x = self.activate_and_pool(self.conv(x, channels, i, bias), train, f"conv_norm_{i}")
        x = x.reshape(x.shape[0], -1)
        *hidden, code = self.widths
        for i, width in enumerate(hidden):
            x = self.activate(self.dense(x, width, i, bias), train, f"dense_norm_{i}")
        return self.dense(x, code, len(hidden), self.code_bias)


class LeNetDecoder(_LeNet):
    """Dense layers, then modules of up-sampling, convolution, normalisation and leaky ReLU.

    Without modules, the last dense layer outputs the pixels.
    """

    shape: tuple[int, ...] = ()

    @nn.compact
    def __call__(self, z, train):
        bias = bias_before(self.norm, self.bias)
        height, width, colours = self.shape
        if not self.channels:
            for i, units in enumerate(self.widths):
                z = self.activate(self.dense(z, units, i, bias), train, f"dense_norm_{i}")
            z = self.dense(z, math.prod(self.shape), len(self.widths), self.bias)
            return nn.sigmoid(z.reshape(z.shape[0], *self.shape))
        sizes = [(height >> i, width >> i) for i in range(len(self.channels) + 1)]
        first = (*sizes[-1], self.channels[0])
        for i, units in enumerate((*self.widths, math.prod(first))):
            z = self.activate(self.dense(z, units, i, bias), train, f"dense_norm_{i}")
        x = z.reshape(z.shape[0], *first)
        outputs = (*self.channels[1:], colours)
        for i, (channels, size) in enumerate(zip(outputs, sizes[-2::-1], strict=True)):
            # Pooling dropped the last row of an odd size; zero padding restores it.
            x = pad_axis(pad_axis(upsample(x), size[0], 1), size[1], 2)
            last = i == len(outputs) - 1
            x = self.conv(x, channels, i, self.bias if last else bias)
            if not last:
                x = self.activate(x, train, f"conv_norm_{i}")
        return nn.sigmoid(x)


def lenet_encoder(
    shape: tuple[int, ...],
    channels: Sequence[int],
    widths: Sequence[int],
    norm: Norm,
    bias: bool,
    slope: float = 0.1,
    convolution: Callable = conv_by_cost,
    code_bias: bool | None = None,
) -> Net:
    """Build an encoder of 5x5 convolutions with 2x2 max-pools, then dense layers to a code.

    Args:
        shape: `(height, width, channels)` of the images.
        channels: Filters of each module: `(16, 32)` for Fashion-MNIST; () for dense layers only.
        widths: Widths of the dense layers, ending with the code's: `(64, 32)`.
        norm: Normalisation before each activation.
        bias: Whether layers have a bias, except those before a BatchNorm.
        slope: Slope of the leaky ReLU for negative inputs.
        convolution: Convolution; `plain_conv` supports `jax.jvp`.
        code_bias: Whether the last layer has a bias; None for `bias`.
    """
    module = LeNetEncoder(
        tuple(channels),
        tuple(widths),
        norm,
        bias,
        slope,
        convolution,
        code_bias=bias if code_bias is None else code_bias,
    )
    return Net(module, tuple(shape), convolutional=bool(channels))


def lenet_decoder(
    shape: tuple[int, ...],
    channels: Sequence[int],
    widths: Sequence[int],
    norm: Norm,
    bias: bool,
    slope: float = 0.1,
    convolution: Callable = conv_by_cost,
) -> Net:
    """Build the mirror of `lenet_encoder` with the same arguments; its images are in (0, 1)."""
    mirrored = tuple(reversed(channels)), tuple(reversed(widths[:-1]))
    module = LeNetDecoder(*mirrored, norm, bias, slope, convolution, shape=tuple(shape))
    return Net(module, (widths[-1],), convolutional=bool(channels))
