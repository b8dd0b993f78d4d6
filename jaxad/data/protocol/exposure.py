"""Outlier exposure: conversion of rows of another data set to those of the training data."""

import numpy as np
from jaxtyping import Float, Int, Num

from jaxad.data.dataset import Dataset
from jaxad.data.protocol.rows import Stage
from jaxad.data.rng import Stream
from jaxad.errors import ConfigError, DataError

__all__ = ["expose"]

# The weights of red, green and blue in the luminance of ITU-R BT.601.
LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)


def expose(
    x: Num[np.ndarray, "n *shape"],
    name: str,
    exposure: Dataset,
    rows: int | None,
    stream: Stream,
) -> tuple[Num[np.ndarray, "m *shape"], Int[np.ndarray, "m"]]:
    """Convert rows of an exposure set to the shape, the type and the units of a data set.

    Images of another size are cropped around their centre to the aspect ratio of the data, and
    resized by linear interpolation, averaged over the area of a pixel if they become smaller.
    Colour images are converted to their luminance if the data has one channel; grey images are
    repeated if the data has three. Pixels are converted between 0..255 and [0, 1]. Tables and
    sequences must have the shape of the data.

    Args:
        x: All raw rows of the training part of the data, for their shape, type and units.
        name: The name of the data, for errors.
        exposure: The exposure set; rows are drawn from its training part, from all classes.
        rows: The number of rows to draw; None for all.
        stream: Random numbers.

    Returns:
        `(m, ...)` raw rows, and `(m,)` their row numbers in the exposure set.

    Raises:
        ConfigError: The exposure set is the data itself.
        DataError: The exposure set has incompatible channels, shapes or units, or fewer rows.
    """
    if exposure.x.shape == x.shape and np.array_equal(exposure.x, x):
        raise ConfigError(
            f"exposure={exposure.name!r} is the training data itself, so that its normal rows "
            "would be labelled as anomalies; give another data set. For labelled anomalies of some "
            "of its classes use labelled_anomalies and known_anomaly_classes"
        )
    found = len(exposure.x)
    if rows is not None and rows > found:
        raise DataError(
            f"exposure_rows={rows} is more than the {found} rows of {exposure.name!r}; give at "
            "most that many, or None for all"
        )
    chosen = stream.permutation(Stage.EXPOSURE, found)[:rows]
    raw = exposure.x[chosen]
    if raw.shape[1:] != x.shape[1:]:
        raw = _as_shape(raw, x.shape[1:], exposure.name, name)
    return _as_units(raw, x, exposure.name, name), chosen


def _as_shape(
    raw: Num[np.ndarray, "m *other"], shape: tuple[int, ...], exposure: str, name: str
) -> Num[np.ndarray, "m *shape"]:
    """Convert images to the channels and the size of the data.

    Raises:
        DataError: The rows are not images, or the channels cannot be converted.
    """
    if len(shape) != 3 or raw.ndim != 4:
        raise DataError(
            f"exposure: rows of {exposure!r} have shape {raw.shape[1:]}, those of {name!r} "
            f"{shape}; give rows of the same shape (only images are resized)"
        )
    given, wanted = raw.shape[-1], shape[-1]
    if given != wanted and {given, wanted} != {1, 3}:
        raise DataError(
            f"exposure: images of {exposure!r} have {given} channels, those of {name!r} {wanted}; "
            "the numbers must be equal, or 1 and 3 (which are converted)"
        )
    if raw.shape[1:3] != shape[:2]:
        raw = _resize(_cut(raw, shape), shape[:2], raw.dtype)
    if given == 3 and wanted == 1:
        return _round(raw.astype(np.float32) @ LUMINANCE[:, None], raw.dtype)
    return np.repeat(raw, 3, axis=-1) if given == 1 and wanted == 3 else raw


def _cut(raw: Num[np.ndarray, "m h w c"], shape: tuple[int, ...]) -> Num[np.ndarray, "m h2 w2 c"]:
    """Crop images around their centre to the aspect ratio of a shape."""
    height, width = raw.shape[1:3]
    ratio = shape[0] / shape[1]
    high, wide = min(height, round(width * ratio)), min(width, round(height / ratio))
    top, left = (height - max(high, 1)) // 2, (width - max(wide, 1)) // 2
    return raw[:, top : top + max(high, 1), left : left + max(wide, 1)]


def _resize(
    raw: Num[np.ndarray, "m h w c"], size: tuple[int, ...], dtype: np.dtype
) -> Num[np.ndarray, "m h2 w2 c"]:
    """Resize images by linear interpolation along each axis."""
    rows, columns = (_interpolation(n, m) for n, m in zip(raw.shape[1:3], size, strict=True))
    parts = [
        _round(np.einsum("ih,mhwc,jw->mijc", rows, part, columns, optimize=True), dtype)
        for part in np.array_split(raw.astype(np.float32, copy=False), max(1, len(raw) // 4096))
    ]
    return np.concatenate(parts)


def _interpolation(given: int, wanted: int) -> Float[np.ndarray, "wanted given"]:
    """Return the weight of each given pixel in each new one.

    The weights are a triangle, as wide as the larger of the two pixels.
    """
    step = given / wanted
    centre = (np.arange(wanted)[:, None] + 0.5) * step - 0.5
    weight = np.maximum(0, 1 - np.abs(np.arange(given) - centre) / max(step, 1))
    return (weight / weight.sum(axis=1, keepdims=True)).astype(np.float32)


def _as_units(
    raw: Num[np.ndarray, "m *shape"], x: Num[np.ndarray, "n *shape"], exposure: str, name: str
) -> Num[np.ndarray, "m *shape"]:
    """Convert rows to the type of the data: uint8 pixels in 0..255, or floats.

    Raises:
        DataError: Pixels are to be converted between uint8 and float, and the floats are not in
            [0, 1].
    """
    if raw.dtype == x.dtype:
        return raw
    if x.dtype == np.uint8:
        if raw.min() < 0 or raw.max() > 1:
            raise DataError(
                f"exposure: pixels of {exposure!r} are from {raw.min():.3g} to {raw.max():.3g}, "
                f"those of {name!r} are uint8 in 0..255; give uint8 pixels, or floats in [0, 1]"
            )
        return _round(raw * 255, x.dtype)
    if raw.dtype == np.uint8:
        if x.min() < 0 or x.max() > 1:
            raise DataError(
                f"exposure: pixels of {exposure!r} are uint8 in 0..255, those of {name!r} are from "
                f"{x.min():.3g} to {x.max():.3g}; give an exposure set in the units of the data"
            )
        return (raw / np.float32(255)).astype(x.dtype)
    return raw.astype(x.dtype)


def _round(values: Float[np.ndarray, "..."], dtype: np.dtype) -> Num[np.ndarray, "..."]:
    """Convert values to a type; to uint8 by rounding."""
    return (np.rint(values) if dtype == np.uint8 else values).astype(dtype)
