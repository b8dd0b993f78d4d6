"""Compiled programs on disk, so that later processes start faster.

There are two kinds. Programs of training and scoring are kept as executables, which are loaded
without tracing them (`jaxad.training.bound`). All others are left to JAX's own cache.
"""

import os
import tempfile
import warnings
from pathlib import Path
from typing import Literal

import jax

from jaxad.errors import StorageWarning
from jaxad.utils.entries import Entries

__all__ = ["enable_compilation_cache", "find_entries", "keep_programs"]

_LIMIT = 2**30  # bytes of executables

_entries: Entries | None = None
_chosen = False


def enable_compilation_cache() -> Path | None:
    """Keep compiled programs in the user's cache folder, for this process and later ones.

    The folder is `$JAXAD_CACHE_DIR`, or else `jaxad/xla` under `$XDG_CACHE_HOME` or `~/.cache`. The
    executables of training and scoring are in `$JAXAD_CACHE_DIR/programs`, or else in
    `jaxad/programs`: at most 1 GiB, of which the least recently used go first. As code is loaded
    from this folder, it must belong to the user alone. `JAXAD_CACHE_DIR=off` (or empty) turns the
    cache off. A folder that is set for JAX itself, for example by `JAX_COMPILATION_CACHE_DIR`, is
    kept. Call this before the first compilation, when JAX decides whether it uses a cache.

    Returns:
        The folder of JAX's own cache; None if the cache is off or the folder is not writable.
        Programs are then compiled in every process.
    """
    keep_programs()
    given = jax.config.jax_compilation_cache_dir  # pyright: ignore[reportAttributeAccessIssue]
    if given is not None:
        return Path(given)
    folder = _choose_folder("xla")
    if folder is None or not _is_writable(folder):
        return None
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    jax.config.update("jax_compilation_cache_dir", str(folder))
    return folder


def keep_programs() -> None:
    """Keep the executables of training and scoring on disk, unless that was chosen before.

    JAX's own cache stays as it is. A folder that is not the user's alone is not used, with a
    `StorageWarning`.
    """
    global _entries, _chosen
    if _chosen:
        return
    _chosen, folder = True, _choose_folder("programs")
    if folder is None:
        return
    try:
        _entries = Entries(folder, _LIMIT)
    except PermissionError as error:
        warnings.warn(str(error), StorageWarning, stacklevel=3)
    except OSError:
        return


def use_entries(entries: Entries | None) -> None:
    """Choose where executables are kept; None for nowhere."""
    global _entries, _chosen
    _entries, _chosen = entries, True


def find_entries() -> Entries | None:
    """Return where executables are kept; None if they are not."""
    return _entries


def _choose_folder(kind: Literal["xla", "programs"]) -> Path | None:
    own = os.environ.get("JAXAD_CACHE_DIR")
    if own is not None:
        if own.lower() in ("", "off"):
            return None
        folder = Path(own).expanduser().absolute()
        return folder if kind == "xla" else folder / kind
    caches = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    # "~" is not expanded without a home; the XDG specification forbids relative folders.
    return Path(caches, "jaxad", kind) if os.path.isabs(caches) else None


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
