"""Random numbers on the host from JAX keys, without compilation.

The bits come from NumPy's Philox counter generator, and a permutation sorts them. Raw bits and
stable sorting are fixed by their definitions, whereas the stream of
`numpy.random.Generator.permutation` may change between versions. A key therefore gives the same
permutation on every machine and with every version.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from jaxad.errors import ConfigError
from jaxad.types import Key

__all__ = ["Stream"]


def read_key_words(key: Key | int) -> tuple[int, ...]:
    """Return the 32-bit words of a key.

    Args:
        key: A typed key such as `jax.random.key(0)`, or an integer seed.

    Returns:
        The words of `jax.random.key_data(key)`.

    Raises:
        ConfigError: `key` is neither, or is an array of several keys.
    """
    return tuple(int(word) for word in np.asarray(jax.random.key_data(as_key(key))))


def as_key(key: Key | int) -> Key:
    """Return a typed key for a typed key or an integer seed.

    Raises:
        ConfigError: `key` is neither, or is an array of several keys.
    """
    if isinstance(key, int | np.integer) and not isinstance(key, bool):
        return _make_key(int(key))
    if isinstance(key, jax.Array) and jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
        if key.shape == ():
            return key
        raise ConfigError(
            f"key has shape {key.shape}; give a single key, and the number of seeds as seeds="
        )
    raise ConfigError(f"key is {key!r}; give a typed key such as jax.random.key(0), or an integer")


def _make_key(seed: int) -> Key:
    """Return `jax.random.key(seed)`, in most cases without compiling the program that makes it."""
    config: Any = jax.config
    if config.jax_default_prng_impl != "threefry2x32" or config.jax_enable_x64:
        return jax.random.key(seed)
    low = np.int64(seed).astype(np.uint32)  # as JAX, which takes the lower 32 bits
    words = np.array([0, low], np.uint32)
    return jax.random.wrap_key_data(jax.device_put(words), impl="threefry2x32")


class Stream:
    """Independent random numbers for each stage of a procedure.

    The numbers of a stage depend only on the key and the stage, not on what other stages draw. The
    same key therefore gives the same test rows at every contamination.
    """

    def __init__(self, key: Key | int) -> None:
        self.words = read_key_words(key)

    def _bits(self, stage: int) -> np.random.Philox:
        return np.random.Philox(np.random.SeedSequence([*self.words, stage]))

    def permutation(self, stage: int, n: int) -> Int[np.ndarray, "n"]:
        """Return a random permutation of `0..n-1`."""
        return np.argsort(self._bits(stage).random_raw(n), kind="stable")

    def choice(self, stage: int, n: int, size: int) -> Int[np.ndarray, "size"]:
        """Draw `size` numbers from `0..n-1` with replacement."""
        return (self._bits(stage).random_raw(size) % np.uint64(n)).astype(np.int64)

    def uniform(self, stage: int, *shape: int) -> Float[np.ndarray, "*shape"]:
        """Draw uniform float64 numbers in [0, 1)."""
        bits = self._bits(stage).random_raw(int(np.prod(shape)))
        return (bits >> np.uint64(11)).reshape(shape) * 2.0**-53

    def normal(self, stage: int, *shape: int) -> Float[np.ndarray, "*shape"]:
        """Draw standard normal float64 numbers by the Box-Muller transform."""
        u = self.uniform(stage, 2, *shape)
        return np.sqrt(-2.0 * np.log1p(-u[0])) * np.cos(2.0 * np.pi * u[1])
