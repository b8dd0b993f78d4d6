"""Networks of sequences: the equations of an LSTM, what may be seen, and how kernels start."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxad.nets.forecast import lstm_forecaster, mlp_forecaster

TIME, CHANNELS, CELLS = 7, 2, 5
LSTM = lstm_forecaster(TIME, CHANNELS, (CELLS,), bias=True)
MLP = mlp_forecaster(TIME, 3, CHANNELS, (8, 4), "none", bias=True)
DEEP = lstm_forecaster(TIME, CHANNELS, (CELLS, 4), bias=False)
nets = pytest.mark.parametrize("net", [LSTM, MLP, DEEP], ids=["lstm", "mlp", "deep lstm"])


def some(net, seed=0, rows=4):
    """Random variables, shifted so that biases are not 0, and rows."""
    params, _ = net.init(jax.random.key(seed), CHANNELS)
    rng = np.random.default_rng(seed)
    params = jax.tree.map(lambda p: p + 0.1 * rng.normal(size=p.shape).astype(p.dtype), params)
    return params, rng.normal(size=(rows, TIME, CHANNELS)).astype(np.float32)


def run(net, params, x, train=False):
    return net.apply(params, {}, x, train).out


def test_the_lstm_is_its_equations():
    """Hochreiter and Schmidhuber 1997 with the forget gate of Gers et al. 2000."""
    params, x = some(LSTM)
    cell, last = jax.tree.map(np.asarray, (params["lstm_0"], params["predict"]))

    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    def gate(name, x, h):
        recurrent = cell["h" + name]
        return x @ cell["i" + name]["kernel"] + h @ recurrent["kernel"] + recurrent["bias"]

    h = c = np.zeros((len(x), CELLS))
    for t in range(TIME):
        i, f, g, o = (gate(name, x[:, t], h) for name in "ifgo")
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        expected = h @ last["kernel"] + last["bias"]
        np.testing.assert_allclose(run(LSTM, params, x)[:, t], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("net", [LSTM, DEEP], ids=["lstm", "deep lstm"])
def test_the_lstm_sees_no_later_point(net):
    params, x = some(net)
    before = run(net, params, x)
    for t in range(1, TIME):
        changed = x.copy()
        changed[:, t:] += 1.0
        after = run(net, params, changed)
        np.testing.assert_array_equal(after[:, :t], before[:, :t])
        assert np.abs(after[:, t:] - before[:, t:]).max(axis=(0, 2)).min() > 0


def test_the_mlp_is_its_equations():
    params, x = some(MLP)
    params = jax.tree.map(np.asarray, params)
    z = x.reshape(len(x), -1)
    for name in ("dense_0", "dense_1"):
        z = z @ params[name]["kernel"] + params[name]["bias"]
        z = np.where(z < 0, 0.1 * z, z)
    z = z @ params["predict"]["kernel"] + params["predict"]["bias"]
    np.testing.assert_allclose(run(MLP, params, x), z.reshape(len(x), 3, CHANNELS), rtol=1e-4)


def test_every_kernel_starts_random_and_every_bias_at_0():
    net = lstm_forecaster(TIME, 30, (40,), bias=True)
    params, stats = net.init(jax.random.key(0), 30)
    assert stats == {}
    leaves = jax.tree_util.tree_leaves_with_path(params)
    assert len(leaves) == 4 + 4 + 4 + 2  # kernels from input, from before, biases; the last layer
    kernels = []
    for path, leaf in leaves:
        if path[-1].key == "bias":
            assert not np.any(leaf)
        else:
            expected = 1 / np.sqrt(3 * leaf.shape[0])
            assert float(jnp.std(leaf)) == pytest.approx(expected, rel=0.1)
            assert float(jnp.abs(leaf).max()) <= 1 / np.sqrt(leaf.shape[0])
            kernels.append(np.ravel(leaf)[:100])
    assert len(np.unique(np.concatenate(kernels))) == 100 * len(kernels)
    other, _ = net.init(jax.random.key(1), 30)
    assert not np.allclose(other["lstm_0"]["hf"]["kernel"], params["lstm_0"]["hf"]["kernel"])


@nets
def test_forward_mode_is_reverse_mode_is_a_finite_difference(net):
    """`jax.jvp` must pass for meta-gradients. Central differences, step 1e-6, in float64."""
    with jax.enable_x64(True):
        params, x = jax.tree.map(lambda p: jnp.asarray(p, jnp.float64), some(net))
        rng = np.random.default_rng(1)
        along = jax.tree.map(lambda p: jnp.asarray(rng.normal(size=p.shape)), params)

        def loss(params):
            return jnp.sum(run(net, params, x, train=True) ** 2)

        forward = jax.jvp(loss, (params,), (along,))[1]
        parts = jax.tree.map(lambda g, a: jnp.sum(g * a), jax.grad(loss)(params), along)
        up, down = (
            loss(jax.tree.map(lambda p, a, s=s: p + s * a, params, along)) for s in (1e-6, -1e-6)
        )
        assert float(forward) == pytest.approx(float(sum(jax.tree.leaves(parts))), rel=1e-10)
        assert float(forward) == pytest.approx(float((up - down) / 2e-6), rel=1e-6)
