"""Settings of a configuration: names, defaults, and their description in docstrings."""

from dataclasses import fields
from typing import Any, NamedTuple

from jaxad.utils.docstrings import read_attributes

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
    texts = read_attributes(config)
    return [
        Setting(field.name, _format(field.default), *texts.get(field.name, ("", config)))
        for field in fields(config)
    ]


def _format(value: Any) -> str:
    """Return a default as `--set` takes it."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return f"{value:.4g}" if isinstance(value, float) else str(value)
