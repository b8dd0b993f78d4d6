"""JAX's modes under which the library runs its programs."""

from collections.abc import Iterator
from contextlib import contextmanager

import jax

__all__ = ["pinned_modes"]


@contextmanager
def pinned_modes() -> Iterator[None]:
    """Run code of the library under the modes that it is written for, whatever the user has set.

    Numbers have 32 bits, and arrays of different ranks and dtypes are promoted as NumPy does it.
    `JAX_ENABLE_X64`, `jax_numpy_rank_promotion` and `jax_numpy_dtype_promotion` then hold for the
    user's own code and change no result of a detector. `jax_debug_nans` and `jax_disable_jit` stay
    as they are set.

    The modes are those of a thread: a thread that the library starts enters them itself. Functions
    are decorated by `@pinned_modes()`.
    """
    with (
        jax.enable_x64(False),
        jax.numpy_rank_promotion("allow"),
        jax.numpy_dtype_promotion("standard"),
    ):
        yield
