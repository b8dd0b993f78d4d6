"""Lower programs without the tracer that measures coverage.

On Python 3.11 a tracer makes all Python code slower, and JAX lowers programs to MLIR by much code
of its own, in which nothing of jaxad runs.
"""

import sys
from collections.abc import Callable
from functools import wraps
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


def lower_untraced() -> None:
    """Make JAX lower programs without a tracer."""
    from jax._src.interpreters import mlir

    mlir.lower_jaxpr_to_module = run_untraced(mlir.lower_jaxpr_to_module)
