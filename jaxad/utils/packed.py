"""Reading of packed files (gzip, npz) and of lines, within limits of size.

What a small file unpacks to, or declares, is compared with its size before memory is taken for it.
"""

import gzip
import io
import math
import os
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from jaxad.errors import DataError
from jaxad.utils.limits import MOST_ARRAYS, refuse_broken

__all__ = [
    "MOST_LINE",
    "check_archive",
    "check_ratio",
    "open_unpacked",
    "parse_arrays",
    "read_array",
    "read_at_most",
    "read_lines",
    "read_npz",
]

MOST_LINE = 2**26  # bytes
# A file may unpack to so many bytes, or to so many times its own size, whichever is more.
MOST_TEXT, MOST_UNPACKED = 2**25, 2**29
MOST_RATIO = 100
_GZIP = b"\x1f\x8b"
_BLOCK = 2**20


def open_unpacked(path: Path) -> IO[bytes]:
    """Open a file for reading, unpacked if it is gzipped.

    Reading raises a `ValueError` if it unpacks to more than `MOST_TEXT` bytes and more than
    `MOST_RATIO` times its own size, and an `OSError`, `EOFError` or `zlib.error` if it is broken.

    Raises:
        DataError: The file is missing or cannot be opened.
    """
    try:
        file = path.open("rb")
        start = file.read(len(_GZIP))
        file.seek(0)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from error
    if start == _GZIP or path.suffix.lower() == ".gz":
        return io.BufferedReader(_Unpacked(file), _BLOCK)
    return file


class _Unpacked(io.RawIOBase):
    """The content of a gzipped file, as far as it is not far larger than the file."""

    def __init__(self, packed: IO[bytes]):
        super().__init__()
        self._packed, self._file = packed, gzip.GzipFile(fileobj=packed)
        self._size, self._count = os.fstat(packed.fileno()).st_size, 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer; return the number of bytes.

        Raises:
            ValueError: More bytes than the size of the file allows.
        """
        count = self._file.readinto(buffer)
        self._count += count
        check_ratio(self._size, self._count, MOST_TEXT)
        return count

    def close(self) -> None:
        """Close the file."""
        self._packed.close()
        super().close()


def check_ratio(packed: int, unpacked: int, most: int | None = None) -> None:
    """Check how much larger than a file its content is.

    Args:
        packed: The bytes of the file.
        unpacked: The bytes of its content.
        most: The bytes that any file may unpack to. Default: `MOST_UNPACKED`.

    Raises:
        ValueError: The content has more bytes than `most`, and than `MOST_RATIO` times the file.
    """
    most = MOST_UNPACKED if most is None else most
    if unpacked > max(most, MOST_RATIO * packed):
        raise ValueError(
            f"{packed} bytes unpack to {unpacked} or more, over {MOST_RATIO} times as many; if "
            "that is right, give the file unpacked"
        )


def read_at_most(file: IO[bytes], most: int) -> bytes:
    """Read `most` bytes, or all if there are fewer, taking memory only for those there are."""
    blocks, left = [], most
    while left > 0 and (block := file.read(min(left, _BLOCK))):
        blocks.append(block)
        left -= len(block)
    return b"".join(blocks)


def read_lines(file: IO[bytes], most: int = MOST_LINE) -> Iterator[bytes]:
    """Yield the lines of a file.

    Raises:
        ValueError: A line has more than `most` bytes.
    """
    number = 0
    while line := file.readline(most + 1):
        number += 1
        if len(line) > most:
            raise ValueError(f"line {number} has more than {most} bytes")
        yield line


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Read the arrays of an npz file by name, without pickles.

    Raises:
        DataError: The file is missing or broken, an array does not have the size that it declares
            or is of objects, or the arrays are far larger than the file.
    """
    arrays = {}
    broken = f"{path}: not a complete npz file, download it again"
    with open_unpacked(path) as file, refuse_broken(broken), zipfile.ZipFile(file) as archive:
        members = [m for m in archive.infolist() if m.filename.endswith(".npy")]
        size = os.fstat(file.fileno()).st_size
        check_ratio(size, sum(member.file_size for member in members))
        for member in members:
            with archive.open(member) as opened:
                name = member.filename.removesuffix(".npy")
                arrays[name] = read_array(opened, member.file_size, str(path))
    return arrays


def parse_arrays(
    content: bytes,
    names: Sequence[str],
    what: str,
    optional: Sequence[str] = (),
    most: int = MOST_ARRAYS,
) -> list[np.ndarray]:
    """Read arrays of an npz file that `numpy.savez` has written, without pickles.

    Their sizes are compared with the size of the file before memory is taken for them.

    Args:
        content: The bytes of the file.
        names: The names of the arrays.
        what: What it is, for errors.
        optional: The names of arrays that come after these; empty ones where there are none.
        most: The most bytes of all arrays.

    Raises:
        DataError: It is no such file, or an array is missing or too large.
    """
    with refuse_broken(what), zipfile.ZipFile(io.BytesIO(content)) as archive:
        held = set(archive.namelist())
        more = [name for name in optional if f"{name}.npy" in held]
        members = [archive.getinfo(f"{name}.npy") for name in (*names, *more)]
        if any(member.compress_type != zipfile.ZIP_STORED for member in members):
            raise ValueError("its arrays are compressed")
        if sum(member.file_size for member in members) > min(most, len(content)):
            raise ValueError("its arrays are larger than the file")
        contents = [archive.read(member) for member in members]
        arrays = [read_array(io.BytesIO(one), len(one), what) for one in contents]
    found = dict(zip((*names, *more), arrays, strict=True))
    return [found.get(name, np.zeros(0)) for name in (*names, *optional)]


def check_archive(content: bytes, what: str) -> None:
    """Check that the files of a zip archive are not far larger than the archive.

    Raises:
        DataError: It is no archive, or its files are too large; see `check_ratio`.
    """
    with refuse_broken(what), zipfile.ZipFile(io.BytesIO(content)) as archive:
        check_ratio(len(content), sum(member.file_size for member in archive.infolist()))


def read_array(file: IO[bytes], length: int, what: str) -> np.ndarray:
    """Return the array of an npy file, whose declared size is checked first.

    Args:
        file: The file; it can be read twice.
        length: The number of its bytes.
        what: What it is part of, for errors.

    Raises:
        DataError: The array is of objects.
        ValueError: It does not have so many bytes, or its strings are not Unicode.
        Exception: The file is broken in another way.
    """
    version = np.lib.format.read_magic(file)
    read_header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }[version]
    shape, _, dtype = read_header(file)
    if dtype.hasobject:
        raise DataError(f"{what}: holds pickled objects, which are not loaded for safety")
    count = math.prod(shape)
    right = min(shape, default=0) >= 0 and count * dtype.itemsize == length - file.tell()
    if not right or (count and not dtype.itemsize) or max(shape, default=0) > length:
        raise ValueError(f"an array of shape {shape} and type {dtype} does not fit its bytes")
    file.seek(0)
    array = np.lib.format.read_array(file, allow_pickle=False)
    if dtype.kind == "U":
        _check_unicode(array)
    return array


def _check_unicode(array: np.ndarray) -> None:
    """Raise a `ValueError` if strings have characters of which Python makes no strings."""
    codes = np.ascontiguousarray(array).ravel().view(array.dtype.str[0] + "u4")
    if (codes > 0x10FFFF).any() or ((codes >= 0xD800) & (codes < 0xE000)).any():
        raise ValueError("its strings are not Unicode")
