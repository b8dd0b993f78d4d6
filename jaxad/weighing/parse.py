"""Weighings by name, as a user writes them in a configuration or on the command line."""

import ast
import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from jaxad.errors import ConfigError, unknown_name
from jaxad.weighing.anoonly import anoonly
from jaxad.weighing.base import Weighing, by_label, chain, unsupervised
from jaxad.weighing.contradicting import contradicting
from jaxad.weighing.elite import elite
from jaxad.weighing.mining import mining
from jaxad.weighing.outlier_exposure import latent_outlier_exposure

__all__ = ["WEIGHINGS", "parse_weighing"]

WEIGHINGS: dict[str, Callable[..., Weighing]] = {
    fn.__name__: fn
    for fn in (
        anoonly,
        by_label,
        contradicting,
        elite,
        latent_outlier_exposure,
        mining,
        unsupervised,
    )
}


def parse_weighing(text: str, labelled: tuple[int, int] = (1, 1)) -> Weighing:
    """The chain of weighings that a text names, with literal arguments.

    Args:
        text: Names or calls with commas between them, such as
            "by_label, latent_outlier_exposure(0.1, soft=True), anoonly(1e-4)".
        labelled: How many labelled anomalies and labelled normal rows the training data has, at
            most, for weighings that must know it.

    Raises:
        ConfigError: The text is no such list, a name is not known or an argument is wrong.

    Example:
        >>> parse_weighing("by_label(eta=2), anoonly").anomaly_loss
        True
    """
    if not isinstance(text, str):
        raise ConfigError(f"weighing must be a text; given {text!r}")
    try:
        tree = ast.parse(f"({text},)", mode="eval").body
        parts = [_call(node) for node in getattr(tree, "elts", ())]
    except (SyntaxError, ValueError) as error:
        raise ConfigError(
            f"weighing must be names or calls with literal arguments, as in "
            f"'by_label, anoonly(1e-4)'; given {text!r}"
        ) from error
    made = [_make(*part, labelled) for part in parts]
    return made[0] if len(made) == 1 else chain(*made)


def _call(node: ast.expr) -> tuple[str, list[Any], dict[str, Any]]:
    """A name with its arguments."""
    args, keywords = [], []
    if isinstance(node, ast.Call):
        node, args, keywords = node.func, node.args, node.keywords
    if not isinstance(node, ast.Name) or any(k.arg is None for k in keywords):
        raise ValueError("not a name or a call")
    literal = ast.literal_eval
    return node.id, [literal(a) for a in args], {str(k.arg): literal(k.value) for k in keywords}


def _make(
    name: str, args: list[Any], keywords: dict[str, Any], labelled: tuple[int, int]
) -> Weighing:
    if name not in WEIGHINGS:
        raise unknown_name("weighing", name, WEIGHINGS)
    build = WEIGHINGS[name]
    if "labelled" in inspect.signature(build).parameters:
        build = partial(build, labelled=labelled)
    try:
        inspect.signature(build).bind(*args, **keywords)
        return build(*args, **keywords)
    except (TypeError, ValueError) as error:
        if isinstance(error, ConfigError):
            raise
        allowed = inspect.signature(build).replace(return_annotation=inspect.Signature.empty)
        raise ConfigError(f"weighing {name} takes {allowed}: {error}") from error
