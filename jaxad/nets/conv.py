"""Convolution, pooling and up-sampling in a form that is fast on the CPU as well.

The CPU back end of XLA turns a convolution inside a loop into its fast form only where the layout
is channels-last in input, kernel and output (jax issue 12868). The derivatives that JAX derives
for a convolution are in other layouts, so a training step inside `lax.scan` falls to a naive
loop, ten to twenty times slower. `canonical_conv` has its derivatives written with explicit
transposes instead: each convolution, forward and backward and of every order, is channels-last.

The choice is not made by device: one program can then be exported for any platform.
"""

import functools
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Num

from jaxad.errors import ConfigError

__all__ = ["canonical_conv", "is_channels_last", "max_pool", "plain_conv", "upsample"]

Padding = str | Sequence[tuple[int, int]]


class _Window(NamedTuple):
    """How the kernel moves: one number (or pair) for each spatial axis. Static and hashable."""

    strides: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    precision: Any


def canonical_conv(
    lhs: Float[Array, "n *space c"],
    rhs: Float[Array, "*kernel c out"],
    window_strides: Sequence[int],
    padding: Padding,
    lhs_dilation: Sequence[int] | None = None,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: Any = None,
    feature_group_count: int = 1,
    precision: Any = None,
) -> Float[Array, "n *out_space out"]:
    r"""Convolution whose derivatives are channels-last convolutions too.

    With stride s, kernel dilation r, padding p in front, and X the padded input,

    $$y[o] = \sum_k X[o s + k r]\, w[k].$$

    Both cotangents are convolutions of the same kind, so that their derivatives are as well: dx
    convolves g, spread by s, with w flipped and its channels swapped (kernel dilation r); dw
    convolves x as (c, ..., n) with g as (..., n, out) (stride r, kernel dilation s).

    Plug it into linen as `nn.Conv(..., conv_general_dilated=canonical_conv)`. Forward-mode
    derivatives (`jax.jvp`) are refused by JAX: use `plain_conv` there.

    Args:
        lhs: Input, channels last, with one to three spatial axes.
        rhs: Kernel: spatial axes, input channels, output channels.
        window_strides: Step of the window, one a spatial axis.
        padding: "SAME", "VALID", or a (low, high) pair a spatial axis; negative numbers crop.
        lhs_dilation: Spacing of the input's entries; None for 1.
        rhs_dilation: Spacing of the kernel's entries; None for 1.
        dimension_numbers: Channels-last, as above, or None for the same.
        feature_group_count: 1; grouped convolutions have no canonical form.
        precision: As in `jax.lax.conv_general_dilated`.

    Returns:
        The output, channels last.

    Raises:
        ConfigError: For another layout, for groups, for a kernel larger than the input, and for
            named padding of a dilated input.

    Example:
        >>> import jax.numpy as jnp
        >>> canonical_conv(jnp.ones((1, 8, 8, 3)), jnp.ones((3, 3, 3, 4)), (2, 2), "SAME").shape
        (1, 4, 4, 4)
    """
    if not is_channels_last(lhs.shape, rhs.shape, dimension_numbers):
        raise ConfigError(
            f"dimension_numbers {dimension_numbers!r} is not channels-last; "
            "transpose the input, or use plain_conv"
        )
    if feature_group_count != 1:
        raise ConfigError(
            f"feature_group_count is {feature_group_count}; canonical_conv has no groups (1 is "
            "allowed); use plain_conv"
        )
    if lhs_dilation is not None and any(step != 1 for step in lhs_dilation):
        if isinstance(padding, str):
            raise ConfigError(
                f"padding is {padding!r} with lhs_dilation {tuple(lhs_dilation)}; give the padding "
                "in numbers"
            )
        lhs = _dilate(lhs, lhs_dilation)
    strides = tuple(window_strides)
    dilation = tuple(rhs_dilation or (1,) * len(strides))
    size, reach = lhs.shape[1:-1], _reach(rhs, dilation)
    pairs = (
        lax.padtype_to_pads(size, reach, strides, padding) if isinstance(padding, str) else padding
    )
    pairs = tuple((int(low), int(high)) for low, high in pairs)
    for have, need, (low, high) in zip(size, reach, pairs, strict=True):
        if have + low + high < need:
            raise ConfigError(
                f"a kernel of shape {rhs.shape} is larger than an input of shape {lhs.shape} with "
                f"padding {padding!r}; use more padding or a smaller kernel"
            )
    return _conv(lhs, rhs, _Window(strides, pairs, dilation, precision))


def plain_conv(
    lhs: Float[Array, "n *space c"],
    rhs: Float[Array, "*kernel c out"],
    window_strides: Sequence[int],
    padding: Padding,
    lhs_dilation: Sequence[int] | None = None,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: Any = None,
    feature_group_count: int = 1,
    precision: Any = None,
) -> Float[Array, "n *out_space out"]:
    """`jax.lax.conv_general_dilated`, channels-last where no layout is given.

    For forward-mode derivatives, which are channels-last as they are, and for groups. Arguments
    are those of `canonical_conv`.
    """
    return lax.conv_general_dilated(
        lhs,
        rhs,
        window_strides,
        padding,
        lhs_dilation=lhs_dilation,
        rhs_dilation=rhs_dilation,
        dimension_numbers=dimension_numbers or _channels_last(lhs.ndim),
        feature_group_count=feature_group_count,
        precision=precision,
    )


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _conv(x: Array, w: Array, window: _Window) -> Array:
    return plain_conv(
        x,
        w,
        window.strides,
        window.padding,
        rhs_dilation=window.dilation,
        precision=window.precision,
    )


def _conv_forward(x: Array, w: Array, window: _Window) -> tuple[Array, tuple[Array, Array]]:
    return _conv(x, w, window), (x, w)


def _conv_backward(
    window: _Window, residuals: tuple[Array, Array], g: Array
) -> tuple[Array, Array]:
    x, w = residuals
    return _input_cotangent(x, w, g, window), _kernel_cotangent(x, w, g, window)


_conv.defvjp(_conv_forward, _conv_backward)


def _input_cotangent(x: Array, w: Array, g: Array, window: _Window) -> Array:
    """dx[i] = sum over k of g[(i + p - k r) / s] w[k], for the k where the index is whole."""
    spread = _dilate(g, window.strides)
    sizes = zip(
        x.shape[1:-1], spread.shape[1:-1], _reach(w, window.dilation), window.padding, strict=True
    )
    padding = tuple(
        (reach - 1 - low, size + low - spread_size) for size, spread_size, reach, (low, _) in sizes
    )
    space = tuple(range(w.ndim - 2))
    flipped = jnp.flip(w, space).swapaxes(-1, -2)
    back = _Window((1,) * len(space), padding, window.dilation, window.precision)
    return _conv(spread, flipped, back)


def _kernel_cotangent(x: Array, w: Array, g: Array, window: _Window) -> Array:
    """dw[k] = sum over o of X[o s + k r] g[o], with the batch in the place of the channels."""
    images, kernel = x.swapaxes(0, -1), jnp.moveaxis(g, 0, -2)
    sizes = zip(
        x.shape[1:-1],
        _reach(kernel, window.strides),
        _reach(w, window.dilation),
        window.padding,
        strict=True,
    )
    padding = tuple(
        (low, reach - 1 + kernel_reach - size - low)
        for size, kernel_reach, reach, (low, _) in sizes
    )
    back = _Window(window.dilation, padding, window.strides, window.precision)
    return jnp.moveaxis(_conv(images, kernel, back), 0, -2)


def _reach(w: Array, dilation: Sequence[int]) -> tuple[int, ...]:
    """How many entries of the input a dilated kernel spans, one number a spatial axis."""
    return tuple(1 + step * (size - 1) for size, step in zip(w.shape[:-2], dilation, strict=True))


def _dilate(x: Array, spacing: Sequence[int]) -> Array:
    """Zeros between the entries, made here: XLA's own input dilation is slower on the CPU."""
    space = [(0, 0, step - 1) for step in spacing]
    return lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *space, (0, 0, 0)])


def max_pool(x: Num[Array, "n h w c"], window: int = 2) -> Num[Array, "n h2 w2 c"]:
    """Maximum over squares that do not overlap; rows and columns left over are dropped.

    The gradient goes to the first of the entries that have the maximum, as in flax's max-pool. It
    is written out: that of `reduce_window` is many times slower on the CPU, that of a reduction
    half as fast. Derivatives work in both modes.

    Args:
        x: Images, channels last.
        window: Side of the square, and its step.

    Returns:
        Images of `h // window` by `w // window`.

    Raises:
        ConfigError: The window is larger than the image, or less than 1.
    """
    n, height, width, channels = x.shape
    if not 1 <= window <= min(height, width):
        raise ConfigError(f"window is {window}; 1 to {min(height, width)} are allowed")
    rows, columns = height // window, width // window
    x = x[:, : rows * window, : columns * window]
    return _largest_of_square(x.reshape(n, rows, window, columns, window, channels))


@jax.custom_jvp
def _largest_of_square(x: Num[Array, "n h k w k c"]) -> Num[Array, "n h w c"]:
    return functools.reduce(jnp.maximum, (entry for _, entry in _entries(x)))


@_largest_of_square.defjvp
def _largest_of_square_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (x,), (dx,) = primals, tangents
    largest = _largest_of_square(x)
    first = jnp.zeros(largest.shape, jnp.int32)
    for number, entry in reversed(list(_entries(x))):
        first = jnp.where(entry == largest, number, first)
    side = x.shape[2]
    number = jnp.arange(side * side).reshape(1, 1, side, 1, side, 1)
    chosen = first[:, :, None, :, None] == number
    return largest, jnp.sum(jnp.where(chosen, dx, 0), axis=(2, 4))


def _entries(x: Num[Array, "n h k w k c"]):
    """The entries of all squares, one place after the other, with its number."""
    side = x.shape[2]
    for number in range(side * side):
        yield number, x[:, :, number // side, :, number % side]


def upsample(x: Num[Array, "n h w c"], factor: int = 2) -> Num[Array, "n h2 w2 c"]:
    """Each pixel repeated `factor` times along height and width (nearest neighbour)."""
    if factor < 1:
        raise ConfigError(f"factor is {factor}; 1 and above are allowed")
    n, height, width, channels = x.shape
    shape = (n, height, factor, width, factor, channels)
    repeated = jnp.broadcast_to(x[:, :, None, :, None], shape)
    return repeated.reshape(n, height * factor, width * factor, channels)


def is_channels_last(lhs: Sequence[int], rhs: Sequence[int], dimension_numbers: Any) -> bool:
    """Whether dimension numbers, of which None is one, are of channels-last input and kernel."""
    if dimension_numbers is None:
        return True
    given = lax.conv_dimension_numbers(lhs, rhs, dimension_numbers)
    return given == _channels_last(len(lhs))


def _channels_last(ndim: int) -> lax.ConvDimensionNumbers:
    space = tuple(range(1, ndim - 1))
    kernel = tuple(range(ndim - 2))
    return lax.ConvDimensionNumbers(
        (0, ndim - 1, *space), (ndim - 1, ndim - 2, *kernel), (0, ndim - 1, *space)
    )
