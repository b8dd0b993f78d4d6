"""The type checker of the tests: array annotations of jaxtyping, and nothing else.

Other annotations are left to the static checker.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, get_args, get_origin

from beartype import beartype
from jaxtyping import AbstractArray

# Functions that raise errors of their own: tests pass them arrays of wrong shapes and types.
VALIDATING = {
    "jaxad.data.corruptions.corrupt",
    "jaxad.data.dataset.Dataset.__init__",
    "jaxad.data.protocol.drawing._keys",
    "jaxad.data.protocol.drawing.contaminate",
    "jaxad.data.rng.Stream.__init__",
    "jaxad.data.rng.as_key",
    "jaxad.data.rng.read_key_words",
    "jaxad.explain.attribution.attributions",
    "jaxad.explain.clever_hans.similarity",
    "jaxad.explain.generation.draw_images",
    "jaxad.explain.heat_maps.heatmaps",
    "jaxad.explain.pictures.bars.draw_attributions",
    "jaxad.explain.pictures.maps.draw_heatmaps",
    "jaxad.explain.pictures.overlays.draw_overlays",
    "jaxad.explain.pictures.overlays.draw_sheet",
    "jaxad.explain.pixels.aupro",
    "jaxad.explain.pixels.collect_pixels",
    "jaxad.explain.pixels.pixel_auroc",
    "jaxad.nets.conv.canonical_conv",
    "jaxad.thresholds.checks.check_scores",
    "jaxad.thresholds.conformal_rules.conformal",
    "jaxad.thresholds.scores.extreme",
    "jaxad.thresholds.scores.quantile",
    "jaxad.thresholds.scores.sigma",
}
# Pytrees that hold None or placeholders while JAX maps over their leaves.
MAPPED = {"jaxad.models.contexts.Contexts.__init__"}


def check_arrays(function: Callable) -> Callable:
    """Make a function check the dtypes and shapes of its arguments and its value."""
    if f"{function.__module__}.{function.__qualname__}" in VALIDATING | MAPPED:
        return function
    hints = function.__annotations__
    function.__annotations__ = {name: keep_arrays(hint) for name, hint in hints.items()}
    return beartype(function)


def leave_others(jaxtyped: Callable) -> Callable:
    """Return jaxtyping's decorator so that it wraps only what has annotations of arrays.

    To wrap a function takes milliseconds, and for one inside of another it happens at each call.
    """

    @wraps(jaxtyped)
    def decorate(*, typechecker: Callable) -> Callable:
        check = jaxtyped(typechecker=typechecker)
        return lambda part: check(part) if has_arrays(part) else part

    return decorate


def has_arrays(part: Any) -> bool:
    """Return whether a function, or the arguments of a class, have annotations of arrays."""
    function = part.__init__ if isinstance(part, type) else part
    hints = getattr(function, "__annotations__", {}).values()
    return any(isinstance(hint, str) or mentions_arrays(hint) for hint in hints)


def keep_arrays(hint: Any) -> Any:
    """Return an annotation of which only arrays are left; other types become `Any`."""
    if not mentions_arrays(hint):
        return Any
    if get_origin(hint) is tuple:
        return tuple[tuple(part if part is ... else keep_arrays(part) for part in get_args(hint))]
    return hint


def mentions_arrays(hint: Any) -> bool:
    """Return whether an annotation, or a part of it, has a dtype and a shape."""
    if isinstance(hint, type) and get_origin(hint) is None:
        return issubclass(hint, AbstractArray)
    return get_origin(hint) is not Callable and any(map(mentions_arrays, get_args(hint)))
