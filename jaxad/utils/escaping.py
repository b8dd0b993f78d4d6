"""Escaping of names and titles in the formats of reports: text in, the same text shown."""

import re
from collections.abc import Iterable
from typing import Any

__all__ = ["escape_csv", "escape_csv_row", "escape_label", "escape_latex", "escape_markdown"]

_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "±": r"$\pm$", "†": r"$^\dagger$",
}  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def escape_latex(text: str) -> str:
    r"""Escape text for LaTeX, on one line.

    Example:
        >>> escape_latex("50 % of a_b")
        '50 \\% of a\\_b'
    """
    return "".join(_LATEX.get(character, character) for character in _join_lines(text))


def escape_markdown(text: str) -> str:
    r"""Escape text for Markdown, on one line, also within a cell of a table.

    An underscore within a word is left, as it has no meaning there.

    Example:
        >>> escape_markdown("deep_sad | *")
        'deep_sad \\| \\*'
    """
    text = re.sub(r"([\\`*\[\]|$~]|(?<![^\W_])_|_(?![^\W_]))", r"\\\1", _join_lines(text))
    text = re.sub(r"&(?=#?\w+;)", "&amp;", text)
    return text.replace("<", "&lt;")


def escape_csv(value: Any) -> Any:
    """Escape a value for a csv file that a spreadsheet may open.

    Text that a spreadsheet takes for a formula gets a leading apostrophe. This is text that begins
    with `=`, `+`, `-`, `@` (also in full width), a tab or a line break, unless it is a number
    such as "-1". Values of other types are returned as they are.

    Example:
        >>> escape_csv("=1+1"), escape_csv("-1"), escape_csv(-1)
        ("'=1+1", '-1', -1)
    """
    if not isinstance(value, str) or not value.startswith(_FORMULA):
        return value
    try:
        float(value)
        return value
    except ValueError:
        return f"'{value}"


def escape_csv_row(values: Iterable[Any]) -> list[Any]:
    """Escape the values of a row; see `escape_csv`."""
    return [escape_csv(value) for value in values]


def escape_label(text: str) -> str:
    r"""Escape text for matplotlib: `$` begins no formula, and a leading `_` hides no line.

    Example:
        >>> escape_label("$x$")
        '\\$x\\$'
    """
    text = _join_lines(text).replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text


def _join_lines(text: str) -> str:
    """Return text on one line, without control characters."""
    return "".join(c if c.isprintable() else " " for c in text)
