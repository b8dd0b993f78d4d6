"""Random permutations of a traced length, position by position."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Int, UInt32

__all__ = ["ROUNDS", "permute"]

ROUNDS = 6  # of scrambling, each with two constants


def permute(
    constants: UInt32[Array, "rounds 2"], n: Int[ArrayLike, ""], position: Int[Array, "b"]
) -> Int[Array, "b"]:
    """Map positions through a random permutation of `0..n-1`, without computing all of it.

    `n` is traced, and a shuffle by sorting would cost the padded length in each epoch. Instead, a
    bijection scrambles the numbers with as many bits as `n - 1`, and is applied until the result is
    below `n` (cycle walking), which gives a bijection of `0..n-1`.

    Args:
        constants: Random numbers that determine the permutation.
        n: The number of elements, `1 <= n < 2**31`.
        position: `(b,)` positions in `0..n-1`.

    Returns:
        `(b,)` the numbers at these positions.

    References:
        Black and Rogaway 2002, Ciphers with arbitrary finite domains.
    """
    n = jnp.asarray(n, jnp.uint32)
    bits = 32 - jax.lax.clz(jnp.maximum(n - 1, 1))
    mask = (jnp.uint32(1) << bits) - 1
    half = (bits + 1) // 2

    def scramble(x: UInt32[Array, "b"]) -> UInt32[Array, "b"]:
        # Each line is invertible on numbers of `bits` bits.
        for add, multiply in constants:
            x = (x + add) & mask
            x = (x * (multiply | 1)) & mask
            x = x ^ (x >> half)
        return x

    def walk(x):
        return jnp.where(x >= n, scramble(x), x)

    start = scramble(position.astype(jnp.uint32))
    return jax.lax.while_loop(lambda x: jnp.any(x >= n), walk, start).astype(jnp.int32)
