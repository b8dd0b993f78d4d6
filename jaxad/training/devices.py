"""Several devices: seeds are spread over a one-dimensional mesh, and nothing is communicated.

Each device maps over its own part of the seed axis, by `vmap` or one after the other as a single
device would. Data that all seeds share is on every device.
"""

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxad.types import PyTree

__all__ = ["AXIS", "mesh_for", "put", "shapes_on", "spec"]

AXIS = "seed"


def mesh_for(seeds: int) -> Mesh | None:
    """Make the mesh of devices that seeds are spread over; None if one device is enough."""
    devices = jax.local_devices()
    count = min(seeds, len(devices))
    count = -(-seeds // -(-seeds // count))  # no device of repeated seeds alone
    return Mesh(np.array(devices[:count]), (AXIS,)) if count > 1 else None


def spec(axis: int | None) -> PartitionSpec:
    """Return how arrays are spread: by their leading seed axis (0), or whole everywhere (None)."""
    return PartitionSpec() if axis is None else PartitionSpec(AXIS)


def put(tree: PyTree, mesh: Mesh | None, axis: int | None = 0) -> PyTree:
    """Put a pytree on the devices of a mesh, or on the one device if there is none.

    Args:
        tree: Arrays; their seed axis is a multiple of the mesh's size.
        mesh: A mesh of `mesh_for`.
        axis: 0 where arrays have a seed axis, None where all seeds share them.
    """
    return jax.device_put(tree, None if mesh is None else NamedSharding(mesh, spec(axis)))


def shapes_on(tree: PyTree, mesh: Mesh | None) -> PyTree:
    """Return the shapes of arrays with a seed axis that will lie on a mesh."""
    sharding = None if mesh is None else NamedSharding(mesh, spec(0))
    return jax.tree.map(lambda s: jax.ShapeDtypeStruct(s.shape, s.dtype, sharding=sharding), tree)
