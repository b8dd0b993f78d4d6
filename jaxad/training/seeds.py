"""Many seeds in one program: by `vmap` side by side, or by `lax.map` one after the other.

On the CPU a program keeps little more than one core busy. Seeds are therefore dealt to lanes, one
for each core: groups of equal size, which run the same program at the same time. Several devices
share one lane, which is spread over them.
"""

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, get_args

import jax
import numpy as np
from jax.sharding import Mesh

from jaxad.errors import unknown_name
from jaxad.training.devices import mesh_for, put, spec
from jaxad.types import PyTree

if TYPE_CHECKING:
    from jaxad.detector import Detector, HostDetector

__all__ = [
    "MapMode", "choose_mode", "deal", "join", "lanes", "map_seeds", "resolve_mode", "spread",
]  # fmt: skip

MapMode = Literal["auto", "vmap", "map"]


def resolve_mode(mode: MapMode, detector: "Detector | HostDetector") -> Literal["vmap", "map"]:
    """Choose how to map over seeds: "auto" is `choose_mode` of JAX's default platform.

    Raises:
        ConfigError: The mode is unknown.
    """
    if mode not in get_args(MapMode):
        raise unknown_name("mode", str(mode), get_args(MapMode))
    return choose_mode(jax.default_backend(), detector) if mode == "auto" else mode


def choose_mode(platform: str, detector: "Detector | HostDetector") -> Literal["vmap", "map"]:
    """Choose how to map over the seeds of a detector on a platform: "cpu", "gpu" or "tpu".

    Under `vmap` a convolution becomes a grouped one. On the CPU that is 6 to 25 times slower than
    one seed after the other, and small dense layers gain nothing. The compiler for TPUs, too,
    expects it to be slower, but for images of one channel it takes far longer to compile one seed
    after the other (`benchmarks/seed_steps.py`). In other cases accelerators use `vmap`. One after
    the other, the result of a seed is the same bit for bit, however many run beside it.
    """
    shape = detector.input_shape
    colour = detector.convolutional and shape is not None and shape[-1] > 1
    return "map" if platform == "cpu" or (platform == "tpu" and colour) else "vmap"


def map_seeds(
    fn: Callable,
    args: Sequence[Any],
    in_axes: Sequence[int | None],
    mode: str,
    mesh: Mesh | None = None,
) -> Any:
    """Apply `fn` to each seed; all modes give the same numbers up to rounding.

    Args:
        fn: A pure function of positional arguments; results are pytrees of arrays.
        args: Its arguments, pytrees.
        in_axes: For each argument 0 where its arrays have a seed axis, None where every seed gets
            it whole.
        mode: "vmap" or "map".
        mesh: Devices, each of which maps over its part of the seed axis.
    """
    if mesh is not None:
        on_each = partial(map_seeds, fn, in_axes=in_axes, mode=mode)
        specs = tuple(spec(axis) for axis in in_axes)
        return jax.shard_map(
            lambda *args: on_each(args),
            mesh=mesh,
            in_specs=specs,
            out_specs=spec(0),
            check_vma=False,  # nothing is communicated, so there is nothing to check
        )(*args)
    if mode == "vmap":
        return jax.vmap(fn, in_axes=tuple(in_axes))(*args)
    mapped = [arg for arg, axis in zip(args, in_axes, strict=True) if axis == 0]

    def one_seed(mapped):
        its = iter(mapped)
        pairs = zip(args, in_axes, strict=True)
        return fn(*(next(its) if axis == 0 else arg for arg, axis in pairs))

    return jax.lax.map(one_seed, mapped)


def lanes(seeds: int) -> list[np.ndarray]:
    """Assign seeds to lanes of equal length; the last seed may be repeated.

    On the CPU there is a lane for each core. There is a single lane on an accelerator, and on
    several devices, where its length is a multiple of their number.
    """
    mesh = mesh_for(seeds)
    if mesh is not None:
        return [np.minimum(np.arange(-(-seeds // mesh.size) * mesh.size), seeds - 1)]
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    count = min(seeds, threads or 1) if jax.default_backend() == "cpu" else 1
    size = -(-seeds // count)
    count = -(-seeds // size)  # no lane of repeated seeds alone
    return list(np.minimum(np.arange(count * size), seeds - 1).reshape(count, size))


def deal(tree: PyTree, dealt: Sequence[np.ndarray]) -> list[PyTree]:
    """Split a pytree with a leading seed axis into the parts of the lanes, on the host."""
    if len(dealt) == 1 and dealt[0][-1] == len(dealt[0]) - 1:
        return [tree]
    return [jax.tree.map(lambda leaf, lane=lane: np.asarray(leaf)[lane], tree) for lane in dealt]


def join(parts: Sequence[PyTree], seeds: int) -> PyTree:
    """Join the parts of all lanes to one pytree on the host, each seed once."""
    return jax.tree.map(lambda *leaves: np.concatenate(leaves)[:seeds], *parts)


def spread(tree: PyTree, seeds: int) -> PyTree:
    """Put a pytree of all seeds on the devices that they are spread over, if there are several.

    The last seed is repeated up to a multiple of the number of devices; `x[:seeds]` are the seeds.
    """
    mesh = mesh_for(seeds)
    return tree if mesh is None else put(deal(tree, lanes(seeds))[0], mesh)
