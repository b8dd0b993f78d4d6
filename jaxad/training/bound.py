"""Compiled programs: a bounded number in memory, and on disk for later processes.

Each structure of detector and data (its layers, the padded columns and rows) has programs of its
own. Those that were used last are kept in memory; `jax.jit` alone keeps the programs of thousands
of structures. On disk, where `jaxad.utils.compilation_cache` says, a program is an executable,
which is loaded without tracing and compiling it again.
"""

import ctypes
import gc
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Executor, Future
from enum import Enum
from functools import update_wrapper
from typing import Any, NamedTuple

import jax
from jax.core import Tracer

from jaxad.training.executables import (
    Avals,
    compile_program,
    make_key,
    read_program,
    write_program,
)
from jaxad.types import PyTree
from jaxad.utils.compilation_cache import find_entries
from jaxad.utils.conditions import are_sources_unchanged

try:
    from jax._src.config import trace_context
    from jax._src.core import trace_state_clean
except ImportError:  # a version of JAX without them keeps the programs itself
    trace_context = trace_state_clean = None

__all__ = ["MOST", "Program", "bounded", "count_programs", "drop_all"]

MOST = 48  # programs of some 4 MB; a fit and its scores have three to six

_kept: "OrderedDict[Hashable, _Kept]" = OrderedDict()
_kept_by_jax: set[Hashable] = set()
_programs: "list[Program]" = []
_lock = threading.Lock()


class _Signature(NamedTuple):
    """All that decides which program is needed, as it is compared within a process.

    Attributes:
        tree: The structure of the arguments.
        avals: The types of their leaves.
        static: The static arguments.
        context: JAX's modes.
    """

    tree: Any
    avals: Avals
    static: tuple
    context: tuple

    @property
    def simple(self) -> bool:
        """Whether the program runs on one device in an ordinary mode of JAX.

        Other programs are left to JAX.
        """
        config: Any = jax.config
        return (
            (trace_state_clean is not None and trace_state_clean())
            and not any(getattr(value, "mesh", None) for _, value in self.static)
            and all(map(_is_simple, self.context))
            and not (config.jax_disable_jit or config.jax_debug_nans or config.jax_debug_infs)
        )


class _Kept:
    """A program that is being loaded or compiled, or that was, and the shapes of its results."""

    def __init__(self):
        self.call, self.shapes = Future(), Future()

    def fail(self, error: BaseException) -> None:
        """Raise an error in all threads that wait for the program."""
        for future in (self.call, self.shapes):
            if not future.done():
                future.set_exception(error)


class Program:
    """A function of `jax.jit` whose programs are kept here.

    Its arguments are positional and traced, but for the keyword `how`, which is static. The methods
    `lower` and `trace` are those of the function.

    Args:
        function: A function of `jax.jit`.
    """

    def __init__(self, function: Any):
        update_wrapper(self, function)
        self.function, self.lower, self.trace = function, function.lower, function.trace
        self.name = function.__name__
        _programs.append(self)

    def __call__(self, *args: Any, **static: Any) -> Any:
        """Run the program for these arguments, which is loaded or compiled if it is not there."""
        signature = _sign(args, static)
        if signature is None:
            return self.function(*args, **static)
        return self._find(signature, args, static, None).call.result()(*args)

    def prepare(self, pool: Executor, *args: Any, **static: Any) -> PyTree:
        """Return the shapes of the results, and load or compile the program in a pool meanwhile."""
        signature = _sign(args, static)
        if signature is None:
            lowered = self.lower(*args, **static)
            pool.submit(lowered.compile)
            return lowered.out_info
        return self._find(signature, args, static, pool).shapes.result()

    def clear_cache(self) -> None:
        """Drop what JAX keeps of this function."""
        self.function.clear_cache()

    def _find(
        self, signature: _Signature, args: tuple, static: dict, pool: Executor | None
    ) -> _Kept:
        """Return a program that is kept; the first caller loads or compiles it."""
        place = (self, signature)
        with _lock:
            kept = _kept.get(place)
            if kept is not None:
                _kept.move_to_end(place)
                return kept
            kept = _kept[place] = _Kept()
        _drop_oldest()
        try:
            shapes, make = self._load(signature, args, static) or self._compile(
                signature, args, static
            )
            kept.shapes.set_result(shapes)

            def finish() -> None:
                try:
                    kept.call.set_result(make())
                except BaseException as error:
                    _forget(place, error)
                    raise

            finish() if pool is None else pool.submit(finish)
        except BaseException as error:
            _forget(place, error)
            raise
        return kept

    def _load(
        self, signature: _Signature, args: tuple, static: dict
    ) -> tuple[PyTree, Callable] | None:
        """Read a program from disk; None if it is not there or damaged."""
        entries = find_entries()
        key = None if entries is None else self._make_key(signature, static)
        entry = None if entries is None or key is None else entries.read(key)
        if entries is None or key is None or entry is None:
            return None
        try:
            shapes, load = read_program(entry, signature.tree)
        except Exception:  # unpickling fails by errors of all kinds
            entries.remove(key)
            return None

        def make() -> Any:
            try:
                return load()
            except Exception:  # the errors of another version of XLA
                entries.remove(key)
                return self._compile(signature, args, static)[1]()

        return shapes, make

    def _compile(self, signature: _Signature, args: tuple, static: dict) -> tuple[PyTree, Callable]:
        """Trace a program; return its results' shapes, and what compiles and writes it."""
        entries = find_entries()
        key = None if entries is None else self._make_key(signature, static)
        lowered = self.lower(*args, **static)
        self.clear_cache()  # the program is kept here

        def make() -> Any:
            compiled, whole = compile_program(lowered, apart=key is not None)
            if entries is not None and key is not None and whole and are_sources_unchanged():
                entry = write_program(compiled, lowered.out_info)
                if entry is not None:
                    entries.write(key, entry)
            return compiled

        return lowered.out_info, make

    def _make_key(self, signature: _Signature, static: dict) -> str | None:
        return make_key(self.name, signature.tree, signature.avals, static)


def bounded(function: Any) -> Program:
    """Keep the programs of a function of `jax.jit` here."""
    return Program(function)


def count_programs() -> int:
    """Return how many programs are kept in memory."""
    return len(_kept) + len(_kept_by_jax)


def _sign(args: tuple, static: dict) -> _Signature | None:
    """Return the signature of arguments whose program is kept here; None if JAX keeps it."""
    leaves, tree = jax.tree.flatten((args, {}))
    if trace_context is None or any(isinstance(leaf, Tracer) for leaf in leaves):
        return None
    avals = tuple(map(_describe_leaf, leaves))
    signature = _Signature(tree, avals, tuple(sorted(static.items())), trace_context())
    if signature.simple and all(map(_is_here, leaves)):
        return signature
    with _lock:
        full = len(_kept_by_jax) >= MOST and signature not in _kept_by_jax
    if full:
        _kept_by_jax.clear()
        _free_memory()
    _kept_by_jax.add(signature)
    return None


def _describe_leaf(leaf: Any) -> tuple:
    if isinstance(leaf, jax.ShapeDtypeStruct):
        return leaf.shape, leaf.dtype, bool(leaf.weak_type)
    aval = jax.typeof(leaf)
    return aval.shape, aval.dtype, aval.weak_type


def _is_here(leaf: Any) -> bool:
    """Return whether a leaf is on the host or on the device where programs run by default."""
    if not isinstance(leaf, jax.Array):
        return True
    devices = leaf.devices()
    return len(devices) == 1 and devices == {jax.local_devices()[0]}


def _is_simple(mode: Any) -> bool:
    """Return whether a mode of JAX is a plain value, which a text describes."""
    plain = mode is None or mode == () or isinstance(mode, bool | int | float | str | Enum)
    return plain or type(mode).__name__ == "AxisEnv"  # empty, as nothing is being traced


def _forget(place: Hashable, error: BaseException) -> None:
    with _lock:
        kept = _kept.pop(place, None)
    if kept is not None:
        kept.fail(error)


def _drop_oldest() -> None:
    """Drop the programs that were used longest ago once there are too many.

    Memory is given back at every so many new programs, as compiling leaves much of it behind.
    """
    few = max(MOST // 8, 1)
    with _lock:
        count = len(_kept)
        for _ in range(count - MOST + few if count > MOST else 0):
            _kept.popitem(last=False)
    if count > MOST:
        _free_memory()
    elif count % few == 0:
        _trim()


def drop_all() -> None:
    """Drop all programs that are kept in memory."""
    with _lock:
        _kept.clear()
        _kept_by_jax.clear()
    _free_memory()


def _free_memory() -> None:
    for function in _programs:
        function.clear_cache()
    _forget_traces()
    gc.collect()
    _trim()


def _forget_traces() -> None:
    """Drop what JAX keeps of traced functions, about 1 MiB for each shape of a fit.

    Functions that are compiled, also those of the caller, stay so.
    """
    try:
        from jax._src.interpreters.partial_eval import trace_to_jaxpr

        trace_to_jaxpr.cache_clear()
    except (AttributeError, ImportError):  # another version of JAX
        return


def _trim() -> None:
    """Give back to the system what the compiler has freed, which glibc keeps."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError, TypeError):
        return
