"""The examples of property tests: always the same ones, or more and other ones for `make fuzz`."""

import os

from hypothesis import settings

__all__ = ["examples"]

TIMES = int(os.environ.get("FUZZ", "0"))

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("fuzz", deadline=None, print_blob=True, max_examples=100 * max(TIMES, 1))
settings.load_profile("fuzz" if TIMES else "repeatable")


def examples(count: int) -> int:
    """Return how many examples a test draws that needs `count` of them in the suite."""
    return count * max(TIMES, 1)
