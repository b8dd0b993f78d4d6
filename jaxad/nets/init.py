"""How layers start: uniform with standard deviation 1 / sqrt(3 fan-in)."""

import flax.linen as nn

__all__ = ["kernel_init", "output_kernel_init"]

kernel_init = nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform")


def output_kernel_init(key, shape, dtype=float):
    """`kernel_init` whose first columns do not depend on how many columns there are.

    The random bits of an array run along its last axis, so that a transposed draw gives a table's
    true columns the same numbers whatever bucket they are padded to.
    """
    transposed = nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform", in_axis=1, out_axis=0)
    return transposed(key, shape[::-1], dtype).T
