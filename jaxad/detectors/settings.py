"""The settings of a configuration in words: names, defaults, and what docstrings say of them."""

import inspect
import re
from dataclasses import fields
from typing import Any, NamedTuple

__all__ = ["Setting", "settings_of"]


class Setting(NamedTuple):
    """A field of a configuration.

    Attributes:
        name: Its name.
        default: Its default as `--set` takes it.
        text: What the docstring says of it; "" where none does.
        said_by: The class whose docstring says it, or else the configuration itself.
    """

    name: str
    default: str
    text: str
    said_by: type


def settings_of(config: type) -> list[Setting]:
    """The fields of a configuration, in their order.

    Args:
        config: A dataclass whose docstring, or whose bases' docstrings, have a section Attributes.

    Example:
        >>> from jaxad.detectors.deep_sad import DeepSADConfig
        >>> next(found.default for found in settings_of(DeepSADConfig) if found.name == "eta")
        '1'
    """
    said: dict[str, tuple[str, type]] = {}
    for base in reversed(config.__mro__):
        doc = inspect.cleandoc(base.__dict__.get("__doc__") or "")
        _, _, section = doc.partition("\nAttributes:\n")
        for name, text in re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", section, re.MULTILINE):
            said[name] = " ".join(text.split()), base
    return [
        Setting(field.name, _shown(field.default), *said.get(field.name, ("", config)))
        for field in fields(config)
    ]


def _shown(value: Any) -> str:
    """A default as `--set` takes it."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return f"{value:.4g}" if isinstance(value, float) else str(value)
