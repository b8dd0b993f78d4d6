"""How well heat maps find the anomalous pixels."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Num

from jaxad.errors import DataError

__all__ = ["PixelAUROC", "pixel_auroc"]


class PixelAUROC(NamedTuple):
    """The area under the ROC curve of pixels.

    Attributes:
        pooled: The area over the pixels of all images together.
        per_image: The mean over images that have pixels of both kinds; NaN where none has.
    """

    pooled: float
    per_image: float


def pixel_auroc(
    maps: Float[np.ndarray, "n height width"], mask: Num[np.ndarray, "n height width"]
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
    maps, mask = np.asarray(maps), np.asarray(mask)
    if maps.ndim != 3 or maps.shape != mask.shape:
        raise DataError(
            f"maps and masks must both be (n, height, width); given {maps.shape} and {mask.shape}"
        )
    if not np.isfinite(maps).all():
        raise DataError("maps must be finite")
    if not np.isin(mask, (0, 1)).all():
        raise DataError("masks must be 0 and 1")
    anomalous = mask == 1
    marked = int(anomalous.sum())
    if marked in (0, mask.size):
        raise DataError(f"{marked} of {mask.size} pixels are anomalous; both kinds are needed")
    several = [_auroc(m, a) for m, a in zip(maps, anomalous, strict=True) if 0 < a.sum() < a.size]
    per_image = float(np.mean(several)) if several else float("nan")
    return PixelAUROC(_auroc(maps, anomalous), per_image)


def _auroc(score: np.ndarray, anomalous: np.ndarray) -> float:
    """Compute the AUROC by the mean rank of anomalous pixels; ties share their mean rank."""
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    rank = np.cumsum(count) - (count - 1) / 2
    n, of = anomalous.size, int(anomalous.sum())
    total = float(rank[place.ravel()][anomalous.ravel()].sum())
    return (total - of * (of + 1) / 2) / (of * (n - of))
