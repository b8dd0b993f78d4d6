"""Pytrees of arrays as folders, written by orbax and matched by the names of their leaves.

Orbax's first stable interface is used. Its successor, V1, is in the pinned version as
`orbax.checkpoint.experimental.v1`, which may change without notice.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
from jax.tree_util import tree_flatten_with_path

from jaxad.types import PyTree
from jaxad.utils.arrays import ORBAX, check_chunks, write_arrays

__all__ = ["read_arrays", "write_arrays"]

Names = dict[str, Any]
_SMALL = 2**16  # entries of a saved leaf that may be left out; larger ones are not read at all


def read_arrays(
    folder: Path, choose_target: Callable[[Names], PyTree], rename: Callable[[str], str | None]
) -> PyTree:
    """Read a pytree of arrays, whose shapes are checked before any array is read.

    Args:
        folder: What `write_arrays` wrote.
        choose_target: Returns the pytree of `jax.ShapeDtypeStruct` to fill, given the saved shapes
            by name, such as "state/params/dense/kernel".
        rename: Returns the name in the target of a saved leaf; None for one to leave out.

    Returns:
        The target with arrays for its leaves.

    Raises:
        ValueError: The saved leaves are not those of the target.
        Exception: The folder is broken.
    """
    import orbax.checkpoint as ocp

    check_chunks(folder)
    with ORBAX, ocp.StandardCheckpointer() as checkpointer:
        saved = checkpointer.metadata(folder).item_metadata.tree
        shapes = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), saved)
        found = _rename_leaves(shapes, rename)
        _check_left_out(shapes, rename)
        target = choose_target(found)
        # Orbax, when it fails itself, leaves reads behind that fail later and loudly.
        _compare(found, _name_leaves(target))
        named = _rename_leaves(checkpointer.restore(folder, shapes), rename)
    structure = jax.tree.structure(target)
    return jax.tree.unflatten(structure, [named[name] for name in _name_leaves(target)])


def _rename_leaves(tree: PyTree, rename: Callable[[str], str | None]) -> Names:
    """Return the leaves of a saved pytree by their names in the target."""
    named = ((rename(name), leaf) for name, leaf in _name_leaves(tree).items())
    return {name: leaf for name, leaf in named if name is not None}


def _check_left_out(shapes: PyTree, rename: Callable[[str], str | None]) -> None:
    """Raise a `ValueError` if a leaf that is left out is large, so that reading it would hurt."""
    for name, leaf in _name_leaves(shapes).items():
        if rename(name) is None and math.prod(leaf.shape) > _SMALL:
            raise ValueError(f"{name} has shape {tuple(leaf.shape)}")


def _name_leaves(tree: PyTree) -> Names:
    """Return the leaves of a pytree by name, whatever kinds of containers it is made of."""
    leaves, _ = tree_flatten_with_path(tree)
    return {"/".join(map(_name_key, path)): leaf for path, leaf in leaves}


def _name_key(key: Any) -> str:
    """Return the name of a field, a key or a place."""
    for attribute in ("name", "key", "idx"):
        if hasattr(key, attribute):
            return str(getattr(key, attribute))
    raise ValueError(f"no name for {key!r}")


def _compare(found: Names, needed: Names) -> None:
    """Raise a `ValueError` if names, shapes or types differ."""
    missing = sorted(needed.keys() - found.keys())
    further = sorted(found.keys() - needed.keys())
    if missing or further:
        raise ValueError(
            f"they are those of another configuration: {len(missing)} are missing"
            f"{_give_first(missing)}, {len(further)} do not belong to it{_give_first(further)}"
        )
    for name, leaf in needed.items():
        have = found[name]
        if (tuple(have.shape), have.dtype) != (tuple(leaf.shape), leaf.dtype):
            raise ValueError(
                f"they are those of another configuration: {name} has shape {tuple(have.shape)} "
                f"of {have.dtype}, and {tuple(leaf.shape)} of {leaf.dtype} is needed"
            )


def _give_first(names: list[str]) -> str:
    return f" ({names[0]})" if names else ""
