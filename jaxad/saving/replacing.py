"""Replacement of a saved detector by a new one."""

from collections.abc import Callable
from pathlib import Path

from jaxad.errors import ConfigError, StorageError
from jaxad.saving.description import CONFIG
from jaxad.utils import files

__all__ = ["replace_folder"]


def replace_folder(folder: Path, write: Callable[[Path], Path]) -> Path:
    """Write a saved detector in place of the one in a folder.

    The old one is there until the new one is complete; a failed save leaves it as it was.

    Args:
        folder: The folder; it may not exist yet.
        write: Writes the new one to a folder that does not exist.

    Returns:
        The folder.

    Raises:
        ConfigError: The folder holds something else than a saved detector.
        StorageError: The folder cannot be written, such as on a full disk.
    """
    folder = folder.absolute()
    if not folder.exists():
        return write(folder)
    if folder.is_symlink() or not folder.is_dir() or not (folder / CONFIG).is_file():
        raise ConfigError(
            f"folder: {str(folder)!r} exists and is not a saved detector, so that it is not "
            "overwritten; give another one"
        )
    try:
        with files.replace_folder(folder) as new:
            write(new)
    except OSError as error:
        raise StorageError(
            f"folder: cannot replace {str(folder)!r}: {error.__cause__ or error}. The old detector "
            "is still there, and the new one is still in memory: save it to another folder"
        ) from error
    return folder
