"""Bar charts of attributions. matplotlib is imported when a picture is drawn."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Shaped

from jaxad.errors import ConfigError, DataError
from jaxad.explain.pictures.base import check_picture, save_picture

__all__ = ["draw_attributions", "top_features"]

ACROSS = 4
MORE, LESS = "#c44e52", "#4c78a8"
LONGEST = 22  # letters of a name


def top_features(
    attributions: Float[np.ndarray, "n d"], most: int = 8
) -> list[list[tuple[int, float]]]:
    """Find the features with the largest absolute attributions of each row.

    Args:
        attributions: `(n, d)` attributions.
        most: The largest number of features per row, >= 1.

    Returns:
        For each row the indices of features with their signed values, the largest first.
    """
    order = np.argsort(-np.abs(attributions), axis=1, kind="stable")[:, :most]
    return [
        [(int(i), float(row[i])) for i in places]
        for row, places in zip(attributions, order, strict=True)
    ]


def draw_attributions(
    path: str | Path,
    attributions: Float[np.ndarray, "n d"],
    names: Sequence[str] | None = None,
    *,
    x: Shaped[np.ndarray, "n d"] | None = None,
    titles: Sequence[str] | None = None,
    most: int = 8,
) -> None:
    """Draw a bar chart for each row: its features with the largest attributions, and the rest.

    Red features make a row more anomalous, blue ones less. The last bar is the sum over all other
    features. Each chart has its own scale.

    Args:
        path: A png, pdf or svg file; an existing file is replaced once the new one is complete.
        attributions: `(n, d)` values as `jaxad.explain.attributions` returns them.
        names: The names of the features; by default their numbers.
        x: `(n, d)` values to write beside the names: numbers or texts.
        titles: A line above each chart.
        most: The largest number of features per row, >= 1.

    Raises:
        ConfigError: Another kind of file, matplotlib is not installed, or `most` is not positive.
        DataError: No rows, not a table, values that are not finite, or names, values or titles that
            do not fit.
    """
    check_picture(path)
    values = np.asarray(attributions, float)
    if most < 1:
        raise ConfigError(f"most must be at least 1; given {most}")
    if values.ndim != 2 or 0 in values.shape or not np.isfinite(values).all():
        raise DataError(f"attributions must be (n, d) finite numbers; given {values.shape}")
    n, d = values.shape
    names = [str(i) for i in range(d)] if names is None else list(names)
    for what, given, allowed in (
        ("names", len(names), d),
        ("titles", n if titles is None else len(titles), n),
        ("x", (n, d) if x is None else np.shape(x), (n, d)),
    ):
        if given != allowed:
            raise DataError(
                f"{what} must fit attributions of shape {(n, d)}: {allowed}; given {given}"
            )
    from matplotlib.figure import Figure

    across = min(ACROSS, n)
    down = -(-n // across)
    bars = min(most, d) + (d > most)
    figure = Figure(figsize=(3.2 * across, (0.2 * bars + 0.5) * down), layout="constrained")
    panels = np.ravel(figure.subplots(down, across, squeeze=False))
    for i, (axes, top) in enumerate(zip(panels, top_features(values, most), strict=False)):
        beside = None if x is None else np.asarray(x)[i]
        labels = [_label(names[j], None if beside is None else beside[j]) for j, _ in top]
        sizes = [size for _, size in top]
        if d > most:
            labels.append(f"{d - most} others")
            sizes.append(float(values[i].sum() - sum(sizes)))
        _draw_row(axes, labels, sizes, None if titles is None else titles[i])
    for axes in panels[n:]:
        axes.set_axis_off()
    save_picture(figure, path, dpi=100)


def _label(name: str, value: Any) -> str:
    if value is None:
        return _shorten(name)
    return f"{_shorten(name)} = {_shorten(value) if isinstance(value, str) else f'{value:.3g}'}"


def _shorten(text: str) -> str:
    text = " ".join(text.split())  # without line breaks
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _draw_row(axes: Any, labels: list[str], sizes: list[float], title: str | None) -> None:
    """Draw the bars of one row, the largest on top."""
    place = np.arange(len(sizes))
    axes.barh(place, sizes, color=[MORE if size >= 0 else LESS for size in sizes])
    axes.set_yticks(place, labels, fontsize=7, parse_math=False)
    axes.invert_yaxis()
    axes.axvline(0, color="#333333", lw=0.6)
    axes.tick_params(axis="x", labelsize=6)
    axes.locator_params(axis="x", nbins=4)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    if title is not None:
        axes.set_title(title, fontsize=8, parse_math=False)
