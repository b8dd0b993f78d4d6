"""A bound on the compiled programs that a process keeps in memory.

Each structure of detector and data (its layers, the padded columns and rows) has programs of its
own, which take some 10 to 20 MB. JAX keeps the programs of thousands of structures. Here those of
all are dropped together before one too many is compiled; a structure that is used again is then
compiled again, or read from the compilation cache on disk.
"""

import ctypes
import gc
import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import jax
import numpy as np

from jaxad.types import PyTree

__all__ = ["MOST", "admit", "bounded", "count_structures"]

MOST = 64  # structures: a fit and its scores are two

Function = TypeVar("Function", bound=Callable[..., Any])

_functions: list[Any] = []
_structures: set[Hashable] = set()
_lock = threading.Lock()


def bounded(function: Function) -> Function:
    """Register a function of `jax.jit`, whose programs are dropped with the others."""
    _functions.append(function)
    return function


def admit(how: Hashable, *parts: PyTree) -> None:
    """Drop all programs if these arguments have a new structure and there are too many.

    Args:
        how: The static arguments.
        *parts: Pytrees whose structure, shapes and dtypes decide which programs are needed.
    """
    leaves, tree = jax.tree.flatten(parts)
    key = (
        how,
        tree,
        tuple((np.shape(leaf), getattr(leaf, "dtype", type(leaf))) for leaf in leaves),
    )
    with _lock:
        if key in _structures:
            return
        if len(_structures) >= MOST:
            _drop()
        _structures.add(key)


def count_structures() -> int:
    """Return how many structures of programs are kept."""
    return len(_structures)


def _drop() -> None:
    for function in _functions:
        function.clear_cache()
    _structures.clear()
    gc.collect()
    try:
        ctypes.CDLL(None).malloc_trim(0)  # glibc keeps what the compiler has freed
    except (AttributeError, OSError, TypeError):
        return
