"""Writing of pytrees of arrays as folders by orbax, and a check of such folders before reading.

Orbax's first stable interface is used. Its successor, V1, is in the pinned version as
`orbax.checkpoint.experimental.v1`, which may change without notice.
"""

import math
import threading
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxad.utils.files import check_room
from jaxad.utils.limits import parse_json, read_json, refuse_broken

__all__ = ["ORBAX", "check_chunks", "write_arrays"]

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


def check_chunks(folder: Path) -> None:
    """Check that the chunks of arrays unpack to what their arrays declare.

    Chunks are parts of an array, which tensorstore unpacks whole, whatever that takes.

    Args:
        folder: What `write_arrays` wrote.

    Raises:
        DataError: A chunk is larger than its array, or unpacks to more than it declares, or the
            folder is broken.
    """
    import pyarrow as pa
    import tensorstore as ts

    with refuse_broken(f"the arrays in {str(folder)!r} cannot be read"):
        if read_json(folder / "_METADATA")["use_zarr3"]:
            raise ValueError("they are in zarr format 3")
        store: Any = ts.KvStore.open({"driver": "ocdbt", "base": folder.as_uri()}).result()
        sizes: dict[bytes, int] = {}
        for name in sorted(store.list().result()):  # ".zarray" comes before the chunks
            array, _, part = name.rpartition(b"/")
            content = store.read(name).result().value
            if part == b".zarray":
                about = parse_json(content, name.decode(errors="replace"))
                sizes[array] = _read_chunk_size(about)
            else:  # unpacked here to no more bytes than it should have
                pa.Codec("zstd").decompress(content, sizes[array])


def _read_chunk_size(about: Any) -> int:
    """Return the number of bytes of a chunk."""
    shape, chunks = about["shape"], about["chunks"]
    if about["compressor"] != {"id": "zstd", "level": about["compressor"]["level"]}:
        raise ValueError(f"chunks are packed by {str(about['compressor'])[:80]}")
    if len(shape) != len(chunks) or any(not 0 < c <= s for c, s in zip(chunks, shape, strict=True)):
        raise ValueError(f"chunks of shape {chunks[:8]} for an array of shape {shape[:8]}")
    return math.prod(chunks) * np.dtype(about["dtype"]).itemsize
