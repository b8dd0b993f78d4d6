"""Configurations of detectors from `--epochs`, `--batch-size` and `--set`."""

import ast
from collections.abc import Sequence
from dataclasses import fields
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from jaxad.detectors import get_entry
from jaxad.errors import ConfigError, unknown_name
from jaxad.utils.configs import list_types

__all__ = ["check_root", "parse_configurations"]

WORDS = {"true": True, "false": False, "none": None}


def parse_configurations(
    detectors: Sequence[str], settings: Sequence[str], epochs: int | None, batch_size: int | None
) -> dict[str, dict[str, Any]]:
    """Return the settings of each detector that differ from its defaults.

    Args:
        detectors: Registered names; repeated names count once.
        settings: Texts `field=value`, for all detectors that have the field.
        epochs: The value of `epochs` and, if the detector has it, `pretrain_epochs`.
        batch_size: The value of `batch_size`.

    Raises:
        ConfigError: An unknown detector, a field that none of them has, or a value of another type
            than the field's.
    """
    types = {name: get_type_hints(get_entry(name).config) for name in detectors}
    if not types:
        raise ConfigError("name at least one detector; `jaxad list` shows them")
    known = {name: {f.name: f.metadata for f in fields(get_entry(name).config)} for name in types}
    given = [_pair(setting) for setting in settings]
    every = set().union(*known.values())
    for field, _ in given:
        if field not in every:
            raise unknown_name(f"setting of {', '.join(types)}", field, every)
    out = {}
    for name in types:
        config: dict[str, Any] = {}
        if epochs is not None:
            config |= {f: epochs for f in ("epochs", "pretrain_epochs") if f in known[name]}
        if batch_size is not None and "batch_size" in known[name]:
            config["batch_size"] = batch_size
        for field, text in given:
            if "object" in known[name].get(field, {}):
                raise ConfigError(
                    f"--set {field}: it takes an object, from Python only: jaxad.make({name!r}, "
                    f"data, {field}=...)"
                )
            if field in known[name]:
                config[field] = _value(field, text, types[name][field])
        out[name] = config
    return out


def check_root(root: int) -> int:
    """Return the seed of the root key if it is in its range.

    Raises:
        ConfigError: It is not in [0, 2**32).
    """
    if not 0 <= root < 2**32:
        raise ConfigError(f"--seed-root must be in 0..{2**32 - 1}; given {root}")
    return root


def _pair(setting: str) -> tuple[str, str]:
    field, equals, text = setting.partition("=")
    if not equals:
        raise ConfigError(f"--set takes field=value; given {setting!r}")
    return field.strip().replace("-", "_"), text.strip()


def _value(field: str, text: str, hint: Any) -> Any:
    """Return the value of a text for a field of some type."""
    if get_origin(hint) is Literal and text in get_args(hint):
        return text  # "none" is the name of a normalisation, for one
    try:
        value = WORDS[text.lower()] if text.lower() in WORDS else ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        value = text
    allowed = [kind for kind in list_types(hint) if kind in NAMES]
    # In Python true and false are whole numbers, and whole numbers are no floats.
    kind = float if type(value) is int and int not in allowed else type(value)
    if allowed and kind not in allowed:
        kinds = " or ".join(NAMES.get(kind, kind.__name__) for kind in allowed)
        raise ConfigError(f"--set {field}={text}: {field} must be {kinds}")
    return value


NAMES = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    tuple: "numbers separated by commas, as 32,16",
    NoneType: "none",
    str: "a name",
}
