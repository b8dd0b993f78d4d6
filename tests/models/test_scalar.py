"""Scores of DevNet, FEAWAD and PReNet against their formulas, and where roots have no slope."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxad.models import Reconstruction
from jaxad.models.deviation import Deviation
from jaxad.models.pairs import PairScore
from jaxad.models.residual import ResidualScore, split_norm
from jaxad.nets.base import Net
from jaxad.nets.mlp import mlp_decoder, mlp_encoder
from jaxad.nets.norm import normalise
from jaxad.nets.scorer import linear_head, relu_net, residual_scorer, scalar_net
from jaxad.types import TrainData, Variables

KEY = jax.random.key(0)
N, PADDING, COLUMNS = 40, 9, 32


def data(features=6, padding=PADDING, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(2, 1, size=(N, features))
    x = np.concatenate([x, np.full((padding, features), 1e3)]).astype(np.float32)
    label = np.concatenate([rng.integers(-1, 2, N), np.full(padding, -1)]).astype(np.int8)
    return TrainData(x, label, np.int32(N), np.int32(features))


def dense(x, params):
    return x @ np.asarray(params["kernel"]) + np.asarray(params["bias"])


def test_the_deviation_is_in_units_of_5000_standard_normal_draws():
    train = data()
    plain = Deviation(scalar_net((COLUMNS,), (), (5,), "none"), standardised=False)
    model = Deviation(plain.net)
    variables, extras = model.init(KEY, train)
    assert abs(extras["mean"]) < 4 / np.sqrt(5_000) and abs(extras["std"] - 1) < 0.04
    assert extras["mean"] != 0
    phi = np.asarray(plain.apply(variables, plain.extras(variables, train), train.x, False).out)
    dev = model.apply(variables, extras, train.x, train=False).out
    want = (phi - float(extras["mean"])) / float(extras["std"])
    np.testing.assert_allclose(dev, want, rtol=1e-4, atol=1e-5)
    padded = np.pad(train.x, ((0, 0), (0, COLUMNS - 6)))
    hidden = np.maximum(dense(padded, variables.params["input"]), 0)
    np.testing.assert_allclose(phi, dense(hidden, variables.params["head"])[:, 0], rtol=1e-4)


def test_an_image_gets_a_convolutional_scalar_net():
    net = scalar_net((8, 8, 1), (4,), (6,), "none")
    assert net.convolutional
    variables, extras = Deviation(net).init(KEY, data())
    images = np.zeros((3, 8, 8, 1), np.uint8)
    assert Deviation(net).apply(variables, extras, images, train=False).out.shape == (3,)


def residual_model(norm="none"):
    code = (COLUMNS, (8, 4), "none", True, 0.0)
    autoencoder = Reconstruction(mlp_encoder(*code), mlp_decoder(*code))
    return ResidualScore(autoencoder, residual_scorer(COLUMNS, 4, (7, 5), norm))


def test_the_score_of_feawad_is_that_of_direction_code_and_norm():
    model, train = residual_model(), data()
    variables, extras = model.init(KEY, train)
    out = model.apply(variables, extras, train.x[:N], train=False).out
    x = np.pad(train.x[:N], ((0, 0), (0, COLUMNS - 6)))
    parts = model.select_autoencoder(variables)
    code, made = model.autoencoder.encode_and_decode(parts, x, train=False)
    y = made.out
    r = (x - np.asarray(y))[:, :6]
    norm = np.linalg.norm(r, axis=1, keepdims=True)
    np.testing.assert_allclose(out.norm, norm[:, 0], rtol=1e-5)
    scorer = jax.tree.map(np.asarray, variables.params["scorer"])
    direction = np.pad(r / norm, ((0, 0), (0, COLUMNS - 6)))
    first = np.concatenate([np.asarray(code), norm], axis=1)
    hidden = np.maximum(direction @ scorer["input"]["kernel"] + dense(first, scorer["dense_0"]), 0)
    hidden = np.maximum(dense(np.concatenate([hidden, norm], 1), scorer["dense_1"]), 0)
    want = dense(np.concatenate([hidden, norm], 1), scorer["head"])[:, 0]
    np.testing.assert_allclose(out.score, want, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(model.score(out), out.score)


def test_a_residual_of_zero_has_direction_norm_and_derivative_zero():
    r = jnp.array([[0.0, 0.0], [3.0, 4.0], [1e-25, 0.0]])
    direction, norm = split_norm(r)
    np.testing.assert_allclose(norm, [0, 5, 0])
    np.testing.assert_allclose(direction, [[0, 0], [0.6, 0.8], [0, 0]])
    grad = jax.grad(lambda r: sum(jnp.sum(jnp.cos(p + 1)) for p in split_norm(r)))(r)
    assert np.isfinite(grad).all() and not np.any(grad[0])
    with jax.enable_x64(True):
        check_grads(jax.jit(split_norm), (jnp.array([[3.0, 4.0], [-1.0, 0.2]]),), order=1)


def test_a_row_that_is_reconstructed_exactly_has_finite_scores_and_gradients():
    """All weights zero reconstruct the row of zeros."""
    model, train = residual_model("batch"), data()
    variables, extras = model.init(KEY, train)
    zeros = jax.tree.map(jnp.zeros_like, variables.params)
    params = {**zeros, "scorer": variables.params["scorer"]}
    x = np.concatenate([np.zeros((1, 6), np.float32), train.x[:7]])

    def total(params):
        out = model.apply(Variables(params, variables.batch_stats), extras, x, train=True).out
        assert out.norm.shape == (8,)
        return jnp.sum(out.score**2) + jnp.sum(out.norm), out.norm

    (loss, norm), grads = jax.value_and_grad(total, has_aux=True)(params)
    assert norm[0] == 0 and np.isfinite(loss)
    assert all(np.isfinite(g).all() for g in jax.tree.leaves(grads))


@pytest.fixture(scope="module")
def pairs():
    return PairScore(relu_net(COLUMNS, (5,), "batch_no_affine"), linear_head(10))


def features_of(pairs, variables, x, train):
    x = np.pad(x, ((0, 0), (0, COLUMNS - x.shape[1])))
    params, stats = variables.params["branch"], variables.batch_stats["branch"]
    return np.asarray(pairs.branch.apply(params, stats, x, train).out)


def test_the_rows_of_pairs_share_one_network_and_one_batch(pairs):
    train = data()
    variables, extras = pairs.init(KEY, train)
    x = train.x[: N // 2 * 2].reshape(-1, 2, 6)
    score, stats, _ = pairs.apply(variables, extras, x, train=True)
    features = features_of(pairs, variables, x.reshape(-1, 6), True).reshape(len(x), 10)
    want = dense(features, variables.params["head"]["head"])[:, 0]
    np.testing.assert_allclose(score, want, rtol=1e-4, atol=1e-5)
    assert any(
        np.any(a != b)
        for a, b in zip(*map(jax.tree.leaves, (stats, variables.batch_stats)), strict=True)
    )


def test_a_row_s_score_is_the_mean_over_references_on_either_side(pairs):
    train = data()
    variables, extras = pairs.init(KEY, train)
    head = variables.params["head"]["head"]
    anomalies, unlabelled = (np.asarray(extras[k]) for k in ("anomalies", "unlabelled"))
    of = [features_of(pairs, variables, x, False) for x in (anomalies, unlabelled)]
    got = pairs.apply(variables, extras, train.x[:4], train=False).out
    for x, score in zip(features_of(pairs, variables, train.x[:4], False), got, strict=True):
        left = [dense(np.concatenate([a, x]), head)[0] for a in of[0]]
        right = [dense(np.concatenate([x, u]), head)[0] for u in of[1]]
        np.testing.assert_allclose(score, (np.mean(left) + np.mean(right)) / 2, rtol=1e-4)


def test_references_are_rows_of_their_kind_whatever_the_padding(pairs):
    train = data()
    extras = pairs.init(KEY, train)[1]
    label = train.label[:N]
    for name, kind in (("anomalies", label < 0), ("unlabelled", label >= 0)):
        rows = {tuple(row) for row in train.x[:N][kind].tolist()}
        chosen = [tuple(row) for row in np.asarray(extras[name]).tolist()]
        assert len(chosen) == 30 and set(chosen) <= rows and len(set(chosen)) > 5
    longer = pairs.init(KEY, data(padding=80))[1]
    jax.tree.map(np.testing.assert_array_equal, extras, longer)
    other = pairs.init(jax.random.key(1), train)[1]
    assert not np.array_equal(other["unlabelled"], extras["unlabelled"])


@pytest.mark.parametrize("shape", [(16, 5), (4, 3, 3, 5)])
def test_the_explicit_penalty_is_least_for_features_of_mean_0_and_second_moment_1(shape):
    import flax.linen as nn

    class Alone(nn.Module):
        @nn.compact
        def __call__(self, x, train):
            return normalise("explicit", train, "norm")(x)

    x = np.random.default_rng(0).normal(1, 2, size=shape).astype(np.float32)

    def penalty(x, train=True):
        y, _, penalty = Net(Alone(), shape[1:]).apply({}, {}, x, train)
        np.testing.assert_array_equal(y, x)
        return penalty

    axes = tuple(range(len(shape) - 1))
    want = 1e-4 * np.mean(x.mean(axes) ** 2 + ((x**2).mean(axes) - 1) ** 2)
    np.testing.assert_allclose(penalty(x), want, rtol=1e-5)
    np.testing.assert_allclose(penalty((x - x.mean(axes)) / x.std(axes)), 0, atol=1e-9)
    assert penalty(x, train=False) == 0
