"""Layouts of convolutions in programs: channels last, over images or over their rows."""

import re

__all__ = ["are_channels_last", "are_compiled_channels_last", "find_compiled", "find_written"]

_WRITTEN = {"[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]", "[b, 0, f]x[0, i, o]->[b, 0, f]"}
_COMPILED = {"b01f_01io->b01f", "b0f_0io->b0f"}


def find_written(program: str) -> set[str]:
    """Return the layouts of the convolutions of a lowered program."""
    return set(re.findall(r"dim_numbers = (\[.*?\]x\[.*?\]->\[.*?\])", program))


def find_compiled(program: str) -> set[str]:
    """Return those of a compiled program; none where a library convolves."""
    return set(re.findall(r"dim_labels=([\w?]+->[\w?]+)", program))


def are_channels_last(program: str) -> bool:
    """Return whether a lowered program has convolutions, all of them with channels last."""
    found = find_written(program)
    return bool(found) and found <= _WRITTEN


def are_compiled_channels_last(program: str) -> bool:
    """Return whether all convolutions of a compiled program have channels last."""
    return find_compiled(program) <= _COMPILED
