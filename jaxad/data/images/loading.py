"""Reading of all pictures of a folder into memory, in a format that they decide."""

import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Num, UInt8

from jaxad.data.images.decoding import (
    Header,
    SizeError,
    decode,
    measure,
    read_header,
)
from jaxad.data.images.files import show_name
from jaxad.data.images.layouts import ImageFolder
from jaxad.data.images.reading import open_pool, read_mask
from jaxad.data.images.sizes import ImageFormat, ImageSize
from jaxad.errors import DataError, DataWarning

__all__ = ["LoadedImages", "load_masks", "load_pictures"]

_NAMED = 5  # files or sizes that a message names


class LoadedImages(NamedTuple):
    """The pictures of a folder in memory.

    Attributes:
        folder: Those that were read.
        x: `(n, height, width, channels)` the pixels.
        form: Their format.
        bad: Why a picture cannot be read, by its number; its pixels are 0.
    """

    folder: ImageFolder
    x: Num[np.ndarray, "n height width channels"]
    form: ImageFormat
    bad: dict[int, str] | None = None

    @property
    def names(self) -> np.ndarray:
        """`(n,)` the paths of the pictures relative to the folder, as text."""
        return np.array([show_name(p.name) for p in self.folder.pictures], object)


def load_pictures(
    folder: ImageFolder,
    size: ImageSize | None = None,
    *,
    strict: bool = False,
    lenient: bool = False,
) -> LoadedImages:
    """Decode all pictures of a folder.

    If all files are grey the pictures have one channel, else three.

    Args:
        folder: The pictures.
        size: The size that they get; None: all must have one size.
        strict: Whether a broken file is an error; else it is left out with a `DataWarning`.
        lenient: Whether a broken file is a bad row, and not left out.

    Raises:
        DataError: No picture can be read, their sizes differ, some have 16 bits and others 8, or
            memory does not suffice.
    """
    headers = _collect(read_header, [folder.root / p.name for p in folder.pictures])
    depth = _choose_depth(folder, headers)
    channels = 1 if all(h.grey for h in headers if isinstance(h, Header)) else 3
    if size is None:
        wide, high = _measure_first(folder, headers)
        form = ImageFormat(high, wide, channels, depth)
    else:
        form = ImageFormat(size.height, size.width, channels, depth, size.way)
    x = _allocate(folder, form)

    def read(place: int) -> Any:
        if not isinstance(headers[place], DataError):
            x[place] = decode(folder.root / folder.pictures[place].name, form)
        return headers[place]

    found = _collect(read, range(len(x)))
    _check_sizes(folder, found, form)
    bad = {i: str(error) for i, error in enumerate(found) if isinstance(error, DataError)}
    if lenient and len(bad) < len(x):
        return LoadedImages(folder, x, form, bad)
    good = _check_errors(folder, found, strict)
    kept = tuple(p for p, keep in zip(folder.pictures, good, strict=True) if keep)
    return LoadedImages(folder._replace(pictures=kept), x if good.all() else x[good], form)


def load_masks(
    images: LoadedImages,
) -> UInt8[np.ndarray, "n height width"] | None:
    """Decode the masks of the pictures; None if the folder has none.

    Pictures of the class "good" have empty masks.

    Raises:
        DataError: A picture of a defect has no mask, or a mask is broken or has another size than
            its picture.
    """
    folder, form = images.folder, images.form
    if not folder.masked:
        return None
    out = np.zeros(images.x.shape[:3], np.uint8)
    found = _collect(lambda picture: read_mask(folder, picture, form), folder.pictures)
    for place, mask in enumerate(found):
        if isinstance(mask, DataError):
            raise mask
        if mask is not None:
            out[place] = mask
    return out


def _collect(function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
    """Return the results of a function, called by several threads, or its `DataError`s."""

    def call(item: Any) -> Any:
        try:
            return function(item)
        except DataError as error:
            return error

    with open_pool() as pool:
        return list(pool.map(call, items))


def _check_errors(folder: ImageFolder, found: list[Any], strict: bool) -> Bool[np.ndarray, "n"]:
    """Return which pictures have no error, and warn of the others.

    Raises:
        DataError: There are none, or with `strict` one has an error.
    """
    good = np.array([not isinstance(one, DataError) for one in found])
    broken = np.flatnonzero(~good).tolist()
    if not broken:
        return good
    first = [f"{show_name(folder.pictures[i].name)} {found[i]}" for i in broken[:_NAMED]]
    more = f"; and {len(broken) - _NAMED} more" if len(broken) > _NAMED else ""
    told = f"{show_name(folder.root)}: {'; '.join(first)}{more}"
    if not good.any():
        raise DataError(f"{told}. No picture can be read")
    if strict:
        raise DataError(f"{told}. Replace or remove such files, or leave --strict out")
    number = "1 file is" if len(broken) == 1 else f"{len(broken)} files are"
    warnings.warn(f"{number} left out. {told}", DataWarning, stacklevel=3)
    return good


def _choose_depth(folder: ImageFolder, headers: list[Any]) -> int:
    """Return the depth that all pictures have, but for broken ones.

    Raises:
        DataError: Some have 16 bits, and others 8; or all are broken.
    """
    of_depth: dict[int, list[int]] = {}
    for i, header in enumerate(headers):
        if isinstance(header, Header):
            of_depth.setdefault(header.depth, []).append(i)
    if not of_depth:
        _check_errors(folder, headers, strict=True)
    if len(of_depth) == 1:
        return next(iter(of_depth))
    deep, flat = of_depth[16], of_depth[8]
    raise DataError(
        f"{show_name(folder.root)}: {len(deep)} pictures have 16 bits, such as "
        f"{show_name(folder.pictures[deep[0]].name)}, and {len(flat)} have 8, such as "
        f"{show_name(folder.pictures[flat[0]].name)}; convert them to one depth"
    )


def _measure_first(folder: ImageFolder, headers: list[Any]) -> tuple[int, int]:
    """Return the size of the first picture that can be measured.

    Raises:
        DataError: There is none.
    """
    found = list(headers)
    for place, picture in enumerate(folder.pictures):
        if isinstance(headers[place], DataError):
            continue
        try:
            return measure(folder.root / picture.name)
        except DataError as error:
            found[place] = error
    _check_errors(folder, found, strict=True)
    raise AssertionError


def _allocate(folder: ImageFolder, form: ImageFormat) -> np.ndarray:
    try:
        return np.zeros((len(folder.pictures), *form.shape), form.dtype)
    except MemoryError as error:
        raise DataError(
            f"{show_name(folder.root)}: {len(folder.pictures)} pictures of {form.width}x"
            f"{form.height} do not fit into memory; make them smaller with --size"
        ) from error


def _check_sizes(folder: ImageFolder, found: list[Any], form: ImageFormat) -> None:
    """Raise a `DataError` that lists the sizes if pictures have several."""
    others = Counter(one.size for one in found if isinstance(one, SizeError))
    if not others:
        return
    same = sum(not isinstance(one, DataError) for one in found)
    counts = Counter({(form.width, form.height): same}) + others
    sizes = [f"{w}x{h} ({n} pictures)" for (w, h), n in counts.most_common(_NAMED)]
    more = f" and {len(counts) - _NAMED} more" if len(counts) > _NAMED else ""
    odd = next(
        show_name(p.name)
        for p, one in zip(folder.pictures, found, strict=True)
        if isinstance(one, SizeError)
    )
    raise DataError(
        f"{show_name(folder.root)}: pictures have several sizes (WIDTHxHEIGHT): "
        f"{', '.join(sizes)}{more}; {odd} differs from those before. Give one with --size, such as "
        f"--size {form.width}x{form.height}, or --size 'crop({form.width}x{form.height})'"
    )
