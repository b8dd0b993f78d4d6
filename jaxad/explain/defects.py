"""A table of kinds of defects: how well each is found among images, and in its pixels."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxad.explain.pixels import PixelMetrics, Pixels, measure_pixels, select_images

__all__ = ["DefectRow", "compute_auroc", "measure_defects"]

ALL = "all"


class DefectRow(NamedTuple):
    """How well the images of a kind of defect are found.

    Attributes:
        kind: The name of the kind; "all" for all images with a marked pixel.
        images: The number of its images that have a marked pixel.
        auroc: The AUROC of its scores against those of images without a marked pixel; NaN where
            every image has one.
        pixels: The metrics of its pixels against the unmarked pixels of all images.
    """

    kind: str
    images: int
    auroc: float
    pixels: PixelMetrics


def measure_defects(
    pixels: Pixels, scores: Float[np.ndarray, "n"], kinds: Sequence[str] | None = None
) -> list[DefectRow]:
    """Measure all images with a marked pixel together, and then each kind of them.

    Args:
        pixels: The values of the heat maps at the pixels of the images.
        scores: `(n,)` the scores of the images.
        kinds: `(n,)` the kind of each image, such as the name of its folder; None if it is not
            known.

    Raises:
        DataError: All pixels are marked, or none.
    """
    marked = np.bincount(pixels.image, minlength=len(scores)) > 0
    groups = {ALL: marked}
    names = np.asarray([] if kinds is None else kinds, str)
    found = sorted(set(names[marked])) if len(names) else []
    if len(found) > 1:
        groups |= {name: marked & (names == name) for name in found}
    return [
        DefectRow(
            name,
            int(rows.sum()),
            compute_auroc(scores[rows], scores[~marked]),
            measure_pixels(select_images(pixels, rows)),
        )
        for name, rows in groups.items()
    ]


def compute_auroc(anomalous: Float[np.ndarray, "a"], normal: Float[np.ndarray, "b"]) -> float:
    """Return how often an anomalous score is above a normal one; ties count one half."""
    if not len(anomalous) or not len(normal):
        return float("nan")
    ascending = np.sort(normal)
    below, above = (np.searchsorted(ascending, anomalous, side) for side in ("left", "right"))
    return float(np.mean(below + above) / (2 * len(normal)))
