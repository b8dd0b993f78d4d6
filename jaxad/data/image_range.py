"""The range of pixels: images of another one than that of training are refused."""

from typing import Any, NamedTuple

import numpy as np

from jaxad.errors import DataError

__all__ = ["ImageRange", "check_image_range", "measure_images"]

# How many times the range of training a float may lie outside it. Pixels in other units, such as
# 0..255 in place of 0..1, lie farther away.
_MARGIN = 10
_COLOURS = 4  # the most channels of an image: red, green, blue and alpha


class ImageRange(NamedTuple):
    """The type and the range of the pixels of some images.

    Attributes:
        dtype: "uint8", or "float" for all other types, which are converted to it.
        low: The smallest value; 0 for uint8.
        high: The largest value; 255 for uint8.
    """

    dtype: str
    low: float
    high: float

    def __str__(self) -> str:
        """Return the type and the range, for errors."""
        if self.dtype == "uint8":
            return "uint8 in 0..255"
        return f"numbers from {self.low:.4g} to {self.high:.4g}"

    def merge(self, other: "ImageRange") -> "ImageRange":
        """Return the range of the images of both."""
        return self._replace(low=min(self.low, other.low), high=max(self.high, other.high))


def measure_images(x: Any, lead: int = 0) -> ImageRange | None:
    """Return the range of images; None for other rows.

    Floats with more than 4 channels are maps of features, which may lie in any range.

    Args:
        x: `(n, height, width, channels)` images, or other rows.
        lead: The number of axes in front of the rows.
    """
    if np.ndim(x) != lead + 4:
        return None
    x = np.asarray(x)
    if x.dtype == np.uint8:
        return ImageRange("uint8", 0.0, 255.0)
    if x.shape[-1] > _COLOURS:
        return None
    return ImageRange("float", float(x.min()), float(x.max()))


def check_image_range(
    x: Any, trained: ImageRange | None, *, scaled: bool = False, lead: int = 0
) -> None:
    """Raise a `DataError` if images are in another range than those of training.

    A network divides uint8 pixels by 255, so that they and floats in [0, 1] mean the same unless
    they are scaled before.

    Args:
        x: The images, or other rows, which are not checked.
        trained: The range of the images of training; None if it is not known.
        scaled: Whether the images are scaled by constants of the training images.
        lead: The number of axes in front of the rows.
    """
    given = measure_images(x, lead)
    if given is None or trained is None:
        return
    if given.dtype == "uint8" and trained.dtype == "uint8":
        return
    known, new = (_in_units(one, scaled) for one in (trained, given))
    span = (known.high - known.low) or 1.0
    outside = new.low < known.low - _MARGIN * span or new.high > known.high + _MARGIN * span
    # Floats in [0, 1] or uint8 where training had far larger numbers.
    unit = 255.0 if new.dtype == "uint8" else 1.0
    dark = new.low >= 0 and 0 < new.high <= unit < known.high / _MARGIN
    boolean = trained.dtype == "uint8" and bool(np.isin(x, (0, 1)).all()) and new.high > 0
    if outside or (dark and not _is_whole(x, new)) or boolean:
        cure = "uint8 images, or floats in [0, 1]" if trained.dtype == "uint8" else "such images"
        if trained.dtype == "uint8" and scaled:
            cure = "uint8 images"
        raise DataError(
            f"x has images in another range than those of training: given {given}, trained on "
            f"{trained}. Give {cure}"
        )


def _in_units(found: ImageRange, scaled: bool) -> ImageRange:
    """Return the range as a network takes the pixels."""
    return found if scaled or found.dtype == "float" else found._replace(high=1.0)


def _is_whole(x: np.ndarray, found: ImageRange) -> bool:
    """Return whether floats are whole numbers, as those of nearly black images may be."""
    return found.dtype == "float" and found.high > 0 and bool((x == np.floor(x)).all())
