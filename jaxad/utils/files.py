"""Files and folders that are written whole or not at all, and survive a loss of power.

Everything is first written under a temporary name in the same folder, synchronised to the disk, and
then renamed. The temporary name is unique to the writer, who holds a lock (`flock`) on it; the lock
goes when the process ends, however it ends, so that the next writer can tell what a killed process
has left behind from what another process is still writing.
"""

import ctypes
import errno
import fcntl
import os
import re
import secrets
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from jaxad.errors import ConfigError

__all__ = [
    "check_room",
    "check_writable",
    "create_folder",
    "find_leftovers",
    "lock_folder",
    "remove_leftovers",
    "replace_folder",
    "sync_folder",
    "write_atomically",
]

# .NAME.HOST-PROCESS-TOKEN.partial
_TEMPORARY = re.compile(r"\..*\.(?P<host>[\w-]+)-(?P<process>\d+)-[0-9a-f]{16}\.partial", re.S)
_LONGEST = 100  # bytes of the final name that a temporary name repeats: names end at 255
# A lock may not be seen from another machine, whose temporary files are therefore left alone until
# nothing was written to them for so many seconds.
_FORGOTTEN = 24 * 3600.0
_TAKEN = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR)


def check_writable(folder: str | Path) -> None:
    """Create a folder for results and check that it is writable, before training starts.

    Raises:
        OSError: The folder cannot be created or written; the message gives the reason.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(f"cannot write to the folder {str(folder)!r}: {error}") from error


def check_room(folder: Path, size: int) -> None:
    """Check that the disk of a folder has room for so many more bytes.

    They are allocated for a moment, because quotas are not part of the free space that the system
    reports.

    Raises:
        OSError: There is no room, or the folder cannot be written.
    """
    with tempfile.TemporaryFile(dir=folder) as file:
        if hasattr(os, "posix_fallocate"):  # not on macOS
            os.posix_fallocate(file.fileno(), 0, size)


@contextmanager
def write_atomically(path: Path) -> Iterator[Path]:
    """Yield a temporary file, which is renamed to `path` if the block ends without an error.

    An existing file is replaced atomically, and stays unchanged after an error. When the block has
    ended, the content and the name are synchronised to the disk, and survive a loss of power.
    """
    with _hold_temporary(path, Path.touch) as partial:
        yield partial
        _sync_file(partial)
        partial.replace(path)
        sync_folder(path.parent)


@contextmanager
def create_folder(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder, which is renamed to `folder` if the block ends without an error.

    After an error nothing is left behind. When the block has ended, every file and name in the
    folder is synchronised to the disk.

    Raises:
        FileExistsError: At the end of the block, a file or a folder that is not empty has the name;
            it is unchanged.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _hold_temporary(folder, Path.mkdir) as partial:
        yield partial
        for root, _, names in os.walk(partial, topdown=False):
            for name in names:
                _sync_file(Path(root, name))
            sync_folder(Path(root))
        try:
            partial.rename(folder)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
            raise FileExistsError(
                error.errno, "another process or thread has created it meanwhile", str(folder)
            ) from error
        sync_folder(folder.parent)


@contextmanager
def replace_folder(folder: Path) -> Iterator[Path]:
    """Yield the path of a new folder, which replaces `folder` if the block ends without an error.

    The block creates the new folder and synchronises it to the disk. The old folder has its name
    until then, and is removed.
    """
    with _hold_temporary(folder, Path.mkdir) as holder:
        new = holder / "new"
        yield new
        if not _exchange(new, folder):
            # Its name is not that of a temporary folder: if the process is killed here, it stays.
            old = folder.with_name(f"{holder.name.removesuffix('.partial')}.replaced")
            folder.rename(old)
            try:
                new.rename(folder)
            except OSError:
                old.rename(folder)
                raise
            _remove(old)
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Synchronise the names of files in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def lock_folder(folder: str | Path, holder: str, cure: str) -> Iterator[None]:
    """Hold a folder, so that no second process or thread writes to it.

    The lock goes when the process ends, however it ends.

    Args:
        folder: The folder; made if it is not there.
        holder: What holds it, for the error, such as "sweep".
        cure: What to do about the error besides waiting, such as "give another folder".

    Raises:
        ConfigError: Somebody else holds it.
        OSError: The folder cannot be made or written.
    """
    check_writable(folder)
    with open(Path(folder, ".lock"), "a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            owner = lock.read().strip() or "of an unknown process"
            raise ConfigError(
                f"another {holder} ({owner}) is writing to {str(folder)!r}: wait for it, or {cure}"
            ) from None
        with suppress(OSError):  # on a full disk the lock holds without saying whose it is
            lock.truncate(0)
            lock.write(f"process {os.getpid()} on {socket.gethostname()}")
            lock.flush()
        yield


def find_leftovers(folder: str | Path) -> list[Path]:
    """Return the temporary files and folders in a folder whose writers have ended."""
    return sorted(path for path in _list_temporaries(folder) if _try_claim(path, lambda: None))


def remove_leftovers(folder: str | Path) -> None:
    """Remove the temporary files and folders in a folder whose writers have ended.

    What cannot be removed stays, without an error.
    """
    for path in _list_temporaries(folder):
        _try_claim(path, lambda path=path: _remove(path))


@contextmanager
def _hold_temporary(path: Path, make: Callable[[Path], None]) -> Iterator[Path]:
    """Yield a new file or folder beside `path` under a lock; remove it if it is still there."""
    remove_leftovers(path.parent)
    start = os.fsencode(path.name)[:_LONGEST].decode(errors="ignore")
    partial = descriptor = None
    try:
        while partial is None or descriptor is None:
            partial = path.with_name(
                f".{start}.{_name_host()}-{os.getpid()}-{secrets.token_hex(8)}.partial"
            )
            make(partial)
            descriptor = _lock(partial)
        yield partial
    finally:
        if partial is not None:
            _remove(partial)
        if descriptor is not None:
            os.close(descriptor)


def _lock(path: Path) -> int | None:
    """Open and lock a new temporary file or folder; None if it was taken for a leftover before.

    Some network file systems have no locks; the temporary name says then who writes it.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    if path.exists():
        return descriptor
    os.close(descriptor)
    return None


def _list_temporaries(folder: str | Path) -> list[Path]:
    """List what has a temporary name in a folder; nothing if the folder cannot be listed."""
    try:
        return [Path(folder, n) for n in os.listdir(folder) if _TEMPORARY.fullmatch(n)]
    except OSError:
        return []


def _try_claim(path: Path, act: Callable[[], None]) -> bool:
    """Act on a temporary file or folder under its lock; False, without acting, if it is in use."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            locked = True
        except BlockingIOError:
            return False
        except OSError:  # a file system without locks
            locked = False
        if not _has_ended(path, locked):
            return False
        act()
        return True
    finally:
        os.close(descriptor)


def _has_ended(path: Path, locked: bool) -> bool:
    """Return whether the writer of a temporary file has ended.

    Args:
        path: The temporary file or folder.
        locked: Whether its lock could be taken.
    """
    found = _TEMPORARY.fullmatch(path.name)
    assert found is not None
    if found["host"] == _name_host():
        return locked or not _is_running(int(found["process"]))
    try:
        newest = max(p.lstat().st_mtime for p in (path, *path.rglob("*")))
    except OSError:  # it changes just now
        return False
    return time.time() - newest > _FORGOTTEN


def _is_running(process: int) -> bool:
    """Return whether a process of this machine has this number."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # a process of another user
        return True
    return True


def _name_host() -> str:
    return re.sub(r"[^\w-]", "-", socket.gethostname(), flags=re.ASCII)[:40] or "host"


def _exchange(one: Path, two: Path) -> bool:
    """Exchange two folders in one step; False if the system cannot."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)  # of Linux
    if rename is None:
        return False
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    return rename(here, os.fsencode(one), here, os.fsencode(two), exchange) == 0


def _sync_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _remove(path: Path) -> None:
    """Remove a file or a folder as far as possible."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)
