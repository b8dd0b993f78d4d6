"""Writing of pytrees of arrays as folders by orbax.

Orbax's first stable interface is used. Its successor, V1, is in the pinned version as
`orbax.checkpoint.experimental.v1`, which may change without notice.
"""

import threading
from pathlib import Path
from typing import Any

import jax

from jaxad.utils.files import check_room

__all__ = ["ORBAX", "write_arrays"]

# Orbax is used by one thread at a time: its event loops disturb each other.
ORBAX = threading.Lock()
_LEAF = 2**12  # bytes that a leaf takes at most beside its numbers
_FOLDER = 2**16  # bytes that a folder takes at most beside its leaves


def write_arrays(arrays: Any, folder: Path) -> None:
    """Write a pytree of arrays into a new folder, in a folder that exists.

    Raises:
        OSError: The folder cannot be written, or the disk has no room for it.
    """
    import orbax.checkpoint as ocp

    leaves = jax.tree.leaves(arrays)
    # Asked before, because orbax's threads fail loudly, one by one, on a disk that becomes full.
    check_room(folder.parent, sum(getattr(leaf, "nbytes", 0) + _LEAF for leaf in leaves) + _FOLDER)
    try:
        with ORBAX, ocp.StandardCheckpointer() as checkpointer:
            checkpointer.save(folder, arrays)
    except ValueError as error:  # tensorstore's for what the system refuses
        raise OSError(str(error).partition(" [")[0]) from error
