"""LeNet-type encoders for images and their mirrored decoders (Ruff thesis, section B.1)."""

from collections.abc import Callable, Sequence

import flax.linen as nn

from jaxad.nets.base import ZEROS, Net
from jaxad.nets.conv import canonical_conv, max_pool, upsample
from jaxad.nets.norm import Norm, normalise
from jaxad.rows import pad_axis

__all__ = ["lenet_decoder", "lenet_encoder"]

_KERNEL = (5, 5)


class LeNetEncoder(nn.Module):
    """Modules of convolution, normalisation, leaky ReLU, max-pool; then dense layers."""

    channels: tuple[int, ...]
    widths: tuple[int, ...]
    norm: Norm
    bias: bool
    slope: float
    convolution: Callable

    @nn.compact
    def __call__(self, x, train):
        for i, channels in enumerate(self.channels):
            x = nn.Conv(
                channels,
                _KERNEL,
                use_bias=self.bias,
                kernel_init=ZEROS,
                conv_general_dilated=self.convolution,
                name=f"conv_{i}",
            )(x)
            x = normalise(self.norm, train, f"conv_norm_{i}")(x)
            x = max_pool(nn.leaky_relu(x, self.slope))
        x = x.reshape(x.shape[0], -1)
        last = len(self.widths) - 1
        for i, width in enumerate(self.widths):
            x = nn.Dense(width, use_bias=self.bias, kernel_init=ZEROS, name=f"dense_{i}")(x)
            if i < last:
                x = normalise(self.norm, train, f"dense_norm_{i}")(x)
                x = nn.leaky_relu(x, self.slope)
        return x


class LeNetDecoder(nn.Module):
    """Dense layers, then modules of up-sampling, convolution, normalisation, leaky ReLU."""

    shape: tuple[int, ...]
    channels: tuple[int, ...]
    widths: tuple[int, ...]
    norm: Norm
    bias: bool
    slope: float
    convolution: Callable

    @nn.compact
    def __call__(self, z, train):
        height, width, colours = self.shape
        sizes = [(height, width)]
        for _ in self.channels:
            sizes.append((sizes[-1][0] // 2, sizes[-1][1] // 2))
        first = (*sizes[-1], self.channels[0])
        for i, units in enumerate((*self.widths, first[0] * first[1] * first[2])):
            z = nn.Dense(units, use_bias=self.bias, kernel_init=ZEROS, name=f"dense_{i}")(z)
            z = normalise(self.norm, train, f"dense_norm_{i}")(z)
            z = nn.leaky_relu(z, self.slope)
        x = z.reshape(z.shape[0], *first)
        outputs = (*self.channels[1:], colours)
        for i, (channels, size) in enumerate(zip(outputs, sizes[-2::-1], strict=True)):
            # An odd size lost its last row in pooling: padding zeros gives it back.
            x = pad_axis(pad_axis(upsample(x), size[0], 1), size[1], 2)
            x = nn.Conv(
                channels,
                _KERNEL,
                use_bias=self.bias,
                kernel_init=ZEROS,
                conv_general_dilated=self.convolution,
                name=f"conv_{i}",
            )(x)
            if i < len(outputs) - 1:
                x = normalise(self.norm, train, f"conv_norm_{i}")(x)
                x = nn.leaky_relu(x, self.slope)
        return nn.sigmoid(x)


def lenet_encoder(
    shape: tuple[int, ...],
    channels: Sequence[int],
    widths: Sequence[int],
    norm: Norm,
    bias: bool,
    slope: float = 0.1,
    convolution: Callable = canonical_conv,
) -> Net:
    """A convolutional encoder: 5x5 modules with 2x2 max-pools, then dense layers to a code.

    Args:
        shape: `(height, width, channels)` of the images.
        channels: Filters of each module: `(16, 32)` for Fashion-MNIST.
        widths: Widths of the dense layers, the code's last: `(64, 32)`.
        norm: Normalisation before each activation.
        bias: Whether layers have a bias.
        slope: Slope of the leaky ReLU for negative inputs.
        convolution: The convolution; the plain `lax` one where `jax.jvp` must pass.
    """
    module = LeNetEncoder(tuple(channels), tuple(widths), norm, bias, slope, convolution)
    return Net(module, tuple(shape), convolutional=True)


def lenet_decoder(
    shape: tuple[int, ...],
    channels: Sequence[int],
    widths: Sequence[int],
    norm: Norm,
    bias: bool,
    slope: float = 0.1,
    convolution: Callable = canonical_conv,
) -> Net:
    """The mirror of `lenet_encoder` with the same arguments; its images are in (0, 1)."""
    module = LeNetDecoder(
        tuple(shape),
        tuple(reversed(channels)),
        tuple(reversed(widths[:-1])),
        norm,
        bias,
        slope,
        convolution,
    )
    return Net(module, (widths[-1],), convolutional=True)
