"""One heat map per image, by any kind of explanation, over all seeds."""

from typing import Literal, get_args

import numpy as np
from jaxtyping import Float, Num

from jaxad.errors import ConfigError
from jaxad.explain.attribution import AttributionMethod, attributions
from jaxad.explain.heat_maps import HeatmapKind, heatmap_kind, heatmaps
from jaxad.training.fitted import Fit
from jaxad.utils.modes import pinned_modes

__all__ = [
    "ExplanationKind",
    "average_channels",
    "choose_map_kind",
    "compute_maps",
    "stretch_contrast",
]

ExplanationKind = Literal[HeatmapKind, AttributionMethod, "occlusion"]
_BLOCK = 256


def choose_map_kind(fitted: Fit, kind: ExplanationKind = "auto") -> ExplanationKind:
    """Return the kind of heat maps that a detector gives.

    Args:
        fitted: A fitted detector of images.
        kind: The kind wanted; "auto": the first of map, reconstruction and gradient that it has.

    Raises:
        ConfigError: There is no such kind of heat maps for the detector.
    """
    if kind in get_args(AttributionMethod) and kind != "auto":
        return kind
    return heatmap_kind(fitted, kind)  # pyright: ignore[reportReturnType]


@pinned_modes()
def compute_maps(
    fitted: Fit,
    x: Num[np.ndarray, "n height width channels"],
    kind: ExplanationKind = "auto",
    *,
    sigma: float | None = None,
) -> Float[np.ndarray, "n height width"]:
    """Compute a heat map for each image: the mean over seeds, higher is more anomalous.

    Args:
        fitted: A fitted detector of images.
        x: `(n, height, width, channels)` images as those of training.
        kind: A kind of `heatmaps`; or a method of `attributions`, whose absolute values are summed
            over channels.
        sigma: The standard deviation in pixels of the Gaussian that `heatmaps` smooths by.

    Raises:
        ConfigError: The detector has no such heat maps, or `sigma` is given for attributions.
        DataError: No images, or of another shape than those of training.
    """
    chosen = choose_map_kind(fitted, kind)
    attributed = chosen in get_args(AttributionMethod)
    if attributed and sigma is not None:
        raise ConfigError(f"sigma applies only to heat maps; {chosen} is not smoothed")
    parts = []
    for start in range(0, len(x), _BLOCK):
        rows = x[start : start + _BLOCK]
        if attributed:
            parts.append(np.abs(attributions(fitted, rows, chosen)).sum(axis=-1))  # pyright: ignore
        else:
            parts.append(heatmaps(fitted, rows, chosen, sigma=sigma).mean(axis=0))  # pyright: ignore
    return np.concatenate(parts)


def average_channels(
    images: Num[np.ndarray, "n height width channels"],
) -> Num[np.ndarray, "n height width shown"]:
    """Return images of 1 or 3 channels as they are, and others, such as features, as their mean."""
    return images if images.shape[-1] in (1, 3) else images.mean(axis=-1, keepdims=True)


def stretch_contrast(
    images: Num[np.ndarray, "n height width channels"],
    low: float,
    high: float,
) -> Num[np.ndarray, "n height width drawn"]:
    """Return images that can be drawn: uint8 or within [0, 1] as they are, others rescaled.

    Args:
        images: The images to draw, with 1 or 3 channels.
        low: The smallest value of a pixel of all images.
        high: The largest value; both together become [0, 1].
    """
    if images.dtype == np.uint8 or (low >= 0 and high <= 1):
        return images
    return (images.astype(np.float32) - low) / max(high - low, 1e-12)
