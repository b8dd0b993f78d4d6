"""Reading of pictures in pieces, decoded by threads while earlier pieces are used."""

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from jaxtyping import Num, UInt8

from jaxad.data.images.decoding import decode, decode_mask, measure
from jaxad.data.images.files import show_name
from jaxad.data.images.layouts import GOOD, ImageFolder, Picture
from jaxad.data.images.sizes import ImageFormat
from jaxad.errors import DataError

__all__ = ["ImagePiece", "decode_pieces", "open_pool", "read_mask"]

AHEAD = 2  # pieces that are decoded while one is used


class ImagePiece(NamedTuple):
    """Consecutive pictures of a folder.

    Attributes:
        pictures: Where they come from.
        names: `(n,)` their paths relative to the folder, as text.
        groups: `(n,)` the names of their classes; None in a plain folder.
        x: `(n, height, width, channels)` the pixels; 0 for pictures that cannot be read.
        bad: Why a picture cannot be read, by its place among these.
        mask: `(n, height, width)` 1 where a pixel is anomalous; None if masks are not read, or the
            folder has none.
    """

    pictures: tuple[Picture, ...]
    names: np.ndarray
    groups: np.ndarray | None
    x: Num[np.ndarray, "n height width channels"]
    bad: dict[int, str]
    mask: UInt8[np.ndarray, "n height width"] | None = None


def decode_pieces(
    folder: ImageFolder, form: ImageFormat, rows: int, *, masks: bool = False
) -> Iterator[ImagePiece]:
    """Decode the pictures of a folder in order, some pieces ahead of the one that is used.

    At most `AHEAD` + 1 pieces are in memory. A picture that cannot be decoded does not stop the
    others.

    Args:
        folder: The pictures.
        form: The format that they get.
        rows: How many pictures a piece has at most.
        masks: Whether masks are decoded too, where the folder has some.

    Yields:
        The pieces.

    Raises:
        DataError: A mask is missing or broken, or has another size than its picture.
    """
    masks = masks and folder.masked
    with open_pool() as pool:
        waiting: deque[_Begun] = deque()
        for start in range(0, len(folder.pictures), rows):
            waiting.append(_begin(pool, folder, folder.pictures[start : start + rows], form, masks))
            if len(waiting) > AHEAD:
                yield _collect(folder, waiting.popleft())
        while waiting:
            yield _collect(folder, waiting.popleft())


def read_mask(
    folder: ImageFolder, picture: Picture, form: ImageFormat
) -> UInt8[np.ndarray, "height width"] | None:
    """Decode the mask of a picture; None for one that has no defect.

    Raises:
        DataError: The mask of a defect is missing or broken, or has another size than its picture.
    """
    if picture.mask is None:
        if picture.part != "test" or picture.group == GOOD:
            return None
        raise DataError(
            f"{show_name(folder.root / picture.name)} has no mask; add it to ground_truth/"
            f"{show_name(picture.group)}, or take ground_truth away to go without masks"
        )
    size = (form.width, form.height)
    if form.size is not None:
        size = measure(folder.root / picture.name)
    try:
        return decode_mask(folder.root / picture.mask, form, size)
    except DataError as error:
        raise DataError(f"{show_name(folder.root / picture.mask)} {error}") from error


@contextmanager
def open_pool() -> Iterator[ThreadPoolExecutor]:
    """Open a pool of threads for decoding; what has not begun when it is left never does."""
    pool = ThreadPoolExecutor(os.cpu_count() or 1, "jaxad-decode")
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


class _Begun(NamedTuple):
    """A piece that is being decoded."""

    pictures: tuple[Picture, ...]
    x: np.ndarray
    mask: np.ndarray | None
    jobs: list[Future]


def _begin(
    pool: ThreadPoolExecutor,
    folder: ImageFolder,
    pictures: tuple[Picture, ...],
    form: ImageFormat,
    masks: bool,
) -> _Begun:
    x = np.zeros((len(pictures), *form.shape), form.dtype)
    mask = np.zeros(x.shape[:3], np.uint8) if masks else None

    def read(place: int) -> str | None:
        try:
            x[place] = decode(folder.root / pictures[place].name, form)
        except DataError as error:
            return str(error)
        if mask is not None and (found := read_mask(folder, pictures[place], form)) is not None:
            mask[place] = found
        return None

    jobs = [pool.submit(read, place) for place in range(len(pictures))]
    return _Begun(pictures, x, mask, jobs)


def _collect(folder: ImageFolder, begun: _Begun) -> ImagePiece:
    """Return a piece when all of its pictures are decoded."""
    pictures, x, mask, jobs = begun
    reasons = [job.result() for job in jobs]
    bad = {i: reason for i, reason in enumerate(reasons) if reason is not None}
    groups = None
    if folder.layout != "folder":
        groups = np.array([show_name(p.group) for p in pictures], object)
    names = np.array([show_name(p.name) for p in pictures], object)
    return ImagePiece(pictures, names, groups, x, bad, mask)
