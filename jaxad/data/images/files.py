"""Finding the pictures of a folder, in natural order."""

import os
import re
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from jaxad.errors import DataError

__all__ = [
    "SUFFIXES",
    "find_pictures",
    "has_pictures",
    "is_picture",
    "natural_key",
    "show_name",
]

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
MOST_FILES = 2**20
_NUMBERS = re.compile("([0-9]+)")


def find_pictures(folder: Path) -> list[str]:
    """Return the pictures in a folder and in its subfolders.

    Files and folders whose name begins with "." are passed over. Symbolic links are followed; a
    folder that can be reached in several ways is read once.

    Args:
        folder: The folder.

    Returns:
        The paths relative to the folder, with "/", in natural order: `2.png` before `10.png`.

    Raises:
        DataError: A folder cannot be listed, or holds more than `MOST_FILES` pictures.
    """
    found = []
    for name in _walk(folder):
        found.append(name)
        if len(found) > MOST_FILES:
            raise DataError(
                f"{show_name(folder)} holds more than {MOST_FILES} pictures; divide it into several"
            )
    return sorted(found, key=natural_key)


def has_pictures(folder: Path) -> bool:
    """Return whether a folder or one of its subfolders holds a picture."""
    return next(_walk(folder), None) is not None


def is_picture(name: str | Path) -> bool:
    """Return whether a file's name ends as that of a picture, and does not begin with "."."""
    base = os.path.basename(name)
    return base.lower().endswith(SUFFIXES) and not base.startswith(".")


def natural_key(name: str) -> tuple:
    """Return a sort key by which numbers within names count as numbers."""
    parts = _NUMBERS.split(name)
    return tuple(int(p) if i % 2 else p for i, p in enumerate(parts)), name


def show_name(name: str | Path) -> str:
    r"""Return a file's name as text that can be printed and written in UTF-8.

    Bytes that are not UTF-8 become `\xNN`, and control characters their escape sequence.
    """
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _walk(folder: Path) -> Iterator[str]:
    """Yield the pictures of a folder, those of real subfolders before those of linked ones."""
    real, linked = deque([("", folder)]), deque()
    seen: set[tuple[int, int]] = set()
    while real or linked:
        prefix, place = (real or linked).popleft()
        try:
            about = os.stat(place)
            if (about.st_dev, about.st_ino) in seen:
                continue
            seen.add((about.st_dev, about.st_ino))
            with os.scandir(place) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            raise DataError(f"{show_name(place)}: cannot be listed ({error.strerror})") from error
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if _is_folder(entry):
                (linked if entry.is_symlink() else real).append(
                    (f"{prefix}{entry.name}/", Path(entry.path))
                )
            elif is_picture(entry.name):
                yield prefix + entry.name


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False
