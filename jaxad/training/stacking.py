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

__all__ = ["Functions", "as_partial", "check_alike", "shared", "side_by_side", "structure_of"]


_LARGEST = 1024  # entries of an array that counts as numbers


class Functions(NamedTuple):
    """Functions taken apart; each part has None where the other has a leaf.

    Attributes:
        numbers: `(seeds, ...)` each; no leaves where all seeds share the functions.
        rest: What all seeds share.
    """

    numbers: PyTree
    rest: PyTree

    def whole(self) -> PyTree:
        """The functions of one seed, once its numbers are picked."""
        return jax.tree.map(
            lambda number, other: other if number is None else number,
            self.numbers,
            self.rest,
            is_leaf=lambda leaf: leaf is None,
        )

    def of(self, seeds: np.ndarray) -> "Functions":
        """The same for some of the seeds, `(k,)` their places."""
        return self._replace(numbers=jax.tree.map(lambda number: number[seeds], self.numbers))


def shared(functions: PyTree) -> Functions:
    """Functions that all seeds share, numbers and all.

    Args:
        functions: A pytree of `Partial`s.
    """
    return Functions(jax.tree.map(lambda _: None, functions), functions)


def side_by_side(members: Sequence[PyTree]) -> Functions:
    """Functions of which each seed has its own numbers.

    Args:
        members: For each seed a pytree of `Partial`s, alike but for numbers (`check_alike`).
    """
    first = members[0]
    return Functions(
        jax.tree.map(lambda *leaves: _stacked(leaves) if _is_number(leaves[0]) else None, *members),
        jax.tree.map(lambda leaf: None if _is_number(leaf) else leaf, first),
    )


def check_alike(detectors: Sequence[Detector]) -> None:
    """Raise if detectors cannot be trained side by side.

    Raises:
        ConfigError: There is none, one is of another kind, or two differ in more than numbers.
    """
    if not detectors:
        raise ConfigError("no detectors are given")
    for one in detectors:
        if not isinstance(one, Detector):
            raise ConfigError(
                "side by side are trained detectors of this library, as jaxad.make makes them; "
                f"given {getattr(one, 'name', one)!r}"
            )
    first, *others = detectors
    for i, other in enumerate(others, start=1):
        if structure_of(other) != structure_of(first):
            raise ConfigError(
                "detectors side by side may differ in numbers alone, such as a learning rate; "
                f"the first, {first.name}, and number {i}, {other.name}, differ in more"
            )


def structure_of(detector: Detector) -> Hashable:
    """What must be equal for detectors to be trained side by side: all but their numbers."""
    functions: list[Callable] = [detector.init, detector.score]
    schedule = []
    for phase in detector.phases:
        functions += [phase.begin, phase.update, phase.each_epoch]
        schedule.append((phase.name, phase.epochs, repr(phase.sampler)))
    leaves, tree = jax.tree.flatten([*map(as_partial, functions)])
    return tree, tuple(map(_kind, leaves)), tuple(schedule), detector.input_shape


def as_partial(fn: Callable) -> Partial:
    """A function as a pytree, so that it can be an argument of a compiled program."""
    return fn if isinstance(fn, Partial) else Partial(fn)


def _is_number(leaf: Any) -> bool:
    return np.size(leaf) <= _LARGEST


def _stacked(numbers: Sequence[Any]) -> np.ndarray:
    """Numbers as arrays of 32 bits, so that they widen no type that they meet."""
    stack = np.stack([np.asarray(number) for number in numbers])
    narrow = {"f": np.float32, "i": np.int32}
    return stack.astype(narrow.get(stack.dtype.kind, stack.dtype))


def _kind(leaf: Any) -> Hashable:
    """What of a leaf is no number: its shape and its dtype's kind, or all of a large array."""
    array = np.asarray(leaf)
    if _is_number(leaf):
        return array.shape, array.dtype.kind
    return array.shape, array.dtype.str, zlib.crc32(array.tobytes())
