"""Replacement of a saved detector by a new one."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from jaxad.errors import ConfigError
from jaxad.saving.description import CONFIG

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
        ConfigError: The folder holds something else than a saved detector, or cannot be written.
    """
    folder = folder.absolute()
    if not folder.exists():
        return write(folder)
    if folder.is_symlink() or not folder.is_dir() or not (folder / CONFIG).is_file():
        raise ConfigError(
            f"folder: {str(folder)!r} exists and is not a saved detector, so that it is not "
            "overwritten; give another one"
        )
    new = folder.with_name(f".{folder.name}.{os.getpid()}.new")
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    try:
        write(new)
        folder.rename(old)
        try:
            new.rename(folder)
        except OSError:
            old.rename(folder)
            raise
    except OSError as error:
        raise ConfigError(f"folder: cannot replace {str(folder)!r}: {error}") from error
    finally:
        shutil.rmtree(new, ignore_errors=True)
        if folder.exists():
            shutil.rmtree(old, ignore_errors=True)
    return folder
