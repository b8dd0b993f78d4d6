"""Scoring of pictures in folders with a saved detector, in pieces that fit into memory."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from jaxad.data.images.files import show_name
from jaxad.data.images.layouts import ImageFolder, open_pictures, parse_source
from jaxad.data.images.reading import ImagePiece, decode_pieces
from jaxad.data.images.sizes import ImageFormat
from jaxad.data.images.training import check_picture_options
from jaxad.data.tables.options import TableOptions
from jaxad.errors import ConfigError, DataError
from jaxad.saving.scored_rows import ScoredRows

if TYPE_CHECKING:
    from jaxad.saving.scoring import SavedDetector

__all__ = [
    "get_picture_format",
    "match_range",
    "open_pictures_to_score",
    "read_pictures",
    "score_pictures",
    "score_piece",
]

PIXELS = 2**23  # numbers in a piece


def score_pictures(
    saved: "SavedDetector", source: str, options: TableOptions
) -> Iterator[ScoredRows]:
    """Score the pictures of a folder in natural order; memory does not grow with the folder.

    Args:
        saved: The detector.
        source: The folder or one picture, as for `open_pictures`. In MVTec's layout the test part
            is scored, if there is one.
        options: Values of labels. Pictures have the labels that their classes name, unless they are
            in a plain folder or the label is "none".

    Yields:
        The scores of consecutive pictures, whose ids are their paths relative to the folder.

    Raises:
        DataError: The detector does not take images, or the folder holds no pictures.
        ConfigError: An option of tables, or a size, which is fixed in training.
    """
    check_picture_options(source, options)
    folder = open_pictures_to_score(saved, source, options)
    for piece in read_pictures(saved, folder):
        yield score_piece(saved, piece, with_label=options.label != "none")


def open_pictures_to_score(
    saved: "SavedDetector", source: str, options: TableOptions | None = None
) -> ImageFolder:
    """Find the pictures to score: those of the test part in MVTec's layout, else all.

    Raises:
        DataError: The folder holds no pictures.
        ConfigError: A size is given.
    """
    given = parse_source(source)
    if given.size is not None or (options is not None and options.size is not None):
        form = get_picture_format(saved)
        raise ConfigError(
            f"--size is fixed in training: the detector in {saved.folder} takes pictures of "
            f"{form.width}x{form.height}; leave it out"
        )
    folder = open_pictures(given)
    test = folder.select("test")
    return test if test.pictures else folder


def read_pictures(
    saved: "SavedDetector", folder: ImageFolder, *, masks: bool = False
) -> Iterator[ImagePiece]:
    """Decode pictures in the format that a detector was trained on, piece by piece.

    Args:
        saved: The detector.
        folder: The pictures.
        masks: Whether their masks are decoded too, where there are some.

    Raises:
        DataError: The detector does not take images, or a mask does not match its picture.
    """
    form = get_picture_format(saved)
    most = max(PIXELS // int(np.prod(form.shape)), 1)
    yield from decode_pieces(folder, form, min(saved.rows_at_once, most), masks=masks)


def score_piece(
    saved: "SavedDetector", piece: ImagePiece, *, with_label: bool = True
) -> ScoredRows:
    """Score the pictures of a piece; those that cannot be read get NaN."""
    import pyarrow as pa

    scored = saved.score_rows(match_range(saved, piece.x), dict(piece.bad))
    label = piece.groups if with_label else None
    return replace(scored, label=label, ids=pa.array(piece.names.tolist(), pa.string()), id="file")


def match_range(saved: "SavedDetector", x: np.ndarray) -> np.ndarray:
    """Return images of 8 bits in [0, 1] if the detector was trained on such numbers."""
    trained = saved.scaling and saved.scaling.images
    if trained and trained.dtype == "float" and x.dtype == np.uint8:
        return x.astype(np.float32) / 255
    return x


def get_picture_format(saved: "SavedDetector") -> ImageFormat:
    """Return the format in which a detector takes pictures.

    A detector that was trained on arrays takes pictures of 8 bits of their size.

    Raises:
        DataError: The detector does not take images.
    """
    shape = saved.shape
    if len(shape) != 3 or shape[-1] not in (1, 3):
        raise DataError(
            f"the detector in {show_name(saved.folder)} was trained on rows of shape {shape}; it "
            "does not take pictures"
        )
    if saved.images is None:
        return ImageFormat(*shape)
    if saved.images.shape != shape:
        raise DataError(
            f"{show_name(saved.folder)}: the pictures of training have shape {saved.images.shape}, "
            f"and the detector takes {shape}; the folder is broken"
        )
    return saved.images
