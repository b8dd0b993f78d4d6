"""A cache of compiled programs on disk, so that later runs of a command start faster."""

import os
import tempfile
from pathlib import Path

import jax

__all__ = ["enable_compilation_cache"]


def enable_compilation_cache() -> Path | None:
    """Keep compiled programs in the user's cache folder, for this process and later ones.

    The folder is `$JAXAD_CACHE_DIR`, or else `jaxad/xla` under `$XDG_CACHE_HOME` or `~/.cache`.
    `JAXAD_CACHE_DIR=off` (or empty) turns the cache off. A folder that is set for JAX itself, for
    example by `JAX_COMPILATION_CACHE_DIR`, is kept. Call this before the first compilation, when
    JAX decides whether it uses a cache.

    Returns:
        The folder; None if the cache is off or the folder is not writable. Programs are then
        compiled in every process.
    """
    given = jax.config.jax_compilation_cache_dir  # pyright: ignore[reportAttributeAccessIssue]
    if given is not None:
        return Path(given)
    folder = _choose_folder()
    if folder is None or not _is_writable(folder):
        return None
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    jax.config.update("jax_compilation_cache_dir", str(folder))
    return folder


def _choose_folder() -> Path | None:
    own = os.environ.get("JAXAD_CACHE_DIR")
    if own is not None:
        return None if own.lower() in ("", "off") else Path(own).expanduser().absolute()
    caches = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    # "~" is not expanded without a home; the XDG specification forbids relative folders.
    return Path(caches, "jaxad", "xla") if os.path.isabs(caches) else None


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
