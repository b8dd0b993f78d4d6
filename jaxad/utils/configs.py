"""Conversion of configurations to dictionaries of plain values, for files and results."""

from dataclasses import fields
from typing import Any

from jaxad.errors import ConfigError

__all__ = ["OBJECT", "check_plain", "list_objects", "settings_dict"]

# The metadata of fields that hold None or a Python object, which cannot be written to a file.
OBJECT = {"object": True}


def settings_dict(config: Any) -> dict[str, Any]:
    """Return the settings of a configuration by name.

    Fields for Python objects are left out if they are None, so that results list plain settings
    only.

    Args:
        config: A dataclass.
    """
    values = {field.name: (field, getattr(config, field.name)) for field in fields(config)}
    return {
        name: value
        for name, (field, value) in values.items()
        if value is not None or "object" not in field.metadata
    }


def list_objects(config: Any) -> list[str]:
    """Return the names of the settings whose value is not plain."""
    return [name for name, value in settings_dict(config).items() if not _is_plain(value)]


def check_plain(config: Any, purpose: str) -> None:
    """Raise if a setting holds an object, which cannot be written to a file.

    Args:
        config: A configuration.
        purpose: The file that would hold it, for the error, such as "a saved detector".

    Raises:
        ConfigError: A setting holds an object; the message says how to register it.
    """
    for name in list_objects(config):
        kind = type(getattr(config, name)).__name__
        cure = "register a detector that is built with it (jaxad.detectors.register)"
        if name == "weighting":
            cure = "register it (jaxad.weighting.register) and give its name as a string"
        raise ConfigError(f"{name} is a {kind} object, which {purpose} cannot hold: {cure}")


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple):
        return type(value) is tuple and all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str)
