"""Several processes, on one machine or on many, under `jax.distributed`.

Seeds are independent, so processes train their shares without communication, each on the devices
of its own machine. Only plans and results are exchanged, as pickles: the processes belong to one
program of one user, and no pickle is stored.
"""

import pickle
from typing import Any

import jax
import numpy as np

from jaxad.errors import ConfigError

__all__ = ["gather", "is_first", "join_processes"]


def join_processes(coordinator: str | None, processes: int | None, process_id: int | None) -> None:
    """Join the other processes; call this before anything runs on a device.

    Args:
        coordinator: Address and port of process 0, as 10.0.0.1:8476. None for all three: read from
            the environment (SLURM, Open MPI, Kubernetes, a TPU pod).
        processes: The number of processes.
        process_id: The number of this process, from 0.

    Raises:
        ConfigError: Only some of them are given, or none and the environment lacks them; or the
            coordinator is not reached.
    """
    given = (coordinator, processes, process_id)
    if None in given and given != (None, None, None):
        raise ConfigError(
            "--coordinator, --processes and --process-id are given together, or not at all where "
            f"the environment of the cluster has them; given {given}"
        )
    # The service of JAX would take SIGTERM for itself, and the process would not end by it.
    jax.config.update("jax_enable_preemption_service", False)
    try:
        jax.distributed.initialize(coordinator, processes, process_id)
    except (ValueError, RuntimeError) as error:
        hint = "" if coordinator else ": give --coordinator, --processes and --process-id"
        raise ConfigError(f"the processes cannot be joined ({error}){hint}") from error


def is_first() -> bool:
    """Return whether this is the process that writes."""
    return jax.process_index() == 0


def gather(value: Any) -> list[Any]:
    """Return the values of all processes in the order of their numbers; all must call this.

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
