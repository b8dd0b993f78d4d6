"""Reading of pictures in pieces, decoded by threads while earlier pieces are used."""

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from jaxtyping import Num

from jaxad.data.images.decoding import decode
from jaxad.data.images.files import show_name
from jaxad.data.images.layouts import ImageFolder, Picture
from jaxad.data.images.sizes import ImageFormat
from jaxad.errors import DataError

__all__ = ["ImagePiece", "decode_pieces", "open_pool"]

AHEAD = 2  # pieces that are decoded while one is used


class ImagePiece(NamedTuple):
    """Consecutive pictures of a folder.

    Attributes:
        pictures: Where they come from.
        names: `(n,)` their paths relative to the folder, as text.
        groups: `(n,)` the names of their classes; None in a plain folder.
        x: `(n, height, width, channels)` the pixels; 0 for pictures that cannot be read.
        bad: Why a picture cannot be read, by its place among these.
    """

    pictures: tuple[Picture, ...]
    names: np.ndarray
    groups: np.ndarray | None
    x: Num[np.ndarray, "n height width channels"]
    bad: dict[int, str]


def decode_pieces(folder: ImageFolder, form: ImageFormat, rows: int) -> Iterator[ImagePiece]:
    """Decode the pictures of a folder in order, some pieces ahead of the one that is used.

    At most `AHEAD` + 1 pieces are in memory. A picture that cannot be decoded does not stop the
    others.

    Args:
        folder: The pictures.
        form: The format that they get.
        rows: How many pictures a piece has at most.

    Yields:
        The pieces.
    """
    starts = range(0, len(folder.pictures), rows)
    with open_pool() as pool:
        waiting: deque[tuple[tuple[Picture, ...], np.ndarray, list[Future]]] = deque()
        for start in [*starts, *[None] * AHEAD]:
            if start is not None:
                chosen = folder.pictures[start : start + rows]
                x = np.zeros((len(chosen), *form.shape), form.dtype)
                jobs = [
                    pool.submit(_decode_into, x, i, folder, picture, form)
                    for i, picture in enumerate(chosen)
                ]
                waiting.append((chosen, x, jobs))
            if waiting and (start is None or len(waiting) > AHEAD):
                yield _collect(folder, *waiting.popleft())


@contextmanager
def open_pool() -> Iterator[ThreadPoolExecutor]:
    """Open a pool of threads for decoding; what has not begun when it is left never does."""
    pool = ThreadPoolExecutor(os.cpu_count() or 1, "jaxad-decode")
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _decode_into(
    x: np.ndarray, place: int, folder: ImageFolder, picture: Picture, form: ImageFormat
) -> str | None:
    """Decode a picture into a row of an array; return why it cannot be read, if it cannot."""
    try:
        x[place] = decode(folder.root / picture.name, form)
    except DataError as error:
        return str(error)
    return None


def _collect(
    folder: ImageFolder, chosen: Sequence[Picture], x: np.ndarray, jobs: list[Future]
) -> ImagePiece:
    """Return a piece when all of its pictures are decoded."""
    reasons = [job.result() for job in jobs]
    bad = {i: reason for i, reason in enumerate(reasons) if reason is not None}
    groups = None
    if folder.layout != "folder":
        groups = np.array([show_name(p.group) for p in chosen], object)
    names = np.array([show_name(p.name) for p in chosen], object)
    return ImagePiece(tuple(chosen), names, groups, x, bad)
