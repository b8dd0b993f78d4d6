"""The processor time of a call, which other programs on the machine disturb less than wall time."""

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import jax

REPEATS, CALLS = 7, 5


def measure_call(function: Callable, *args: Any) -> float:
    """Return the median processor time of a call in seconds, of all threads.

    The system counts a thread's time when the thread stops, which the pause waits for.
    """
    jax.block_until_ready(function(*args))
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        for _ in range(CALLS):
            jax.block_until_ready(function(*args))
        time.sleep(0.01)
        times.append((time.process_time() - start) / CALLS)
    return median(times)
