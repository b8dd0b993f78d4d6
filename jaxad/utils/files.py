"""Atomic and durable writing of files."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["check_writable", "find_leftovers", "sync_folder", "write_atomically"]


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


@contextmanager
def write_atomically(path: Path) -> Iterator[Path]:
    """Yield a temporary path, which is renamed to `path` if the block ends without an error.

    An existing file is replaced atomically, and stays unchanged after an error. When the block has
    ended, the content and the name are synchronised to the disk, and survive a loss of power.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
        sync_folder(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Synchronise the names of files in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def find_leftovers(folder: str | Path) -> list[Path]:
    """Return the temporary files in a folder whose processes have ended."""
    found = sorted(Path(folder).glob(".*.partial"))
    return [path for path in found if not _is_running(path.name.split(".")[-2])]


def _is_running(process: str) -> bool:
    """Return whether a process of this machine has this number."""
    try:
        os.kill(int(process), 0)
    except (ValueError, ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # a process of another user
        return True
    return True
