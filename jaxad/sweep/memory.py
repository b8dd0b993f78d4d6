"""Memory of seeds that are trained side by side: an estimate, and the default limit.

Counted are the rows of a seed, as they are drawn and as they are padded, its state twice (an update
makes the next one beside it), and for images and windows of time that are trained under `vmap` an
eighth of all values that one step computes. Not counted are programs and the data set itself.
"""

import os
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxad.data import Dataset
from jaxad.detector import Detector, Phase
from jaxad.padding import bucket_features, bucket_rows, is_table
from jaxad.training.seeds import resolve_mode
from jaxad.types import Batch, PyTree, TrainData

__all__ = ["bound_row_bytes", "count_row_bytes", "count_training_bytes", "measure_available"]

_SHARE = 0.25
_KEPT = 8  # LeNets on 28 x 28 and 32 x 32 pixels: XLA has room for a twelfth of a step's values
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def measure_available() -> int:
    """Return the default limit in bytes: a quarter of the memory that there is.

    That is the memory of all of this process's accelerators, or else of the host or its container.
    """
    stats = [device.memory_stats() or {} for device in jax.local_devices()]
    there = sum(s.get("bytes_limit", 0) for s in stats) or _host_bytes()
    return int(_SHARE * there)


def _host_bytes() -> int:
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in map(Path, _LIMITS):
        text = path.read_text().strip() if path.exists() else ""
        if text.isdigit():
            there = min(there, int(text))
    return there


def bound_row_bytes(data: Dataset, exposure: int = 0) -> int:
    """Return the most bytes that the rows of one seed may take, before anything is drawn.

    Args:
        data: The data set.
        exposure: How many rows an exposure set adds.
    """
    rows = len(data.x) + exposure + (0 if data.x_test is None else len(data.x_test))
    return count_row_bytes(rows, data.x.shape[1:], 1 if data.x.dtype == np.uint8 else 4)


def count_row_bytes(rows: int, shape: tuple[int, ...], itemsize: int) -> int:
    """Return the bytes of so many examples of a shape, as they are and padded together."""
    padded = (bucket_features(shape[0]),) if is_table(shape) else shape
    elements = rows * int(np.prod(shape)) + bucket_rows(rows, padded) * int(np.prod(padded))
    return elements * itemsize


def count_training_bytes(detector: Detector, train: TrainData) -> int:
    """Return the bytes that the training of one seed takes besides its rows.

    Args:
        detector: The detector to train.
        train: The rows of several seeds.
    """
    one = jax.tree.map(lambda leaf: np.asarray(leaf)[0], train)
    shape = one.x.shape[1:]
    padded = (bucket_features(shape[0]),) if is_table(shape) else shape
    rows = bucket_rows(len(one.x), padded)
    data = one._replace(
        x=_shape((rows, *padded), one.x.dtype),
        label=_shape((rows,), one.label.dtype),
        mask=None if one.mask is None else _shape((rows, *one.mask.shape[1:]), one.mask.dtype),
    )
    key = jax.eval_shape(lambda: jax.random.key(0))
    state = jax.eval_shape(detector.init, key, data)
    state = jax.eval_shape(detector.phases[0].begin, state, data, key)
    total = 2 * _bytes(state)
    if resolve_mode("auto", detector) == "vmap" and not is_table(shape):
        total += _bytes_of_step(detector.phases[0], state, one, key) // _KEPT
    return total


def _bytes_of_step(phase: Phase, state: PyTree, data: TrainData, key: Any) -> int:
    """Return the bytes of all values that a step computes, as if none were freed."""
    sampler = phase.sampler
    order = jax.eval_shape(sampler.shuffle, key)
    index = jax.eval_shape(sampler.draw, sampler.init(data), order, 0)
    batch = Batch(
        _shape((*index.shape, *data.x.shape[1:]), data.x.dtype),
        _shape(index.shape, data.label.dtype),
        index,
        _shape((), np.float32),
        None if data.mask is None else _shape((*index.shape, *data.mask.shape[1:]), np.uint8),
    )
    return _bytes_in(jax.make_jaxpr(phase.update)(state, batch, key).jaxpr)


def _bytes_in(jaxpr: Any) -> int:
    """Add up the sizes of all values of a program; those of a loop as often as it turns."""
    total = 0
    for equation in jaxpr.eqns:
        inner = [p.jaxpr for p in equation.params.values() if hasattr(p, "jaxpr")]
        turns = equation.params.get("length", 1)
        within = sum(turns * _bytes_in(one) for one in inner)
        total += within or _bytes([v.aval for v in equation.outvars])
    return total


def _shape(shape: tuple[int, ...], dtype: Any) -> Any:
    """Return the shape and type of an array without its values."""
    return jax.ShapeDtypeStruct(shape, dtype)


def _bytes(tree: PyTree) -> int:
    sizes = ((leaf.size, getattr(leaf.dtype, "itemsize", 8)) for leaf in jax.tree.leaves(tree))
    return sum(size * itemsize for size, itemsize in sizes)
