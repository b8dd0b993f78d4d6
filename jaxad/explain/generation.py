"""Rows that a generative detector generates as normal ones, and pictures of images.

References:
    Yu et al. 2023, NCAE, figure 3.
"""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Num

from jaxad.data.rng import as_key
from jaxad.detector import HostDetector
from jaxad.errors import ConfigError, DataError
from jaxad.explain.pictures.base import check_picture, save_picture
from jaxad.padding import is_table
from jaxad.training.fitted import Fit
from jaxad.types import Key
from jaxad.utils.modes import pinned_modes

__all__ = ["draw_images", "generated"]

MOST = 64


@pinned_modes()
def generated(fitted: Fit, *, key: int | Key = 0) -> Float[np.ndarray, "seeds m *shape"]:
    """Generate rows by a fitted generative detector, under every seed.

    Args:
        fitted: A fitted detector that generates rows, such as `ncae`.
        key: A random key, or the seed of one; the same for all seeds.

    Raises:
        ConfigError: The detector does not generate rows, or each seed has its own detector.
    """
    detector = fitted.single
    if isinstance(detector, HostDetector) or detector.generate is None:
        raise ConfigError(f"{detector.name} does not generate rows; ncae does")
    generate, key = detector.generate, as_key(key)
    rows = np.asarray(jax.vmap(lambda state: generate(state, key))(_convert_to_jax(fitted.state)))
    shape = detector.input_shape
    return rows[..., : shape[0]] if shape is not None and is_table(shape) else rows


def _convert_to_jax(tree):
    return jax.tree.map(jnp.asarray, tree)


def draw_images(path: str | Path, parts: dict[str, Num[np.ndarray, "_ _ _ _"]]) -> None:
    """Draw sets of images as square grids side by side, at most 64 images of each.

    Args:
        path: A png, pdf or svg file; an existing file is replaced once the new one is complete.
        parts: Images by title, uint8 or floats in [0, 1], with 1 or 3 channels.

    Raises:
        ConfigError: Another kind of file, or matplotlib is not installed.
        DataError: Not images.
    """
    check_picture(path)
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4 * len(parts), 4.4), layout="constrained")
    for axes, (title, images) in zip(
        np.ravel(figure.subplots(1, len(parts))), parts.items(), strict=True
    ):
        axes.imshow(_grid(np.asarray(images), title), cmap="gray_r", vmin=0, vmax=1)
        axes.set(title=title, xticks=[], yticks=[])
    save_picture(figure, path)


def _grid(images: np.ndarray, title: str) -> np.ndarray:
    """Return images side by side with lines between, `(height, width)` or with 3 channels."""
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or not len(images):
        raise DataError(
            f"{title}: images must be (n, height, width, 1 or 3); given shape {images.shape}"
        )
    if images.dtype == np.uint8:
        images = images.astype(np.float32) / 255
    side = int(np.sqrt(min(len(images), MOST)))
    padded = np.pad(images[: side**2], ((0, 0), (0, 1), (0, 1), (0, 0)), constant_values=0.5)
    _, height, width, channels = padded.shape
    grid = padded.reshape(side, side, height, width, channels).swapaxes(1, 2)
    grid = np.clip(grid.reshape(side * height, side * width, channels), 0, 1)
    return grid[..., 0] if channels == 1 else grid
