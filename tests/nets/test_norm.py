"""BatchNorm before a max-pool: the same numbers at a lower cost."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxad.nets.conv import max_pool
from jaxad.nets.norm import PooledBatchNorm, normalise


class InFull(nn.Module):
    """Every pixel normalised and activated, then pooled."""

    @nn.compact
    def __call__(self, x, train):
        return max_pool(nn.leaky_relu(normalise("batch_no_affine", train, "norm")(x), 0.1))


class PooledFirst(nn.Module):
    """The same by `PooledBatchNorm`."""

    @nn.compact
    def __call__(self, x, train):
        return nn.leaky_relu(PooledBatchNorm(train, name="norm")(x), 0.1)


@pytest.mark.parametrize("shape", [(6, 8, 8, 3), (5, 7, 9, 2)])
def test_pooling_first_gives_the_same_values_statistics_and_derivatives(shape):
    with jax.enable_x64(True):
        rng = np.random.default_rng(0)
        x, weight = (
            jnp.asarray(3 + 2 * rng.normal(size=shape)),
            rng.normal(size=(*shape[:1], 3, 4, 2)),
        )
        variables = InFull().init(jax.random.key(0), x, False)
        assert jax.tree.structure(variables) == jax.tree.structure(
            PooledFirst().init(jax.random.key(0), x, False)
        )

        def run(module, x):
            out, stats = module.apply(variables, x, True, mutable=["batch_stats"])
            weights = jnp.resize(jnp.asarray(weight), out.shape)
            return jnp.sum(weights * out**2), (
                out,
                stats,
                module.apply(variables | stats, x, False),
            )

        (full, about_full), gradient_full = jax.value_and_grad(run, 1, has_aux=True)(InFull(), x)
        (pooled, about), gradient = jax.value_and_grad(run, 1, has_aux=True)(PooledFirst(), x)
        close = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)  # noqa: E731
        jax.tree.map(close, (full, about_full, gradient_full), (pooled, about, gradient))
