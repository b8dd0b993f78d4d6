"""How well heat maps find the anomalous pixels: AUROC of pixels and AUPRO.

A mask marks the anomalous pixels of an image. Both metrics are areas under a curve over thresholds
of the maps, whose abscissa is the false-positive rate: the fraction of the unmarked pixels of all
images whose values exceed the threshold.

References:
    Bergmann et al. 2021, The MVTec anomaly detection dataset, International Journal of Computer
    Vision 129.
"""

from collections.abc import Sequence
from typing import NamedTuple, cast

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped
from scipy.ndimage import label

from jaxad.errors import ConfigError, DataError

__all__ = [
    "PixelAUROC",
    "PixelMetrics",
    "Pixels",
    "aupro",
    "collect_pixels",
    "join_pixels",
    "measure_pixels",
    "pixel_auroc",
    "select_images",
]

LIMIT = 0.3  # of the false-positive rate, as Bergmann et al. choose it
_NEIGHBOURS = np.ones((3, 3), int)


class PixelAUROC(NamedTuple):
    """The area under the ROC curve of pixels.

    Attributes:
        pooled: The area over the pixels of all images together.
        per_image: The mean over images that have pixels of both kinds; NaN where none has.
    """

    pooled: float
    per_image: float


class PixelMetrics(NamedTuple):
    """How well heat maps find the marked pixels.

    Attributes:
        images: The number of images with a marked pixel.
        regions: The number of connected regions of marked pixels; diagonal neighbours touch.
        auroc: The AUROC over the pixels of all images together.
        per_image: The mean AUROC over images that have pixels of both kinds; NaN where none has.
        aupro: The area under the per-region overlap up to a false-positive rate, divided by it.
    """

    images: int
    regions: int
    auroc: float
    per_image: float
    aupro: float


class Pixels(NamedTuple):
    """The values of heat maps, sorted once for all metrics.

    Attributes:
        unmarked: `(u,)` values of the unmarked pixels of all images, ascending.
        marked: `(m,)` values of the marked pixels.
        region: `(m,)` the connected region of each marked pixel.
        image: `(m,)` the image of each marked pixel.
        auroc: `(n,)` the AUROC within each image; NaN where all pixels are of one kind.
    """

    unmarked: Float[np.ndarray, "u"]
    marked: Float[np.ndarray, "m"]
    region: Int[np.ndarray, "m"]
    image: Int[np.ndarray, "m"]
    auroc: Float[np.ndarray, "n"]


def pixel_auroc(
    maps: Float[np.ndarray, "n height width"], mask: Shaped[np.ndarray, "n height width"]
) -> PixelAUROC:
    """Compute the AUROC of heat maps against masks; ties count one half.

    The two numbers differ: in the pooled one, an image that is bright everywhere lowers the ranks
    of all others.

    Args:
        maps: `(n, height, width)` heat maps, higher is more anomalous.
        mask: `(n, height, width)` 1 for anomalous pixels, 0 for others.

    Raises:
        DataError: Different shapes, values that are not finite, masks with other values, or pixels
            of one kind only.
    """
    found = measure_pixels(collect_pixels(maps, mask))
    return PixelAUROC(found.auroc, found.per_image)


def aupro(
    maps: Float[np.ndarray, "n height width"],
    mask: Shaped[np.ndarray, "n height width"],
    limit: float = LIMIT,
) -> float:
    r"""Compute the normalised area under the per-region overlap curve (AUPRO).

    At a threshold, the per-region overlap is the mean over the connected regions of all masks of
    the fraction of a region's pixels whose values exceed the threshold; so small regions count as
    much as large ones. With the false-positive rate :math:`f` the area is

    .. math:: \frac{1}{L} \int_0^L \operatorname{PRO}(f)\, df,

    where the curve between two thresholds is a straight line. It is 1 for maps that are higher on
    every marked pixel than on all others, and `limit / 2` for constant maps. Regions are connected
    components with eight neighbours.

    Args:
        maps: `(n, height, width)` heat maps, higher is more anomalous.
        mask: `(n, height, width)` 1 for anomalous pixels, 0 for others.
        limit: The largest false-positive rate L, in (0, 1].

    Raises:
        ConfigError: `limit` is out of its range.
        DataError: As for `pixel_auroc`.

    References:
        Bergmann et al. 2021, The MVTec anomaly detection dataset.
    """
    return measure_pixels(collect_pixels(maps, mask), limit).aupro


def collect_pixels(
    maps: Float[np.ndarray, "n height width"], mask: Shaped[np.ndarray, "n height width"]
) -> Pixels:
    """Return the values of heat maps at unmarked and at marked pixels.

    Args:
        maps: `(n, height, width)` heat maps, higher is more anomalous.
        mask: `(n, height, width)` 1 for anomalous pixels, 0 for others; all may be 0.

    Raises:
        DataError: Different shapes, values that are not finite, or masks with other values.
    """
    maps, mask = np.asarray(maps), np.asarray(mask)
    if maps.ndim != 3 or maps.shape != mask.shape:
        raise DataError(
            f"maps and masks must both be (n, height, width); given {maps.shape} and {mask.shape}"
        )
    if not np.isfinite(maps).all():
        raise DataError("maps must be finite")
    if mask.dtype != bool and not ((mask == 0) | (mask == 1)).all():
        raise DataError("masks must be 0 and 1")
    anomalous = mask.astype(bool)
    regions, auroc, count = [np.zeros(0, int)], np.full(len(maps), np.nan), 0
    for i in np.flatnonzero(anomalous.any(axis=(1, 2))):
        numbers, found = cast(tuple[np.ndarray, int], label(anomalous[i], _NEIGHBOURS))
        regions.append(numbers[anomalous[i]] - 1 + count)
        count += found
        if not anomalous[i].all():
            rates = _compute_rates(np.sort(maps[i][~anomalous[i]]), maps[i][anomalous[i]])
            auroc[i] = _integrate(*rates, 1.0).mean()
    image = np.repeat(np.arange(len(maps)), anomalous.sum(axis=(1, 2)))
    return Pixels(np.sort(maps[~anomalous]), maps[anomalous], np.concatenate(regions), image, auroc)


def join_pixels(parts: Sequence[Pixels]) -> Pixels:
    """Join the pixels of consecutive images, such as those that `collect_pixels` gave in pieces."""
    regions = np.cumsum([0, *(p.region.max(initial=-1) + 1 for p in parts)])
    images = np.cumsum([0, *(len(p.auroc) for p in parts)])
    return Pixels(
        np.sort(np.concatenate([p.unmarked for p in parts])),
        np.concatenate([p.marked for p in parts]),
        np.concatenate([p.region + first for p, first in zip(parts, regions, strict=False)]),
        np.concatenate([p.image + first for p, first in zip(parts, images, strict=False)]),
        np.concatenate([p.auroc for p in parts]),
    )


def select_images(pixels: Pixels, keep: Bool[np.ndarray, "n"]) -> Pixels:
    """Return the marked pixels of some images, beside the unmarked pixels of all images.

    Args:
        pixels: The pixels of all images.
        keep: `(n,)` whether the marked pixels of an image are kept, such as those of one kind of
            defect.
    """
    rows = keep[pixels.image]
    return pixels._replace(
        marked=pixels.marked[rows],
        region=pixels.region[rows],
        image=pixels.image[rows],
        auroc=np.where(keep, pixels.auroc, np.nan),
    )


def measure_pixels(pixels: Pixels, limit: float = LIMIT) -> PixelMetrics:
    """Compute the metrics of heat maps.

    Args:
        pixels: The values of the maps.
        limit: The false-positive rate up to which AUPRO is integrated, in (0, 1].

    Raises:
        ConfigError: `limit` is out of its range.
        DataError: All pixels are marked, or none.
    """
    if not 0 < limit <= 1:
        raise ConfigError(f"limit must be in (0, 1]; given {limit}")
    marked, size = len(pixels.marked), len(pixels.marked) + len(pixels.unmarked)
    if marked in (0, size):
        raise DataError(f"{marked} of {size} pixels are anomalous; both kinds are needed")
    rates = _compute_rates(pixels.unmarked, pixels.marked)
    _, region = np.unique(pixels.region, return_inverse=True)
    overlap = np.bincount(region, _integrate(*rates, limit) / limit) / np.bincount(region)
    several = pixels.auroc[~np.isnan(pixels.auroc)]
    return PixelMetrics(
        len(np.unique(pixels.image)),
        len(overlap),
        float(_integrate(*rates, 1.0).mean()),
        float(several.mean()) if len(several) else float("nan"),
        float(overlap.mean()),
    )


def _compute_rates(
    unmarked: Float[np.ndarray, "u"], marked: Float[np.ndarray, "m"]
) -> tuple[Float[np.ndarray, "m"], Float[np.ndarray, "m"]]:
    """Return the false-positive rates just above and just below the value of each marked pixel."""
    order = np.argsort(marked)
    above, below = np.empty((2, len(marked)))
    values = marked[order]
    above[order] = np.searchsorted(unmarked, values, "right")
    below[order] = np.searchsorted(unmarked, values, "left")
    return 1 - above / len(unmarked), 1 - below / len(unmarked)


def _integrate(
    above: Float[np.ndarray, "m"], below: Float[np.ndarray, "m"], limit: float
) -> Float[np.ndarray, "m"]:
    """Integrate over the false-positive rate, up to a limit, whether each pixel is found.

    The curve of a single pixel is 0 up to the rate `above` its value, 1 from the rate `below` it,
    and a straight line between the two. The curves of the true-positive rate and of the per-region
    overlap are weighted means of these.
    """
    tied = np.minimum(below, limit) - above
    line = np.divide(tied**2, 2 * (below - above), out=np.zeros_like(tied), where=below > above)
    return np.where(above >= limit, 0.0, line + np.maximum(limit - below, 0))
