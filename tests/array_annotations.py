"""The type checker of the tests: array annotations of jaxtyping, and nothing else.

Other annotations are left to the static checker.
"""

from collections.abc import Callable
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
