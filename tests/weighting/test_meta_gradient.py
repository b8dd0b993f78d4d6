"""ELITE's meta-gradient against its definition and finite differences, and its edges."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxad
from jaxad.errors import ConfigError
from jaxad.learners import gradient_step, start_state
from jaxad.learners.optimiser import Optimiser
from jaxad.models import Hypersphere, Margined, Reconstruction
from jaxad.nets.build import autoencoder_nets
from jaxad.objectives import hinge, inverse
from jaxad.padding import pad_to_buckets
from jaxad.types import Batch, Variables
from jaxad.weighting import Context, Weights, chain, latent_outlier_exposure
from jaxad.weighting.meta_gradient import Scale, elite

TABLE, IMAGE = (5,), (8, 8, 1)
SGD = Optimiser("sgd", 1e-2, 1.0, 1.0, 0.0)


def make_data(shape, labelled, unlabelled=24, seed=0):
    """Labelled anomalies, labelled normal rows, then unlabelled ones, the last ones anomalies."""
    rng = np.random.default_rng(seed)
    label = np.repeat(np.array([-1, 1, 0], np.int8), (*labelled, unlabelled))
    x = rng.uniform(size=(len(label), *shape))
    anomalous = (label < 0) | (np.arange(len(label)) >= len(label) - unlabelled // 4)
    x[anomalous] = 1 - x[anomalous] ** 3
    data = jaxad.TrainData(x, label, np.int32(len(label)), np.int32(shape[-1]))
    return data._replace(x=x.astype(np.float32))


def make_model(shape, base="hypersphere"):
    channels, widths = ((), (8, 6, 4)) if shape == TABLE else ((3, 4), (6, 4))
    nets = autoencoder_nets(shape, channels, widths, "batch_no_affine", False, 0.1)
    return Margined(Hypersphere(nets[0]) if base == "hypersphere" else Reconstruction(*nets))


def make_context(model, data, objective=None, rows=8, labels=0):
    """What a weighting sees of a batch, of which some rows may be labelled."""
    data = pad_to_buckets(data) if len(data.x.shape) == 2 else data
    variables, extras = model.init(jax.random.key(0), data)
    first = int(np.sum(np.asarray(data.label[: int(data.count)]) != 0)) - labels
    index = jnp.arange(first, first + rows)
    x, label = jnp.asarray(data.x)[index], jnp.asarray(data.label)[index]
    batch = Batch(x, label, index, jnp.zeros(()))
    out = model.apply(variables, extras, x, train=True).out
    objective = hinge() if objective is None else objective
    return data, Context(model, objective, variables, extras, batch, out, jax.random.key(1))


def weigh(weighting, data, context, start=None):
    rows = len(context.batch.label)
    start = Weights(jnp.ones(rows), jnp.zeros(rows)) if start is None else start
    return weighting.update(start, weighting.init(data), context)


def g_of(meta_gradient, labelled, data, context):
    """`-M_i / eta` as they are."""
    raw = elite(labelled=labelled, scale="none", variant="released", meta_gradient=meta_gradient)
    return weigh(raw, data, context)[0].normal


def doubled(tree):
    return jax.tree.map(
        lambda leaf: (
            jnp.asarray(leaf, jnp.float64)
            if jnp.issubdtype(jnp.asarray(leaf).dtype, jnp.floating)
            else leaf
        ),
        tree,
    )


@pytest.mark.parametrize("base", ["hypersphere", "reconstruction"])
@pytest.mark.parametrize(
    ("shape", "labelled", "rows"),
    [(TABLE, (4, 4), 8), (TABLE, (7, 2), 13), (TABLE, (3, 0), 8), (IMAGE, (3, 3), 6)],
)
def test_both_forms_are_finite_differences_of_the_validation_loss(shape, labelled, rows, base):
    """Of `L_val(theta - sum_i eps_i grad Omega_i)`, written anew here, in train mode."""
    with jax.enable_x64(True):
        model = make_model(shape, base)
        data, context = make_context(model, make_data(shape, labelled), rows=rows)
        context = context._replace(
            variables=doubled(context.variables),
            extras=doubled(context.extras),
            batch=doubled(context.batch),
        )
        data = data._replace(x=np.asarray(data.x, np.float64))
        params, stats = context.variables

        def out(params, x):
            return model.apply(Variables(params, stats), context.extras, x, train=True).out

        x, label = np.asarray(data.x), np.asarray(data.label)
        known = x[: sum(labelled)]
        if labelled[1] == 0:
            known = np.concatenate([known, context.batch.x])

        def validation_loss(params):
            of = out(params, known)
            anomalies = jnp.maximum(of.margin - of.omega, 0)[: labelled[0]]
            return (jnp.mean(of.omega[labelled[0] :]) + jnp.mean(anomalies)) / 2

        jacobian = jax.jit(jax.jacrev(lambda p: out(p, context.batch.x).omega))(params)

        @jax.jit
        def after(eps):
            virtual = jax.tree.map(lambda p, j: p - jnp.tensordot(eps, j, 1), params, jacobian)
            return validation_loss(virtual)

        step = 1e-6
        ahead, back = (
            np.array([after(sign * step * row) for row in np.eye(rows)]) for sign in (1, -1)
        )
        expected = -(ahead - back) / (2 * step)
        assert np.abs(expected).min() > 0 and len(set(label)) > 1
        for form in ("forward", "unrolled"):
            g = jax.jit(
                lambda batch, form=form: g_of(form, labelled, data, context._replace(batch=batch))
            )(context.batch)
            assert g.dtype == jnp.float64
            np.testing.assert_allclose(g, expected, rtol=1e-5, atol=1e-7 * np.abs(expected).max())


def test_the_derivative_flows_through_the_statistics_of_the_batch():
    """In inference mode the same rows give other numbers; a sign may turn."""
    model = make_model(TABLE)
    data, context = make_context(model, make_data(TABLE, (4, 4)))
    g = g_of("forward", (4, 4), data, context)
    alone = [
        g_of("forward", (4, 4), data, context._replace(batch=part))[0]
        for part in (
            context.batch,
            jax.tree.map(lambda leaf: leaf[:4] if leaf.ndim else leaf, context.batch),
        )
    ]
    np.testing.assert_allclose(alone[0], g[0], rtol=1e-5)
    assert abs(alone[1] - g[0]) > 1e-3 * abs(g[0])


def test_weights_are_the_parts_of_g_by_sign_times_the_weights_before():
    data, context = make_context(make_model(TABLE), make_data(TABLE, (4, 4)), labels=2)
    g = g_of("forward", (4, 4), data, context)
    assert (g[2:] > 0).any() and (g[2:] < 0).any()
    np.testing.assert_array_equal(g[:2], 0)  # labelled rows, should a batch have any
    before = Weights(jnp.linspace(0.1, 0.8, 8), jnp.linspace(2, 1, 8))
    total = before.normal + before.anomaly
    unit = np.abs(g).sum() / 6
    divisors: dict[Scale, float] = {"none": 1.0, "initial": unit, "batch": unit}
    for scale, divisor in divisors.items():
        weighting = elite(3.0, labelled=(4, 4), scale=scale)
        weights, state = weigh(weighting, data, context, before)
        np.testing.assert_allclose(
            weights.normal, 3 * total * np.maximum(g, 0) / divisor, rtol=1e-5
        )
        np.testing.assert_allclose(
            weights.anomaly, 3 * total * np.maximum(-g, 0) / divisor, rtol=1e-5
        )
        np.testing.assert_allclose(state.meta_weight[context.batch.index], g, rtol=1e-5)
        assert int(state.seen.sum()) == 6
        np.testing.assert_allclose(state.pseudo_anomalies, (g < 0).sum() / 6)


def test_the_initial_scale_stays_and_sums_go_on():
    data, context = make_context(make_model(TABLE), make_data(TABLE, (4, 4)))
    weighting = elite(labelled=(4, 4))
    start = Weights(jnp.ones(8), jnp.zeros(8))
    _, first = weighting.update(start, weighting.init(data), context)
    smaller = context._replace(extras=context.extras | {"margin": jnp.zeros(())})
    weights, second = weighting.update(start, first, smaller)
    np.testing.assert_array_equal(second.scale, first.scale)
    g = second.meta_weight - first.meta_weight
    np.testing.assert_allclose(
        weights.normal - weights.anomaly, g[context.batch.index] / first.scale, rtol=1e-4, atol=1e-6
    )
    np.testing.assert_array_equal(second.seen[context.batch.index], 2)


def test_between_two_meta_gradients_rows_have_the_mean_of_theirs():
    data, context = make_context(make_model(TABLE), make_data(TABLE, (4, 4)))
    every, rare = elite(labelled=(4, 4)), elite(labelled=(4, 4), every=4)
    start = Weights(jnp.ones(8), jnp.zeros(8))

    def update(weighting, state, epoch, step):
        batch = context.batch._replace(epoch=jnp.float32(epoch), step=jnp.int32(step))
        return weighting.update(start, state, context._replace(batch=batch))

    _, first = update(rare, rare.init(data), 0, 1)  # the first epoch computes all
    for epoch, step in ((2, 8), (0.5, 3)):
        got, want = update(rare, first, epoch, step), update(every, first, epoch, step)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), got, want)
    weights, after = update(rare, first._replace(seen=2 * first.seen), 2, 9)
    mean = first.meta_weight[context.batch.index] / 2
    g = weights.normal - weights.anomaly
    np.testing.assert_allclose(g, mean / first.scale, rtol=1e-5)
    np.testing.assert_array_equal(after.meta_weight, first.meta_weight)
    np.testing.assert_array_equal(after.seen, 2 * first.seen)
    np.testing.assert_array_equal(after.validation_loss, first.validation_loss)


def test_seeds_side_by_side_compute_no_meta_gradient_between():
    """Under `vmap` over seeds a branch of their own would compute both."""
    data = make_data(TABLE, (4, 4))
    detector = jaxad.make("elite_deep_svdd", data, epochs=1, every=4)
    update = detector.update

    def one_seed(state, key, step):
        batch = Batch(data.x[8:16], data.label[8:16], jnp.arange(8, 16), jnp.float32(2), step=step)
        return update(state, batch, key)[0]

    keys = jax.random.split(jax.random.key(0), 3)
    padded = pad_to_buckets(data)
    states = jax.eval_shape(lambda keys: jax.vmap(lambda k: detector.init(k, padded))(keys), keys)
    traced = jax.make_jaxpr(jax.vmap(one_seed, in_axes=(0, 0, None)))(states, keys, jnp.int32(9))
    assert " cond[" in str(traced)


def test_a_seed_with_fewer_labelled_rows_weighs_those_it_has_alike():
    """The validation loss of (3, 2) rows in room for (5, 4) is that of the rows themselves."""
    data = make_data(TABLE, (3, 2))
    state = elite(labelled=(5, 4)).init(data)
    np.testing.assert_allclose(state.weight, [1 / 6] * 3 + [0, 0] + [1 / 4] * 2 + [0, 0])
    np.testing.assert_array_equal(state.x[:3], state.x[np.array([3, 4, 2])])
    np.testing.assert_array_equal(state.x[5:9], state.x[np.array([7, 8, 5, 6])])
    np.testing.assert_array_equal(np.sort(state.x[:3], 0), np.sort(data.x[:3], 0))


def test_more_labelled_rows_than_room_are_cut():
    data = make_data(TABLE, (300, 2))
    state = elite(labelled=(300, 2)).init(data)
    assert state.x.shape == (258, 5)
    np.testing.assert_allclose(state.weight.sum(), 1, rtol=1e-5)


def test_images_are_kept_as_networks_take_them():
    data = make_data(IMAGE, (2, 2))
    raw = data._replace(x=np.round(255 * data.x).astype(np.uint8))
    state = elite(labelled=(2, 2)).init(raw)
    np.testing.assert_allclose(state.x, raw.x[:4] / np.float32(255), rtol=1e-6)


def a_step(model, objective, weighting, data, context):
    start = start_state(model, weighting, SGD, context.variables, context.extras, data)
    step = jax.jit(lambda s, b: gradient_step(model, objective, weighting, SGD, s, b, context.key))
    return step(start, context.batch)


@pytest.mark.parametrize("meta_gradient", ["forward", "unrolled"])
def test_running_statistics_move_by_the_batch_alone(meta_gradient):
    model = make_model(TABLE)
    data, context = make_context(model, make_data(TABLE, (4, 4)))
    weighting = elite(labelled=(4, 4), meta_gradient=meta_gradient)
    state, _ = a_step(model, hinge(), weighting, data, context)
    plain = model.apply(context.variables, context.extras, context.batch.x, train=True).batch_stats
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), state.batch_stats, plain)


@pytest.mark.parametrize("labelled", [(1, 1), (1, 0), (5, 0), (0, 1), (0, 4)], ids=str)
@pytest.mark.parametrize("objective", [hinge, inverse])
def test_few_labelled_rows_of_either_kind_give_finite_steps(labelled, objective):
    model = make_model(TABLE)
    model = model if objective is hinge else model.base
    data, context = make_context(model, make_data(TABLE, labelled), objective())
    state, info = a_step(model, objective(), elite(labelled=labelled), data, context)
    for leaf in jax.tree.leaves((state, info)):
        assert np.isfinite(np.asarray(leaf)).all()


def test_with_anomalies_alone_the_unlabelled_rows_stand_in_for_normal_ones():
    model = make_model(TABLE)
    data, context = make_context(model, make_data(TABLE, (3, 0)), labels=2)
    loss = weigh(elite(labelled=(3, 0)), data, context)[1].validation_loss
    x = jnp.concatenate([jnp.asarray(data.x)[:3], context.batch.x])
    out = model.apply(context.variables, context.extras, x, train=True).out
    inside = jnp.maximum(out.margin - out.omega, 0)
    expected = jnp.mean(inside[:3]) / 2 + jnp.mean(out.omega[5:]) / 2  # 3, 4 are labelled
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_with_normal_rows_alone_there_is_no_loss_of_anomalies():
    model = make_model(TABLE)
    data, context = make_context(model, make_data(TABLE, (0, 4)))
    loss = weigh(elite(labelled=(0, 4)), data, context)[1].validation_loss
    out = model.apply(context.variables, context.extras, jnp.asarray(data.x)[:4], train=True).out
    np.testing.assert_allclose(loss, jnp.mean(out.omega), rtol=1e-5)


def collapsed(context):
    zeros = jax.tree.map(jnp.zeros_like, context.variables.params)
    base = jax.tree.map(jnp.zeros_like, context.extras["base"])
    return context._replace(
        variables=context.variables._replace(params=zeros),
        extras={"base": base, "margin": jnp.zeros(())},
    )


@pytest.mark.parametrize("meta_gradient", ["forward", "unrolled"])
@pytest.mark.parametrize("scale", ["none", "initial", "batch"])
def test_a_collapsed_network_with_margin_0_moves_nowhere(meta_gradient, scale):
    """All distances, gradients and so all meta-weights are 0."""
    model = make_model(TABLE)
    data, context = make_context(model, make_data(TABLE, (4, 4)))
    context = collapsed(context)
    weighting = elite(labelled=(4, 4), scale=scale, meta_gradient=meta_gradient)
    state, info = a_step(model, hinge(), weighting, data, context)
    np.testing.assert_array_equal(weigh(weighting, data, context)[0].normal, 0)
    for leaf in jax.tree.leaves((state, info)):
        assert np.isfinite(np.asarray(leaf)).all()
    for leaf in jax.tree.leaves(state.params):
        np.testing.assert_array_equal(leaf, 0)


def test_latent_outlier_exposure_chains_behind_it():
    model = make_model(TABLE)
    data, context = make_context(model, make_data(TABLE, (4, 4)))
    both = chain(elite(labelled=(4, 4)), latent_outlier_exposure(0.25, blind=0.0))
    assert both.anomaly_loss and not (both.labelled_anomalies or both.labelled_normals)
    alone, _ = weigh(elite(labelled=(4, 4)), data, context)
    weights, _ = weigh(both, data, context)
    total = alone.normal + alone.anomaly
    top = np.argsort(
        -np.asarray(context.out.omega - jnp.maximum(context.out.margin - context.out.omega, 0))
    )[:2]
    np.testing.assert_allclose(weights.anomaly[top], total[top], rtol=1e-6)
    np.testing.assert_array_equal(weights.normal[top], 0)
    rest = np.setdiff1d(np.arange(8), top)
    np.testing.assert_array_equal(weights.normal[rest], alone.normal[rest])
    names = both.info(both.init(data))
    assert {"validation_loss", "pseudo_anomalies"} <= set(names)


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ConfigError, match="training data has none"):
        elite(labelled=(0, 0))
    with pytest.raises(ConfigError, match="eta_meta must be positive; given 0"):
        elite(0, labelled=(1, 1))
    with pytest.raises(ConfigError, match="scale must be one of 'none', 'initial', 'batch'"):
        elite(labelled=(1, 1), scale="last")  # pyright: ignore[reportArgumentType]
