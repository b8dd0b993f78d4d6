"""Reading of files that may be damaged or hostile, within limits of size, depth and length."""

import json
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tokenize import TokenError
from typing import Any

from jaxad.errors import DataError, JaxADError

__all__ = [
    "parse_json",
    "read_bytes",
    "read_json",
    "refuse_broken",
]

# Together they limit what JSON takes in memory to about 1 GB.
MOST_JSON = 2**28  # bytes
MOST_VALUES, MOST_CONTAINERS = 2**23, 2**20
MOST_ARRAYS = 2**31  # bytes
MOST_DEPTH = 64
LARGEST = 2**63
_BROKEN = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,  # also RecursionError and NotImplementedError
    SyntaxError,
    TokenError,  # of NumPy's headers
    TypeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


@contextmanager
def refuse_broken(what: str) -> Iterator[None]:
    """Turn every error that broken content can cause into a `DataError`.

    Args:
        what: What is read, for the start of the message.
    """
    try:
        yield
    except JaxADError:
        raise
    except _BROKEN as error:
        reason = str(error).encode(errors="replace").decode()[:300] or type(error).__name__
        raise DataError(f"{what}: {reason}") from error


def read_bytes(path: Path, most: int = MOST_ARRAYS) -> bytes:
    """Read a file whole.

    Raises:
        OSError: It cannot be read.
        ValueError: It is a link or no regular file, or is larger than `most` bytes.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with open(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise ValueError(f"{path.name} is not a regular file")
        if found.st_size > most:
            raise ValueError(f"{path.name} has {found.st_size} bytes; at most {most} are read")
        return file.read(most)


def read_json(path: Path, what: str | None = None) -> Any:
    """Read a JSON file; see `parse_json`.

    Args:
        path: The file.
        what: What it is, for errors; by default its path.

    Raises:
        DataError: It cannot be read, is not JSON, or is beyond a limit.
    """
    what = str(path) if what is None else what
    with refuse_broken(what):
        content = read_bytes(path, MOST_JSON)
    return parse_json(content, what)


def parse_json(content: bytes | str, what: str) -> Any:
    """Parse JSON whose size, depth and numbers are limited, and whose strings are valid Unicode.

    Args:
        content: At most `MOST_JSON` bytes, with about `MOST_VALUES` values, of which
            `MOST_CONTAINERS` lists and objects, `MOST_DEPTH` levels deep, and with integers between
            -`LARGEST` and `LARGEST`.
        what: What it is, for errors.

    Raises:
        DataError: It is not JSON, or is beyond a limit.
    """
    with refuse_broken(what):
        if len(content) > MOST_JSON:
            raise ValueError(f"{len(content)} bytes of JSON; at most {MOST_JSON} are read")
        text = content.decode() if isinstance(content, bytes) else content
        if text.count("[") + text.count("{") > MOST_CONTAINERS or text.count(",") > MOST_VALUES:
            raise ValueError("too many values")
        found = json.loads(text, parse_int=_parse_integer)
        _check_depth(found)
        if "\\ud" in text.lower():
            json.dumps(found, ensure_ascii=False).encode()  # refuses half of a surrogate pair
    return found


def _parse_integer(text: str) -> int:
    if len(text) > 20 or not -LARGEST <= int(text) <= LARGEST:
        raise ValueError(f"the integer {text[:20]}... has {len(text)} digits")
    return int(text)


def _check_depth(found: Any) -> None:
    """Raise a `ValueError` if lists and objects are nested too deeply."""
    level, depth = [found], 0
    while level:
        depth += 1
        if depth > MOST_DEPTH:
            raise ValueError(f"JSON is nested deeper than {MOST_DEPTH} levels")
        level = [
            value
            for parent in level
            if isinstance(parent, dict | list)
            for value in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(value, dict | list)
        ]
