"""The size that pictures get, and the format in which a detector takes them."""

import re
from typing import Any, Literal, NamedTuple, cast, get_args

import numpy as np

from jaxad.errors import ConfigError, DataError

__all__ = ["ImageFormat", "ImageSize", "Way", "parse_size"]

Way = Literal["resize", "crop", "pad"]
LARGEST = 2**14  # pixels along one side
_SIZE = re.compile(r"(?:(resize|crop|pad)\()?\s*(\d{1,6})(?:\s*x\s*(\d{1,6}))?\s*(\))?")


class ImageSize(NamedTuple):
    """The size that pictures get, and how.

    Attributes:
        width: In pixels.
        height: In pixels.
        way: "resize": the picture is stretched to the size. "crop": it is scaled, keeping its
            aspect ratio, until it covers the size, and cut to the centre. "pad": it is scaled,
            keeping its aspect ratio, until it fits in, and the rest is black.
    """

    width: int
    height: int
    way: Way = "resize"

    def __str__(self) -> str:
        return f"{self.way}({self.width}x{self.height})"


class ImageFormat(NamedTuple):
    """The format in which a detector takes pictures, decided by those of training.

    Attributes:
        height: In pixels.
        width: In pixels.
        channels: 1 for grey, 3 for red, green and blue.
        depth: 8: pixels are uint8. 16: pixels are float32 in [0, 1], 16-bit values divided by
            65535.
        way: How pictures of other sizes get this one; None: they are refused.
    """

    height: int
    width: int
    channels: int = 3
    depth: int = 8
    way: Way | None = None

    def __str__(self) -> str:
        colours = "grey" if self.channels == 1 else "in colour"
        how = "" if self.way is None else f", by {self.way}"
        return f"{self.width}x{self.height} pixels{how}, {colours}, {self.depth} bits"

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape of one picture."""
        return self.height, self.width, self.channels

    @property
    def dtype(self) -> type:
        """The type of pixels."""
        return np.uint8 if self.depth == 8 else np.float32

    @property
    def size(self) -> ImageSize | None:
        """The size that pictures are changed to; None if they are refused."""
        return None if self.way is None else ImageSize(self.width, self.height, self.way)

    def dump(self) -> dict[str, Any]:
        """Return the format as values of JSON."""
        return self._asdict()

    @classmethod
    def restore(cls, values: Any) -> "ImageFormat":
        """Return the format that `dump` gave.

        Raises:
            DataError: The values are not those of a format.
        """
        names = set(cls._fields)
        if not isinstance(values, dict) or set(values) != names:
            raise DataError(f"images must have the entries {', '.join(cls._fields)}")
        found = cls(**values)
        if (
            not all(type(n) is int and 1 <= n <= LARGEST for n in found[:4])
            or found.channels not in (1, 3)
            or found.depth not in (8, 16)
            or found.way not in (None, *get_args(Way))
        ):
            raise DataError(f"images: not a format of pictures: {str(values)[:200]}")
        return found


def parse_size(text: str | int) -> ImageSize:
    """Return the size that a text names.

    Args:
        text: "64" for 64 x 64 pixels, "64x48" for a width of 64 and a height of 48; also
            "crop(64x48)" or "pad(64)".

    Raises:
        ConfigError: It is not a size.

    Example:
        >>> parse_size("crop(64x48)")
        ImageSize(width=64, height=48, way='crop')
    """
    found = _SIZE.fullmatch(str(text).strip())
    wide, high = (0, 0) if found is None else (int(found[2]), int(found[3] or found[2]))
    if (
        found is None
        or bool(found[1]) != bool(found[4])
        or not all(1 <= side <= LARGEST for side in (wide, high))
    ):
        raise ConfigError(
            f"size (--size) {text!r} must be a side or WIDTHxHEIGHT in pixels, from 1 to "
            f"{LARGEST}, such as 64 or 64x48; crop(64x48) and pad(64x48) keep the aspect ratio"
        )
    return ImageSize(wide, high, cast(Way, found[1] or "resize"))
