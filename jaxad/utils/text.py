"""Texts in one line, for tables and pages."""

__all__ = ["shorten"]


def shorten(text: str, most: int = 100) -> str:
    """Return the beginning of a text in one line."""
    line = " ".join(text[: 4 * most].split())
    return line if len(line) <= most else line[: most - 1] + "\u2026"
