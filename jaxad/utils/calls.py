"""Parsing and evaluation of function calls with literal arguments in settings."""

import ast
import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from jaxad.errors import ConfigError, unknown_name

__all__ = ["Call", "evaluate_call", "parse_calls"]

_MOST, _LONGEST = 64, 2000

_LONGEST = 10_000  # characters of a string of calls


class Call(NamedTuple):
    """The name of a function and its arguments."""

    name: str
    args: list[Any]
    keywords: dict[str, Any]


def parse_calls(text: str, what: str, example: str) -> list[Call]:
    """Parse a string of calls, separated by commas.

    Args:
        text: Names, or calls with literal arguments.
        what: The setting that the string is for, for errors.
        example: A valid string, for errors.

    Raises:
        ConfigError: The string is not such a list, or has more than 10,000 characters.

    Example:
        >>> parse_calls("crop(4), flip", "augment", "flip")[0]
        Call(name='crop', args=[4], keywords={})
    """
    if not isinstance(text, str):
        raise ConfigError(f"{what} must be a string such as {example!r}; given {text!r}")
    if len(text) > _LONGEST:
        raise ConfigError(f"{what} has {len(text)} characters; at most {_LONGEST} are allowed")
    try:
        tree = ast.parse(f"({text},)", mode="eval").body
        return [_read_call(node) for node in getattr(tree, "elts", ())]
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:
        raise ConfigError(
            f"{what} must be names or calls with literal arguments, as in {example!r}; "
            f"given {text!r}"
        ) from error


def evaluate_call(
    call: Call, known: Mapping[str, Callable[..., Any]], what: str, **more: Any
) -> Any:
    """Evaluate a parsed call.

    Args:
        call: The call.
        known: The functions by name.
        what: The kind of function, for errors, such as "augmentation".
        **more: Keyword arguments, passed to a function if its signature has them.

    Raises:
        ConfigError: The name is unknown, or an argument is wrong.
    """
    if call.name not in known:
        raise unknown_name(what, call.name, known)
    build = known[call.name]
    signature = inspect.signature(build)
    keywords = {k: v for k, v in more.items() if k in signature.parameters} | call.keywords
    try:
        signature.bind(*call.args, **keywords)
        return build(*call.args, **keywords)
    except (TypeError, ValueError, OverflowError) as error:
        if isinstance(error, ConfigError):
            raise
        shown = [p for p in signature.parameters.values() if p.name not in more]
        allowed = inspect.Signature(shown)
        raise ConfigError(f"{what} {call.name} takes {allowed}: {error}") from error


def _read_call(node: ast.expr) -> Call:
    args, keywords = [], []
    if isinstance(node, ast.Call):
        node, args, keywords = node.func, node.args, node.keywords
    if not isinstance(node, ast.Name) or any(k.arg is None for k in keywords):
        raise ValueError("neither a name nor a call")
    literal = ast.literal_eval
    return Call(
        node.id, [literal(a) for a in args], {str(k.arg): literal(k.value) for k in keywords}
    )
