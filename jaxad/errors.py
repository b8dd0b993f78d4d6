"""The few kinds of error that the library raises for a user's mistake.

Each message names the argument, the value that was given, and what is allowed.
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
    "unknown_name",
]

# Names of earlier versions and their present ones: settings, keys of experiments, options.
RENAMED = {
    "weighing": "weighting",
}


class JaxADError(ValueError):
    """Base of every error that a user's input can cause."""


class DataError(JaxADError):
    """The data cannot be used as asked: wrong shape, not finite, too few rows, a broken file."""


class ConfigError(JaxADError):
    """A name or a setting is not allowed: unknown, out of range, or at odds with another."""


class DataWarning(UserWarning):
    """Some of the data cannot be used, such as broken lines of a file; the rest goes on."""


class PluginWarning(UserWarning):
    """A plug-in cannot be loaded, and is left out."""


def unknown_name(kind: str, given: str, known: Iterable[str]) -> ConfigError:
    """Return the error for a name that is not in a list, with the nearest one that is.

    Args:
        kind: What the name stands for: "detector", "data set".
        given: The name that was given.
        known: All names that are allowed.

    Returns:
        A `ConfigError` to raise. For a name of an earlier version it gives the present one.
    """
    known = sorted(known)
    if RENAMED.get(given) in known:
        return ConfigError(f"{kind}: {given} is now called {RENAMED[given]}")
    near = difflib.get_close_matches(given, known, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return ConfigError(f"unknown {kind} {given!r}.{hint} Known: {', '.join(known)}")
