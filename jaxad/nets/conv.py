"""Convolution, pooling and up-sampling that are fast on the CPU too.

Inside a loop, XLA's CPU back end uses its fast convolution only if input, kernel and output are
channels-last (jax issue 12868). JAX derives the gradients of a convolution in other layouts, so
that a training step inside `lax.scan` falls back to a naive loop, ten to twenty times slower.
`canonical_conv` defines its derivatives with explicit transposes instead: all convolutions,
forward and backward and of every order, are channels-last.

Forms that are for the CPU alone are chosen by `lax.platform_dependent` when a program is lowered,
so that one program can be exported for any platform.
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

_FEW_CHANNELS, _FEW_ROWS = 4, 7

Padding = str | Sequence[tuple[int, int]]


class _Window(NamedTuple):
    """Static, hashable settings of a convolution, one number or pair for each spatial axis."""

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
    r"""Convolve, with derivatives that are channels-last convolutions too.

    With stride s, kernel dilation r, leading padding p and the padded input X,

    $$y[o] = \sum_k X[o s + k r]\, w[k].$$

    Both cotangents are convolutions of the same kind, and so are their derivatives: dx convolves
    g, dilated by s, with w flipped and its channels swapped (kernel dilation r); dw
    convolves x as (c, ..., n) with g as (..., n, out) (stride r, kernel dilation s).

    In linen, use `nn.Conv(..., conv_general_dilated=canonical_conv)`. It does not support
    forward-mode derivatives (`jax.jvp`); `plain_conv` does.

    Args:
        lhs: Input, channels last, with one to three spatial axes.
        rhs: Kernel: spatial axes, input channels, output channels.
        window_strides: Step of the window along each spatial axis.
        padding: "SAME", "VALID", or a (low, high) pair for each spatial axis; negative
            numbers crop.
        lhs_dilation: Spacing of the input's entries; None for 1.
        rhs_dilation: Spacing of the kernel's entries; None for 1.
        dimension_numbers: Channels-last, as above, or None for the same.
        feature_group_count: Must be 1: groups are not supported.
        precision: As in `jax.lax.conv_general_dilated`.

    Returns:
        The output, channels last.

    Raises:
        ConfigError: The layout is not channels-last, there are groups, the kernel is larger than
            the padded input, or a dilated input has named padding.

    Example:
        >>> import jax.numpy as jnp
        >>> canonical_conv(jnp.ones((1, 8, 8, 3)), jnp.ones((3, 3, 3, 4)), (2, 2), "SAME").shape
        (1, 4, 4, 4)
    """
    if not is_channels_last(lhs.shape, rhs.shape, dimension_numbers):
        raise ConfigError(
            f"dimension_numbers must be channels-last; given {dimension_numbers!r}; "
            "transpose the input or use plain_conv"
        )
    if feature_group_count != 1:
        raise ConfigError(
            f"feature_group_count must be 1; given {feature_group_count}; use plain_conv for groups"
        )
    if lhs_dilation is not None and any(step != 1 for step in lhs_dilation):
        if isinstance(padding, str):
            raise ConfigError(
                f"padding must be (low, high) pairs with lhs_dilation {tuple(lhs_dilation)}; given "
                f"{padding!r}; give the padding in numbers"
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
                f"rhs must not be larger than the padded input; given rhs of shape {rhs.shape}, "
                f"lhs of shape {lhs.shape} and padding {padding!r}; increase the padding"
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
    """Convolve by `jax.lax.conv_general_dilated`, channels-last unless a layout is given.

    It supports groups and forward-mode derivatives, which are channels-last by themselves.
    Arguments are those of `canonical_conv`.
    """
    steps = {*window_strides, *(lhs_dilation or ()), *(rhs_dilation or ()), feature_group_count}
    plain = steps == {1} and is_channels_last(lhs.shape, rhs.shape, dimension_numbers)
    direct = partial(
        lax.conv_general_dilated,
        window_strides=window_strides,
        padding=padding,
        lhs_dilation=lhs_dilation,
        rhs_dilation=rhs_dilation,
        dimension_numbers=dimension_numbers or _channels_last(lhs.ndim),
        feature_group_count=feature_group_count,
        precision=precision,
    )
    if plain and _is_faster_by_rows(lhs, rhs, padding):
        by_rows = partial(_conv_by_rows, padding=padding, precision=precision)
        return lax.platform_dependent(lhs, rhs, cpu=by_rows, default=direct)
    return direct(lhs, rhs)


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


def _is_faster_by_rows(x: Array, w: Array, padding: Padding) -> bool:
    """Return whether a kernel has few channels and rows, so that the CPU takes less time by rows.

    A compiler for TPUs expects the opposite (`benchmarks/folding.py`).
    """
    return (
        w.ndim == 4
        and w.shape[2] <= _FEW_CHANNELS
        and 1 < w.shape[0] <= min(_FEW_ROWS, x.shape[1])
        and w.shape[1] <= x.shape[2]
        and (isinstance(padding, str) or min(map(min, padding)) >= 0)
    )


def _conv_by_rows(x: Array, w: Array, padding: Padding, precision: Any) -> Array:
    """Convolve along the rows of images alone, with the rows under the kernel as channels.

    XLA's convolution on the CPU is slow for few channels: for grey images this form takes 36 % of
    the time, for colour images 61 % (`benchmarks/lenet_arithmetic.py`).
    """
    (n, height, width, c), (rows, columns, _, out) = x.shape, w.shape
    if isinstance(padding, str):
        padding = lax.padtype_to_pads((height, width), (rows, columns), (1, 1), padding)
    x = jnp.pad(x, ((0, 0), *padding, (0, 0)))
    height += sum(padding[0]) - rows + 1
    under = jnp.concatenate([x[:, row : row + height] for row in range(rows)], axis=-1)
    kernel = w.swapaxes(0, 1).reshape(columns, rows * c, out)
    y = plain_conv(
        under.reshape(n * height, -1, rows * c), kernel, (1,), "VALID", precision=precision
    )
    return y.reshape(n, height, -1, out)


def _conv_forward(x: Array, w: Array, window: _Window) -> tuple[Array, tuple[Array, Array]]:
    return _conv(x, w, window), (x, w)


def _conv_backward(
    window: _Window, residuals: tuple[Array, Array], g: Array
) -> tuple[Array, Array]:
    x, w = residuals
    return _input_cotangent(x, w, g, window), _kernel_cotangent(x, w, g, window)


_conv.defvjp(_conv_forward, _conv_backward)


def _input_cotangent(x: Array, w: Array, g: Array, window: _Window) -> Array:
    """Compute dx[i] = sum_k g[(i + p - k r) / s] w[k], over the k with a whole index."""
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
    """Compute dw[k] = sum_o X[o s + k r] g[o], with the batch in place of the channels."""
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
    """Return how many input entries a dilated kernel spans along each spatial axis."""
    return tuple(1 + step * (size - 1) for size, step in zip(w.shape[:-2], dilation, strict=True))


def _dilate(x: Array, spacing: Sequence[int]) -> Array:
    """Insert zeros between entries; XLA's own input dilation is slower on the CPU."""
    space = [(0, 0, step - 1) for step in spacing]
    return lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *space, (0, 0, 0)])


def max_pool(x: Num[Array, "n h w c"], window: int = 2) -> Num[Array, "n h2 w2 c"]:
    """Take maxima over non-overlapping squares; leftover rows and columns are dropped.

    The gradient goes to the first entry that attains the maximum, as in flax's max-pool. It is
    implemented here because on the CPU that of `reduce_window` is many times slower and that of a
    reduction half as fast. Forward and reverse mode are both supported.

    Args:
        x: Images, channels last.
        window: Side and stride of the square, from 1 to the image's shorter side.

    Returns:
        `(n, h // window, w // window, c)` maxima.

    Raises:
        ConfigError: The window is out of its range.
    """
    n, height, width, channels = x.shape
    if not 1 <= window <= min(height, width):
        raise ConfigError(
            f"window must be from 1 to {min(height, width)}, the image's side; given {window}"
        )
    rows, columns = height // window, width // window
    x = x[:, : rows * window, : columns * window]
    return _pool_squares(x.reshape(n, rows, window, columns, window, channels))


@jax.custom_jvp
def _pool_squares(x: Num[Array, "n h k w k c"]) -> Num[Array, "n h w c"]:
    return functools.reduce(jnp.maximum, (entry for _, entry in _entries(x)))


@_pool_squares.defjvp
def _pool_squares_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (x,), (dx,) = primals, tangents
    largest = _pool_squares(x)
    first = jnp.zeros(largest.shape, jnp.int32)
    for number, entry in reversed(list(_entries(x))):
        first = jnp.where(entry == largest, number, first)
    side = x.shape[2]
    number = jnp.arange(side * side).reshape(1, 1, side, 1, side, 1)
    chosen = first[:, :, None, :, None] == number
    return largest, jnp.sum(jnp.where(chosen, dx, 0), axis=(2, 4))


def _entries(x: Num[Array, "n h k w k c"]):
    """Yield each place of a square: its number, and the entries of all squares there."""
    side = x.shape[2]
    for number in range(side * side):
        yield number, x[:, :, number // side, :, number % side]


def upsample(x: Num[Array, "n h w c"], factor: int = 2) -> Num[Array, "n h2 w2 c"]:
    """Repeat each pixel `factor` times along height and width (nearest neighbour)."""
    if factor < 1:
        raise ConfigError(f"factor must be at least 1; given {factor}")
    n, height, width, channels = x.shape
    shape = (n, height, factor, width, factor, channels)
    repeated = jnp.broadcast_to(x[:, :, None, :, None], shape)
    return repeated.reshape(n, height * factor, width * factor, channels)


def is_channels_last(lhs: Sequence[int], rhs: Sequence[int], dimension_numbers: Any) -> bool:
    """Return whether dimension numbers mean channels-last input and kernel; None does."""
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
