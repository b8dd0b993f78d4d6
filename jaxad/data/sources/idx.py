"""Reading of idx files, the format of MNIST and similar data sets, plain or gzipped.

An idx file consists of two zero bytes, a type code, the number of axes, the size of each axis as a
big-endian 32-bit integer, and the values.
"""

import hashlib
import math
import struct
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from jaxad.data.dataset import Dataset
from jaxad.errors import DataError
from jaxad.utils.limits import refuse_broken
from jaxad.utils.packed import open_unpacked, read_at_most

__all__ = ["has_idx", "read_idx", "read_idx_folder"]

PARTS = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
TEST_PARTS = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
UNSIGNED_BYTE = 0x08
_MOST_AXES = 8
_MOST_OTHER = 2**26  # bytes that are read of a file that is no idx file

FASHION = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip

# SHA-256 of the unpacked files: the digest of a gzip file depends on the program that packed it.
FASHION_DIGESTS = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}


def has_idx(folder: Path) -> bool:
    """Return whether a folder holds training images as an idx file."""
    return _find(folder, PARTS[0]) is not None


def read_idx_folder(folder: Path) -> Dataset:
    """Read the `train-` and, if present, the `t10k-` images and labels of a folder.

    In a folder named `fashion-mnist` (or `fashion_mnist`, `FashionMNIST`) the files are checked
    against the digests of Fashion-MNIST.

    Args:
        folder: The folder with the files, each with or without `.gz`.

    Returns:
        Images `(n, height, width, 1)` uint8 with their classes, which have Fashion-MNIST's names
        if the folder's name contains "fashion".

    Raises:
        DataError: A file is missing or broken, or does not match its known digest.
    """
    plain = folder.name.lower().replace("-", "").replace("_", "")
    digests = FASHION_DIGESTS if plain == "fashionmnist" else {}
    parts = [_read_part(folder, PARTS, digests)]
    if _find(folder, TEST_PARTS[0]) is not None:
        parts.append(_read_part(folder, TEST_PARTS, digests))
    x_test, y_test = parts[1] if len(parts) > 1 else (None, None)
    return Dataset(
        folder.name,
        *parts[0],
        class_names=FASHION if "fashion" in plain else (),
        x_test=x_test,
        y_test=y_test,
    )


def read_idx(path: Path, digest: str | None = None) -> UInt8[np.ndarray, "*shape"]:
    """Read one idx file of unsigned bytes.

    Args:
        path: The file; unpacked if its name ends in `.gz`.
        digest: The SHA-256 that its unpacked content must have.

    Returns:
        The array, read-only.

    Raises:
        DataError: The file cannot be unpacked, has a wrong length, holds another type, or does not
            match the digest.
    """
    broken = f"{path}: cannot be unpacked, download it again"
    with open_unpacked(path) as file, refuse_broken(broken):
        head = file.read(4)
        known = len(head) == 4 and head[:2] == b"\0\0" and head[2] == UNSIGNED_BYTE
        axes = head[3] if known else 0
        head += file.read(4 * axes)
        shape = struct.unpack(f">{axes}I", head[4:]) if len(head) == 4 + 4 * axes else ()
        values = read_at_most(file, math.prod(shape) + 1 if shape else _MOST_OTHER)
    if digest is not None and hashlib.sha256(head + values).hexdigest() != digest:
        raise DataError(
            f"{path}: the SHA-256 differs from that of the published file; download it again, or "
            "rename the folder if the files are your own"
        )
    if not known:
        raise DataError(f"{path}: not an idx file of unsigned bytes")
    if not 0 < len(shape) <= _MOST_AXES or len(values) != math.prod(shape):
        raise DataError(
            f"{path}: its {len(head) + len(values)} bytes do not match its shape {shape[:4]}; "
            "download it again"
        )
    return np.frombuffer(values, np.uint8).reshape(shape)


def _find(folder: Path, name: str) -> Path | None:
    """Return the file of this name, plain or gzipped; None if there is none."""
    return next((p for p in (folder / name, folder / f"{name}.gz") if p.is_file()), None)


def _read_part(
    folder: Path, names: tuple[str, str], digests: dict[str, str]
) -> tuple[np.ndarray, np.ndarray]:
    """Read the images and the labels of one part."""
    arrays = []
    for name in names:
        path = _find(folder, name)
        if path is None:
            raise DataError(f"{folder}: {name} (or {name}.gz) is missing")
        arrays.append(read_idx(path, digests.get(name)))
    return arrays[0], arrays[1]
