"""Conversion of configurations to dictionaries of plain values, for files and results."""

from collections.abc import Mapping
from dataclasses import fields
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from jaxad.errors import ConfigError

__all__ = ["OBJECT", "check_plain", "check_types", "list_objects", "list_types", "settings_dict"]

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


_TYPES = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a string",
    tuple: "a list of numbers",
}


def check_types(config: type, settings: Mapping[str, Any]) -> None:
    """Check the types of settings that are read from a file, before the configuration is made.

    Fields whose annotation names other types than plain ones are left to the configuration.

    Args:
        config: A dataclass.
        settings: Values of its fields by name.

    Raises:
        ConfigError: A value has another type than its field, or the field holds an object.
    """
    hints, metadata = get_type_hints(config), {one.name: one.metadata for one in fields(config)}
    for name, value in settings.items():
        types = list_types(hints[name])
        known = [kind for kind in types if kind in _TYPES]
        if not known and "object" in metadata[name]:
            raise ConfigError(f"{name} takes an object, from Python only; given {value!r}")
        if tuple in known and not isinstance(value, tuple | str | dict):
            known.append(type(value))  # a field of several numbers may take a single one
        if float in known:
            known.append(int)
        if known and type(value) not in known:
            allowed = " or ".join(_TYPES[kind] for kind in types if kind in _TYPES)
            raise ConfigError(f"{name} must be {allowed}; given {value!r}")
        if isinstance(value, tuple) and not all(type(part) in (int, float) for part in value):
            raise ConfigError(f"{name} must be a list of numbers; given {list(value)!r}")


def list_types(hint: Any) -> tuple[type, ...]:
    """Return the Python types that a field's annotation allows.

    Example:
        >>> list_types(tuple[int, ...] | None)
        (<class 'tuple'>, <class 'NoneType'>)
    """
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return tuple(kind for part in get_args(hint) for kind in list_types(part))
    if origin is Literal:
        return tuple(dict.fromkeys(type(value) for value in get_args(hint)))
    return (origin or hint,) if isinstance(origin or hint, type) else ()


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple):
        return type(value) is tuple and all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str)
