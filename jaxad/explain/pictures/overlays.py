"""Heat maps laid over their images. matplotlib is imported when a picture is drawn."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Num, Shaped

from jaxad.errors import ConfigError, DataError
from jaxad.explain.pictures.base import check_picture, save_picture
from jaxad.explain.pictures.maps import convert_images

__all__ = ["MapScale", "choose_scale", "draw_overlays", "draw_sheet", "make_overlay_painter"]

SHOWN = 64  # images of a sheet
COLUMNS = 8
OUTLINE = "#00d5ff"
_NAME = 24  # characters of a name above an image of a sheet
_INCH = 100  # pixels


class MapScale(NamedTuple):
    """The values at which the colour of heat maps begins and is strongest.

    Attributes:
        low: The threshold: pixels below it have no colour.
        high: Pixels from here on have the strongest colour.
    """

    low: float
    high: float


def choose_scale(
    maps: Float[np.ndarray, "n height width"], low: float = 0.9, high: float = 0.999
) -> MapScale:
    """Return one scale for all maps, from quantiles of all their pixels.

    Args:
        maps: `(n, height, width)` heat maps.
        low: The quantile below which pixels have no colour, in [0, 1).
        high: The quantile from which the colour is strongest, in (low, 1].

    Raises:
        ConfigError: The quantiles are not in order.
        DataError: There are no maps, or they are not finite.
    """
    if not 0 <= low < high <= 1:
        raise ConfigError(f"quantiles must be 0 <= low < high <= 1; given low={low}, high={high}")
    if not maps.size or not np.isfinite(maps).all():
        raise DataError(f"maps must be finite, and at least one; given {len(maps)}")
    first, last = (float(value) for value in np.quantile(maps, [low, high]))
    return MapScale(first, max(last, first + max(abs(first), 1.0) * 1e-6))


def draw_overlays(
    paths: Sequence[str | Path],
    images: Num[np.ndarray, "n height width channels"],
    maps: Float[np.ndarray, "n height width"],
    masks: Shaped[np.ndarray, "n height width"] | None = None,
    *,
    titles: Sequence[str] | None = None,
    scale: MapScale | None = None,
) -> None:
    """Draw a picture of each image: the image beside itself with its heat map as colour over it.

    All have one scale of colours, which a colour bar shows. Pixels below its lower end, the
    threshold, have no colour. Where masks are given, the outline of marked pixels is drawn.

    Args:
        paths: `n` png, pdf or svg files; existing files are replaced.
        images: `(n, height, width, channels)` uint8 or floats in [0, 1], with 1 or 3 channels.
        maps: `(n, height, width)` heat maps, higher is more anomalous.
        masks: `(n, height, width)` 1 for anomalous pixels, if they are known.
        titles: A line above each picture.
        scale: The scale; None for `choose_scale(maps)`.

    Raises:
        ConfigError: Another kind of file, or matplotlib is not installed.
        DataError: Not images, or maps, masks, titles or paths that do not fit.
    """
    for path in paths:
        check_picture(path)
    shown = convert_images(np.asarray(images))
    maps, masks = check_maps(shown, maps, masks)
    titles = [""] * len(shown) if titles is None else list(titles)
    for name, given in (("titles", titles), ("paths", paths)):
        if len(given) != len(shown):
            raise DataError(f"{name}: {len(given)} are given for {len(shown)} images")
    paint = make_overlay_painter(shown.shape[1:3], choose_scale(maps) if scale is None else scale)
    for i, path in enumerate(paths):
        paint(path, shown[i], maps[i], None if masks is None else masks[i], titles[i])


def make_overlay_painter(
    size: tuple[int, int], scale: MapScale
) -> Callable[[str | Path, np.ndarray, np.ndarray, np.ndarray | None, str], None]:
    """Return a function that draws overlays of one size into one figure, which is faster.

    Args:
        size: The height and the width of the images.
        scale: The scale of their heat maps.

    Returns:
        A function of a path, an image `(height, width, 1 or 3)` of uint8 or floats in [0, 1], a
        heat map, a mask or None, and a title.
    """
    from matplotlib.figure import Figure

    high, wide = size
    stacked = wide > 1.6 * high
    width = min(max(wide, 320), 1024) / _INCH
    height = max(width * high / wide, 0.8)
    shape = (2, 1) if stacked else (1, 2)
    figure = Figure(figsize=(width * shape[1] + 0.9, height * shape[0] + 0.4), layout="constrained")
    panels = np.ravel(figure.subplots(*shape))
    for axes in panels:
        axes.set_axis_off()
    blank = np.zeros((*size, 3))
    plain, under = (axes.imshow(blank, vmin=0, vmax=1) for axes in panels)
    over = panels[1].imshow(np.zeros(size), **_colours(scale), interpolation="nearest")
    figure.colorbar(over, ax=list(panels), extend="max", label="heat map", fraction=0.05)

    def paint(path, image, values, mask, title) -> None:
        plain.set_data(convert_images(image[None])[0])
        under.set_data(convert_images(image[None])[0])
        over.set_data(values)
        figure.suptitle(clean_title(title, 90), fontsize=8, parse_math=False)
        lines = _outline(panels[1], mask)
        save_picture(figure, path, dpi=_INCH)
        if lines is not None:
            lines.remove()

    return paint


def draw_sheet(
    path: str | Path,
    images: Num[np.ndarray, "n height width channels"],
    maps: Float[np.ndarray, "n height width"],
    masks: Shaped[np.ndarray, "n height width"] | None = None,
    *,
    names: Sequence[str],
    scores: Float[np.ndarray, "n"],
    scale: MapScale | None = None,
) -> None:
    """Draw images on one sheet, each above itself with its heat map, with names and scores.

    Args:
        path: A png, pdf or svg file; an existing file is replaced once the new one is complete.
        images: `(n, height, width, channels)` as for `draw_overlays`; the first 64 are drawn.
        maps: `(n, height, width)` heat maps, higher is more anomalous.
        masks: `(n, height, width)` 1 for anomalous pixels, if they are known.
        names: The names of the images; long ones are cut in the middle.
        scores: `(n,)` their scores.
        scale: The scale of the maps; None for `choose_scale(maps)`.

    Raises:
        ConfigError: Another kind of file, or matplotlib is not installed.
        DataError: Not images, or maps, masks, names or scores that do not fit.
    """
    check_picture(path)
    shown = convert_images(np.asarray(images)[:SHOWN])
    maps, masks = check_maps(shown, maps[:SHOWN], None if masks is None else masks[:SHOWN])
    for name, given in (("names", names), ("scores", scores)):
        if len(given) != len(images):
            raise DataError(f"{name}: {len(given)} are given for {len(images)} images")
    from matplotlib.figure import Figure

    scale = choose_scale(maps) if scale is None else scale
    across = min(COLUMNS, len(shown))
    down = -(-len(shown) // across)
    each = 1.5 * min(max(shown.shape[1] / shown.shape[2], 0.25), 4)
    figure = Figure(
        figsize=(max(1.5 * across, 3) + 0.9, (2 * each + 0.45) * down), layout="constrained"
    )
    grid = figure.subplots(2 * down, across, squeeze=False)
    over: Any = None
    for axes in grid.flat:
        axes.set_axis_off()
    for i, image in enumerate(shown):
        upper, lower = (grid[2 * (i // across) + k, i % across] for k in (0, 1))
        title = f"{clean_title(names[i], _NAME)}\n{scores[i]:.4g}"
        upper.set_title(title, fontsize=6, parse_math=False)
        upper.imshow(image, vmin=0, vmax=1, interpolation="nearest")
        lower.imshow(image, vmin=0, vmax=1, interpolation="nearest")
        over = lower.imshow(maps[i], **_colours(scale), interpolation="nearest")
        _outline(lower, None if masks is None else masks[i])
    bar = figure.colorbar(over, ax=grid, extend="max", label="heat map", fraction=0.03, aspect=40)
    bar.ax.tick_params(labelsize=7)
    save_picture(figure, path, dpi=130)


def check_maps(images: np.ndarray, maps: Any, masks: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """Return maps and masks as arrays.

    Raises:
        DataError: They do not fit the images.
    """
    maps, size = np.asarray(maps), images.shape[:3]
    masks = None if masks is None else np.asarray(masks)
    for name, shape in (("maps", maps.shape), ("masks", size if masks is None else masks.shape)):
        if shape != size:
            raise DataError(f"{name} must have shape {size}, as the images; given {shape}")
    return maps, masks


def clean_title(name: str, longest: int) -> str:
    """Return a name on one line, without control characters, and cut in the middle if long."""
    name = "".join(c if c.isprintable() else " " for c in name)
    if len(name) <= longest:
        return name
    first = (longest - 1) // 2
    return f"{name[:first]}…{name[first + 1 - longest :]}"


def _colours(scale: MapScale) -> dict[str, Any]:
    """Return the colours of maps: none below the threshold, then yellow to dark red."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    colours = colormaps["YlOrRd"](np.linspace(0.15, 1, 256))
    colours[:, 3] = np.linspace(0.25, 0.75, 256)
    return {
        "cmap": ListedColormap(colours).with_extremes(under=(0, 0, 0, 0), bad=(0, 0, 0, 0)),
        "vmin": scale.low,
        "vmax": scale.high,
    }


def _outline(axes: Any, mask: np.ndarray | None) -> Any:
    """Draw the border of the marked pixels, along their edges."""
    if mask is None or not mask.any():
        return None
    from matplotlib.collections import LineCollection

    marked = np.pad(mask.astype(bool), 1)
    rows, columns = np.nonzero(marked[1:] != marked[:-1])
    lines = [((x - 1.5, y - 0.5), (x - 0.5, y - 0.5)) for y, x in zip(rows, columns, strict=True)]
    rows, columns = np.nonzero(marked[:, 1:] != marked[:, :-1])
    lines += [((x - 0.5, y - 1.5), (x - 0.5, y - 0.5)) for y, x in zip(rows, columns, strict=True)]
    return axes.add_collection(LineCollection(lines, colors=OUTLINE, linewidths=1.2))
