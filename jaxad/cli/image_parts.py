"""Images of a file or a folder, scored and explained part by part."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Num, UInt8

from jaxad.data.images.layouts import ImageFolder
from jaxad.data.sources.loaded import Table
from jaxad.errors import DataError
from jaxad.evaluation.scoring import score
from jaxad.explain.images import (
    ExplanationKind,
    average_channels,
    compute_maps,
    stretch_contrast,
)
from jaxad.explain.pictures.maps import convert_images
from jaxad.explain.pixels import Pixels, collect_pixels, join_pixels
from jaxad.saving import SavedDetector
from jaxad.saving.pictures import match_range, read_pictures

__all__ = [
    "ExplainedImages",
    "ImagePart",
    "ScoredImages",
    "ShownImages",
    "read_folder",
    "read_table",
]

ROWS = 256  # images at once


class ImagePart(NamedTuple):
    """Consecutive images of a file or a folder.

    Attributes:
        x: `(n, height, width, channels)` the images as they are in the file.
        names: `(n,)` their names.
        kinds: `(n,)` their kinds, such as the names of their folders; None if unknown.
        mask: `(n, height, width)` 1 where a pixel is anomalous; None if unknown.
        bad: Why an image cannot be used, by its place among these.
        id: What the names are, such as "file"; None for row numbers.
    """

    x: Num[np.ndarray, "n height width channels"]
    names: Sequence[str]
    kinds: Sequence[str] | None = None
    mask: UInt8[np.ndarray, "n height width"] | None = None
    bad: dict[int, str] | None = None
    id: str | None = None


class ScoredImages(NamedTuple):
    """What is kept of all images: everything but their pixels and maps.

    Attributes:
        score: `(n,)` their scores, means over seeds; NaN for images that have none.
        names: Their names.
        kinds: Their kinds; None if unknown.
        bad: Why an image has no score, by its name.
        pixels: The values of the heat maps of images with a score; None without masks.
        low: The smallest value of a pixel of an image.
        high: The largest value.
        id: What the names are, such as "file"; None for row numbers.
    """

    score: Float[np.ndarray, "n"]
    names: list[str]
    kinds: list[str] | None
    bad: dict[str, str]
    pixels: Pixels | None
    low: float
    high: float
    id: str | None

    @property
    def good(self) -> Bool[np.ndarray, "n"]:
        """Which images have a score."""
        return np.isfinite(self.score)


class ShownImages(NamedTuple):
    """Images to draw, by their number.

    Attributes:
        image: The image, with three channels of 8 bits.
        map: Its heat map.
        mask: Its mask; None if unknown.
    """

    image: dict[int, np.ndarray]
    map: dict[int, np.ndarray]
    mask: dict[int, np.ndarray | None]


@dataclass(frozen=True)
class ExplainedImages:
    """Images with the detector that scores and explains them.

    Attributes:
        saved: The detector.
        name: The file or folder of the images.
        parts: A function that reads the images from the beginning, part by part.
        kind: The kind of heat maps.
        sigma: The standard deviation in pixels by which they are smoothed; None for the default.
    """

    saved: SavedDetector
    name: str
    parts: Callable[[], Iterator[ImagePart]]
    kind: ExplanationKind
    sigma: float | None

    def score(self) -> ScoredImages:
        """Score all images, and where there are masks collect the values of their heat maps.

        Raises:
            DataError: No image can be scored.
        """
        scores, names, kinds, bad, pixels = [], [], [], {}, []
        low, high, of = np.inf, -np.inf, None
        for part in self.parts():
            reasons = dict(part.bad or {})
            found = self._score_part(part, pixels)
            for place in np.flatnonzero(np.isnan(found)).tolist():
                reasons.setdefault(place, "has no finite score or heat map")
            usable = average_channels(part.x[np.isfinite(found)])
            if len(usable):
                low, high = min(low, float(usable.min())), max(high, float(usable.max()))
            bad |= {part.names[place]: why for place, why in sorted(reasons.items())}
            scores.append(found)
            names += part.names
            kinds += part.kinds or []
            of = part.id
        values = np.concatenate(scores) if scores else np.zeros(0)
        if not np.isfinite(values).any():
            told = next((f": {name}: {why}" for name, why in bad.items()), "")
            raise DataError(f"{self.name}: none of {len(names)} images could be scored{told}")
        joined = join_pixels(pixels) if pixels else None
        return ScoredImages(values, names, kinds or None, bad, joined, low, high, of)

    def _score_part(self, part: ImagePart, pixels: list[Pixels]) -> Float[np.ndarray, "n"]:
        """Return the scores of a part, NaN for bad images; append the values of its maps."""
        good = np.ones(len(part.x), bool)
        good[list(part.bad or {})] = False
        found = np.full(len(part.x), np.nan)
        if not good.any():
            return found
        x = self._scale(part.x[good])
        scores = score(self.saved.fitted, x).mean(axis=0, dtype=np.float64)
        scores[~np.isfinite(scores)] = np.nan
        if part.mask is not None:
            maps = compute_maps(self.saved.fitted, x, self.kind, sigma=self.sigma)
            scores[~np.isfinite(maps).all(axis=(1, 2))] = np.nan
            finite = np.isfinite(scores)
            pixels.append(collect_pixels(maps[finite], part.mask[good][finite]))
        found[good] = scores
        return found

    def read(self, scored: ScoredImages, rows: set[int]) -> Iterator[ShownImages]:
        """Yield some images part by part, with their maps and masks.

        Args:
            scored: The scores of all images.
            rows: The numbers of the images.
        """
        start = 0
        for part in self.parts():
            chosen = [i for i in range(len(part.x)) if start + i in rows]
            if chosen:
                x = part.x[chosen]
                maps = compute_maps(self.saved.fitted, self._scale(x), self.kind, sigma=self.sigma)
                images = convert_images(
                    stretch_contrast(average_channels(x), scored.low, scored.high)
                )
                shown = ShownImages({}, {}, {})
                for place, i in enumerate(chosen):
                    shown.image[start + i] = np.round(255 * images[place]).astype(np.uint8)
                    shown.map[start + i] = maps[place]
                    shown.mask[start + i] = None if part.mask is None else part.mask[i]
                yield shown
            start += len(part.x)

    def _scale(self, x: np.ndarray) -> np.ndarray:
        """Return images as the detector takes them.

        Raises:
            DataError: They have another shape than those of training.
        """
        if x.shape[1:] != self.saved.shape:
            raise DataError(
                f"{self.name}: rows have shape {x.shape[1:]}; the detector in "
                f"{self.saved.folder} was trained on {self.saved.shape}"
            )
        return self.saved.scale(match_range(self.saved, x))


def read_table(table: Table) -> Iterator[ImagePart]:
    """Yield the images of a file that was read as a whole, in parts."""
    y, classes = table.y, table.class_names
    kinds = None if y is None else [classes[k] if classes else f"class {k}" for k in y.tolist()]
    for start in range(0, len(table.x), ROWS):
        rows = slice(start, start + ROWS)
        count = len(table.x[rows])
        ids = range(start, start + count) if table.ids is None else table.ids[rows]
        yield ImagePart(
            table.x[rows],
            [f"row {i}" if table.ids is None else str(i) for i in ids],
            None if kinds is None else kinds[rows],
            None if table.mask is None else table.mask[rows],
            {i - start: why for i, why in (table.bad or {}).items() if 0 <= i - start < count},
            table.id,
        )


def read_folder(saved: SavedDetector, folder: ImageFolder) -> Iterator[ImagePart]:
    """Yield the pictures of a folder in parts, decoded in the format of training."""
    for piece in read_pictures(saved, folder, masks=True):
        kinds = None if piece.groups is None else [str(kind) for kind in piece.groups]
        yield ImagePart(piece.x, list(piece.names), kinds, piece.mask, piece.bad, "file")
