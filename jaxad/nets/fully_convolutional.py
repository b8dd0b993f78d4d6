"""Fully convolutional nets, from images to maps of one number for each receptive field.

References:
    Liznerski et al. 2021, Explainable deep one-class classification, section 3; Ruff thesis,
    sections 3.1 and B.2.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import flax.linen as nn
import jax

from jaxad.errors import ConfigError
from jaxad.nets.base import ZEROS, Net
from jaxad.nets.conv import max_pool
from jaxad.nets.norm import Norm, PooledBatchNorm, bias_before, normalise
from jaxad.nets.spectral import conv_by_cost
from jaxad.utils.calls import evaluate_call, parse_calls

__all__ = [
    "Conv",
    "Layer",
    "Pool",
    "ReceptiveField",
    "default_layers",
    "fcn",
    "parse_layers",
    "receptive_field",
]


@dataclass(frozen=True)
class Conv:
    """A convolution with normalisation and leaky ReLU, padded by `(kernel - 1) / 2` zeros.

    Attributes:
        filters: Channels of its output, >= 1.
        kernel: Side of its square kernel, an odd number.
        stride: Step of its window, >= 1.

    Raises:
        ConfigError: One of them is out of its range.
    """

    filters: int
    kernel: int = 3
    stride: int = 1

    def __post_init__(self):
        _check(self)
        if self.kernel % 2 == 0:
            raise ConfigError(f"kernel must be an odd number: a pixel is its centre; given {self}")


@dataclass(frozen=True)
class Pool:
    """The maximum over squares that do not overlap.

    Attributes:
        window: Side of the square, and its step, >= 1.

    Raises:
        ConfigError: It is out of its range.
    """

    window: int = 2

    def __post_init__(self):
        _check(self)


Layer = Conv | Pool
_KINDS = {"conv": Conv, "pool": Pool}


@jax.tree_util.register_static
@dataclass(frozen=True)
class ReceptiveField:
    """Which pixels an entry of a map is computed from; the same along both axes.

    Entry `o` sees `size` pixels around the pixel `start + o * jump`.

    Attributes:
        size: Side of the receptive field, in pixels.
        jump: Pixels from the field of an entry to that of the next: the cumulative stride.
        start: The centre of the first entry's field; between two pixels where it ends with .5.
    """

    size: int
    jump: int
    start: float


def receptive_field(layers: Sequence[Layer]) -> ReceptiveField:
    """The receptive field of a stack of layers, one after the other.

    `j' = j s`, `r' = r + (k - 1) j`, `start' = start + ((k - 1) / 2 - padding) j`.

    Example:
        >>> receptive_field((Conv(128, 5), Pool(2), Conv(128, 5), Pool(2)))
        ReceptiveField(size=16, jump=4, start=1.5)
    """
    size, jump, start = 1, 1, 0.0
    for layer in layers:
        if isinstance(layer, Pool):
            kernel, stride = layer.window, layer.window
            start += (kernel - 1) / 2 * jump
        else:
            kernel, stride = layer.kernel, layer.stride
        size += (kernel - 1) * jump
        jump *= stride
    return ReceptiveField(size, jump, start)


def default_layers(shape: tuple[int, ...]) -> tuple[Layer, ...]:
    """Layers for images of a shape.

    Below 32 pixels (receptive field 16), of 32 to 47 pixels (22) and from 128 pixels on (62) these
    are the nets for Fashion-MNIST, CIFAR-10 and images of 224 pixels. In between it is a smaller
    net with a receptive field of 27, which is ours: one that a CPU trains in minutes.
    """
    side = min(shape[:2])
    if side < 32:
        return Conv(128, 5), Pool(), Conv(128, 5), Pool()
    if side < 48:
        return Conv(128), Pool(), Conv(256), Conv(256), Pool(), Conv(128)
    if side < 128:
        return Conv(16, 5, 2), Conv(32), Pool(), Conv(64), Conv(64)
    first = Conv(64), Pool(), Conv(128), Pool()
    return *first, Conv(256), Conv(256), Pool(), Conv(512), Conv(512)


def parse_layers(text: str) -> tuple[Layer, ...]:
    """The layers that a text names, with literal arguments.

    Args:
        text: Calls with commas between them, such as "conv(128, 5), pool(2), conv(64), pool":
            filters, side of the kernel (3) and stride (1) of a convolution, side of a pool's
            window (2).

    Raises:
        ConfigError: The text is no such list, or an argument is wrong.
    """
    calls = parse_calls(text, "layers", "conv(128, 5), pool, conv(128, 5), pool")
    return tuple(evaluate_call(call, _KINDS, "layer") for call in calls)


class FCN(nn.Module):
    """Layers, and a convolution of single pixels to one channel."""

    layers: tuple[Layer, ...]
    norm: Norm
    bias: bool
    slope: float
    convolution: Callable

    @nn.compact
    def __call__(self, x, train):
        """Images `(b, height, width, channels)` to maps `(b, u, v)`."""
        bias = bias_before(self.norm, self.bias)
        after = (*self.layers[1:], None)
        for i, (layer, following) in enumerate(zip(self.layers, after, strict=True)):
            if isinstance(layer, Conv):
                x = self.conv(layer, bias, f"conv_{i}")(x)
                norm = self.pooled_norm(train, following, f"norm_{i}")
                x = nn.leaky_relu(norm(x), self.slope)
            elif i == 0 or not self.pools_early(self.layers[i - 1]):
                x = max_pool(x, layer.window)
        return self.conv(Conv(1, 1), self.bias, "conv_out")(x)[..., 0]

    def pools_early(self, layer: Layer) -> bool:
        """Whether a pool behind a layer is taken before its activation, which comes cheaper."""
        return isinstance(layer, Conv) and self.norm in ("batch", "batch_no_affine")

    def pooled_norm(self, train: bool, following: Layer | None, name: str):
        """The normalisation of a convolution, with the pool that follows it if there is one."""
        if isinstance(following, Pool) and self.norm in ("batch", "batch_no_affine"):
            return PooledBatchNorm(train, self.norm == "batch", following.window, name=name)
        return normalise(self.norm, train, name)

    def conv(self, layer: Conv, bias: bool, name: str) -> nn.Conv:
        """A convolution."""
        padding = (layer.kernel - 1) // 2
        return nn.Conv(
            layer.filters,
            (layer.kernel, layer.kernel),
            strides=layer.stride,
            padding=padding,
            use_bias=bias,
            kernel_init=ZEROS,
            conv_general_dilated=self.convolution,
            name=name,
        )


def fcn(
    shape: tuple[int, ...],
    layers: Sequence[Layer] | None = None,
    norm: Norm = "batch",
    bias: bool = True,
    slope: float = 0.1,
    convolution: Callable = conv_by_cost,
) -> Net:
    """A fully convolutional net: images to maps `(b, u, v)`, an entry for each receptive field.

    Args:
        shape: `(height, width, channels)` of the images.
        layers: All layers but the last, which is a convolution of single pixels to one channel.
            None: as suits the size of the images.
        norm: Normalisation before each activation.
        bias: Whether layers have a bias, those before a BatchNorm excepted.
        slope: Slope of the leaky ReLU for negative inputs.
        convolution: The convolution; the plain `lax` one where `jax.jvp` must pass.

    Raises:
        ConfigError: No images, or of a size that the strides do not divide.
    """
    if len(shape) != 3:
        raise ConfigError(
            f"a fully convolutional net takes images (height, width, channels); given {shape}"
        )
    chosen = default_layers(shape) if layers is None else tuple(layers)
    if not any(isinstance(layer, Conv) for layer in chosen):
        raise ConfigError(f"layers must have at least one convolution; given {chosen}")
    _check_size(shape, receptive_field(chosen).jump)
    module = FCN(chosen, norm, bias, slope, convolution)
    return Net(module, tuple(shape), convolutional=True)


def _check_size(shape: tuple[int, ...], jump: int) -> None:
    """Raise if the strides do not divide the sides: the map would not see the last pixels."""
    if all(side % jump == 0 for side in shape[:2]):
        return
    near = sorted(
        {max(jump, side // jump * jump + more) for side in shape[:2] for more in (0, jump)}
    )
    raise ConfigError(
        f"images are {shape[0]}x{shape[1]}; with these layers the sides must be multiples of "
        f"{jump}, such as {', '.join(map(str, near))}. Resize or cut the images, or give other "
        "layers"
    )


def _check(layer: Layer) -> None:
    for name, value in vars(layer).items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ConfigError(f"{name} must be a whole number of at least 1; given {layer}")
