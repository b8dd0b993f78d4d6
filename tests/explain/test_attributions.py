"""Attributions against closed forms, and that they add up to what they are said to."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial
from scipy.stats import norm

import jaxad
from jaxad.detector import Detector
from jaxad.detectors import REGISTRY
from jaxad.detectors.classical.neighbours import NeighbourDistance
from jaxad.errors import ConfigError, DataError
from jaxad.explain import attribution_methods, attributions
from jaxad.explain.propagation import list_layers, relevance
from jaxad.models import Hypersphere, Radial
from jaxad.nets.lenet import lenet_encoder
from jaxad.nets.mlp import mlp_encoder
from jaxad.training.fitted import Fit
from jaxad.types import State

rng = np.random.default_rng(0)
HOSTS = ("kde", "ocsvm", "pca", "gaussian", "mcd", "knn", "dte_np")


on_program = jax.jit(relevance)


@pytest.fixture(scope="module")
def half(toy):
    """Principal components of less than all of the toy's columns, whose plane is not everything."""
    return jaxad.fit(jaxad.make("pca", toy.train, variance=0.5), toy.train, seeds=2)


@pytest.fixture
def of(fitted, half):
    """A fitted detector by its name."""
    return lambda name: half if name == "pca" else fitted(name)


def custom(score, **params):
    """A fit of a detector that is nothing but a score, for as many seeds as parameters have."""
    detector = Detector(init=None, update=None, score=Partial(score), input_shape=(3,))  # pyright: ignore
    return Fit((detector,), State({k: jnp.asarray(v) for k, v in params.items()}, {}, {}, (), ()))


def linear(state, x):
    return x @ state.params["w"]


@pytest.fixture(scope="module")
def weights():
    return rng.normal(size=(2, 3)).astype(np.float32)


def test_of_a_linear_score_gradients_give_weights_times_entries(weights):
    fit = custom(linear, w=weights)
    x = rng.normal(size=(5, 3)).astype(np.float32)
    assert attribution_methods(fit) == ("integrated_gradients", "gradient_x_input")
    for method in ("integrated_gradients", "gradient_x_input"):
        for seed in (0, 1):
            got = attributions(fit, x, method, seed=seed)
            np.testing.assert_allclose(got, x * weights[seed], rtol=1e-5, atol=1e-6)
        mean = attributions(fit, x, method, baseline=x[0])
        np.testing.assert_allclose(mean, (x - x[0]) * weights.mean(axis=0), rtol=1e-5, atol=1e-6)


def test_integrated_gradients_of_a_square_are_exact_at_one_step(weights):
    """The derivative of a square is linear: its mean on the way is that in the middle."""
    fit = custom(lambda state, x: jnp.sum((x * state.params["w"]) ** 2, axis=1), w=weights)
    x = rng.normal(size=(4, 3)).astype(np.float32)
    got = attributions(fit, x, "integrated_gradients", baseline=x[1], steps=1, seed=0)
    np.testing.assert_allclose(got, weights[0] ** 2 * (x**2 - x[1] ** 2), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["deep_svdd", "devnet", "autoencoder", *HOSTS])
def test_integrated_gradients_add_up_to_a_difference_of_scores(of, toy, name):
    fit, b = of(name), np.median(toy.train.x, axis=0)
    x = toy.test.x[:9]
    steps = 512 if name == "knn" else 128  # the nearest rows change on the way
    got = attributions(fit, x, "integrated_gradients", baseline=b, steps=steps).sum(axis=1)
    want = (jaxad.score(fit, x) - jaxad.score(fit, b[None])).mean(axis=0)
    # The derivative of a network jumps where a leaky ReLU turns: an error of one over the steps.
    np.testing.assert_allclose(got, want, rtol=0, atol=0.01 * np.abs(want).max())


def test_integrated_gradients_get_better_with_steps(fitted, toy):
    fit, x = fitted("deep_svdd"), toy.test.x
    want = (jaxad.score(fit, x) - jaxad.score(fit, np.zeros_like(x[:1]))).mean(axis=0)
    off = [
        np.abs(attributions(fit, x, "integrated_gradients", steps=s).sum(axis=1) - want).mean()
        for s in (4, 64)
    ]
    assert off[1] < off[0] / 4


@pytest.mark.parametrize("name", ["kde", "ocsvm", "pca", "gaussian", "knn", "dte_np"])
def test_gradients_of_classical_detectors_are_finite_differences(of, toy, name):
    fit, x = of(name), toy.test.x[:3].astype(np.float64)
    got = attributions(fit, x, "gradient_x_input", seed=0) / x
    for i in range(x.shape[1]):
        step = 1e-5 * np.eye(x.shape[1])[i]
        slope = (jaxad.score(fit, x + step) - jaxad.score(fit, x - step))[0] / 2e-5
        np.testing.assert_allclose(got[:, i], slope, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("statistic", ["largest", "mean", "median"])
@pytest.mark.parametrize("k", [4, 5])
def test_gradients_of_distances_are_finite_differences(toy, statistic, k):
    x, points = toy.test.x[:5].astype(float), toy.train.x.astype(float)
    score = NeighbourDistance(points, k, statistic)
    steps = 1e-6 * np.eye(x.shape[1])
    slope = np.stack([(score(x + step) - score(x - step)) / 2e-6 for step in steps], axis=1)
    np.testing.assert_allclose(score.gradient(x), slope, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("name", ["ecod", "copod", "hbos"])
def test_terms_add_up_to_the_score(fitted, toy, name):
    fit, x = fitted(name), toy.test.x[:9].copy()
    x[4, 2] = 50
    got = attributions(fit, x)
    np.testing.assert_allclose(got.sum(axis=1), jaxad.score(fit, x).mean(axis=0), rtol=1e-9)
    assert got[4].argmax() == 2 or name == "copod"


@pytest.mark.parametrize("name", ["autoencoder", "pca"])
def test_residuals_add_up_to_the_score(of, toy, name):
    fit, x = of(name), toy.test.x[:9]
    got = attributions(fit, x, "residuals")
    assert got.min() >= 0
    np.testing.assert_allclose(got.sum(axis=1), jaxad.score(fit, x).mean(axis=0), rtol=1e-5)
    np.testing.assert_array_equal(attributions(fit, x, "lrp"), got)


def slow_relevance(x, layers):
    """Relevances of a row by the formula, term by term: (w, scale, shift, slope) for each layer."""
    inputs = [x]
    for w, scale, shift, slope in layers:
        z = inputs[-1] @ w * scale + shift
        inputs.append(np.where(z < 0, slope * z, z))
    found = inputs[-1] ** 2
    for (w, scale, _, _), a, out in reversed(
        list(zip(layers, inputs[:-1], inputs[1:], strict=True))
    ):
        parts = a[:, None] * w * scale
        same = np.where(np.sign(parts) == np.sign(out), parts, 0)
        found = (same / same.sum(axis=0)) @ found
    return found


def state_of(net, centre, key=0, stats=None, features=None):
    variables = net.init(jax.random.key(key), features or net.input_shape[-1])
    return State(variables.params, stats or variables.batch_stats, {"centre": centre}, (), ())


def random_stats(net):
    """Running statistics as of a trained network."""
    stats = net.init(jax.random.key(0), net.input_shape[-1]).batch_stats
    return jax.tree.map(lambda v: jnp.asarray(rng.uniform(0.2, 1.0, v.shape), jnp.float32), stats)


@pytest.mark.parametrize("norm_name", ["none", "batch_no_affine", "batch"])
def test_relevance_is_the_formula_term_by_term(norm_name):
    net = mlp_encoder(32, (7, 5, 3), norm_name, bias=True)
    centre = jnp.asarray([0.3, -0.2, 0.1])
    state = state_of(net, centre, stats=random_stats(net), features=6)
    if norm_name == "batch":  # a factor below 0 turns the sign of contributions round
        own = {"scale": jnp.asarray([1.5, -0.5, 1, -2, 1, 1, -1]), "bias": jnp.full(7, 0.1)}
        state = state._replace(params=state.params | {"norm_0": own})
    x = rng.normal(size=(4, 6)).astype(np.float32)
    layers = [
        (np.asarray(v.kernel), np.asarray(v.scale), np.asarray(v.shift), v.slope)
        for v in list_layers(net, state.variables)
    ]
    w, scale, shift, slope = layers[-1]
    layers[-1] = (w, scale, shift - np.asarray(centre), slope)
    layers[0] = (layers[0][0][:6], *layers[0][1:])
    got = on_program(Hypersphere(net), state, jnp.asarray(x))
    want = [slow_relevance(row, layers) for row in x]
    np.testing.assert_allclose(got, want, rtol=2e-4, atol=1e-7)


def nets():
    yield mlp_encoder(32, (8, 4), "none", bias=False)
    yield mlp_encoder(32, (8, 4), "batch", bias=True)
    yield mlp_encoder(32, (8, 4), "explicit", bias=True, slope=0.0)
    yield lenet_encoder((10, 9, 2), (4, 3), (6, 4), "none", bias=False)
    yield lenet_encoder((10, 9, 2), (4, 3), (6, 4), "batch_no_affine", bias=False)
    yield lenet_encoder((8, 8, 1), (3,), (4,), "batch", bias=True, slope=0.0)


@jax.jit
def both_ways(model, state, x):
    """The code by layers and by the network, relevances, and scores."""
    net, a = model.encoder, x
    for layer in list_layers(net, state.variables):
        a = layer.apply(a)
    out = model.apply(state.variables, state.extras, x, train=False).out
    code = net.apply(*state.variables, x, train=False).out
    return a, code, relevance(model, state, x), model.score(out)


@pytest.mark.parametrize("net", list(nets()), ids=[*map(str, range(6))])
def test_layers_are_the_network_and_relevance_is_conserved(net):
    """In float32 a sum of some hundred shares has an error of about 1e-5."""
    state = state_of(net, rng.normal(size=4).astype(np.float32), stats=random_stats(net))
    x = rng.uniform(size=(6, *net.input_shape)).astype(np.float32)
    by_layers, codes, got, score = both_ways(Hypersphere(net), state, x)
    np.testing.assert_allclose(by_layers, codes, rtol=1e-4, atol=1e-5)
    assert got.min() >= 0 and got.shape == x.shape
    np.testing.assert_allclose(np.sum(got, axis=tuple(range(1, x.ndim))), score, rtol=1e-4)
    # Pixels that are scaled to something else than [0, 1] too.
    _, _, got, score = both_ways(Hypersphere(net), state, 4 * x - 2)
    assert got.min() > -1e-6
    np.testing.assert_allclose(np.sum(got, axis=tuple(range(1, x.ndim))), score, rtol=1e-4)


@pytest.mark.parametrize("radius", ["l1", "l2", "pseudo_huber"])
def test_relevance_of_a_radius_adds_up_to_it(radius):
    net = mlp_encoder(32, (8, 4), "batch_no_affine", bias=False)
    state = state_of(net, np.zeros(4, np.float32), stats=random_stats(net))
    x = rng.normal(size=(6, 32)).astype(np.float32)
    _, _, got, score = both_ways(Radial(net, radius), state, x)
    np.testing.assert_allclose(got.sum(axis=1), score, rtol=1e-4)


def test_relevance_goes_along_when_columns_change_places():
    net = mlp_encoder(32, (8, 4), "none", bias=False)
    state = state_of(net, jnp.full(4, 0.5), features=32)
    x = jnp.asarray(rng.normal(size=(5, 32)), jnp.float32)
    order = rng.permutation(32)
    params = state.params | {"input": {"kernel": state.params["input"]["kernel"][order]}}
    moved = on_program(Hypersphere(net), state._replace(params=params), x[:, order])
    want = on_program(Hypersphere(net), state, x)[:, order]
    np.testing.assert_allclose(moved, want, rtol=1e-4, atol=1e-6)


def test_a_column_that_no_unit_looks_at_has_no_relevance():
    net = mlp_encoder(32, (8, 4), "batch_no_affine", bias=False)
    state = state_of(net, jnp.full(4, 0.5), stats=random_stats(net))
    kernel = state.params["input"]["kernel"].at[3].set(0)
    state = state._replace(params=state.params | {"input": {"kernel": kernel}})
    got = on_program(Hypersphere(net), state, jnp.asarray(rng.normal(size=(5, 32)), jnp.float32))
    assert (np.asarray(got)[:, 3] == 0).all()


@pytest.mark.parametrize("name", ["deep_svdd", "deep_sad", "hsc", "elite_deep_svdd"])
def test_relevances_of_a_fit_add_up_to_the_mean_score(fitted, toy, name):
    fit, x = fitted(name), toy.test.x[:9]
    got = attributions(fit, x, "lrp")
    assert got.shape == x.shape and got.min() >= 0
    np.testing.assert_allclose(got.sum(axis=1), jaxad.score(fit, x).mean(axis=0), rtol=1e-4)
    of_seeds = [attributions(fit, x, "lrp", seed=seed) for seed in range(2)]
    np.testing.assert_allclose(got, np.mean(of_seeds, axis=0), rtol=1e-6)
    np.testing.assert_allclose(attributions(fit, x[4:5], "lrp"), got[4:5], rtol=1e-4, atol=1e-6)


def test_relevances_of_a_soft_boundary_add_up_to_the_distance(toy, quick):
    config = {"objective": "soft_boundary", "epochs": 12, "pretrain_epochs": 1}
    fit = jaxad.fit(quick("deep_svdd", toy.train, **config), toy.train)
    assert fit.state is not None
    radius_sq = np.asarray(fit.state.extras["radius_sq"])
    assert radius_sq > 0
    sums = attributions(fit, toy.test.x[:5]).sum(axis=1)
    np.testing.assert_allclose(sums, jaxad.score(fit, toy.test.x[:5])[0] + radius_sq, rtol=1e-4)


def test_relevances_of_a_density_add_up_to_it_but_for_a_constant(fitted, toy):
    fit, x = fitted("kde"), toy.test.x[:9].astype(np.float64)
    got = attributions(fit, x, "lrp", seed=0)
    kernel = fit.models[0]
    width = 1 / np.sqrt(2 * kernel.gamma)
    density = norm.pdf(x[:, None], kernel.points, width).prod(axis=2).mean(axis=1)
    at_point = norm.logpdf(0, scale=width) * x.shape[1]
    assert got.min() >= 0
    np.testing.assert_allclose(got.sum(axis=1), at_point - np.log(density), rtol=1e-9)
    np.testing.assert_allclose(got.sum(axis=1), jaxad.score(fit, x)[0] + at_point, rtol=1e-9)


def test_relevance_of_one_point_is_the_squared_difference(quick):
    """Of two points at one place the soft minimum is the distance itself."""
    point = np.array([1.0, -2.0, 0.5])
    train = jaxad.as_train_data(np.stack([point, point]))
    fit = jaxad.fit(jaxad.make("kde", train, bandwidth=2.0), train)
    x = rng.normal(size=(4, 3))
    np.testing.assert_allclose(attributions(fit, x, "lrp"), (x - point) ** 2 / 8, rtol=1e-6)
    np.testing.assert_allclose(attributions(fit, point[None], "lrp"), 0, atol=1e-12)


def test_a_row_that_is_a_training_row_has_the_rest_of_its_relevance_everywhere():
    """All of it, -log(1/2), is of no feature rather than another: the other point is too far."""
    x = np.array([[0.0, 0.0], [1e3, 0.0]])
    train = jaxad.as_train_data(x)
    fit = jaxad.fit(jaxad.make("kde", train, bandwidth=1.0), train)
    np.testing.assert_allclose(attributions(fit, x[:1], "lrp"), np.log(2) / 2, rtol=1e-9)


def test_relevance_of_a_density_moves_with_the_data(toy):
    moved = toy.train._replace(x=toy.train.x + np.float32(4))
    fits = [jaxad.fit(jaxad.make("kde", t, bandwidth=1.0), t) for t in (toy.train, moved)]
    x = toy.test.x[:6]
    first = attributions(fits[0], x, "lrp")
    second = attributions(fits[1], x + np.float32(4), "lrp")
    np.testing.assert_allclose(first, second, rtol=1e-4, atol=1e-5)


def test_relevance_of_the_svm_rises_with_its_score(fitted, toy):
    fit = fitted("ocsvm")
    sums = attributions(fit, toy.test.x, "lrp", seed=0).sum(axis=1)
    order = np.argsort(jaxad.score(fit, toy.test.x)[0])
    assert (np.diff(sums[order]) > -1e-9).all()


@pytest.mark.parametrize("name", ["deep_svdd", "autoencoder", "kde", "ocsvm", "gaussian", "mcd"])
def test_the_feature_that_is_odd_comes_first(of, toy, name):
    """Of rows as in training, moved along one feature by eight deviations."""
    fit = of(name)
    x = toy.train.x[toy.train.label >= 0][:40].copy()
    odd = np.arange(40) % 6
    x[np.arange(40), odd] += 8
    got = attributions(fit, x)
    assert np.mean(np.argmax(got, axis=1) == odd) > 0.7


def test_images_have_attributions_of_their_shape(toy_for, quick):
    images = toy_for("fcdd")
    sizes = {"channels": (4,), "widths": (8,), "epochs": 2, "pretrain_epochs": 1}
    fit = jaxad.fit(quick("deep_svdd", images.train, **sizes), images.train)
    as_bytes = np.round(255 * np.clip(images.test.x[:5], 0, 1)).astype(np.uint8)
    floats = (as_bytes / 255).astype(np.float32)
    for method in attribution_methods(fit):
        got = attributions(fit, as_bytes, method)
        assert got.shape == as_bytes.shape
        np.testing.assert_allclose(got, attributions(fit, floats, method), rtol=1e-4, atol=1e-6)


def test_what_cannot_be_attributed_is_refused(fitted, toy, toy_for, quick):
    x = toy.test.x[:2]
    with pytest.raises(ConfigError, match="'iforest' has no attributions; gaussian, mcd"):
        attributions(fitted("iforest"), x)
    with pytest.raises(ConfigError, match="'cvdd' has no attributions"):
        attributions(fitted("cvdd"), toy_for("cvdd").test.x[:2])
    with pytest.raises(ConfigError, match="by 'residuals'; it has lrp, integrated_gradients, "):
        attributions(fitted("deep_svdd"), x, "residuals")
    with pytest.raises(ConfigError, match="by 'lrp'; it has integrated_gradients, "):
        attributions(fitted("devnet"), x, "lrp")
    with pytest.raises(ConfigError, match=r"method of attribution 'lrpp'\. Did you mean 'lrp'"):
        attributions(fitted("deep_svdd"), x, "lrpp")  # pyright: ignore[reportArgumentType]
    layered = jaxad.fit(
        quick("deep_sad", toy.train, norm="layer", allow_collapse=True, epochs=1), toy.train
    )
    assert "lrp" not in attribution_methods(layered)
    with pytest.raises(ConfigError, match="does not support norm='layer'"):
        attributions(layered, x, "lrp")
    with pytest.raises(ConfigError, match=r"seed must be in 0\.\.1, or None; given 2"):
        attributions(fitted("deep_svdd"), x, seed=2)
    with pytest.raises(ConfigError, match=r"steps must be .* given 0"):
        attributions(fitted("deep_svdd"), x, steps=0)
    with pytest.raises(DataError, match=r"shape of a row, \(6,\)"):
        attributions(fitted("deep_svdd"), x, "gradient_x_input", baseline=x)
    with pytest.raises(DataError, match="finite"):
        attributions(fitted("deep_svdd"), x, baseline=np.full(6, np.nan))
    with pytest.raises(DataError, match=r"\(n, 6\)"):
        attributions(fitted("deep_svdd"), x[:, :4])


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in REGISTRY if n[:7] != "hybrid:" or n == "hybrid:pca"])
def test_every_detector_has_attributions_or_says_that_it_has_none(fitted, toy_for, name):
    fit, toy = fitted(name), toy_for(name)
    x = toy.test.x[:4]
    if not attribution_methods(fit):
        with pytest.raises(ConfigError, match="has no attributions"):
            attributions(fit, x)
        return
    b = np.median(toy.train.x, axis=0)
    if attribution_methods(fit) == ("terms",):
        got, want = attributions(fit, x), jaxad.score(fit, x).mean(axis=0)
    else:
        got = attributions(fit, x, "integrated_gradients", baseline=b)
        want = (jaxad.score(fit, x) - jaxad.score(fit, b[None])).mean(axis=0)
    assert got.shape == x.shape and np.isfinite(got).all()
    sums = got.reshape(len(x), -1).sum(axis=1)
    np.testing.assert_allclose(sums, want, rtol=0, atol=0.05 * np.abs(want).max() + 1e-4)
