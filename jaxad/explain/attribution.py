"""Attributions: how much each feature of a row contributes to its anomaly score.

References:
    Sundararajan et al. 2017, Axiomatic attribution for deep networks; Ruff et al. 2021, A unifying
    review of deep and shallow anomaly detection, section 5; Ruff thesis, section 4.4.2.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Float, Num

from jaxad.detector import HostDetector
from jaxad.detectors.classical.components import ComponentDensity
from jaxad.detectors.classical.neighbours import DiffusionVariance, NeighbourDistance
from jaxad.detectors.classical.on_components import KernelOnComponents
from jaxad.detectors.classical.scores import Ellipsoid, KernelSum, OffPlane
from jaxad.detectors.classical.tails import ColumnHistograms, TailProbabilities
from jaxad.detectors.config import is_count
from jaxad.errors import ConfigError, DataError, unknown_name
from jaxad.explain.propagation import check_net, has_relevance, relevance
from jaxad.explain.soft_minimum import soft_min_relevance
from jaxad.models import Reconstruction
from jaxad.models.base import as_input
from jaxad.training.checks import check_scorable
from jaxad.training.fitted import Fit
from jaxad.training.host import flatten_rows
from jaxad.training.stacking import as_partial
from jaxad.types import State
from jaxad.utils.modes import pinned_modes

__all__ = ["AttributionMethod", "attribution_methods", "attributions"]

AttributionMethod = Literal[
    "auto", "lrp", "residuals", "terms", "integrated_gradients", "gradient_x_input"
]
_BLOCK = 256


@pinned_modes()
def attributions(
    fitted: Fit,
    x: Num[np.ndarray, "n *shape"],
    method: AttributionMethod = "auto",
    *,
    baseline: Num[np.ndarray, "*shape"] | None = None,
    steps: int = 128,
    seed: int | None = None,
) -> Float[np.ndarray, "n *shape"]:
    r"""Compute how much each feature of rows contributes to their scores; higher is more anomalous.

    - "lrp": layer-wise relevance propagation, at least 0: for detectors with a distance in the
      space of an MLP or LeNet encoder (`jaxad.explain.propagation`); for `kde` and `ocsvm` as soft
      minima of distances (`jaxad.explain.soft_minimum`); and for reconstructions, where the
      distance is taken in the space of rows and the relevances are the residuals. They add up to
      the score less a constant of the detector: the squared radius of a soft boundary, and the
      score of `kde` at distance 0. For `ocsvm` they add up to `-log` of its sum of kernels with
      weights that sum to 1, which increases with the score.
    - "residuals": the squared reconstruction error of each feature. They add up to the score where
      this is the squared error.
    - "terms": the term of each column in the score of `ecod`, `copod` or `hbos`, which is their
      sum.
    - "integrated_gradients": `(x - b) * mean of the derivative on the line from b to x`. They add
      up to `score(x) - score(b)`, up to the error of the midpoint rule. It falls with the number of
      steps; for networks with leaky ReLU, whose derivatives jump, about as one over the steps.
    - "gradient_x_input": `(x - b) * derivative at x`. Their sum has no meaning in general.

    Relevances and residuals show where a row is unusual. Gradients, which have signs, also show
    what makes it less anomalous.

    Args:
        fitted: A fitted detector.
        x: `(n, ...)` rows as those of training, scaled in the same way.
        method: One of these, or "auto": "lrp" where it can be propagated through the network,
            "terms" where the score is a sum over columns, else "integrated_gradients". On rows in
            which one column was changed, "lrp" and "integrated_gradients" found the column most
            often (docs/explanation/explanations.md).
        baseline: A row b to compare with, such as the mean or the median of training rows. None: 0,
            which is the mean of standardised columns, and black in images.
        steps: How many derivatives "integrated_gradients" averages, >= 1.
        seed: The index of a seed; None: the mean over all seeds.

    Returns:
        `(n, ...)` in the shape of x.

    Raises:
        ConfigError: The detector has no such attributions, there is no such seed, or `steps` is not
            positive.
        DataError: No rows, or x or the baseline has another shape than in training or is not
            finite.
    """
    chosen = _choose_method(fitted, method)
    detector = fitted.single
    x = np.asarray(x)
    check_scorable(x, 0, detector.input_shape)
    if not is_count(steps, 1):
        raise ConfigError(f"steps must be a whole number of at least 1; given {steps!r}")
    seeds = range(fitted.seeds) if seed is None else [_check_seed(fitted, seed)]
    compared = _check_baseline(baseline, x)
    total = np.zeros(x.shape, np.float64)
    for i in seeds:
        if isinstance(detector, HostDetector):
            found = _attribute_on_host(
                fitted.models[i], chosen, flatten_rows(x), flatten_rows(compared), steps
            )
        else:
            state = jax.tree.map(lambda leaf, i=i: leaf[i], fitted.state)
            found = _attribute_seed(
                _make_attribution(detector, chosen, steps), state, x, compared[0]
            )
        total += found.reshape(x.shape)
    return total / len(seeds)


def attribution_methods(fitted: Fit) -> tuple[AttributionMethod, ...]:
    """Return the methods of attribution for a fitted detector; "auto" is the first of them.

    Args:
        fitted: A fitted detector.

    Raises:
        ConfigError: Each seed has its own detector.
    """
    detector = fitted.single
    if isinstance(detector, HostDetector):
        return _list_host_methods(fitted)
    if detector.lexicon is not None:
        return ()
    model = _get_model(detector)
    if _supports_relevance(model):
        return ("lrp", "integrated_gradients", "gradient_x_input")
    if isinstance(_get_base(model), Reconstruction):
        return ("integrated_gradients", "gradient_x_input", "lrp", "residuals")
    return ("integrated_gradients", "gradient_x_input")


def _list_host_methods(fitted: Fit) -> tuple[AttributionMethod, ...]:
    if getattr(fitted.detector, "coder", None) is not None:
        return ()
    kinds: dict[type, tuple[AttributionMethod, ...]] = {
        KernelSum: ("integrated_gradients", "gradient_x_input", "lrp"),
        OffPlane: ("integrated_gradients", "gradient_x_input", "lrp", "residuals"),
        ComponentDensity: ("integrated_gradients", "gradient_x_input"),
        KernelOnComponents: ("integrated_gradients", "gradient_x_input"),
        Ellipsoid: ("integrated_gradients", "gradient_x_input"),
        NeighbourDistance: ("integrated_gradients", "gradient_x_input"),
        DiffusionVariance: ("integrated_gradients", "gradient_x_input"),
        TailProbabilities: ("terms",),
        ColumnHistograms: ("terms",),
    }
    return kinds.get(type(fitted.models[0]), ())


def _choose_method(fitted: Fit, method: str) -> str:
    """Return the method, with "auto" resolved.

    Raises:
        ConfigError: An unknown method, or one that the detector does not have.
    """
    if method not in get_args(AttributionMethod):
        raise unknown_name("method of attribution", method, get_args(AttributionMethod))
    having = attribution_methods(fitted)
    name = fitted.single.name
    if not having:
        raise ConfigError(
            f"{name!r} has no attributions; gaussian, mcd, pca, kde, ocsvm and the detectors "
            "trained by gradient descent on numbers have"
        )
    if method == "auto":
        return having[0]
    if method not in having:
        model = None if isinstance(fitted.single, HostDetector) else _get_model(fitted.single)
        if method == "lrp" and has_relevance(model):
            check_net(_get_base(model).encoder)
        raise ConfigError(f"{name!r} has no attributions by {method!r}; it has {', '.join(having)}")
    return method


def _check_seed(fitted: Fit, seed: int) -> int:
    if not is_count(seed, 0) or seed >= fitted.seeds:
        raise ConfigError(f"seed must be in 0..{fitted.seeds - 1}, or None; given {seed!r}")
    return seed


def _check_baseline(baseline: np.ndarray | None, x: np.ndarray) -> Num[np.ndarray, "1 *shape"]:
    """Return the baseline with an axis of one row in front.

    Raises:
        DataError: It has another shape than a row, or is not finite.
    """
    if baseline is None:
        return np.zeros((1, *x.shape[1:]), x.dtype)
    given = np.asarray(baseline)
    if given.shape != x.shape[1:]:
        raise DataError(
            f"baseline must have the shape of a row, {x.shape[1:]}; given {given.shape}"
        )
    check_scorable(given[None], 0, given.shape)
    return given[None]


def _get_model(detector: Any) -> Any:
    """Return the score model of a detector; None if the detector has no parts."""
    return None if detector.parts is None else detector.parts.model


def _get_base(model: Any) -> Any:
    """Return a model without a margin around it."""
    return getattr(model, "base", model)


def _supports_relevance(model: Any) -> bool:
    """Return whether relevance can be propagated through a model's network."""
    try:
        if has_relevance(model):
            check_net(_get_base(model).encoder)
            return True
    except ConfigError:
        pass
    return False


def _make_attribution(detector: Any, method: str, steps: int) -> Partial:
    """Return the function `(state, x, baseline) -> attributions` of a method."""
    model = _get_model(detector)
    if isinstance(_get_base(model), Reconstruction) and method in ("lrp", "residuals"):
        return Partial(_residuals, _get_base(model))
    if method == "lrp":
        return Partial(_relevance, model)
    if method == "gradient_x_input":
        return Partial(_gradient_x_input, as_partial(detector.score))
    return Partial(_integrated, as_partial(detector.score), steps)


def _attribute_seed(draw: Partial, state: State, x: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """Compute attributions in blocks of one size, so that few programs are compiled."""
    block = min(_BLOCK if x.ndim == 2 else 32, 1 << (len(x) - 1).bit_length())
    out = np.empty(x.shape, np.float32)
    for start in range(0, len(x), block):
        rows = x[start : start + block]
        padded = np.concatenate([rows, np.zeros((block - len(rows), *x.shape[1:]), x.dtype)])
        out[start : start + block] = _attribute_block(draw, state, padded, baseline)[: len(rows)]
    return out


@jax.jit
def _attribute_block(draw: Partial, state: State, x: Array, baseline: Array) -> Array:
    convert = partial(_convert_rows, shape=x.shape[1:])
    return draw(state, convert(x), convert(baseline))


def _convert_rows(x: Array, shape: tuple[int, ...]) -> Array:
    """Return rows as networks take them, without the padding of tables."""
    if len(shape) == 3 and x.dtype == jnp.uint8:
        return as_input(x, shape)
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def _relevance(model: Any, state: State, x: Array, baseline: Array) -> Array:
    del baseline
    return relevance(model, state, x)


def _residuals(model: Reconstruction, state: State, x: Array, baseline: Array) -> Array:
    del baseline
    padded = as_input(x, model.encoder.input_shape)
    y = model.reconstruct(state.variables, padded, train=False).out
    return ((padded - y) ** 2)[..., : x.shape[-1]]


def _compute_slope(score: Callable, state: State, x: Array) -> Array:
    return jax.grad(lambda x: jnp.sum(score(state, x)))(x)


def _gradient_x_input(score: Partial, state: State, x: Array, baseline: Array) -> Array:
    return (x - baseline) * _compute_slope(score, state, x)


def _integrated(score: Partial, steps: Array, state: State, x: Array, baseline: Array) -> Array:
    def add(i, total):
        place = (i + 0.5) / steps
        return total + _compute_slope(score, state, baseline + place * (x - baseline))

    return (x - baseline) * jax.lax.fori_loop(0, steps, add, jnp.zeros_like(x)) / steps


def _attribute_on_host(
    model: Any, method: str, x: np.ndarray, baseline: np.ndarray, steps: int
) -> Float[np.ndarray, "n d"]:
    """Compute attributions of a classical detector by one of its `_list_host_methods`."""
    if method == "residuals" or (method == "lrp" and isinstance(model, OffPlane)):
        return model.residual(x) ** 2
    if method == "terms":
        return model.terms(x)
    if method == "lrp":
        return soft_min_relevance(model, x)
    if method == "gradient_x_input":
        return (x - baseline) * model.gradient(x)
    places = (np.arange(steps) + 0.5) / steps
    slopes = (model.gradient(baseline + place * (x - baseline)) for place in places)
    return (x - baseline) * sum(slopes, np.zeros_like(x)) / steps
