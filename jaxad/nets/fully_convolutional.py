"""Fully convolutional networks, from images to maps with one value per receptive field.

References:
    Liznerski et al. 2021, Explainable deep one-class classification, section 3; Ruff thesis,
    sections 3.1 and B.2.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, get_args

import flax.linen as nn
import jax

from jaxad.errors import ConfigError
from jaxad.nets.base import ZEROS, Net
from jaxad.nets.conv import max_pool
from jaxad.nets.norm import Norm, PooledBatchNorm, bias_before, normalise
from jaxad.nets.spectral import conv_by_cost
from jaxad.utils.calls import evaluate_call, parse_calls

__all__ = [
    "Activation",
    "Conv",
    "Layer",
    "Pool",
    "ReceptiveField",
    "default_layers",
    "fcn",
    "parse_layers",
    "receptive_field",
]


Activation = Literal["leaky_relu", "relu", "none"]


@dataclass(frozen=True)
class Conv:
    """A convolution with zero padding of `(kernel - 1) / 2`, a normalisation and an activation.

    Attributes:
        filters: Number of output channels, >= 1.
        kernel: Side of the square kernel, odd.
        stride: Stride, >= 1.
        activation: "leaky_relu" or "relu", each after a normalisation; "none" for the convolution
            alone, without a normalisation.

    Raises:
        ConfigError: An attribute is out of its range.
    """

    filters: int
    kernel: int = 3
    stride: int = 1
    activation: Activation = "leaky_relu"

    def __post_init__(self):
        _check(self, ("filters", "kernel", "stride"))
        if self.activation not in get_args(Activation):
            allowed = ", ".join(map(repr, get_args(Activation)))
            raise ConfigError(f"activation must be one of {allowed}; given {self}")
        if self.kernel % 2 == 0:
            raise ConfigError(
                f"kernel must be an odd number, so that its centre is a pixel; given {self}"
            )


@dataclass(frozen=True)
class Pool:
    """A max-pool over non-overlapping squares.

    Attributes:
        window: Side and stride of the square, >= 1.

    Raises:
        ConfigError: The window is out of its range.
    """

    window: int = 2

    def __post_init__(self):
        _check(self, ("window",))


Layer = Conv | Pool
_KINDS = {"conv": Conv, "pool": Pool}


@jax.tree_util.register_static
@dataclass(frozen=True)
class ReceptiveField:
    """The pixels on which an entry of a map depends; the same along both axes.

    Entry `o` depends on `size` pixels centred at `start + o * jump`.

    Attributes:
        size: Side of the receptive field, in pixels.
        jump: Distance in pixels between the fields of adjacent entries: the cumulative stride.
        start: Centre of the first entry's field; half-integral values lie between two pixels.
    """

    size: int
    jump: int
    start: float


def receptive_field(layers: Sequence[Layer]) -> ReceptiveField:
    """Compute the receptive field of a stack of layers.

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
    """Return the default layers for images of a shape.

    Images below 32 pixels (receptive field 16), of 32 to 47 pixels (22) and of at least 128 pixels
    (62) get the networks of appendix B.2 of the thesis for Fashion-MNIST, CIFAR-10 and images of
    224 pixels. In the first two, the last of these convolutions has neither a normalisation nor an
    activation; the third has ReLU in place of leaky ReLU. Images in between get a smaller network
    of our own (27), which a CPU trains in minutes.
    """
    side = min(shape[:2])
    if side < 32:
        return Conv(128, 5), Pool(), Conv(128, 5, activation="none"), Pool()
    if side < 48:
        first = Conv(128), Pool(), Conv(256), Conv(256), Pool()
        return *first, Conv(128, activation="none")
    if side < 128:
        return Conv(16, 5, 2), Conv(32), Pool(), Conv(64), Conv(64)
    relu = partial(Conv, activation="relu")
    first = relu(64), Pool(), relu(128), Pool()
    return *first, relu(256), relu(256), Pool(), relu(512), relu(512)


def parse_layers(text: str) -> tuple[Layer, ...]:
    """Parse a string of layers with literal arguments.

    Args:
        text: Calls of `conv(filters, kernel=3, stride=1, activation="leaky_relu")` and
            `pool(window=2)`, separated by commas, such as "conv(128, 5), pool(2), conv(64), pool".

    Raises:
        ConfigError: The text is not such a list, or an argument is invalid.
    """
    calls = parse_calls(text, "layers", "conv(128, 5), pool, conv(128, 5), pool")
    return tuple(evaluate_call(call, _KINDS, "layer") for call in calls)


class FCN(nn.Module):
    """The layers, followed by a 1x1 convolution to one channel."""

    layers: tuple[Layer, ...]
    norm: Norm
    bias: bool
    slope: float
    convolution: Callable

    @nn.compact
    def __call__(self, x, train):
        """Map images `(b, height, width, channels)` to maps `(b, u, v)`."""
        after = (*self.layers[1:], None)
        for i, (layer, following) in enumerate(zip(self.layers, after, strict=True)):
            if isinstance(layer, Conv) and layer.activation == "none":
                x = self.conv(layer, self.bias, f"conv_{i}")(x)
            elif isinstance(layer, Conv):
                x = self.conv(layer, bias_before(self.norm, self.bias), f"conv_{i}")(x)
                norm = self.pooled_norm(train, following, f"norm_{i}")
                slope = 0.0 if layer.activation == "relu" else self.slope
                x = nn.leaky_relu(norm(x), slope)
            elif i == 0 or not self.pools_early(self.layers[i - 1]):
                x = max_pool(x, layer.window)
        return self.conv(Conv(1, 1), self.bias, "conv_out")(x)[..., 0]

    def pools_early(self, layer: Layer) -> bool:
        """Return whether a pool after a layer comes before its activation, which is cheaper."""
        activated = isinstance(layer, Conv) and layer.activation != "none"
        return activated and self.norm in ("batch", "batch_no_affine")

    def pooled_norm(self, train: bool, following: Layer | None, name: str):
        """Build the normalisation of a convolution, including a pool that follows it."""
        if isinstance(following, Pool) and self.norm in ("batch", "batch_no_affine"):
            return PooledBatchNorm(train, self.norm == "batch", following.window, name=name)
        return normalise(self.norm, train, name)

    def conv(self, layer: Conv, bias: bool, name: str) -> nn.Conv:
        """Build a convolution."""
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
    """Build a fully convolutional network from images to maps `(b, u, v)`.

    Args:
        shape: `(height, width, channels)` of the images.
        layers: All layers but the last, which is a 1x1 convolution to one channel. None for the
            default of the image size.
        norm: Normalisation before each activation.
        bias: Whether layers have a bias, except those before a BatchNorm.
        slope: Slope of the leaky ReLU for negative inputs.
        convolution: Convolution; `plain_conv` supports `jax.jvp`.

    Raises:
        ConfigError: Examples are not images, there is no convolution, or the strides do not
            divide the image size.
    """
    if len(shape) != 3:
        raise ConfigError(
            f"examples must be images (height, width, channels); given shape {shape}; reshape them "
            "or choose a network for tables"
        )
    chosen = default_layers(shape) if layers is None else tuple(layers)
    if not any(isinstance(layer, Conv) for layer in chosen):
        raise ConfigError(f"layers must contain a convolution, such as conv(64); given {chosen}")
    _check_size(shape, receptive_field(chosen).jump)
    module = FCN(chosen, norm, bias, slope, convolution)
    return Net(module, tuple(shape), convolutional=True)


def _check_size(shape: tuple[int, ...], jump: int) -> None:
    """Raise ConfigError if the strides do not divide the sides: the map would omit pixels."""
    if all(side % jump == 0 for side in shape[:2]):
        return
    near = sorted(
        {max(jump, side // jump * jump + more) for side in shape[:2] for more in (0, jump)}
    )
    raise ConfigError(
        f"images must have sides that are multiples of {jump} for these layers, such as "
        f"{', '.join(map(str, near))}; given {shape[0]}x{shape[1]}; resize or crop the images, or "
        "change layers"
    )


def _check(layer: Layer, counts: Sequence[str]) -> None:
    for name in counts:
        value = getattr(layer, name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ConfigError(f"{name} must be a whole number of at least 1; given {layer}")
