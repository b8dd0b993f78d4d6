"""Decoding of picture files with Pillow, within limits of size."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Num, UInt8

from jaxad.data.images.sizes import ImageFormat, ImageSize
from jaxad.errors import DataError
from jaxad.utils.limits import refuse_broken

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Header", "SizeError", "decode", "decode_mask", "measure", "read_header"]

MOST_BYTES = 2**30  # of a file
MOST_PIXELS = 89_478_485  # from which on Pillow warns of a decompression bomb
FORMATS = ("PNG", "JPEG", "TIFF", "BMP")
_ORIENTATION, _TURNED = 0x0112, (5, 6, 7, 8)
_GREY = ("1", "L", "LA", "La", "I;16", "I;16L", "I;16B", "I;16N")
_COLOUR = ("P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV")


class SizeError(DataError):
    """A picture of another size than the format has, which has no way to change it.

    Attributes:
        size: The width and the height of the picture.
    """

    def __init__(self, size: tuple[int, int], form: ImageFormat):
        super().__init__(
            f"has the size {size[0]}x{size[1]} (WIDTHxHEIGHT), the pictures of training have "
            f"{form.width}x{form.height}; resize it, or train with --size"
        )
        self.size = size


class Header(NamedTuple):
    """What a file says of its picture before it is decoded.

    Attributes:
        grey: Whether it has shades of grey only, by its type or its palette.
        depth: 16 for grey pictures of 16 bits, else 8.
    """

    grey: bool
    depth: int


def read_header(path: Path) -> Header:
    """Read the type of a picture.

    Raises:
        DataError: The file is not a picture that can be read.
    """
    with _open(path) as image:
        return _describe(image)


def decode(path: Path, form: ImageFormat) -> Num[np.ndarray, "height width channels"]:
    """Decode a picture in the format of a detector.

    The turn that EXIF data asks for is applied. Transparent pixels are blended with black. Colours
    become grey by ITU-R 601-2 where the format is grey.

    Args:
        path: The file.
        form: The format. A picture of another size is changed by its `way`.

    Returns:
        The pixels; uint8, or float32 in [0, 1] for a depth of 16.

    Raises:
        SizeError: The picture has another size, and the format no `way`.
        DataError: The file is broken, holds several pictures, is beyond a limit or has another
            depth.
    """
    with _open(path) as image:
        depth = _describe(image).depth
        if depth != form.depth:
            raise DataError(
                f"has {depth} bits for each pixel and channel, the pictures of training have "
                f"{form.depth}; convert it"
            )
        image = _turn(image)
        if form.size is None and image.size != (form.width, form.height):
            raise SizeError(image.size, form)
        return _convert(image, form)


def measure(path: Path) -> tuple[int, int]:
    """Return the width and the height of a picture after the turn that EXIF data asks for.

    Raises:
        DataError: The file is broken.
    """
    with _open(path) as image:
        width, height = image.size
        # Pillow gives the size of a TIFF file after the turn.
        turned = image.format != "TIFF" and image.getexif().get(_ORIENTATION) in _TURNED
        return (height, width) if turned else (width, height)


def decode_mask(
    path: Path, form: ImageFormat, size: tuple[int, int]
) -> UInt8[np.ndarray, "height width"]:
    """Decode the mask of a picture, and change its size as that of the picture.

    Args:
        path: The file; every pixel above half of its range is anomalous. Where the size is
            changed, a pixel is anomalous if a part of it is, so that thin defects remain.
        form: The format of the pictures.
        size: The width and the height of the picture before its size is changed.

    Returns:
        1 where a pixel is anomalous, else 0.

    Raises:
        DataError: The file is broken, or has another size than the picture.
    """
    from PIL import Image

    with _open(path) as image:
        image = _turn(image)
        if image.size != size:
            raise DataError(
                f"has the size {image.width}x{image.height} (WIDTHxHEIGHT), and its picture "
                f"{size[0]}x{size[1]}; masks have the size of their pictures"
            )
        values = np.asarray(_blend(image).convert("F" if image.mode.startswith("I") else "L"))
        top = 65535 if image.mode.startswith("I") else 255
        if set(np.unique(values).tolist()) <= {0, 1}:  # saved as 0 and 1
            top = 1
        marked = Image.fromarray((values > top / 2).astype(np.float32))
        if form.size is not None:
            marked = _fit(marked, form.size, Image.Resampling.BOX)
        return (np.asarray(marked) > 0).astype(np.uint8)


@contextmanager
def _open(path: Path) -> Iterator["Image"]:
    """Open a picture, and turn every error of a broken file into a `DataError` without its name."""
    from PIL import Image

    with refuse_broken("cannot be read"), _open_file(path) as file:
        try:
            with Image.open(file, formats=FORMATS) as image:
                if image.width * image.height > MOST_PIXELS:
                    raise DataError(_too_large(image.size))
                if image.format in ("PNG", "TIFF") and getattr(image, "n_frames", 1) > 1:
                    raise DataError("holds several pictures; save each as a file of its own")
                yield image
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise DataError(_too_large()) from error
        except Image.UnidentifiedImageError as error:
            raise DataError("is not a PNG, JPEG, TIFF or BMP picture, or is broken") from error
        except Warning as error:  # where warnings are errors
            raise DataError(f"cannot be read: {error}") from error


def _too_large(size: tuple[int, int] | None = None) -> str:
    given = "" if size is None else f", {size[0]}x{size[1]}"
    return f"has too many pixels{given}; at most {MOST_PIXELS} are read"


def _open_file(path: Path) -> IO[bytes]:
    """Open a regular file; a pipe or a device would keep the reader waiting."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    about = os.fstat(descriptor)
    if stat.S_ISREG(about.st_mode) and 0 < about.st_size <= MOST_BYTES:
        return open(descriptor, "rb")
    os.close(descriptor)
    if not stat.S_ISREG(about.st_mode):
        raise DataError("is not a regular file")
    raise DataError(f"has {about.st_size} bytes; allowed are 1 to {MOST_BYTES}")


def _describe(image: "Image") -> Header:
    """Return the type of a picture.

    Raises:
        DataError: It has pixels of a type that is not read.
    """
    mode = image.mode
    if mode == "I" and image.format == "PNG":  # how older versions of Pillow call I;16
        return Header(True, 16)
    if mode not in (*_GREY, *_COLOUR):
        raise DataError(
            f"has pixels of type {mode!r}, which are not read; save it with 8 or 16 bits for each "
            "channel"
        )
    grey = mode in _GREY
    if mode in ("P", "PA"):  # whose palette is known when it is decoded
        colours = np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
        grey = bool((colours == colours[:, :1]).all())
    return Header(grey, 16 if mode.startswith("I;16") else 8)


def _turn(image: "Image") -> "Image":
    """Return the picture as EXIF data turns it."""
    from PIL import ImageOps

    image.load()
    return ImageOps.exif_transpose(image)


def _blend(image: "Image") -> "Image":
    """Return the picture with transparent pixels blended with black."""
    from PIL import Image

    if image.mode.startswith("I") or not image.has_transparency_data:
        return image
    front = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), front)


def _convert(image: "Image", form: ImageFormat) -> Num[np.ndarray, "height width channels"]:
    """Return the pixels of a picture in the size, the channels and the type of a format."""
    from PIL import Image

    way = Image.Resampling.BILINEAR
    if form.depth == 16:
        image = Image.fromarray(np.asarray(image).astype(np.float32) / 65535)
        image = image if form.size is None else _fit(image, form.size, way)
        pixels = np.asarray(image)[..., None]
        return np.repeat(pixels, form.channels, axis=2)
    image = _blend(image)
    if form.channels == 1:
        # Through RGB, as a palette may hold colours, and CMYK is not converted to grey directly.
        image = image if image.mode in ("L", "1") else image.convert("RGB")
        image = image.convert("L")
    else:
        image = image.convert("RGB")
    image = image if form.size is None else _fit(image, form.size, way)
    return np.asarray(image).reshape(form.shape)


def _fit(image: "Image", size: ImageSize, resampling: Any) -> "Image":
    """Return a picture of one channel or three in another size; see `ImageSize`."""
    from PIL import Image

    wide, high = size.width, size.height
    if size.way == "resize":
        return image.resize((wide, high), resampling)
    if size.way == "crop":
        scale = min(image.width / wide, image.height / high)
        kept = (scale * wide, scale * high)
        left, top = (image.width - kept[0]) / 2, (image.height - kept[1]) / 2
        box = (left, top, left + kept[0], top + kept[1])
        return image.resize((wide, high), resampling, box=box)
    scale = min(wide / image.width, high / image.height)
    inner = (max(round(scale * image.width), 1), max(round(scale * image.height), 1))
    out = Image.new(image.mode, (wide, high))
    place = ((wide - inner[0]) // 2, (high - inner[1]) // 2)
    out.paste(image.resize(inner, resampling), place)
    return out
