"""Many seeds in one program: by `vmap` side by side, or by `lax.map` one after the other."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import jax

__all__ = ["MapMode", "map_seeds", "resolve_mode"]

MapMode = Literal["auto", "vmap", "map"]


def resolve_mode(mode: MapMode, convolutional: bool) -> Literal["vmap", "map"]:
    """The way to map over seeds that suits the hardware.

    `vmap` on accelerators. On the CPU a convolution under `vmap` becomes a grouped one, 6 to 25
    times slower, so that networks with convolutions are mapped one after the other.
    """
    if mode != "auto":
        return mode
    return "map" if convolutional and jax.default_backend() == "cpu" else "vmap"


def map_seeds(
    fn: Callable, args: Sequence[Any], in_axes: Sequence[Literal[0] | None], mode: str
) -> Any:
    """`fn` for each i of the leading seed axis, both ways to the same numbers up to rounding.

    Args:
        fn: A pure function of positional arguments; results are pytrees of arrays.
        args: Its arguments, pytrees.
        in_axes: For each argument 0 where its arrays have a seed axis, None where every seed gets
            it whole.
        mode: "vmap" or "map".
    """
    if mode == "vmap":
        return jax.vmap(fn, in_axes=tuple(in_axes))(*args)
    mapped = [arg for arg, axis in zip(args, in_axes, strict=True) if axis == 0]

    def one_seed(mapped):
        its = iter(mapped)
        pairs = zip(args, in_axes, strict=True)
        return fn(*(next(its) if axis == 0 else arg for arg, axis in pairs))

    return jax.lax.map(one_seed, mapped)
