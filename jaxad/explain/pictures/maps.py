"""Pictures of heat maps with their images. matplotlib is imported when a picture is drawn."""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Num

from jaxad.errors import ConfigError, DataError
from jaxad.explain.pictures.base import check_picture, save_picture

__all__ = ["convert_images", "draw_heatmaps", "normalise_maps"]

COLUMNS = 8
GAP = 2  # pixels between images


def normalise_maps(
    maps: Float[np.ndarray, "n height width"], low: float = 0.25, high: float = 0.99
) -> Float[np.ndarray, "n height width"]:
    """Scale maps to [0, 1] between two quantiles of all their pixels, and clip the rest.

    All maps share one scale: a dark map has low values. Quantiles keep a few bright pixels from
    darkening all others.

    Args:
        maps: `(n, height, width)` heat maps.
        low: The quantile that becomes 0, in [0, 1).
        high: The quantile that becomes 1, in (low, 1].

    Raises:
        ConfigError: The quantiles are not in order.
    """
    if not 0 <= low < high <= 1:
        raise ConfigError(f"quantiles must be 0 <= low < high <= 1; given low={low}, high={high}")
    first, last = np.quantile(maps, [low, high])
    return np.clip((maps - first) / max(last - first, np.finfo(np.float32).tiny), 0, 1)


def draw_heatmaps(
    path: str | Path,
    images: Num[np.ndarray, "n height width channels"],
    maps: Float[np.ndarray, "n height width"],
    masks: Num[np.ndarray, "n height width"] | None = None,
    *,
    titles: list[str] | None = None,
    low: float = 0.25,
    high: float = 0.99,
) -> None:
    """Draw images with their heat maps below them, and the anomalous pixels below those.

    Args:
        path: A png, pdf or svg file; an existing file is replaced once the new one is complete.
        images: `(n, height, width, channels)` uint8 or floats in [0, 1], with 1 or 3 channels.
        maps: `(n, height, width)` heat maps; drawn from black over red to yellow on one scale.
        masks: `(n, height, width)` 1 for anomalous pixels, if they are known.
        titles: A line above each image.
        low: The quantile of the pixels of all maps that is drawn black.
        high: The quantile that is drawn brightest.

    Raises:
        ConfigError: Another kind of file, matplotlib is not installed, or quantiles out of order.
        DataError: Not images, or maps, masks or titles that do not fit.
    """
    check_picture(path)
    images, maps = convert_images(np.asarray(images)), np.asarray(maps)
    size = images.shape[:3]
    for name, shape in (
        ("maps", maps.shape),
        ("masks", size if masks is None else np.shape(masks)),
    ):
        if shape != size:
            raise DataError(f"{name} must have shape {size}, as the images; given {shape}")
    if titles is not None and len(titles) != len(images):
        raise DataError(f"titles: {len(titles)} are given for {len(images)} images")
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    hot = colormaps["inferno"](normalise_maps(maps, low, high))[..., :3]
    rows = [images, hot]
    if masks is not None:
        rows.append(np.repeat(np.asarray(masks, float)[..., None], 3, axis=-1))
    across = min(COLUMNS, len(images))
    down = -(-len(images) // across)
    high_each = 1.2 * len(rows) + 0.2 * (titles is not None)
    figure = Figure(figsize=(1.2 * across, high_each * down), layout="constrained")
    for i, axes in enumerate(np.ravel(figure.subplots(down, across, squeeze=False))):
        axes.set_axis_off()
        if i < len(images):
            _draw_one(axes, [row[i] for row in rows], None if titles is None else titles[i])
    save_picture(figure, path, dpi=120)


def _draw_one(axes: Any, pictures: list[np.ndarray], title: str | None) -> None:
    """Draw the pictures of one image below each other."""
    gap = np.ones((GAP, pictures[0].shape[1], 3))
    column = [part for picture in pictures for part in (picture, gap)][:-1]
    axes.imshow(np.concatenate(column), interpolation="nearest", vmin=0, vmax=1)
    if title is not None:
        axes.set_title(title, fontsize=7, parse_math=False)


def convert_images(images: np.ndarray) -> Float[np.ndarray, "n height width 3"]:
    """Return images with three channels in [0, 1]."""
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or not len(images):
        raise DataError(f"images must be (n, height, width, 1 or 3); given shape {images.shape}")
    images = images.astype(np.float32) / (255 if images.dtype == np.uint8 else 1)
    return np.clip(np.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images, 0, 1)
