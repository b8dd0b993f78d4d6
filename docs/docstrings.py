"""Docstrings as griffe reads them: it calls a section of doctests Examples, and we Example."""

import re
from typing import Any

import griffe

__all__ = ["Doctests"]


class Doctests(griffe.Extension):
    """Sections called Example become code, not quotes within quotes."""

    def on_instance(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Rename the section of one object."""
        del kwargs
        if obj.docstring:
            obj.docstring.value = re.sub(r"(?m)^Example:$", "Examples:", obj.docstring.value)
