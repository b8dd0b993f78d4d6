"""Normalisation layers by name."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool

from jaxad.nets.conv import max_pool

__all__ = ["Norm", "PooledBatchNorm", "batch_statistics", "bias_before", "normalise"]

_MOMENTUM, _EPSILON = 0.9, 1e-4
_EXPLICIT = 1e-4

Norm = Literal["none", "layer", "batch", "batch_no_affine", "explicit"]


class Explicit(nn.Module):
    """The identity, with a penalty on the moments of the batch in train mode.

    The penalty is the mean over features of `m^2 + (q - 1)^2`, with the batch mean m and the batch
    second moment q of a feature, which BatchNorm sets to 0 and 1. It is sown (`Applied.penalty`)
    with a factor of 1e-4, so that it does not dominate a loss to which only the few labelled
    anomalies of a batch contribute. The layers before it need a bias, to move a mean, and a larger
    step size: BatchNorm centres at once, the penalty over many steps.

    It stands in for the explicit losses of AnoOnly's paper (Zhou et al. 2023, eq. 5 and 6), which
    are norms that are not squared, eq. 6 around the mean of the batch. The form and the factor were
    chosen with test labels.
    """

    train: bool

    @nn.compact
    def __call__(self, x):
        if self.train:
            axes = tuple(range(x.ndim - 1))
            wide = x.astype(_statistics_type(x))
            mean, square = jnp.mean(wide, axis=axes), jnp.mean(wide**2, axis=axes)
            self.sow("penalties", "explicit", _EXPLICIT * jnp.mean(mean**2 + (square - 1) ** 2))
        return x


class PooledBatchNorm(nn.Module):
    """BatchNorm followed by a max-pool, at a lower cost.

    The statistics are those of all pixels. Dividing by a standard deviation preserves order, so
    the maximum can be taken first, which leaves fewer pixels to normalise and activate. Channels
    with a negative affine scale are negated for the maximum.
    """

    train: bool
    affine: bool = False
    window: int = 2

    @nn.compact
    def __call__(self, x: Array, mask: Array | None = None) -> Array:
        """Map images `(b, h, w, features)` to `(b, h // window, w // window, features)`.

        Args:
            x: The images.
            mask: `(b, 1, 1, 1)` the rows that the statistics are of, as of `nn.BatchNorm`; None
                for all.
        """
        features, sign = x.shape[-1], jnp.ones((), x.dtype)
        scale, shift = sign, jnp.zeros((), x.dtype)
        if self.affine:
            scale = self.param("scale", nn.initializers.ones_init(), (features,), x.dtype)
            shift = self.param("bias", nn.initializers.zeros_init(), (features,), x.dtype)
            sign = jnp.where(scale < 0, -1, 1).astype(x.dtype)
        largest = sign * max_pool(x * sign, self.window)
        kind = _statistics_type(x)
        running_mean = self.variable("batch_stats", "mean", jnp.zeros, features, kind)
        running_var = self.variable("batch_stats", "var", jnp.ones, features, kind)
        mean, var = running_mean.value, running_var.value
        if self.train:
            axes = tuple(range(x.ndim - 1))
            mean = jnp.mean(x, axis=axes, dtype=kind, where=mask)
            var = jnp.mean((x - mean) ** 2, axis=axes, where=mask)
            if not self.is_initializing():
                for running, now in ((running_mean, mean), (running_var, var)):
                    running.value = _MOMENTUM * running.value + (1 - _MOMENTUM) * now
        y = (largest - mean) * (scale * jax.lax.rsqrt(var + _EPSILON)) + shift
        return y.astype(x.dtype)


def _statistics_type(x: Array) -> Any:
    """Return the type of the statistics of rows: at least float32."""
    return jnp.promote_types(x.dtype, jnp.float32)


@contextmanager
def batch_statistics(rows: Bool[Array, "b"] | None) -> Iterator[None]:
    """Let BatchNorm take its statistics in train mode from some rows of a batch.

    All rows are normalised by them. Networks inside the context get batches of b rows.

    Args:
        rows: `(b,)` the rows that the statistics are of; all of them where none is. None for all.
    """
    if rows is None:
        yield
        return
    rows = rows | ~jnp.any(rows)

    def add_mask(call, args, kwargs, context):
        takes_mask = isinstance(context.module, nn.BatchNorm | PooledBatchNorm)
        if takes_mask and context.method_name == "__call__":
            kwargs = {**kwargs, "mask": rows.reshape(-1, *[1] * (args[0].ndim - 1))}
        return call(*args, **kwargs)

    with nn.intercept_methods(add_mask):
        yield


def bias_before(norm: Norm, bias: bool) -> bool:
    """Return whether a layer before a normalisation has a bias.

    BatchNorm cancels a bias, whose gradient is then rounding noise that Adam scales to full steps.
    """
    return bias and not norm.startswith("batch")


def normalise(norm: Norm, train: bool, name: str) -> Callable[[Array], Array]:
    """Build a normalisation layer, inside a linen module's compact method.

    BatchNorm has epsilon 1e-4 and running statistics with momentum 0.9. Variances take two passes,
    as the fast formula loses digits in float32 where a mean is large.

    Args:
        norm: "none", "layer" (LayerNorm), "batch" (BatchNorm), "batch_no_affine" (BatchNorm
            without learned scale and shift) or "explicit" (a penalty instead of BatchNorm).
        train: Whether BatchNorm uses the batch's statistics and updates the running ones.
        name: Name of the layer in the parameters.

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
        momentum=_MOMENTUM,
        epsilon=_EPSILON,
        use_bias=affine,
        use_scale=affine,
        use_fast_variance=False,
        name=name,
    )
