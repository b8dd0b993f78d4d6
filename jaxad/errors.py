"""Errors and warnings of the library.

Each message names the argument, the value that was given, and the values that are allowed.
"""

import difflib
from collections.abc import Iterable

__all__ = [
    "RENAMED",
    "ConfigError",
    "DataError",
    "DataWarning",
    "JaxADError",
    "PluginWarning",
    "StorageError",
    "StorageWarning",
    "unknown_name",
]

# Settings, keys of experiments and options: names of earlier versions, and those that replace them.
RENAMED = {
    "weighing": "weighting",
}


class JaxADError(ValueError):
    """Base of every error that a user's input can cause."""


class DataError(JaxADError):
    """Error for data that cannot be used: a wrong shape, NaN, too few rows, a broken file."""


class ConfigError(JaxADError):
    """Error for a name or a setting that is unknown, out of range, or excluded by another."""


class StorageError(JaxADError, OSError):
    """Error for a file or a folder that cannot be written, such as on a full disk."""


class DataWarning(UserWarning):
    """Warning that part of the data is not used, such as broken lines of a file."""


class PluginWarning(UserWarning):
    """Warning that a plug-in cannot be loaded and is not used."""


class StorageWarning(UserWarning):
    """Warning that something was not written, and that work goes on without it."""


def unknown_name(kind: str, given: str, known: Iterable[str]) -> ConfigError:
    """Return the error for an unknown name, with the most similar allowed name.

    Args:
        kind: The kind of object that is named, such as "detector" or "data set".
        given: The name that was given.
        known: All names that are allowed.

    Returns:
        A `ConfigError` to raise. For a name of an earlier version, it gives the new name.
    """
    known = sorted(known)
    if RENAMED.get(given) in known:
        return ConfigError(f"{kind}: {given} is now called {RENAMED[given]}")
    near = difflib.get_close_matches(given, known, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return ConfigError(f"unknown {kind} {given!r}.{hint} Known: {', '.join(known)}")
