"""Descriptions of fields, read from the docstrings of their classes."""

import inspect
import re

__all__ = ["read_attributes"]


def read_attributes(cls: type) -> dict[str, tuple[str, type]]:
    """Read the descriptions of attributes from the docstrings of a class and its bases.

    Args:
        cls: A class whose docstring, or whose bases' docstrings, have a section Attributes.

    Returns:
        For each attribute, its description in one line and the class whose docstring holds it.
    """
    found: dict[str, tuple[str, type]] = {}
    for base in reversed(cls.__mro__):
        doc = inspect.cleandoc(base.__dict__.get("__doc__") or "")
        _, _, section = doc.partition("\nAttributes:\n")
        for name, text in re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", section, re.MULTILINE):
            found[name] = " ".join(text.split()), base
    return found
