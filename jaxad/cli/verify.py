"""`jaxad verify`: check that the files of a folder are undamaged."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from jaxad.cli.options import Verify
from jaxad.errors import DataError
from jaxad.results import (
    check_index_file,
    find_missing,
    find_unlisted,
    list_files,
    list_index_files,
    read_file,
    split_name,
)
from jaxad.saving.description import CONFIG
from jaxad.sweep.stored import FOLDER, check_stored
from jaxad.training.resume import check_checkpoint, is_checkpoint
from jaxad.utils.checksums import SUMS, Finding, check_files

__all__ = ["execute"]

WHOLE, DAMAGED, UNPROTECTED = "whole", "damaged", "unprotected"


class _Checked(NamedTuple):
    """A file, its state, and what is wrong with it."""

    file: str
    state: str
    problem: str | None = None


def execute(options: Verify) -> int:
    """Check a folder and print what is damaged.

    Returns:
        The exit code: 0, or 1 where a file is damaged.
    """
    kind, checked = _check(options.folder)
    damaged = [one for one in checked if one.state == DAMAGED]
    unprotected = sum(one.state == UNPROTECTED for one in checked)
    if options.json:
        about = {"folder": str(options.folder), "kind": kind, "whole": not damaged}
        print(json.dumps(about | {"files": [one._asdict() for one in checked]}, indent=2))
        return int(bool(damaged))
    for one in damaged:
        print(f"damaged: {one.file}: {one.problem}")
    state = f"{len(damaged)} of {len(checked)} files damaged" if damaged else "whole"
    print(f"{options.folder}: {kind}, {len(checked)} files, {state}")
    if unprotected:
        print(
            f"{unprotected} files were written without a digest, by jaxad 0.2 or before. They can "
            "be read, but changed values would not be noticed"
        )
    if unlisted := _count_unlisted(options.folder) if kind == "results" else 0:
        print(
            f"{unlisted} files are not in the index; if one were missing, it would not be noticed. "
            "`jaxad sweep` adds them"
        )
    return int(bool(damaged))


def _check(folder: Path) -> tuple[str, list[_Checked]]:
    """Return the kind of a folder and the state of its files.

    Raises:
        DataError: It is neither a saved detector, nor of results or checkpoints.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    if (folder / SUMS).exists() or (folder / CONFIG).exists():
        return "detector", _describe(lambda: check_files(folder), SUMS)
    if is_checkpoint(folder):
        return "checkpoint", _describe(lambda: check_checkpoint(folder), "")
    if (folder / FOLDER).is_dir() or list_files(folder):
        return "results", _check_results(folder)
    raise DataError(f"{folder} holds no saved detector, no results and no checkpoints")


def _describe(check: Callable[[], list[Finding]], unusable: str) -> list[_Checked]:
    """Return what a check finds; if it cannot be done, that `unusable` is damaged."""
    try:
        found = check()
    except DataError as error:
        return [_Checked(unusable, DAMAGED, str(error))]
    return [_Checked(f, WHOLE if problem is None else DAMAGED, problem) for f, problem in found]


def _check_results(folder: Path) -> list[_Checked]:
    """Return the state of the files of results, of their index and of the stored experiments."""
    checked = []
    experiments = sorted((folder / FOLDER).glob("[!.]*.json"))
    for path, check in [
        *((path, _check_part) for path in list_files(folder)),
        *((path, _check_index) for path in list_index_files(folder)),
        *((path, check_stored) for path in experiments),
    ]:
        name = path.relative_to(folder).as_posix()
        try:
            checked.append(_Checked(name, WHOLE if check(path) else UNPROTECTED))
        except DataError as error:
            checked.append(_Checked(name, DAMAGED, str(error)))
    with suppress(DataError):  # of the index, which is in the list already
        checked += [_Checked(name, DAMAGED, "is missing") for name in find_missing(folder)]
    return checked


def _count_unlisted(folder: Path) -> int:
    """Count the files of results that no index names; 0 where the index is damaged."""
    with suppress(DataError):
        return len(find_unlisted(folder, list_files(folder)))
    return 0


def _check_index(path: Path) -> bool:
    """Read a file of the index; return True."""
    check_index_file(path)
    return True


def _check_part(path: Path) -> bool:
    """Read a file of results, and return whether it has a digest."""
    read_file(path)
    return split_name(path)[1] is not None
