"""Heat maps of images: where a fitted detector sees what makes an image anomalous.

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
from jaxad.training.layout import as_partial
from jaxad.types import State

__all__ = ["HeatmapKind", "heatmap_kind", "heatmaps"]

HeatmapKind = Literal["auto", "map", "gradient", "reconstruction"]
_BLOCK = 32


def heatmaps(
    fitted: Fit,
    x: Num[np.ndarray, "n height width channels"],
    kind: HeatmapKind = "auto",
    *,
    sigma: float | None = None,
) -> Float[np.ndarray, "seeds n height width"]:
    """Heat maps of images under every seed; higher is more anomalous.

    - "map": what FCDD's score is the mean of, up-sampled by a Gaussian (`gaussian_upsampling`).
    - "gradient": the absolute derivative of the score by each pixel, summed over channels. Any
      detector of this library has one.
    - "reconstruction": the squared error of each pixel's reconstruction, summed over channels.

    The last two are blurred by the same Gaussian, which is 1 in sum.

    Args:
        fitted: A fitted detector of images.
        x: `(n, height, width, channels)` images as those of training.
        kind: One of these, or "auto": the first that the detector has, in the order map,
            reconstruction, gradient.
        sigma: The Gaussian's deviation in pixels, >= 0; 0 does not blur. None: the detector's own,
            or as suits the size of the images.

    Raises:
        ConfigError: The detector has no such heat maps, or `sigma` is out of its range.
        DataError: No images, or of another shape than those of training.
    """
    drawn = heatmap_kind(fitted, kind)
    detector = fitted.single
    assert not isinstance(detector, HostDetector)
    x = np.asarray(x)
    check_scorable(x, 0, detector.input_shape)
    if x.ndim != 4:
        raise DataError(f"heat maps are of images (n, height, width, channels); given {x.shape}")
    chosen = _checked_sigma(sigma, detector, x.shape[1:])
    if drawn == "map" and chosen == 0:
        raise ConfigError("sigma must be > 0 for FCDD's maps, which are smaller than images")
    draw = {
        "map": partial(Partial, _up_sampled),
        "reconstruction": partial(Partial, _errors),
        "gradient": partial(Partial, _slopes),
    }[drawn](as_partial(detector.score) if drawn == "gradient" else _model_of(detector))
    states = [jax.tree.map(lambda leaf, i=i: leaf[i], fitted.state) for i in range(fitted.seeds)]
    smooth = drawn != "map" and chosen > 0
    return np.stack([_of_seed(draw, state, x, chosen, smooth) for state in states])


def _checked_sigma(sigma: float | None, detector: Detector, shape: tuple[int, ...]) -> float:
    """The deviation that is asked for, or the detector's own.

    Raises:
        ConfigError: It is not a number of at least 0.
    """
    if sigma is None:
        return float(getattr(detector.config, "sigma_for", default_sigma)(shape))
    if not isinstance(sigma, int | float) or isinstance(sigma, bool) or not 0 <= sigma < np.inf:
        raise ConfigError(f"sigma must be a number >= 0; given {sigma!r}")
    return float(sigma)


def heatmap_kind(fitted: Fit, kind: str = "auto") -> str:
    """The kind of heat maps that a detector gives.

    Args:
        fitted: A fitted detector.
        kind: What is asked for; "auto": what it has.

    Raises:
        ConfigError: No such kind, or the detector has none of it.
    """
    if kind not in get_args(HeatmapKind):
        raise unknown_name("kind of heat maps", kind, get_args(HeatmapKind))
    detector = fitted.single
    if isinstance(detector, HostDetector):
        raise ConfigError(f"{detector.name!r} is trained by another library; it has no heat maps")
    model = _model_of(detector)
    has = {
        "map": isinstance(model, ScoreMap),
        "reconstruction": isinstance(model, Reconstruction),
        "gradient": True,
    }
    if kind == "auto":
        return next(name for name, there in has.items() if there)
    if not has[kind]:
        having = ", ".join(name for name, there in has.items() if there)
        raise ConfigError(f"{detector.name!r} has no heat maps of kind {kind!r}; it has {having}")
    return kind


def _model_of(detector: Any) -> Any:
    """The score model of a detector, without what only puts a margin around it."""
    model = None if detector.parts is None else detector.parts.model
    return getattr(model, "base", model)


def _of_seed(draw: Partial, state: State, x: np.ndarray, sigma: float, smooth: bool) -> np.ndarray:
    """Heat maps in blocks of one size, so that few programs serve any number of images."""
    block = min(_BLOCK, 1 << (len(x) - 1).bit_length())
    out = np.empty(x.shape[:3], np.float32)
    for start in range(0, len(x), block):
        rows = x[start : start + block]
        padded = np.concatenate([rows, np.zeros((block - len(rows), *x.shape[1:]), x.dtype)])
        out[start : start + block] = _drawn(draw, state, padded, sigma, smooth)[: len(rows)]
    return out


@partial(jax.jit, static_argnames="smooth")
def _drawn(draw: Partial, state: State, x: Array, sigma: Array | float, smooth: bool) -> Array:
    maps = draw(state, as_input(x, x.shape[1:]), sigma)
    return blur(maps, sigma) if smooth else maps


def _up_sampled(model: ScoreMap, state: State, x: Array, sigma: Array) -> Array:
    maps = model.maps(state.variables, x, train=False).out
    return gaussian_upsampling(maps, (x.shape[1], x.shape[2]), model.field, sigma)


def _errors(model: Reconstruction, state: State, x: Array, sigma: Array) -> Array:
    del sigma
    y = model.reconstruct(state.variables, x, train=False).out
    return jnp.sum((x - y) ** 2, axis=-1)


def _slopes(score: Partial, state: State, x: Array, sigma: Array) -> Array:
    del sigma
    slope = jax.grad(lambda x: jnp.sum(score(state, x)))(x)
    return jnp.sum(jnp.abs(slope), axis=-1)
