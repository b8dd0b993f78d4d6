"""The largest number of seeds whose programs fit in the memory of a topology."""

import re
from collections.abc import Callable

__all__ = ["DeviceMemoryError", "extrapolate_seeds", "find_capacity", "read_available"]

_AVAILABLE = re.compile(r"available HBM \(([\d.]+)([KMGT])\)|of ([\d.]+)([KMGT]) hbm")
_UNITS = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_TRIES = 4


class DeviceMemoryError(Exception):
    """The compiler's refusal of a program that does not fit in the memory of a device.

    Attributes:
        available: Bytes that it has for programs, less than the chip's memory; None if it does not
            say.
    """

    def __init__(self, message: str, available: int | None = None):
        super().__init__(message)
        self.available = available


def read_available(message: str) -> int | None:
    """Read from a message of the TPU's compiler how many bytes it has for programs."""
    found = _AVAILABLE.search(message)
    if found is None:
        return None
    number, unit = (part for part in found.groups() if part is not None)
    return int(float(number) * _UNITS[unit])


def extrapolate_seeds(first: tuple[int, int], second: tuple[int, int], memory: int) -> int | None:
    """Return how many seeds fit if the memory grows linearly with them.

    Args:
        first: A number of seeds, and the bytes of their largest program on each device.
        second: The same for more seeds.
        memory: The bytes of each device.

    Returns:
        The number, at least 0; None if the memory does not grow.
    """
    (seeds, size), (more, larger) = first, second
    if larger <= size:
        return None
    each = (larger - size) / (more - seeds)
    return max(0, int(seeds + (memory - size) // each))


def find_capacity(
    measure: Callable[[int], int], seeds: int, devices: int, memory: int
) -> tuple[int | None, bool]:
    """Find the largest number of seeds that fits, from two compilations, and check it by a third.

    Args:
        measure: Compiles the largest program for a number of seeds and returns its bytes on each
            device; raises `DeviceMemoryError`.
        seeds: A number of seeds that fits.
        devices: The number of devices, which the seeds are spread over evenly.
        memory: The bytes of each device.

    Returns:
        The number, a multiple of `devices`, and whether that many were compiled; None if the
        memory does not grow with the seeds.
    """
    low = -(-seeds // devices) * devices
    first = (low, measure(low))
    try:
        more = 2 * low
        second = (more, measure(more))
    except DeviceMemoryError as error:
        memory = error.available or memory
        more = max(devices, low // 2 // devices * devices)
        if more == low:
            return low, True
        first, second = (more, measure(more)), first
    found = extrapolate_seeds(first, second, memory)
    if found is None:
        return None, False
    for _ in range(_TRIES):
        found = max(found // devices * devices, second[0])
        if found == second[0]:
            return found, True
        try:
            measure(found)
            return found, True
        except DeviceMemoryError as error:
            smaller = extrapolate_seeds(first, second, error.available or memory)
            found = min(smaller or found, found * 9 // 10)
    return second[0], True
