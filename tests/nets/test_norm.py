"""BatchNorm before a max-pool: the same numbers at a lower cost."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxad.nets.conv import max_pool
from jaxad.nets.norm import PooledBatchNorm, batch_statistics, normalise


class InFull(nn.Module):
    """Every pixel normalised and activated, then pooled."""

    norm: str

    @nn.compact
    def __call__(self, x, train):
        return max_pool(nn.leaky_relu(normalise(self.norm, train, "norm")(x), 0.1))


class PooledFirst(nn.Module):
    """The same by `PooledBatchNorm`."""

    norm: str

    @nn.compact
    def __call__(self, x, train):
        return nn.leaky_relu(PooledBatchNorm(train, self.norm == "batch", name="norm")(x), 0.1)


@pytest.mark.parametrize("norm", ["batch_no_affine", "batch"])
@pytest.mark.parametrize("shape", [(6, 8, 8, 3), (5, 7, 9, 2)])
def test_pooling_first_gives_the_same_values_statistics_and_derivatives(shape, norm):
    with jax.enable_x64(True):
        rng = np.random.default_rng(0)
        x, weight = (
            jnp.asarray(3 + 2 * rng.normal(size=shape)),
            rng.normal(size=(*shape[:1], 3, 4, 2)),
        )
        variables = InFull(norm).init(jax.random.key(0), x, False)
        assert jax.tree.structure(variables) == jax.tree.structure(
            PooledFirst(norm).init(jax.random.key(0), x, False)
        )

        # Scales of both signs: where one is negative the smallest pixel becomes the largest.
        for name, leaf in variables.get("params", {}).get("norm", {}).items():
            values = rng.normal(size=leaf.shape)
            variables["params"]["norm"][name] = values - 2 * (name == "scale") * values[0]

        def run(module, x):
            out, stats = module.apply(variables, x, True, mutable=["batch_stats"])
            weights = jnp.resize(jnp.asarray(weight), out.shape)
            return jnp.sum(weights * out**2), (
                out,
                stats,
                module.apply(variables | stats, x, False),
            )

        (full, about_full), gradient_full = jax.value_and_grad(run, 1, has_aux=True)(
            InFull(norm), x
        )
        (pooled, about), gradient = jax.value_and_grad(run, 1, has_aux=True)(PooledFirst(norm), x)
        close = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)  # noqa: E731
        jax.tree.map(close, (full, about_full, gradient_full), (pooled, about, gradient))


@pytest.mark.parametrize("module", [InFull("batch_no_affine"), PooledFirst("batch_no_affine")])
def test_statistics_of_some_rows_are_those_of_a_batch_of_them(module):
    x = jnp.asarray(np.random.default_rng(0).normal(1, 2, (6, 4, 4, 2)), jnp.float32)
    rows = jnp.asarray([True, False, True, True, False, True])
    variables = module.init(jax.random.key(0), x, False)

    def run(x, rows):
        with batch_statistics(rows):
            return module.apply(variables, x, True, mutable=["batch_stats"])

    (out, some), (expected, alone) = run(x, rows), run(x[rows], None)
    np.testing.assert_allclose(out[rows], expected, rtol=1e-5, atol=1e-6)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), some, alone)
    assert np.isfinite(out).all() and not np.allclose(run(x, None)[0], out)
    # Where no row is left, all of them are used.
    none, every = run(x, jnp.zeros(6, bool)), run(x, None)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), none, every)
