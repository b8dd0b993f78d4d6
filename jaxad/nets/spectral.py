"""Convolution of small images with many channels as products of Fourier transforms.

A 5x5 convolution of 14x14 images takes 25 products for each pixel and pair of channels; the Fourier
transforms of image and kernel take two. Each channel is transformed once, however many pairs it is
in, so that this pays off for many channels and small images: there, a training step on the CPU
takes a third of the time of the direct convolution. Transforms are products with constant matrices,
which for such small images is faster than a fast Fourier transform. All operations, forwards and
backwards, are matrix products, and JAX differentiates them in every mode and order.
"""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Complex, Float, Int

from jaxad.nets.conv import Padding, canonical_conv, is_channels_last

__all__ = ["compute_saving", "conv_by_cost", "spectral_conv"]

_MOST_ENTRIES = 1_000_000  # of a matrix of transforms
_MOST_KERNEL = 2**26  # numbers in the transform of a kernel: 256 MB in float32


class _Transforms(NamedTuple):
    """The matrices of a convolution `y = back ((image x) * (kernel w))`, with pixels row by row."""

    image: np.ndarray
    kernel: np.ndarray
    back: np.ndarray


def spectral_conv(
    x: Float[Array, "n h w c"],
    kernel: Float[Array, "k l c out"],
    padding: Padding = "SAME",
    precision: Any = lax.Precision.HIGHEST,
) -> Float[Array, "n h2 w2 out"]:
    r"""Convolve with stride 1 by the discrete Fourier transform.

    $$y[o] = \sum_k X[o + k]\, w[k] \quad\text{is}\quad Y = F^{-1}(F x \cdot \overline{F w}),$$

    on a torus just large enough to keep wrapped values out of the output. One of each pair of
    conjugate frequencies is computed, with three real products for a complex one (Gauss).

    Args:
        x: Images, channels last.
        kernel: Height, width, input channels, output channels.
        padding: "SAME", "VALID", or a (low, high) pair of numbers >= 0 for each axis.
        precision: Precision of all matrix products; the highest by default, as errors of the
            transforms spread over the whole image.

    Example:
        >>> import jax.numpy as jnp
        >>> x, w = jnp.ones((1, 6, 6, 2)), jnp.ones((3, 3, 2, 4))
        >>> float(spectral_conv(x, w)[0, 2, 2, 0].round(3))
        18.0
    """
    (n, height, width, c), (*sides, _, out) = x.shape, kernel.shape
    pads = _resolve_padding((height, width), tuple(sides), padding)
    image, of_kernel, back = _build_transforms((height, width), tuple(sides), pads)
    matmul = functools.partial(jnp.matmul, precision=precision)
    places_first = x.reshape(n, height * width, c).swapaxes(0, 1).reshape(height * width, n * c)
    spectra = matmul(image.astype(x.dtype), places_first).reshape(-1, n, c)
    of_kernel = matmul(of_kernel.astype(x.dtype), kernel.reshape(-1, c * out)).reshape(-1, c, out)
    product = matmul(spectra, of_kernel).reshape(-1, n * out)
    y = matmul(back.astype(x.dtype), product).reshape(-1, n, out).swapaxes(0, 1)
    return y.reshape(n, *_measure_output((height, width), tuple(sides), pads), out)


def compute_saving(x: tuple[int, ...], kernel: tuple[int, ...], padding: Padding = "SAME") -> float:
    """Compute the factor by which Fourier transforms reduce the products of a convolution.

    Args:
        x: `(n, height, width, channels)` of the images.
        kernel: `(height, width, channels, out)`.
        padding: As in `spectral_conv`.

    Returns:
        The factor; 0 if the transform must not be used: its matrices or the transform of the kernel
        would be too large, padding is negative, or the kernel is larger than the padded image.
    """
    (n, height, width, c), (*sides, _, out) = x, kernel
    pads = _resolve_padding((height, width), tuple(sides), padding)
    torus = _compute_torus((height, width), pads)
    rows, columns = _measure_output((height, width), tuple(sides), pads)
    if min(rows, columns) < 1 or min(min(pair) for pair in pads) < 0:
        return 0.0
    spectrum = 3 * (torus[0] * torus[1] // 2 + 2)
    if spectrum * max(height * width, rows * columns) > _MOST_ENTRIES:
        return 0.0
    if spectrum * c * out > _MOST_KERNEL:
        return 0.0
    of_images = n * (height * width * c + c * out + rows * columns * out)
    of_kernel = sides[0] * sides[1] * c * out
    return n * rows * columns * of_kernel / (spectrum * (of_images + of_kernel))


def conv_by_cost(
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
    """Convolve by `spectral_conv` on the CPU if it takes fewer products, else by `canonical_conv`.

    On the CPU, the time of a training step follows the number of products
    (`benchmarks/spectral.py`); the compiler for TPUs expects more time of the transforms
    (`benchmarks/folding.py`). Strides, dilations, groups and half precision always use
    `canonical_conv`. Arguments and errors are those of `canonical_conv`.
    """
    dense = all(
        steps is None or all(step == 1 for step in steps)
        for steps in (window_strides, lhs_dilation, rhs_dilation)
    )
    images = lhs.ndim == 4 and is_channels_last(lhs.shape, rhs.shape, dimension_numbers)
    exact = lhs.dtype in (jnp.float32, jnp.float64)
    plain = dense and images and exact and feature_group_count == 1
    canonical = functools.partial(
        canonical_conv,
        window_strides=window_strides,
        padding=padding,
        lhs_dilation=lhs_dilation,
        rhs_dilation=rhs_dilation,
        dimension_numbers=dimension_numbers,
        feature_group_count=feature_group_count,
        precision=precision,
    )
    if plain and compute_saving(lhs.shape, rhs.shape, padding) > 1:
        spectral = functools.partial(
            spectral_conv, padding=padding, precision=precision or lax.Precision.HIGHEST
        )
        return lax.platform_dependent(lhs, rhs, cpu=spectral, default=canonical)
    return canonical(lhs, rhs)


def _resolve_padding(size: tuple[int, ...], kernel: tuple[int, ...], padding: Padding):
    pairs = (
        lax.padtype_to_pads(size, kernel, (1, 1), padding) if isinstance(padding, str) else padding
    )
    return tuple((int(low), int(high)) for low, high in pairs)


def _measure_output(size: tuple[int, ...], kernel: tuple[int, ...], pads) -> tuple[int, ...]:
    """Compute the height and width of the output."""
    return tuple(
        n + low + high - k + 1 for n, k, (low, high) in zip(size, kernel, pads, strict=True)
    )


def _compute_torus(size: tuple[int, ...], pads) -> tuple[int, ...]:
    """Compute the sides of a torus on which opposite borders share their padding."""
    return tuple(n + max(pair) for n, pair in zip(size, pads, strict=True))


@functools.lru_cache(maxsize=64)
def _build_transforms(size: tuple[int, ...], kernel: tuple[int, ...], pads) -> _Transforms:
    """Build the three matrices of a convolution, with three rows for each frequency."""
    torus = _compute_torus(size, pads)
    frequencies = _list_places(torus)
    mirrored = -frequencies % torus
    order, mirror = (f @ (torus[1], 1) for f in (frequencies, mirrored))
    frequencies, alone = frequencies[order <= mirror], (order == mirror)[order <= mirror]
    low = tuple(pair[0] for pair in pads)
    image = _make_waves(frequencies, torus, size, (0, 0))
    of_kernel = _make_waves(frequencies, torus, kernel, low).conj()
    share = np.where(alone, 1, 2)[:, None] / np.prod(torus)
    out = _measure_output(size, kernel, pads)
    back = (share * _make_waves(frequencies, torus, out, (0, 0)).conj()).T
    re, im = back.real, back.imag
    return _Transforms(
        _stack_parts(image), _stack_parts(of_kernel), np.concatenate([re + im, im - re, -im], 1)
    )


def _stack_parts(z: Complex[np.ndarray, "f p"]) -> Float[np.ndarray, "f3 p"]:
    """Stack real part, imaginary part and their sum, the factors of Gauss's three products.

    For such a and b, `Re ab = a1 b1 - a2 b2` and `Im ab = a3 b3 - a1 b1 - a2 b2`.
    """
    re, im = np.real(z), np.imag(z)
    return np.concatenate([re, im, re + im])


def _make_waves(
    frequencies: Int[np.ndarray, "f 2"], torus, size: tuple[int, ...], offset: tuple[int, ...]
) -> Complex[np.ndarray, "f p"]:
    """Compute `exp(-2 pi i f.(p - offset) / torus)` for each frequency f and pixel p."""
    return np.exp(-2j * np.pi * (frequencies / torus) @ (_list_places(size) - offset).T)


def _list_places(size: tuple[int, ...]) -> Int[np.ndarray, "p 2"]:
    """List the row and column of each pixel of a rectangle, row by row."""
    return np.array(list(np.ndindex(*size)))
