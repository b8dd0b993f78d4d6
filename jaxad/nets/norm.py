"""Normalisation layers by name."""

from typing import Literal

import flax.linen as nn
import jax.numpy as jnp

__all__ = ["Norm", "bias_before", "normalise"]

Norm = Literal["none", "layer", "batch", "batch_no_affine", "explicit"]


class Explicit(nn.Module):
    """Features as they are; in train mode `L_BN` of the batch is written beside the statistics.

    `L_BN` is the mean over features of the squared distances of the batch mean to 0 and of the
    batch second moment to 1: a loss that asks for what BatchNorm does. Learners add it to theirs
    (`jaxad.learners.gradient`).

    References:
        Zhou et al. 2023, AnoOnly, eq. 5 and 6.
    """

    train: bool

    @nn.compact
    def __call__(self, x):
        penalty = self.variable("batch_stats", "penalty", lambda: jnp.zeros((), x.dtype))
        if self.train:
            axes = tuple(range(x.ndim - 1))
            mean, square = jnp.mean(x, axis=axes), jnp.mean(x**2, axis=axes)
            penalty.value = jnp.mean(mean**2 + (square - 1) ** 2)
        return x


def bias_before(norm: Norm, bias: bool) -> bool:
    """Whether a layer in front of a normalisation gets a bias.

    BatchNorm takes it off again: its gradient is rounding noise, of which Adam makes whole steps.
    """
    return bias and not norm.startswith("batch")


def normalise(norm: Norm, train: bool, name: str):
    """A normalisation layer, to be called in a linen module's compact method.

    BatchNorm has epsilon 1e-4 and moves its running statistics by a tenth a step (thesis, B.1).
    The two-pass variance: the fast one cancels in float32 where a mean is large.

    Args:
        norm: "none", "layer" (LayerNorm), "batch" (BatchNorm), "batch_no_affine" (BatchNorm
            without learned scale and shift) or "explicit" (a loss in place of BatchNorm).
        train: Whether BatchNorm uses and updates with the batch's statistics.
        name: The layer's name among the parameters.

    Returns:
        A function from `(b, ..., features)` to the same shape.
    """
    if norm == "none":
        return lambda x: x
    if norm == "layer":
        return nn.LayerNorm(use_fast_variance=False, name=name)
    if norm == "explicit":
        return Explicit(train, name=name)
    affine = norm == "batch"
    return nn.BatchNorm(
        use_running_average=not train,
        momentum=0.9,
        epsilon=1e-4,
        use_bias=affine,
        use_scale=affine,
        use_fast_variance=False,
        name=name,
    )
