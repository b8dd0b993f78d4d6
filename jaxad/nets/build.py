"""Encoders and decoders for examples of a given shape, with the sizes of the papers."""

from collections.abc import Callable, Sequence

from jaxad.errors import ConfigError
from jaxad.nets.base import Net
from jaxad.nets.lenet import lenet_decoder, lenet_encoder
from jaxad.nets.mlp import mlp_decoder, mlp_encoder
from jaxad.nets.norm import Norm
from jaxad.nets.spectral import conv_by_cost
from jaxad.padding import bucket_features, is_table

__all__ = ["autoencoder_nets", "default_sizes"]


def default_sizes(shape: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the default `(channels, widths)` for examples of a shape (thesis, section B.1).

    Tables have widths 32-16-8, or 128-64-32 above 64 columns. Images below 32 pixels have two
    modules of 16 and 32 filters and dense layers of 64 and 32 (the Fashion-MNIST network); larger
    images have three modules of 32, 64, 128 filters and a dense layer of 128 (the CIFAR-10
    network).
    """
    if is_table(shape):
        return (), ((32, 16, 8) if shape[0] <= 64 else (128, 64, 32))
    if min(shape[:2]) < 32:
        return (16, 32), (64, 32)
    return (32, 64, 128), (128,)


def autoencoder_nets(
    shape: tuple[int, ...],
    channels: Sequence[int] | None,
    widths: Sequence[int] | None,
    norm: Norm,
    bias: bool,
    slope: float,
    convolution: Callable = conv_by_cost,
    code_bias: bool | None = None,
) -> tuple[Net, Net]:
    """Build an encoder for examples of a shape, and its mirrored decoder.

    Args:
        shape: `(features,)` or `(height, width, channels)`.
        channels: Filters of each convolutional module; None for the default of the shape.
        widths: Widths of the dense layers, ending with the code's; None for the default.
        norm: Normalisation before each activation.
        bias: Whether layers have a bias, except those before a BatchNorm.
        slope: Slope of the leaky ReLU for negative inputs.
        convolution: Convolution of the image networks.
        code_bias: Whether the encoder's last layer has a bias; None for `bias`.

    Raises:
        ConfigError: The shape is not that of table rows or images, channels are given for a
            table, or images are too small.
    """
    default_channels, default_widths = default_sizes(shape)
    channels = tuple(default_channels if channels is None else channels)
    widths = tuple(default_widths if widths is None else widths)
    if is_table(shape):
        if channels:
            raise ConfigError(f"channels must be empty for a table; given {channels}; omit them")
        sizes = (bucket_features(shape[0]), widths, norm, bias, slope)
        return mlp_encoder(*sizes, code_bias=code_bias), mlp_decoder(*sizes)
    if len(shape) != 3:
        raise ConfigError(
            "examples must be table rows (features,) or images (height, width, channels); "
            f"given shape {shape}; reshape them"
        )
    least = 2 ** len(channels)
    if min(shape[:2]) < least:
        raise ConfigError(
            f"images must be at least {least} pixels high and wide for channels {channels}; "
            f"given {shape[0]}x{shape[1]}; give fewer channels or larger images"
        )
    image = (shape, channels, widths, norm, bias, slope, convolution)
    return lenet_encoder(*image, code_bias=code_bias), lenet_decoder(*image)
