"""Pure functions whose numbers are traced, of one detector or of several side by side.

Detectors that differ in numbers alone, such as a step size or a weight, are trained in one program:
each seed has numbers of its own. Numbers are scalars and small arrays; larger arrays, such as a
table of word vectors, must be the same for all and are there once.
"""

import zlib
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.tree_util import Partial

from jaxad.detector import Detector
from jaxad.errors import ConfigError
from jaxad.types import PyTree

__all__ = [
    "Functions",
    "as_partial",
    "check_alike",
    "describe_structure",
    "share",
    "stack_functions",
]


_LARGEST = 1024  # entries of an array that counts as numbers


class Functions(NamedTuple):
    """Functions split into per-seed leaves and shared leaves.

    Both parts have the structure of the functions, with None where the other has a leaf.

    Attributes:
        numbers: `(seeds, ...)` leaves; none where all seeds share the functions.
        rest: The leaves that all seeds share.
    """

    numbers: PyTree
    rest: PyTree

    def whole(self) -> PyTree:
        """Join both parts again, once the numbers are those of one seed."""
        return jax.tree.map(
            lambda number, other: other if number is None else number,
            self.numbers,
            self.rest,
            is_leaf=lambda leaf: leaf is None,
        )

    def select(self, seeds: np.ndarray) -> "Functions":
        """Return the functions of some of the seeds, `(k,)` their places."""
        return self._replace(numbers=jax.tree.map(lambda number: number[seeds], self.numbers))


def share(functions: PyTree) -> Functions:
    """Make functions that all seeds share, numbers included.

    Args:
        functions: A pytree of `Partial`s.
    """
    return Functions(jax.tree.map(lambda _: None, functions), functions)


def stack_functions(
    detectors: Sequence[Detector], choose: Callable[[Detector], PyTree]
) -> Functions:
    """Gather some functions of all seeds' detectors.

    Args:
        detectors: One detector for all seeds, or one for each; those are alike but for numbers
            (`check_alike`).
        choose: Takes the functions from a detector, as a pytree of `Partial`s.
    """
    if len(detectors) == 1:
        return share(choose(detectors[0]))
    members = [*map(choose, detectors)]
    return Functions(
        jax.tree.map(lambda *leaves: _stack(leaves) if _is_number(leaves[0]) else None, *members),
        jax.tree.map(lambda leaf: None if _is_number(leaf) else leaf, members[0]),
    )


def check_alike(detectors: Sequence[Detector]) -> None:
    """Raise if detectors cannot be trained side by side.

    Raises:
        ConfigError: The list is empty, one is of another kind, or two differ in more than numbers.
    """
    if not detectors:
        raise ConfigError("detector is an empty list; give a detector, or one for each seed")
    for one in detectors:
        if not isinstance(one, Detector):
            raise ConfigError(
                "side by side are trained detectors of this library, as jaxad.make makes them; "
                f"given {getattr(one, 'name', one)!r}"
            )
    first, *others = detectors
    for i, other in enumerate(others, start=1):
        if describe_structure(other) != describe_structure(first):
            raise ConfigError(
                "detectors side by side may differ in numbers alone, such as a learning rate; "
                f"the first, {first.name}, and number {i}, {other.name}, differ in more"
            )


def describe_structure(detector: Detector) -> Hashable:
    """Return all of a detector but its numbers: equal for those that train side by side."""
    functions: list[Callable] = [detector.init, detector.score]
    schedule = []
    for phase in detector.phases:
        functions += [phase.begin, phase.update, phase.each_epoch]
        schedule.append((phase.name, phase.epochs, repr(phase.sampler)))
    leaves, tree = jax.tree.flatten([*map(as_partial, functions)])
    return tree, tuple(map(_describe_leaf, leaves)), tuple(schedule), detector.input_shape


def as_partial(fn: Callable) -> Partial:
    """Wrap a function as a pytree, so that it can be an argument of a compiled program."""
    return fn if isinstance(fn, Partial) else Partial(fn)


def _is_number(leaf: Any) -> bool:
    return np.size(leaf) <= _LARGEST


def _stack(numbers: Sequence[Any]) -> np.ndarray:
    """Stack numbers as arrays of 32 bits, so that they widen no type that they meet."""
    stack = np.stack([np.asarray(number) for number in numbers])
    narrow = {"f": np.float32, "i": np.int32}
    return stack.astype(narrow.get(stack.dtype.kind, stack.dtype))


def _describe_leaf(leaf: Any) -> Hashable:
    """Return a leaf's shape and the kind of its dtype, or all of a large array."""
    array = np.asarray(leaf)
    if _is_number(leaf):
        return array.shape, array.dtype.kind
    return array.shape, array.dtype.str, zlib.crc32(array.tobytes())
