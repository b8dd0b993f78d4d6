"""Run code of other libraries without the tracer that measures coverage.

On Python 3.11 a tracer makes all Python code slower, also that of other libraries. JAX lowers
programs to MLIR, and Matplotlib draws, by much code of their own, in which nothing of jaxad runs.
"""

import sys
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Any


def run_untraced(function: Callable) -> Callable:
    """Return a function that runs without a tracer, which is there again afterwards."""

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        tracer = sys.gettrace()
        if tracer is None:
            return function(*args, **kwargs)
        sys.settrace(None)
        try:
            return function(*args, **kwargs)
        finally:
            sys.settrace(tracer)

    return run


def lower_and_draw_untraced() -> None:
    """Make JAX lower programs, and Matplotlib draw, without a tracer, where they can be found."""
    places = [("jax._src.interpreters", "mlir", "lower_jaxpr_to_module"),
              ("matplotlib.figure", "Figure", "savefig")]  # fmt: skip
    for module, holder, name in places:
        try:
            place = getattr(import_module(module), holder)
            setattr(place, name, run_untraced(getattr(place, name)))
        except (ImportError, AttributeError):
            continue  # an optional package that is not installed, or another version
