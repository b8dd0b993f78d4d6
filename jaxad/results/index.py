"""The index of a folder of results, by which a missing file is noticed.

Each process that writes to a folder has an index file of its own there, so that several can write
at once: `index/TOKEN.json` names the files that the process has added, and files of others that it
has replaced. A file is missing if an index file names it as added, none names it as replaced, and
it is not in the folder. A process adds a name after it has written the file, and takes it out
before it removes the file. Folders of jaxad 0.2 and before have no index.
"""

import json
import os
import threading
import uuid
from collections.abc import Iterable
from pathlib import Path

from jaxad.errors import DataError
from jaxad.utils.checksums import read_sealed, seal
from jaxad.utils.files import write_atomically

__all__ = [
    "FOLDER",
    "check_index_file",
    "find_missing",
    "find_unlisted",
    "list_index_files",
    "update_index",
]

FOLDER = "index"
_LOCK = threading.Lock()  # of this process's own files
_own: dict[tuple[int, Path], str] = {}  # their names, by process and folder


def update_index(folder: Path, added: Iterable[str] = (), removed: Iterable[str] = ()) -> None:
    """Change the names in this process's index file.

    Args:
        folder: The folder of results.
        added: The names of files that were written.
        removed: The names of files that are about to be removed, or are missing.

    Raises:
        OSError: The index cannot be written; it is unchanged.
    """
    with _LOCK:
        key = (os.getpid(), folder.absolute())
        path = folder / FOLDER / _own.get(key, "")
        try:
            own, others = _read_names(path) if key in _own else (set(), set())
        except DataError:  # it is damaged or gone: other names go to a new one
            own, others = set(), set()
            del _own[key]
        if key not in _own:
            _own[key] = f"{uuid.uuid4().hex[:16]}.json"
            path = folder / FOLDER / _own[key]
        removed = set(removed)
        content = {
            "files": sorted((own | set(added)) - removed),
            "removed": sorted((others | (removed - own)) - set(added)),
        }
        path.parent.mkdir(exist_ok=True)
        with write_atomically(path) as partial:
            partial.write_text(json.dumps(seal(content), indent=1) + "\n")


def find_missing(folder: Path) -> list[str]:
    """Return the names of files that were added to a folder and are not there.

    Other processes may add and replace files meanwhile.

    Raises:
        DataError: An index file is damaged.
    """
    gone = [name for name in _list_names(folder) if not (folder / name).exists()]
    # A name is taken out of the index before its file is removed.
    return sorted(_list_names(folder) & set(gone)) if gone else []


def find_unlisted(folder: Path, files: Iterable[Path]) -> list[Path]:
    """Return those of some files that no index file names, so that nothing shows if they go.

    Raises:
        DataError: An index file is damaged.
    """
    names = _list_names(folder)
    return [path for path in files if path.name not in names]


def list_index_files(folder: Path) -> list[Path]:
    """List the index files of a folder."""
    return sorted((folder / FOLDER).glob("[!.]*.json"))


def check_index_file(path: Path) -> None:
    """Raise a `DataError` if an index file is damaged."""
    _read_names(path)


def _list_names(folder: Path) -> set[str]:
    """Return the names of the files that a folder must have."""
    found = [_read_names(path) for path in list_index_files(folder)]
    return set().union(*(own for own, _ in found)) - set().union(*(gone for _, gone in found))


def _read_names(path: Path) -> tuple[set[str], set[str]]:
    """Return the names of files that a process has added, and of those of others it removed."""
    found = read_sealed(path)
    parts: list[set[str]] = []
    for field in ("files", "removed"):
        names = found.get(field)
        if not isinstance(names, list) or not all(_is_name(name) for name in names):
            raise DataError(f"{path} is not an index of results")
        parts.append(set(names))
    return parts[0], parts[1]


def _is_name(name: object) -> bool:
    return isinstance(name, str) and "/" not in name and "\0" not in name and len(name) < 256
