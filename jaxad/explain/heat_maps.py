"""Heat maps of images: which pixels make an image anomalous for a fitted detector.

References:
    Liznerski et al. 2021, Explainable deep one-class classification; Ruff thesis, section 3.1.
"""

from functools import partial
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Float, Num

from jaxad.detector import Detector, HostDetector
from jaxad.errors import ConfigError, DataError, unknown_name
from jaxad.models import Reconstruction, ScoreMap
from jaxad.models.base import as_input
from jaxad.nets.upsampling import blur, default_sigma, gaussian_upsampling
from jaxad.training.checks import check_scorable
from jaxad.training.fitted import Fit
from jaxad.training.host import flatten_rows
from jaxad.training.layout import as_partial
from jaxad.types import State
from jaxad.utils.modes import pinned_modes

__all__ = ["HeatmapKind", "heatmap_kind", "heatmaps"]

HeatmapKind = Literal["auto", "map", "gradient", "reconstruction"]
_BLOCK = 32


@pinned_modes()
def heatmaps(
    fitted: Fit,
    x: Num[np.ndarray, "n height width channels"],
    kind: HeatmapKind = "auto",
    *,
    sigma: float | None = None,
) -> Float[np.ndarray, "seeds n height width"]:
    """Compute heat maps of images under every seed; higher is more anomalous.

    - "map": the map whose mean is FCDD's score, up-sampled by a Gaussian (`gaussian_upsampling`);
      for PaDiM and PatchCore the distance of each patch, which is smoothed only by a given `sigma`.
    - "gradient": the absolute derivative of the score with respect to each pixel, summed over
      channels; for all detectors of this library that are trained by gradients.
    - "reconstruction": the squared reconstruction error of each pixel, summed over channels.

    The last two are smoothed by the same Gaussian, normalised to a sum of 1.

    Args:
        fitted: A fitted detector of images.
        x: `(n, height, width, channels)` images as those of training.
        kind: One of these, or "auto": the first that the detector has, in the order map,
            reconstruction, gradient.
        sigma: The standard deviation of the Gaussian in pixels, >= 0; 0 does not smooth. None: that
            of the detector, or a default for the size of the images.

    Raises:
        ConfigError: The detector has no such heat maps, or `sigma` is out of range.
        DataError: No images, or images of another shape than in training.
    """
    drawn = heatmap_kind(fitted, kind)
    detector = fitted.single
    x = np.asarray(x)
    check_scorable(x, 0, detector.input_shape)
    if x.ndim != 4:
        raise DataError(f"x must be images (n, height, width, channels); given shape {x.shape}")
    if isinstance(detector, HostDetector):
        return _measure_patches(fitted, x, _check_sigma(0.0 if sigma is None else sigma))
    chosen = _choose_sigma(sigma, detector, x.shape[1:])
    if drawn == "map" and chosen == 0:
        raise ConfigError("sigma must be > 0 for kind='map', whose maps are up-sampled; given 0")
    draw = {
        "map": partial(Partial, _upsample),
        "reconstruction": partial(Partial, _compute_errors),
        "gradient": partial(Partial, _compute_slopes),
    }[drawn](as_partial(detector.score) if drawn == "gradient" else _get_model(detector))
    states = [jax.tree.map(lambda leaf, i=i: leaf[i], fitted.state) for i in range(fitted.seeds)]
    smooth = drawn != "map" and chosen > 0
    return np.stack([_draw_seed(draw, state, x, chosen, smooth) for state in states])


def _choose_sigma(sigma: float | None, detector: Detector, shape: tuple[int, ...]) -> float:
    """Return `sigma`, or the detector's own.

    Raises:
        ConfigError: It is not a number of at least 0.
    """
    if sigma is None:
        return float(getattr(detector.config, "choose_sigma", default_sigma)(shape))
    return _check_sigma(sigma)


def _check_sigma(sigma: float) -> float:
    """Return `sigma` as a float.

    Raises:
        ConfigError: It is not a number of at least 0.
    """
    if not isinstance(sigma, int | float) or isinstance(sigma, bool) or not 0 <= sigma < np.inf:
        raise ConfigError(f"sigma must be a number >= 0; given {sigma!r}")
    return float(sigma)


def heatmap_kind(fitted: Fit, kind: str = "auto") -> str:
    """Return the kind of heat maps of a detector, with "auto" resolved.

    Args:
        fitted: A fitted detector.
        kind: The kind; "auto": the first that the detector has.

    Raises:
        ConfigError: An unknown kind, or one that the detector does not have.
    """
    if kind not in get_args(HeatmapKind):
        raise unknown_name("kind of heat maps", kind, get_args(HeatmapKind))
    detector = fitted.single
    has = _list_kinds(detector)
    if not any(has.values()):
        raise ConfigError(f"{detector.name!r} is trained by another library; it has no heat maps")
    if kind == "auto":
        return next(name for name, there in has.items() if there)
    if not has[kind]:
        having = ", ".join(name for name, there in has.items() if there)
        raise ConfigError(f"{detector.name!r} has no heat maps of kind {kind!r}; it has {having}")
    return kind


def _list_kinds(detector: Detector | HostDetector) -> dict[str, bool]:
    """Return which kinds of heat maps a detector has."""
    if isinstance(detector, HostDetector):
        of_rows = detector.coder is None and hasattr(detector.score_type, "compute_maps")
        return {"map": of_rows, "reconstruction": False, "gradient": False}
    model = _get_model(detector)
    return {
        "map": isinstance(model, ScoreMap),
        "reconstruction": isinstance(model, Reconstruction),
        "gradient": True,
    }


def _measure_patches(
    fitted: Fit, x: np.ndarray, sigma: float
) -> Float[np.ndarray, "seeds n height width"]:
    """Return the maps by the score function of each seed, smoothed by a Gaussian if sigma > 0."""
    maps = np.empty((fitted.seeds, *x.shape[:3]), np.float32)
    for i, model in enumerate(fitted.models):
        for start in range(0, len(x), _BLOCK):
            found = model.compute_maps(flatten_rows(x[start : start + _BLOCK]))
            smooth = blur(jnp.asarray(found), sigma) if sigma > 0 else found
            maps[i, start : start + _BLOCK] = smooth
    return maps


def _get_model(detector: Any) -> Any:
    """Return the score model of a detector, without a margin around it."""
    model = None if detector.parts is None else detector.parts.model
    return getattr(model, "base", model)


def _draw_seed(
    draw: Partial, state: State, x: np.ndarray, sigma: float, smooth: bool
) -> np.ndarray:
    """Compute heat maps in blocks of one size, so that few programs are compiled."""
    block = min(_BLOCK, 1 << (len(x) - 1).bit_length())
    out = np.empty(x.shape[:3], np.float32)
    for start in range(0, len(x), block):
        rows = x[start : start + block]
        padded = np.concatenate([rows, np.zeros((block - len(rows), *x.shape[1:]), x.dtype)])
        out[start : start + block] = _draw_block(draw, state, padded, sigma, smooth)[: len(rows)]
    return out


@partial(jax.jit, static_argnames="smooth")
def _draw_block(draw: Partial, state: State, x: Array, sigma: Array | float, smooth: bool) -> Array:
    maps = draw(state, as_input(x, x.shape[1:]), sigma)
    return blur(maps, sigma) if smooth else maps


def _upsample(model: ScoreMap, state: State, x: Array, sigma: Array) -> Array:
    maps = model.compute_maps(state.variables, x, train=False).out
    return gaussian_upsampling(maps, (x.shape[1], x.shape[2]), model.field, sigma)


def _compute_errors(model: Reconstruction, state: State, x: Array, sigma: Array) -> Array:
    del sigma
    y = model.reconstruct(state.variables, x, train=False).out
    return jnp.sum((x - y) ** 2, axis=-1)


def _compute_slopes(score: Partial, state: State, x: Array, sigma: Array) -> Array:
    del sigma
    slope = jax.grad(lambda x: jnp.sum(score(state, x)))(x)
    return jnp.sum(jnp.abs(slope), axis=-1)
