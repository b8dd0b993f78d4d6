"""Checksums of the files of a folder, by which later changes are detected."""

import hashlib
import json
import os
import stat
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from jaxad.errors import DataError
from jaxad.utils.limits import read_json

__all__ = [
    "SUMS",
    "Finding",
    "check_files",
    "read_sealed",
    "seal",
    "verify_checksums",
    "write_checksums",
]

SUMS = "checksums.json"
_BLOCK = 2**20
_SEAL = "sha256"


class Finding(NamedTuple):
    """A file of a folder, and what is wrong with it; None if it is whole."""

    file: str
    problem: str | None


def write_checksums(folder: Path) -> None:
    """Write the SHA-256 of every file below a folder to its `checksums.json`."""
    sums = {name: _compute_checksum(folder / name) for name in _list_files(folder)}
    (folder / SUMS).write_text(json.dumps(sums, indent=2, sort_keys=True) + "\n")


def verify_checksums(folder: Path, what: str = "a saved detector") -> None:
    """Check the files of a folder against its checksums, before any of them is read.

    This detects accidental changes and manual edits, not attacks: whoever can write the files can
    also write the checksums. Files must be safe to read without this check.

    Args:
        folder: The folder.
        what: What it must be, for errors.

    Raises:
        DataError: The checksums are missing or broken, or a file is not whole; see `check_files`.
    """
    for file, problem in check_files(folder, what):
        if problem is not None:
            raise DataError(f"{str(folder)!r}: {file!r} {problem}")


def check_files(folder: Path, what: str = "a saved detector") -> list[Finding]:
    """Compare every file below a folder with its checksums.

    A file is not whole if it is missing, was changed or has no checksum, or if it is a link or no
    regular file.

    Args:
        folder: The folder.
        what: What it must be, for errors.

    Returns:
        The files by name, those with checksums first.

    Raises:
        DataError: The checksums are missing or broken, or a name leads out of the folder.
    """
    unusable = f"{str(folder)!r} is not {what}"
    sums = read_json(folder / SUMS, unusable)
    if not isinstance(sums, dict) or not all(isinstance(v, str) for v in sums.values()):
        raise DataError(f"{unusable}: {SUMS} holds no checksums")
    for name in sums:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name or not name:
            raise DataError(f"{unusable}: {SUMS} names {name!r}, which leads out of the folder")
    found = _list_files(folder)
    further = [
        Finding(name, _describe_further(folder / name)) for name in found if name not in sums
    ]
    return [Finding(name, _check_file(folder, name, sums[name])) for name in sorted(sums)] + further


def seal(content: dict[str, Any]) -> dict[str, Any]:
    """Return an object for a JSON file with the digest of its content, for `read_sealed`."""
    return content | {_SEAL: _compute_seal(content)}


def read_sealed(path: Path, required: bool = True) -> dict[str, Any]:
    """Read the object that `seal` was given, from a JSON file of what it returned.

    Args:
        path: The file.
        required: Whether the file must have a digest; else one without is read unchecked.

    Raises:
        DataError: It is not such a file, or was changed.
    """
    found = read_json(path, f"{path} cannot be read")
    if not isinstance(found, dict) or (required and _SEAL not in found):
        raise DataError(f"{path} cannot be read: it has no digest")
    digest = found.pop(_SEAL, None)
    if digest is not None and digest != _compute_seal(found):
        raise DataError(f"{path} was changed since it was written")
    return found


def _compute_seal(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _check_file(folder: Path, name: str, expected: str) -> str | None:
    """Return what is wrong with a file that has a checksum; None if it is whole."""
    path = PurePosixPath(name)
    try:
        if any((folder / part).is_symlink() for part in (path, *path.parents[:-1])):
            return "is a link"
        if not stat.S_ISREG((folder / name).lstat().st_mode):
            return "is not a regular file"
        if _compute_checksum(folder / name) != expected:
            return "was changed since it was saved"
    except (OSError, ValueError) as error:
        return f"cannot be read ({error})"
    return None


def _describe_further(path: Path) -> str:
    return "is a link" if path.is_symlink() else f"is not in {SUMS}: it was not saved with the rest"


def _list_files(folder: Path) -> list[str]:
    """List everything below a folder but folders and the file of checksums; links as themselves."""
    found = []
    for root, folders, files in os.walk(folder):
        links = [name for name in folders if Path(root, name).is_symlink()]
        found += [Path(root, name).relative_to(folder).as_posix() for name in (*files, *links)]
    return sorted(name for name in found if name != SUMS)


def _compute_checksum(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
