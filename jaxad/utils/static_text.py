"""Text for what a compiled program depends on besides its arrays: functions and settings.

JAX compares these by equality within a process. A text is equal in all processes for equal
functions and settings, and differs for others; where that cannot be said, there is none.
"""

import sys
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import partial
from hashlib import sha256
from types import MethodType
from typing import Any

import jax
import numpy as np

__all__ = ["UnknownError", "describe_static", "describe_tree"]

# Packages whose functions a version (or, for this one, a hash of its sources) identifies.
_KNOWN = ("builtins", "functools", "flax", "jax", "jaxad", "jaxlib", "numpy", "operator", "optax")


class UnknownError(Exception):
    """An object that no text identifies, such as a function of the user."""


def describe_tree(tree: Any) -> str:
    """Return the text of a `PyTreeDef`: its nodes, with their static parts.

    Raises:
        UnknownError: A static part has no text.
    """
    data = tree.node_data()
    if data is None:
        return "*" if tree.num_leaves else "-"
    kind, static = data
    if kind is type(None):
        return "None"
    children = ",".join(map(describe_tree, tree.children()))
    return f"{_describe_name(kind)}<{describe_static(static)}>({children})"


def describe_static(value: Any) -> str:
    """Return the text of a static part of a program.

    Raises:
        UnknownError: Neither the object nor its parts have a text.
    """
    kind = type(value)
    if value is None or kind in (bool, int, str, bytes, float, complex):
        return f"{kind.__name__}:{value!r}"
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biufcSU":
        content = sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return f"{kind.__name__}:{value.dtype.str}{value.shape}{content}"
    if isinstance(value, np.dtype):
        return f"dtype:{value.str}:{value.name}"
    if isinstance(value, Enum):
        return f"{_describe_name(kind)}.{value.name}"
    if isinstance(value, jax.tree_util.PyTreeDef):
        return f"tree:{describe_tree(value)}"
    if isinstance(value, partial):
        parts = (value.func, value.args, value.keywords)
        return f"{_describe_name(kind)}({','.join(map(describe_static, parts))})"
    if isinstance(value, MethodType):
        return f"method({describe_static(value.__func__)},{describe_static(value.__self__)})"
    if isinstance(value, dict):
        items = [f"{describe_static(k)}={describe_static(v)}" for k, v in value.items()]
        return f"{_describe_name(kind)}({','.join(items)})"
    if isinstance(value, tuple | list):
        return f"{_describe_name(kind)}({','.join(map(describe_static, value))})"
    if is_dataclass(value) and not isinstance(value, type):
        parts = [f"{f.name}={describe_static(getattr(value, f.name))}" for f in fields(value)]
        return f"{_describe_name(kind)}({','.join(parts)})"
    named: Any = value
    return _describe_name(named)


def _describe_name(value: type | Callable) -> str:
    """Return the name of a class or function, by which its module must have this very one."""
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str):
        raise UnknownError(f"{value!r} has no name")
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is not value or module.split(".")[0] not in _KNOWN:
        raise UnknownError(f"{value!r} is not a function or class of a known package")
    return f"{module}:{name}"
