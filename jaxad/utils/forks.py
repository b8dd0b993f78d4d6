"""Processes that were forked after JAX had started, and that lack its threads."""

import os
import sys

from jaxad.errors import ConfigError

__all__ = ["refuse_forked"]

_forked = False


def refuse_forked() -> None:
    """Raise in a process that was forked from one in which JAX had started.

    Raises:
        ConfigError: This is such a process; programs of JAX would not end in it.
    """
    if _forked:
        raise ConfigError(
            "this process was forked from one that had used JAX, whose threads do not exist here: "
            "start processes by the method 'spawn' or 'forkserver' of multiprocessing, or by "
            "joblib's loky"
        )


def _look_for_backends() -> None:
    global _forked
    _forked = bool(getattr(sys.modules.get("jax._src.xla_bridge"), "_backends", ()))


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_look_for_backends)
