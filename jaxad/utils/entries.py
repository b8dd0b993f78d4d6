"""A folder of entries of one user: bounded in size, the least recently used going first.

Entries are written whole or not at all, so that several processes may share a folder. Each is
checked when it is read. Whoever can write to the folder decides what it gives; it therefore belongs
to the user alone, and so does every entry.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from jaxad.utils.files import remove_leftovers, write_atomically

__all__ = ["Entries"]

_SUFFIX = ".program"
_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_ROOM = 0.8  # of the limit, to which entries are removed once they exceed it


class Entries:
    """Entries by key: texts of any length, for which the files are named by their hash.

    Args:
        folder: The folder, made if it is not there.
        limit: The most bytes of all entries together.

    Raises:
        OSError: The folder cannot be made or written.
        PermissionError: It belongs to another user, or others may write to it.
    """

    def __init__(self, folder: Path, limit: int):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_owner(os.stat(folder), folder)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise OSError(f"cannot write to the folder {str(folder)!r}")
        self.folder, self.limit = folder, limit

    def read(self, key: str) -> bytes | None:
        """Return an entry; None if there is none, or none that is whole and of this key."""
        path = self._place(key)
        try:
            with open(path, "rb", opener=_open_own) as file:
                content = file.read()
                os.utime(file.fileno())  # the time of its last use
        except OSError:
            return None
        start = _head(key)
        body = content[len(start) + 32 :]
        digest = content[len(start) : len(start) + 32]
        if content.startswith(start) and hashlib.sha256(body).digest() == digest:
            return body
        self.remove(key)
        return None

    def write(self, key: str, body: bytes) -> bool:
        """Write an entry, and remove others where there is no room; return whether it is kept.

        An entry that cannot be written is not kept; nothing else depends on it.
        """
        if len(body) > self.limit:
            return False
        try:
            with write_atomically(self._place(key)) as partial:
                partial.chmod(0o600)
                partial.write_bytes(_head(key) + hashlib.sha256(body).digest() + body)
        except OSError:
            return False
        self._make_room()
        return True

    def remove(self, key: str) -> None:
        """Remove an entry, if there is one."""
        with suppress(OSError):
            self._place(key).unlink(missing_ok=True)

    def _place(self, key: str) -> Path:
        return self.folder / f"{hashlib.sha256(key.encode()).hexdigest()}{_SUFFIX}"

    def _make_room(self) -> None:
        found = sorted(self._list(), reverse=True)  # the latest first
        total = sum(size for _, size, _ in found)
        if total <= self.limit:
            return
        remove_leftovers(self.folder)
        while found and total > _ROOM * self.limit:
            _, size, path = found.pop()
            with suppress(OSError):
                path.unlink(missing_ok=True)
            total -= size

    def _list(self) -> Iterator[tuple[float, int, Path]]:
        """Yield the time of the last use, the size and the path of each entry."""
        with _listing(self.folder) as entries:
            for entry in entries:
                if entry.name.endswith(_SUFFIX):
                    with suppress(OSError):
                        about = entry.stat(follow_symlinks=False)
                        yield about.st_mtime, about.st_size, Path(entry.path)


@contextmanager
def _listing(folder: Path) -> Iterator[Iterator[os.DirEntry]]:
    try:
        entries = os.scandir(folder)
    except OSError:
        yield iter(())
        return
    with entries:
        yield entries


def _head(key: str) -> bytes:
    text = key.encode()
    return len(text).to_bytes(8, "little") + text


def _open_own(path: str, flags: int) -> int:
    """Open a file without following a link; raise if it is not the user's own."""
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise PermissionError(f"{path!r} is not a file")
        _check_owner(about, path)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _check_owner(about: os.stat_result, path: str | Path) -> None:
    """Raise if a file or folder is not of this user alone."""
    if about.st_uid != os.geteuid() or about.st_mode & _OTHERS:
        raise PermissionError(
            f"cache folder must belong to you alone, as programs are loaded from it; others may "
            f"write to {str(path)!r}: run chmod go-w on it, or set JAXAD_CACHE_DIR to another "
            f"folder or to 'off'"
        )
