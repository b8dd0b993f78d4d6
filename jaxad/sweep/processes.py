"""Several processes, on one machine or on many, under `jax.distributed`.

Seeds are independent, so that processes train their shares of them without a word to each other,
each on the devices of its own machine. Only plans and results travel, pickled: the processes are
one program's, started by one user, and nothing pickled is ever kept.
"""

import pickle
from typing import Any

import jax
import numpy as np

from jaxad.errors import ConfigError

__all__ = ["gathered", "is_first", "start"]


def start(coordinator: str | None, processes: int | None, process_id: int | None) -> None:
    """Join the other processes; call this before anything runs on a device.

    Args:
        coordinator: Address and port of process 0, as 10.0.0.1:8476. None for all three: as the
            cluster's environment says (SLURM, Open MPI, Kubernetes, a TPU pod).
        processes: How many processes there are.
        process_id: This one's number, from 0.

    Raises:
        ConfigError: Given in part, or nothing is given and the environment does not say; or the
            coordinator is not reached.
    """
    given = (coordinator, processes, process_id)
    if None in given and given != (None, None, None):
        raise ConfigError(
            "--coordinator, --processes and --process-id are given together, or not at all where "
            f"the cluster's environment says them; given {given}"
        )
    try:
        jax.distributed.initialize(coordinator, processes, process_id)
    except (ValueError, RuntimeError) as error:
        hint = "" if coordinator else ": give --coordinator, --processes and --process-id"
        raise ConfigError(f"the processes cannot be joined ({error}){hint}") from error


def is_first() -> bool:
    """Whether this is the process that writes."""
    return jax.process_index() == 0


def gathered(value: Any) -> list[Any]:
    """What each process gives, in the order of their numbers. All processes must call this.

    Args:
        value: Anything that can be pickled.
    """
    if jax.process_count() == 1:
        return [value]
    from jax.experimental.multihost_utils import process_allgather

    content = np.frombuffer(pickle.dumps(value), np.uint8)
    sizes = np.asarray(process_allgather(np.asarray(len(content), np.int32)))
    # Few lengths, as each is a program of its own.
    padded = np.zeros(1 << int(sizes.max() - 1).bit_length(), np.uint8)
    padded[: len(content)] = content
    rows = np.asarray(process_allgather(padded))
    return [pickle.loads(row[:n].tobytes()) for row, n in zip(rows, sizes, strict=True)]
