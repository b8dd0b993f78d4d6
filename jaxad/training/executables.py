"""Executables of compiled programs as bytes, which load without tracing or compiling."""

import pickle
import threading
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import jax
from jax.experimental import serialize_executable

from jaxad.types import PyTree
from jaxad.utils.conditions import describe_conditions
from jaxad.utils.static_text import UnknownError, describe_static, describe_tree
from jaxad.utils.timing import loading

__all__ = ["Avals", "compile_program", "make_key", "read_program", "write_program"]

Avals = tuple[tuple, ...]  # of each leaf: shape, dtype, whether its type is weak

# An executable that JAX's own cache has read cannot be written again (jaxlib 0.10 on the CPU). An
# option of another platform changes nothing, and is part of that cache's key.
_APART = {"cpu": {"xla_gpu_autotune_level": 3}}
_APART_ELSEWHERE = {"xla_cpu_parallel_codegen_split_count": 31}

# With LLVM's first level of optimisation programs compile faster and run as fast
# (`benchmarks/compile_options.py`).
_QUICK = {"cpu": {"xla_backend_optimization_level": 1}}

# Convolutions by YNNPACK, the default of jaxlib 0.10, keep one core busy; the others all cores. A
# fit of one seed is up to a fifth faster on two cores, one of as many seeds as cores 5 % slower.
_ALL_CORES = {
    "cpu": {
        "xla_cpu_experimental_ynn_fusion_type": (
            "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT,LIBRARY_FUSION_TYPE_REDUCE"
        )
    }
}

_hits = threading.local()


def _listen(event: str, **_: object) -> None:
    if event == "/jax/compilation_cache/cache_hits":
        _hits.count = getattr(_hits, "count", 0) + 1


jax.monitoring.register_event_listener(_listen)


def make_key(name: str, tree: Any, avals: Avals, static: dict[str, Any]) -> str | None:
    """Return a text of all that a program depends on; None if it has none.

    Args:
        name: The name of the function.
        tree: The structure of its arguments.
        avals: The types of their leaves.
        static: The static arguments.
    """
    conditions = describe_conditions()
    if conditions is None:
        return None
    try:
        about = (name, describe_tree(tree), describe_static(tuple(sorted(static.items()))))
    except UnknownError:
        return None
    return "\n".join(
        (conditions, *about, repr([(s, str(dtype), weak) for s, dtype, weak in avals]))
    )


def compile_program(lowered: Any, *, apart: bool) -> tuple[Any, bool]:
    """Compile a program; return it, and whether it can be written.

    Args:
        lowered: The lowered program.
        apart: Whether it is to be compiled apart from JAX's own cache, so that it can be written.
    """
    platform = jax.default_backend()
    quick = _QUICK.get(platform, {})
    if apart:
        quick = quick | _APART.get(platform, _APART_ELSEWHERE)
    cores = _ALL_CORES.get(platform)
    before = getattr(_hits, "count", 0)
    for options in (quick | cores, quick) if cores else (quick,):
        try:
            with _without_writing() if apart else nullcontext():
                compiled = lowered.compile(compiler_options=options or None)
        except (AttributeError, ImportError, jax.errors.JaxRuntimeError):  # no such option
            continue
        return compiled, apart and getattr(_hits, "count", 0) == before
    return lowered.compile(), False


def _without_writing() -> Any:
    """Keep programs of this thread out of JAX's own cache."""
    from jax._src.config import persistent_cache_min_compile_time_secs

    return persistent_cache_min_compile_time_secs(1e9)


def write_program(compiled: Any, shapes: PyTree) -> bytes | None:
    """Return a program as bytes; None if it has no such form.

    Args:
        compiled: The program.
        shapes: What it gives, as `jax.ShapeDtypeStruct`s.
    """
    try:
        code, _, _ = serialize_executable.serialize(compiled)
        leaves, tree = jax.tree.flatten(shapes)
        avals = [(leaf.shape, leaf.dtype, leaf.weak_type) for leaf in leaves]
        return pickle.dumps((tree, avals, code))
    except Exception:  # pickling fails by errors of all kinds
        return None


def read_program(entry: bytes, arguments: Any) -> tuple[PyTree, Callable[[], Any]]:
    """Return what a program gives, and a function that loads it.

    Args:
        entry: The bytes of `write_program`.
        arguments: The structure of its arguments, `(args, {})`.

    Raises:
        Exception: The bytes are damaged; errors of all kinds.
    """
    tree, avals, code = pickle.loads(entry)
    shapes = jax.tree.unflatten(
        tree, [jax.ShapeDtypeStruct(s, dtype, weak_type=weak) for s, dtype, weak in avals]
    )

    def load() -> Any:
        with loading():
            return serialize_executable.deserialize_and_load(
                code, arguments, tree, execution_devices=jax.local_devices()[:1]
            )

    return shapes, load
