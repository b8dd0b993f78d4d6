"""Files that are there whole or not at all, whatever ends the process or the machine."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["check_writable", "find_leftovers", "sync_folder", "write_atomically"]


def check_writable(folder: str | Path) -> None:
    """Make a folder for results and try to write in it: before hours of training, not after.

    Raises:
        OSError: It cannot be made or written; the message says why.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(f"cannot write to the folder {str(folder)!r}: {error}") from error


@contextmanager
def write_atomically(path: Path) -> Iterator[Path]:
    """A temporary path to write to, that becomes `path` when the block ends without an error.

    What was at `path` before is replaced at once; after an error it is as it was. When the block
    has ended, file and name are on the disk: a loss of power takes neither.
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
    """Wait until the names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def find_leftovers(folder: str | Path) -> list[Path]:
    """Return the half-written files that ended processes left in a folder."""
    found = sorted(Path(folder).glob(".*.partial"))
    return [path for path in found if not _is_running(path.name.split(".")[-2])]


def _is_running(process: str) -> bool:
    """Whether a process of this machine has that number."""
    try:
        os.kill(int(process), 0)
    except (ValueError, ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # there is one, of somebody else
        return True
    return True
