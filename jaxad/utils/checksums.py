"""Checksums of the files of a folder, by which later changes are detected."""

import hashlib
import json
from pathlib import Path, PurePosixPath

from jaxad.errors import DataError

__all__ = ["SUMS", "verify_checksums", "write_checksums"]

SUMS = "checksums.json"
_BLOCK = 2**20


def write_checksums(folder: Path) -> None:
    """Write the SHA-256 of every file below a folder to its `checksums.json`."""
    sums = {name: _compute_checksum(folder / name) for name in _list_files(folder)}
    (folder / SUMS).write_text(json.dumps(sums, indent=2, sort_keys=True) + "\n")


def verify_checksums(folder: Path, closed: str) -> None:
    """Check the files of a folder against its checksums, before any of them is read.

    This detects accidental changes and manual edits, not attacks: whoever can write the files can
    also write the checksums. Files must be safe to read without this check.

    Args:
        folder: The folder.
        closed: A folder inside it that must not contain files without a checksum.

    Raises:
        DataError: The checksums are missing or broken; a file is missing, was changed, is a link or
            has no checksum; or a name leads out of the folder.
    """
    what = f"{str(folder)!r} is not a saved detector"
    try:
        sums = json.loads((folder / SUMS).read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{what}: {error}") from error
    if not isinstance(sums, dict) or not all(isinstance(v, str) for v in sums.values()):
        raise DataError(f"{what}: {SUMS} holds no checksums")
    if (folder / closed).is_symlink():
        raise DataError(f"{what}: {closed!r} is a link")
    for name, expected in sums.items():
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name or not name:
            raise DataError(f"{what}: {SUMS} names {name!r}, which leads out of the folder")
        if _is_link(folder, path):
            raise DataError(f"{what}: {name!r} is a link")
        try:
            same = _compute_checksum(folder / name) == expected
        except OSError as error:
            raise DataError(f"{what}: {name!r} cannot be read ({error})") from error
        if not same:
            raise DataError(f"{str(folder)!r}: {name!r} was changed since the detector was saved")
    strange = [n for n in _list_files(folder) if n.startswith(f"{closed}/") and n not in sums]
    if strange:
        raise DataError(f"{str(folder)!r}: {strange[0]!r} was not saved with the detector")


def _list_files(folder: Path) -> list[str]:
    """List the files and links below a folder, except the file of checksums."""
    found = (p for p in folder.rglob("*") if p.is_symlink() or not p.is_dir())
    return sorted(n for n in (p.relative_to(folder).as_posix() for p in found) if n != SUMS)


def _is_link(folder: Path, name: PurePosixPath) -> bool:
    """Return whether a file below a folder, or a folder on the path to it, is a link."""
    return any((folder / part).is_symlink() for part in (name, *name.parents[:-1]))


def _compute_checksum(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
