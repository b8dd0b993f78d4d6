"""Settings of a configuration: names, defaults, and their description in docstrings."""

import inspect
import re
from dataclasses import fields
from typing import Any, NamedTuple

__all__ = ["Setting", "list_settings"]


class Setting(NamedTuple):
    """A field of a configuration.

    Attributes:
        name: Its name.
        default: Its default as `--set` takes it.
        text: Its description in a docstring; "" where there is none.
        source: The class whose docstring describes it, or else the configuration itself.
    """

    name: str
    default: str
    text: str
    source: type


def list_settings(config: type) -> list[Setting]:
    """Return the fields of a configuration, in order.

    Args:
        config: A dataclass with a section Attributes in its docstring or in that of a base class.

    Example:
        >>> from jaxad.detectors.deep_sad import DeepSADConfig
        >>> next(found.default for found in list_settings(DeepSADConfig) if found.name == "eta")
        '1'
    """
    said: dict[str, tuple[str, type]] = {}
    for base in reversed(config.__mro__):
        doc = inspect.cleandoc(base.__dict__.get("__doc__") or "")
        _, _, section = doc.partition("\nAttributes:\n")
        for name, text in re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", section, re.MULTILINE):
            said[name] = " ".join(text.split()), base
    return [
        Setting(field.name, _format(field.default), *said.get(field.name, ("", config)))
        for field in fields(config)
    ]


def _format(value: Any) -> str:
    """Return a default as `--set` takes it."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return f"{value:.4g}" if isinstance(value, float) else str(value)
