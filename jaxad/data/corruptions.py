"""Image corruptions, with the change of each pixel as ground truth.

The fifteen corruptions of MNIST-C, with its strengths. Brightness, glass blur, impulse and shot
noise, spatter, stripes and moves follow the program of MNIST-C, written for 28 by 28 pixels. Lines,
edges, fog and motion blur are implemented from their descriptions, so that their results are
qualitatively, but not numerically, comparable with those on MNIST-C.

References:
    Mu and Gilmer 2019, MNIST-C: a robustness benchmark for computer vision; Hendrycks and
    Dietterich 2019, Benchmarking neural network robustness; Ruff thesis, section 4.4.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Num

from jaxad.data.rng import Stream
from jaxad.errors import DataError, unknown_name
from jaxad.types import Key

__all__ = ["CORRUPTIONS", "Corrupted", "corrupt"]

_FIRST = 200  # the first of the stream's stages that splits do not use

Images = Float[np.ndarray, "n h w"]
Draw = Callable[..., Float[np.ndarray, "n *shape"]]


class Corrupted(NamedTuple):
    """Corrupted images and the change of each pixel.

    Attributes:
        x: `(n, height, width, channels)` float32 in [0, 1].
        truth: `(n, height, width)` the absolute difference, summed over channels.
    """

    x: Float[np.ndarray, "n h w c"]
    truth: Float[np.ndarray, "n h w"]


def corrupt(images: Num[np.ndarray, "n h w c"], name: str, key: Key | int = 0) -> Corrupted:
    """Corrupt grey images.

    Args:
        images: `(n, height, width, 1)` uint8, or floats in [0, 1]; bright on dark.
        name: One of `CORRUPTIONS`.
        key: The root of all randomness; the random numbers of an image depend on its index.

    Raises:
        ConfigError: The name of the corruption is unknown.
        DataError: Not grey images of at least 8 by 8 pixels, or values out of their range.

    Example:
        >>> import numpy as np
        >>> x, truth = corrupt(np.zeros((1, 8, 8, 1)), "brightness")
        >>> float(x.max()), float(truth.min())
        (0.5, 0.5)
    """
    if name not in CORRUPTIONS:
        raise unknown_name("corruption", name, CORRUPTIONS)
    x = np.asarray(images)
    if x.ndim != 4 or x.shape[-1] != 1 or min(x.shape[1:3]) < 8:
        raise DataError(
            "images must have shape (n, height, width, 1) with sides of at least 8; given "
            f"{x.shape}"
        )
    x = x.astype(np.float64) / (255 if x.dtype == np.uint8 else 1)
    if not (np.isfinite(x).all() and (x >= 0).all() and (x <= 1).all()):
        raise DataError(
            "images must be uint8, or floats in [0, 1]; given values from "
            f"{x.min():.3g} to {x.max():.3g}"
        )
    clean = x[..., 0]
    stage = _FIRST + list(CORRUPTIONS).index(name)
    stream, count = Stream(key), clean[0].size

    def draw(*shape: int) -> np.ndarray:
        """Draw uniform numbers for each image; every call draws the same ones."""
        size = int(np.prod(shape))
        assert size <= 2 * count
        return stream.uniform(stage, len(clean), size).reshape(len(clean), *shape)

    changed = np.clip(CORRUPTIONS[name](clean, draw), 0, 1).astype(np.float32)
    return Corrupted(changed[..., None], np.abs(changed - clean.astype(np.float32)))


def _brightness(x: Images, draw: Draw) -> Images:
    """Add half of the range to every pixel."""
    return x + 0.5


def _edges(x: Images, draw: Draw) -> Images:
    """Keep the outline of bright regions; MNIST-C uses Canny's edge detector instead."""
    from scipy.ndimage import binary_erosion

    bright = x > 0.4
    inner = np.array([binary_erosion(image) for image in bright], bool)
    return (bright & ~inner).astype(float)


def _dotted_line(x: Images, draw: Draw) -> Images:
    """Draw dots along a line from the left side to the right."""
    height, width = x.shape[1:]
    ends = draw(2)
    step = np.arange(1, width - 1, 3)
    row = (ends[:, :1] + (ends[:, 1:] - ends[:, :1]) * step / width) * (height - 2)
    out = x.copy()
    places = np.arange(len(x))[:, None]
    for down in (0, 1):
        out[places, np.floor(row).astype(int) + down, step] = 1
    return out


def _zigzag(x: Images, draw: Draw) -> Images:
    """Draw a bright zigzag line across the image."""
    height, width = x.shape[1:]
    middle, phase = (draw(2)[:, i : i + 1] for i in (0, 1))
    fine = np.linspace(0, width - 1, 6 * width)
    wave = 2 * np.abs((fine / width * 3 + phase) % 1 - 0.5) - 0.5
    row = ((0.3 + 0.4 * middle) + 0.4 * wave) * (height - 1)
    out = x.copy()
    out[np.arange(len(x))[:, None], np.round(row).astype(int), np.round(fine).astype(int)] = 1
    return out


def _fog(x: Images, draw: Draw) -> Images:
    """Add smooth noise at several scales, and reduce the contrast."""
    height, width = x.shape[1:]
    fog = np.zeros_like(x)
    grids = draw(2 * 2 + 3 * 3 + 5 * 5)
    start = 0
    for side, weight in ((2, 1.0), (3, 0.7), (5, 0.5)):
        grid = grids[:, start : start + side * side].reshape(-1, side, side)
        start += side * side
        fog += weight * _stretch(grid, height, width)
    return (x + fog / 2.2) / 1.6


def _glass_blur(x: Images, draw: Draw) -> Images:
    """Swap pixels with neighbours at random, twice, with a blur of deviation 0.7 before and after.

    Each pixel, from the lower right, is swapped with probability 1/2 with one that lies 0 or 1
    pixels above and 0 or 1 to the left. The blur is along columns alone, as in MNIST-C's program,
    which takes the columns of a grey image for its channels.
    """
    n, height, width = x.shape
    out = _blur(x, (0.7, 0))
    choice = np.floor(8 * draw(2, height, width)).astype(int)
    row, column = choice // 2 % 2, choice // 4
    swapped, images = choice % 2 == 1, np.arange(n)
    for again in range(2):
        for i in range(height - 1, 1, -1):
            for j in range(width - 1, 1, -1):
                at = again, i, j
                which = images[swapped[:, *at]]
                above, left = i - row[which, *at], j - column[which, *at]
                other = out[which, above, left]
                out[which, above, left] = out[which, i, j]
                out[which, i, j] = other
    return _blur(out, (0.7, 0))


def _impulse_noise(x: Images, draw: Draw) -> Images:
    """Set 17 % of the pixels to black or white."""
    u = draw(*x.shape[1:])
    return np.where(u < 0.085, 0, np.where(u > 0.915, 1, x))


def _motion_blur(x: Images, draw: Draw) -> Images:
    """Average over nine pixels in a direction within 45 degrees of the horizontal."""
    from scipy.ndimage import shift

    tilt = np.tan((draw(1)[:, 0] - 0.5) * np.pi / 2)
    return np.stack(
        [
            np.mean([shift(image, (slope * i, i), order=1) for i in range(-4, 5)], axis=0)
            for image, slope in zip(x, tilt, strict=True)
        ]
    )


def _rotate(x: Images, draw: Draw) -> Images:
    """Rotate by 0.4 radians, 23 degrees, in either direction."""
    angle = 0.4 * _draw_sign(draw(1))[:, 0]
    turn = [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
    return _move(x, np.moveaxis(np.array(turn), -1, 0))


def _scale(x: Images, draw: Draw) -> Images:
    """Shrink to 0.7 of the size."""
    return _move(x, np.tile(np.eye(2) / 0.7, (len(x), 1, 1)))


def _shear(x: Images, draw: Draw) -> Images:
    """Shift rows by 0.4 of their distance from the middle, in either direction."""
    matrix = np.tile(np.eye(2), (len(x), 1, 1))
    matrix[:, 1, 0] = 0.4 * _draw_sign(draw(1))[:, 0]
    return _move(x, matrix)


def _shot_noise(x: Images, draw: Draw) -> Images:
    """Draw each pixel from a Poisson distribution, with mean 3 where the image is white."""
    from scipy.stats import poisson

    return poisson.ppf(np.maximum(draw(*x.shape[1:]), 1e-12), 3 * x) / 3


def _spatter(x: Images, draw: Draw) -> Images:
    """Cover the image with dark grey (63 / 255) blots where smoothed noise is above its mean."""
    from scipy.special import ndtri

    noise = _blur(ndtri(np.maximum(draw(*x.shape[1:]), 1e-12)), (1, 1))
    blots = _blur((noise > 0).astype(float), (1.5, 1.5))
    blots = np.where(blots < 0.8, 0, blots)
    return x * (1 - blots) + 63 / 255 * blots


def _stripe(x: Images, draw: Draw) -> Images:
    """Invert the left and the right quarter of the columns."""
    quarter = x.shape[2] // 4
    out = x.copy()
    out[:, :, :quarter] = 1 - x[:, :, :quarter]
    out[:, :, -quarter:] = 1 - x[:, :, -quarter:]
    return out


def _translate(x: Images, draw: Draw) -> Images:
    """Shift by 3 / 28 of each side, 3 pixels of 28, in either direction."""
    away = 3 / 28 * _draw_sign(draw(2)) * np.array(x.shape[1:])
    return _move(x, np.tile(np.eye(2), (len(x), 1, 1)), away)


def _draw_sign(u: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n k"]:
    """Return 1 or -1 with equal probability."""
    return np.where(u < 0.5, -1.0, 1.0)


def _move(x: Images, matrix: np.ndarray, away: np.ndarray | None = None) -> Images:
    """Return images whose pixel at p comes from `matrix (p - middle) + middle + away`."""
    from scipy.ndimage import affine_transform

    middle = (np.array(x.shape[1:]) - 1) / 2
    away = np.zeros((len(x), 2)) if away is None else away
    return np.stack(
        [
            affine_transform(image, m, middle - m @ middle + offset, order=1)
            for image, m, offset in zip(x, matrix, away, strict=True)
        ]
    )


def _blur(x: Images, sigma: tuple[float, float]) -> Images:
    """Smooth images by a Gaussian with a deviation along each axis; borders are extended."""
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(x, (0, *sigma), mode="nearest")


def _stretch(grid: np.ndarray, height: int, width: int) -> Images:
    """Stretch grids to the size of images by linear interpolation."""
    side = grid.shape[1]

    def weights(length: int) -> np.ndarray:
        place = np.linspace(0, side - 1, length)[:, None]
        return np.maximum(0, 1 - np.abs(place - np.arange(side)))

    return np.einsum("pi,nij,qj->npq", weights(height), grid, weights(width))


# The names are those of MNIST-C, except `edges` for its canny_edges.
CORRUPTIONS: dict[str, Callable[[Images, Draw], Images]] = {
    "brightness": _brightness,
    "edges": _edges,
    "dotted_line": _dotted_line,
    "fog": _fog,
    "glass_blur": _glass_blur,
    "impulse_noise": _impulse_noise,
    "motion_blur": _motion_blur,
    "rotate": _rotate,
    "scale": _scale,
    "shear": _shear,
    "shot_noise": _shot_noise,
    "spatter": _spatter,
    "stripe": _stripe,
    "translate": _translate,
    "zigzag": _zigzag,
}
