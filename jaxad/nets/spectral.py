"""Convolution of small images with many channels as products of their Fourier transforms.

A 5x5 convolution of 14x14 images takes 25 products for each pixel and pair of channels. Of the
transforms of image and kernel it takes two. The transforms cost as much for one channel as for
many pairs, so that this pays where channels are many and images are small; there a step of training
is a third of what the convolution itself takes on the CPU. Transforms are products with constant
matrices: with images of this size that is faster than a fast Fourier transform, everything is a
product of matrices, forwards and backwards, and derivatives of each mode and order are JAX's own.
"""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Complex, Float, Int

from jaxad.nets.conv import Padding, canonical_conv, is_channels_last

__all__ = ["conv_by_cost", "fewer_products", "spectral_conv"]

_MOST_ENTRIES = 1_000_000


class _Transforms(NamedTuple):
    """`y = back ((image x) * (kernel w))` is a convolution; rows are places, row by row."""

    image: np.ndarray
    kernel: np.ndarray
    back: np.ndarray


def spectral_conv(
    x: Float[Array, "n h w c"],
    kernel: Float[Array, "k l c out"],
    padding: Padding = "SAME",
    precision: Any = lax.Precision.HIGHEST,
) -> Float[Array, "n h2 w2 out"]:
    r"""The convolution with stride 1, by the discrete Fourier transform.

    $$y[o] = \sum_k X[o + k]\, w[k] \quad\text{is}\quad Y = F^{-1}(F x \cdot \overline{F w}),$$

    on a torus just so large that nothing that wraps around is seen. One of each pair of conjugate
    frequencies is computed, and three real products for a complex one (Gauss).

    Args:
        x: Images, channels last.
        kernel: Height, width, input channels, output channels.
        padding: "SAME", "VALID", or a (low, high) pair of numbers >= 0 for each axis.
        precision: Of all products of matrices. Errors of the transforms spread over the whole
            image, hence the highest.

    Example:
        >>> import jax.numpy as jnp
        >>> x, w = jnp.ones((1, 6, 6, 2)), jnp.ones((3, 3, 2, 4))
        >>> float(spectral_conv(x, w)[0, 2, 2, 0].round(3))
        18.0
    """
    (n, height, width, c), (*sides, _, out) = x.shape, kernel.shape
    pads = _pads((height, width), tuple(sides), padding)
    image, of_kernel, back = _transforms((height, width), tuple(sides), pads)
    matmul = functools.partial(jnp.matmul, precision=precision)
    places_first = x.reshape(n, height * width, c).swapaxes(0, 1).reshape(height * width, n * c)
    spectra = matmul(image.astype(x.dtype), places_first).reshape(-1, n, c)
    of_kernel = matmul(of_kernel.astype(x.dtype), kernel.reshape(-1, c * out)).reshape(-1, c, out)
    product = matmul(spectra, of_kernel).reshape(-1, n * out)
    y = matmul(back.astype(x.dtype), product).reshape(-1, n, out).swapaxes(0, 1)
    return y.reshape(n, *_size((height, width), tuple(sides), pads), out)


def fewer_products(x: tuple[int, ...], kernel: tuple[int, ...], padding: Padding = "SAME") -> float:
    """How many times fewer products a convolution takes by Fourier transforms.

    Args:
        x: `(n, height, width, channels)` of the images.
        kernel: `(height, width, channels, out)`.
        padding: As in `spectral_conv`.

    Returns:
        The ratio; 0 where the transform is not to be taken: its matrices would be large, a pair of
        the padding is negative, or nothing of the kernel's size is in the image.
    """
    (n, height, width, c), (*sides, _, out) = x, kernel
    pads = _pads((height, width), tuple(sides), padding)
    torus = _torus((height, width), pads)
    rows, columns = _size((height, width), tuple(sides), pads)
    if min(rows, columns) < 1 or min(min(pair) for pair in pads) < 0:
        return 0.0
    spectrum = 3 * (torus[0] * torus[1] // 2 + 2)
    if spectrum * max(height * width, rows * columns) > _MOST_ENTRIES:
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
    """`spectral_conv` where it takes fewer products, else `canonical_conv`.

    The choice rests on shapes alone, not on the device: on the CPU, times of training steps go with
    the products (`benchmarks/spectral.py`). With strides, dilations, groups or numbers of half
    precision it is the canonical one. Arguments and errors are those of `canonical_conv`.
    """
    dense = all(
        steps is None or all(step == 1 for step in steps)
        for steps in (window_strides, lhs_dilation, rhs_dilation)
    )
    images = lhs.ndim == 4 and is_channels_last(lhs.shape, rhs.shape, dimension_numbers)
    exact = lhs.dtype in (jnp.float32, jnp.float64)
    plain = dense and images and exact and feature_group_count == 1
    if plain and fewer_products(lhs.shape, rhs.shape, padding) > 1:
        return spectral_conv(lhs, rhs, padding, precision or lax.Precision.HIGHEST)
    return canonical_conv(
        lhs,
        rhs,
        window_strides,
        padding,
        lhs_dilation,
        rhs_dilation,
        dimension_numbers,
        feature_group_count,
        precision,
    )


def _pads(size: tuple[int, ...], kernel: tuple[int, ...], padding: Padding):
    pairs = (
        lax.padtype_to_pads(size, kernel, (1, 1), padding) if isinstance(padding, str) else padding
    )
    return tuple((int(low), int(high)) for low, high in pairs)


def _size(size: tuple[int, ...], kernel: tuple[int, ...], pads) -> tuple[int, ...]:
    """Height and width of the output."""
    return tuple(
        n + low + high - k + 1 for n, k, (low, high) in zip(size, kernel, pads, strict=True)
    )


def _torus(size: tuple[int, ...], pads) -> tuple[int, ...]:
    """Sides at which what is beyond one border is at the zeros beyond the other."""
    return tuple(n + max(pair) for n, pair in zip(size, pads, strict=True))


@functools.lru_cache(maxsize=64)
def _transforms(size: tuple[int, ...], kernel: tuple[int, ...], pads) -> _Transforms:
    """The three matrices of a convolution, three rows for each frequency."""
    torus = _torus(size, pads)
    frequencies = _places(torus)
    mirrored = -frequencies % torus
    order, mirror = (f @ (torus[1], 1) for f in (frequencies, mirrored))
    frequencies, alone = frequencies[order <= mirror], (order == mirror)[order <= mirror]
    low = tuple(pair[0] for pair in pads)
    image = _waves(frequencies, torus, size, (0, 0))
    of_kernel = _waves(frequencies, torus, kernel, low).conj()
    share = np.where(alone, 1, 2)[:, None] / np.prod(torus)
    back = (share * _waves(frequencies, torus, _size(size, kernel, pads), (0, 0)).conj()).T
    re, im = back.real, back.imag
    return _Transforms(_three(image), _three(of_kernel), np.concatenate([re + im, im - re, -im], 1))


def _three(z: Complex[np.ndarray, "f p"]) -> Float[np.ndarray, "f3 p"]:
    """Real part, imaginary part and their sum, of which Gauss's three products are made.

    With a and b so, `Re ab = a1 b1 - a2 b2` and `Im ab = a3 b3 - a1 b1 - a2 b2`.
    """
    re, im = np.real(z), np.imag(z)
    return np.concatenate([re, im, re + im])


def _waves(
    frequencies: Int[np.ndarray, "f 2"], torus, size: tuple[int, ...], offset: tuple[int, ...]
) -> Complex[np.ndarray, "f p"]:
    """`exp(-2 pi i f.(p - offset) / torus)` for each frequency and place."""
    return np.exp(-2j * np.pi * (frequencies / torus) @ (_places(size) - offset).T)


def _places(size: tuple[int, ...]) -> Int[np.ndarray, "p 2"]:
    """Row and column of each place of a rectangle, row by row."""
    return np.array(list(np.ndindex(*size)))
