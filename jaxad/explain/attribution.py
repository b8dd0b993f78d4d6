"""Attributions: how much each feature of a row has to do with its anomaly score.

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
from jaxad.detectors.classical.scores import Ellipsoid, KernelSum, OffPlane
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

__all__ = ["AttributionMethod", "attribution_methods", "attributions"]

AttributionMethod = Literal["auto", "lrp", "residuals", "integrated_gradients", "gradient_x_input"]
_BLOCK = 256


def attributions(
    fitted: Fit,
    x: Num[np.ndarray, "n *shape"],
    method: AttributionMethod = "auto",
    *,
    baseline: Num[np.ndarray, "*shape"] | None = None,
    steps: int = 128,
    seed: int | None = None,
) -> Float[np.ndarray, "n *shape"]:
    r"""How much each feature of rows has to do with their scores; more is more anomalous.

    - "lrp": layer-wise relevance propagation, at least 0. For detectors with a distance in the
      space of an MLP or LeNet encoder (`jaxad.explain.relevance`), for `kde` and `ocsvm` as soft
      minima of distances (`jaxad.explain.soft_min`), and for reconstructions, where the distance is
      taken in the space of rows and the relevances are the residuals. They add up to the score,
      but for a constant of the detector: the squared radius of a soft boundary, and the score that
      `kde` has at distance 0. For `ocsvm` they add up to `-log` of its sum of kernels in which
      weights have sum 1, which rises with the score.
    - "residuals": the squared error of each feature's reconstruction. They add up to the score
      where this is the squared error.
    - "integrated_gradients": `(x - b) * mean of the derivative on the way from b to x`. They add up
      to `score(x) - score(b)`, but for the error of the midpoint rule, which falls with the steps
      (networks of leaky ReLU have derivatives that jump: about as one over the steps).
    - "gradient_x_input": `(x - b) * derivative at x`. What they add up to means nothing in general.

    Relevances and residuals say where a row is odd; gradients, which have signs, also what makes it
    less so.

    Args:
        fitted: A fitted detector.
        x: `(n, ...)` rows as those of training, scaled as they were.
        method: One of these, or "auto": "lrp" where it goes through a network, else
            "integrated_gradients". Of rows in which a column was moved these found the column most
            often (docs/explanation/explanations.md).
        baseline: A row b to compare with, such as the mean or the median of training rows. None: 0,
            which is the mean where columns are standardised, and black for images.
        steps: How many derivatives integrated gradients take, >= 1.
        seed: Whose, by its place. None: the mean over seeds, which adds up to the mean of what each
            seed's add up to.

    Returns:
        `(n, ...)` in the shape of x.

    Raises:
        ConfigError: The detector has no such attributions, there is no such seed, or `steps` is not
            positive.
        DataError: No rows, or x or the baseline has another shape than in training or is not
            finite.
    """
    chosen = _chosen(fitted, method)
    detector = fitted.single
    x = np.asarray(x)
    check_scorable(x, 0, detector.input_shape)
    if not is_count(steps, 1):
        raise ConfigError(f"steps must be a whole number of at least 1; given {steps!r}")
    seeds = range(fitted.seeds) if seed is None else [_checked_seed(fitted, seed)]
    compared = _checked_baseline(baseline, x)
    total = np.zeros(x.shape, np.float64)
    for i in seeds:
        if isinstance(detector, HostDetector):
            found = _of_host(
                fitted.models[i], chosen, flatten_rows(x), flatten_rows(compared), steps
            )
        else:
            state = jax.tree.map(lambda leaf, i=i: leaf[i], fitted.state)
            found = _of_seed(_drawn_by(detector, chosen, steps), state, x, compared[0])
        total += found.reshape(x.shape)
    return total / len(seeds)


def attribution_methods(fitted: Fit) -> tuple[AttributionMethod, ...]:
    """The methods by which a fitted detector's scores can be attributed; "auto" is the first.

    Args:
        fitted: A fitted detector.

    Raises:
        ConfigError: Each seed has a detector of its own.
    """
    detector = fitted.single
    if isinstance(detector, HostDetector):
        return _host_methods(fitted)
    if detector.lexicon is not None:
        return ()
    model = _model_of(detector)
    if _goes_through(model):
        return ("lrp", "integrated_gradients", "gradient_x_input")
    if isinstance(_base(model), Reconstruction):
        return ("integrated_gradients", "gradient_x_input", "lrp", "residuals")
    return ("integrated_gradients", "gradient_x_input")


def _host_methods(fitted: Fit) -> tuple[AttributionMethod, ...]:
    if getattr(fitted.detector, "coder", None) is not None:
        return ()
    kinds: dict[type, tuple[AttributionMethod, ...]] = {
        KernelSum: ("integrated_gradients", "gradient_x_input", "lrp"),
        OffPlane: ("integrated_gradients", "gradient_x_input", "lrp", "residuals"),
        Ellipsoid: ("integrated_gradients", "gradient_x_input"),
    }
    return kinds.get(type(fitted.models[0]), ())


def _chosen(fitted: Fit, method: str) -> str:
    """The method that is asked for, if the detector has it.

    Raises:
        ConfigError: No such method, or the detector has none of it.
    """
    if method not in get_args(AttributionMethod):
        raise unknown_name("method of attribution", method, get_args(AttributionMethod))
    having = attribution_methods(fitted)
    name = fitted.single.name
    if not having:
        raise ConfigError(
            f"{name!r} has no attributions; gaussian, mcd, pca, kde, ocsvm and those that are "
            "trained by gradient descent on numbers have"
        )
    if method == "auto":
        return having[0]
    if method not in having:
        model = None if isinstance(fitted.single, HostDetector) else _model_of(fitted.single)
        if method == "lrp" and has_relevance(model):
            check_net(_base(model).encoder)
        raise ConfigError(f"{name!r} has no attributions by {method!r}; it has {', '.join(having)}")
    return method


def _checked_seed(fitted: Fit, seed: int) -> int:
    if not is_count(seed, 0) or seed >= fitted.seeds:
        raise ConfigError(f"seed must be in 0..{fitted.seeds - 1}, or None; given {seed!r}")
    return seed


def _checked_baseline(baseline: np.ndarray | None, x: np.ndarray) -> Num[np.ndarray, "1 *shape"]:
    """The baseline as a table of one row.

    Raises:
        DataError: It has another shape than a row, or is not finite.
    """
    if baseline is None:
        return np.zeros((1, *x.shape[1:]), x.dtype)
    given = np.asarray(baseline)
    if given.shape != x.shape[1:]:
        raise DataError(f"the baseline must have the shape of a row, {x.shape[1:]}; {given.shape}")
    check_scorable(given[None], 0, given.shape)
    return given[None]


def _model_of(detector: Any) -> Any:
    """The score model of a detector; None for one written by hand."""
    return None if detector.parts is None else detector.parts.model


def _base(model: Any) -> Any:
    """A model without what only puts a margin around it."""
    return getattr(model, "base", model)


def _goes_through(model: Any) -> bool:
    """Whether relevance goes through a model's network."""
    try:
        if has_relevance(model):
            check_net(_base(model).encoder)
            return True
    except ConfigError:
        pass
    return False


def _drawn_by(detector: Any, method: str, steps: int) -> Partial:
    """`(state, x, baseline) -> attributions`."""
    model = _model_of(detector)
    if isinstance(_base(model), Reconstruction) and method in ("lrp", "residuals"):
        return Partial(_residuals, _base(model))
    if method == "lrp":
        return Partial(_relevance, model)
    if method == "gradient_x_input":
        return Partial(_gradient_x_input, as_partial(detector.score))
    return Partial(_integrated, as_partial(detector.score), steps)


def _of_seed(draw: Partial, state: State, x: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """Attributions in blocks of one size, so that few programs serve any number of rows."""
    block = min(_BLOCK if x.ndim == 2 else 32, 1 << (len(x) - 1).bit_length())
    out = np.empty(x.shape, np.float32)
    for start in range(0, len(x), block):
        rows = x[start : start + block]
        padded = np.concatenate([rows, np.zeros((block - len(rows), *x.shape[1:]), x.dtype)])
        out[start : start + block] = _drawn(draw, state, padded, baseline)[: len(rows)]
    return out


@jax.jit
def _drawn(draw: Partial, state: State, x: Array, baseline: Array) -> Array:
    as_numbers = partial(_as_numbers, shape=x.shape[1:])
    return draw(state, as_numbers(x), as_numbers(baseline))


def _as_numbers(x: Array, shape: tuple[int, ...]) -> Array:
    """Rows as networks take them, without the padding of tables."""
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


def _slope(score: Callable, state: State, x: Array) -> Array:
    return jax.grad(lambda x: jnp.sum(score(state, x)))(x)


def _gradient_x_input(score: Partial, state: State, x: Array, baseline: Array) -> Array:
    return (x - baseline) * _slope(score, state, x)


def _integrated(score: Partial, steps: Array, state: State, x: Array, baseline: Array) -> Array:
    def add(i, total):
        place = (i + 0.5) / steps
        return total + _slope(score, state, baseline + place * (x - baseline))

    return (x - baseline) * jax.lax.fori_loop(0, steps, add, jnp.zeros_like(x)) / steps


def _of_host(
    model: Any, method: str, x: np.ndarray, baseline: np.ndarray, steps: int
) -> Float[np.ndarray, "n d"]:
    """Attributions of a classical detector, of which `_host_methods` says that it has them."""
    if method == "residuals" or (method == "lrp" and isinstance(model, OffPlane)):
        return model.residual(x) ** 2
    if method == "lrp":
        return soft_min_relevance(model, x)
    if method == "gradient_x_input":
        return (x - baseline) * model.gradient(x)
    places = (np.arange(steps) + 0.5) / steps
    slopes = (model.gradient(baseline + place * (x - baseline)) for place in places)
    return (x - baseline) * sum(slopes, np.zeros_like(x)) / steps
