"""FCDD: what its batches are, what it trains on, and what it refuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from layouts import are_compiled_channels_last

import jaxad
from jaxad.detectors.fcdd import FCDDConfig
from jaxad.errors import ConfigError, DataError
from jaxad.learners.optimiser import Optimiser
from jaxad.models.score_map import PixelMap
from jaxad.sampling.balanced import Balanced
from jaxad.sampling.base import ShuffledEpochs
from jaxad.training import program
from jaxad.training.layout import lay_out
from jaxad.types import Batch

SMALL = {"layers": "conv(4), pool, conv(4)", "batch_size": 16, "epochs": 2}


@pytest.fixture(scope="module")
def images(toy_for):
    return toy_for("fcdd")


def without_labels(train):
    return train._replace(label=np.zeros_like(train.label))


def with_masks(train):
    """The pixels of labelled anomalies that are brighter than any normal one."""
    bright = (train.x[..., 0] > 0.75) & (train.label < 0)[:, None, None]
    return train._replace(mask=bright.astype(np.uint8))


def test_labelled_anomalies_come_in_balanced_batches_and_confetti_without_them(images):
    labelled = jaxad.make("fcdd", images.train, **SMALL)
    assert isinstance(labelled.sampler, Balanced)
    alone = jaxad.make("fcdd", without_labels(images.train), **SMALL)
    assert isinstance(alone.sampler, ShuffledEpochs)
    # Nothing is done to batches before a step where anomalies are labelled.
    names = [d.update.func.__name__ for d in (labelled, alone)]
    assert names == ["gradient_step", "_apply_transforms"]


def test_a_batch_has_its_share_of_labelled_anomalies(images):
    """As many as asked for, and other rows; an epoch has each of these once."""
    for share, labelled in ((0.5, 8), (0.2, 3), (0.01, 1), (0.99, 15)):
        detector = jaxad.make("fcdd", images.train, **SMALL, labelled_share=share)
        sampler = detector.sampler
        order = sampler.shuffle(jax.random.key(0))
        table = sampler.init(images.train)
        rows = np.asarray(jax.jit(sampler.draw)(table, order, jnp.asarray(0)))
        assert len(rows) == 16
        assert (images.train.label[rows] < 0).sum() == labelled
        rest = (images.train.label >= 0).sum()
        assert sampler.steps_per_epoch(images.train) == -(-rest // (16 - labelled))


def by_hand(detector, train, batch, steps=1):
    key = jax.random.key(0)
    state = jax.jit(detector.init)(key, jax.tree.map(jnp.asarray, train))
    update = jax.jit(detector.update)
    for step in range(steps):
        state, info = update(state, batch, jax.random.fold_in(key, step))
    return state, info


@pytest.mark.parametrize("pixelwise", [False, True])
def test_a_batch_of_anomalies_only_raises_their_scores(images, pixelwise):
    """They are never trained as normal ones, masks or not."""
    train = images.train
    train = train._replace(mask=np.zeros(train.x.shape[:3], np.uint8))
    x = jnp.asarray(train.x[train.label < 0])
    label, index = jnp.full(len(x), -1, jnp.int8), jnp.arange(len(x))
    batch = Batch(x, label, index, jnp.zeros(()), jnp.zeros(x.shape[:3], jnp.uint8))
    detector = jaxad.make("fcdd", train, **SMALL, pixelwise=pixelwise, learning_rate=1e-3)
    (before, first), (after, last) = (by_hand(detector, train, batch, n) for n in (1, 15))
    assert last["loss"] < first["loss"]
    model = detector.parts.model

    @jax.jit
    def mean(state):
        return jnp.mean(model.score(model.apply(state.variables, {}, x, train=True).out))

    assert mean(after) > mean(before)


def test_masks_teach_where_anomalies_are(images):
    """With masks a map is bright on the square and dark beside it; without it only has a mean."""
    train = with_masks(images.train)
    assert train.mask.sum() > 50
    known = {"epochs": 20} | {k: v for k, v in SMALL.items() if k != "epochs"}
    fit = jaxad.fit(jaxad.make("fcdd", train, **known, pixelwise=True), train)
    test = images.test.x[images.test.label == 1]
    maps = jaxad.explain.heatmaps(fit, test)[0]
    bright = test[..., 0] > 0.75
    assert maps[bright].mean() > 3 * maps[~bright].mean()
    assert jaxad.evaluate(fit, images.test).auroc.mean > 0.9


def test_masks_change_pixelwise_training_alone(images):
    train = with_masks(images.train)
    batch = Batch(
        jnp.asarray(train.x[:32]), jnp.asarray(train.label[:32]), jnp.arange(32), jnp.zeros(()),
        jnp.asarray(train.mask[:32]),
    )  # fmt: skip
    assert batch.mask.any()
    none = batch._replace(mask=jnp.zeros_like(batch.mask))
    for pixelwise in (False, True):
        detector = jaxad.make("fcdd", train, **SMALL, pixelwise=pixelwise)
        (one, _), (other, _) = (by_hand(detector, train, b) for b in (batch, none))
        same = jax.tree.map(lambda a, b: bool(jnp.allclose(a, b)), one.params, other.params)
        assert all(jax.tree.leaves(same)) != pixelwise


def test_confetti_brings_the_losses_of_pixels_unless_a_weighting_forbids_them(images):
    train, alone = images.train, without_labels(images.train)
    for data, settings, expected in (
        (alone, {}, True),
        (alone, {"pixelwise": False}, False),
        (train, {"weighting": "elite(1.0)", "confetti": 0.5}, False),
        (train, {}, False),
        (train, {"confetti": 0.5}, True),
        (train, {"pixelwise": True}, True),
    ):
        model = jaxad.make("fcdd", data, **SMALL, **settings).parts.model
        assert isinstance(model, PixelMap) == expected, settings


def test_pixelwise_training_needs_masks_or_confetti(images):
    detector = jaxad.make("fcdd", images.train, **SMALL, pixelwise=True)
    with pytest.raises(DataError, match="needs masks of labelled anomalies"):
        jaxad.fit(detector, images.train)
    train = without_labels(images.train)
    fit = jaxad.fit(jaxad.make("fcdd", train, **SMALL, pixelwise=True), train)
    assert np.isfinite(fit.history["train"]["loss"]).all()


@pytest.mark.parametrize(
    "weighting",
    [
        "by_label, latent_outlier_exposure(0.1, blind=0), anoonly(0.1)",
        pytest.param("elite(1.0)", marks=pytest.mark.slow),
    ],
)
def test_it_trains_under_other_weightings(images, weighting):
    fit = jaxad.fit(jaxad.make("fcdd", images.train, **SMALL, weighting=weighting), images.train)
    assert np.isfinite(fit.history["train"]["loss"]).all()
    assert np.isfinite(jaxad.score(fit, images.test)).all()


def test_a_weighting_without_labelled_anomalies_cannot_be_pixelwise(images):
    with pytest.raises(ConfigError, match="out of the batches"):
        jaxad.make("fcdd", images.train, **SMALL, weighting="elite(1.0)", pixelwise=True)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"confetti": 1.0}, "confetti must be in"),
        ({"largest": 0.0}, "largest must be in"),
        ({"labelled_share": 1.0}, "labelled_share must be in"),
        ({"sigma": 0.0}, "sigma must be > 0"),
        ({"steps": 0}, "steps must be"),
        ({"period": 0.0}, "period must be > 0"),
        ({"pixelwise": 1}, "pixelwise must be true or false"),
        ({"layers": "conv(8, 2)"}, "odd number"),
        ({"widths": (8,)}, "fcdd has no widths; give layers"),
        ({"channels": (8,)}, "fcdd has no channels; give layers"),
        ({"optimiser": "momentum"}, "optimiser"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        FCDDConfig(**settings)


def test_examples_that_it_cannot_take_are_refused(images, toy):
    with pytest.raises(ConfigError, match="must be images"):
        jaxad.make("fcdd", toy.train)
    odd = images.train._replace(x=images.train.x[:, :11])
    with pytest.raises(ConfigError, match=r"multiples of 2 .*, such as 10, 12, 14; given 11x12"):
        jaxad.make("fcdd", odd, **SMALL)
    with pytest.raises(ConfigError, match="learns nothing without anomalies"):
        jaxad.make("fcdd", without_labels(images.train), **SMALL, confetti=0.0)


def test_the_step_size_falls_by_a_factor_each_epoch():
    """As released: 0.98 an epoch."""
    optimiser = FCDDConfig(epochs=50).schedule()
    rates = [float(optimiser.rate(jnp.asarray(epoch))) for epoch in (0.0, 0.9, 1.0, 1.5, 7.2)]
    np.testing.assert_allclose(rates, [1e-2, 1e-2, 9.8e-3, 9.8e-3, 1e-2 * 0.98**7], rtol=1e-5)


def test_nesterov_s_momentum_is_that_of_its_equations():
    """v = 0.9 v + g, and a step of 0.9 v + g; on a quadratic, by hand."""
    optimiser = Optimiser("nesterov", 0.1, 1.0, 0.98, 0.0, 1.0)
    params = {"w": jnp.asarray(2.0)}
    state, w, v = optimiser.init(params), 2.0, 0.0
    for _ in range(5):
        params, state = optimiser.update({"w": 3 * params["w"]}, state, params, jnp.zeros(()))
        g = 3 * w
        v = 0.9 * v + g
        w -= 0.1 * (0.9 * v + g)
        np.testing.assert_allclose(params["w"], w, rtol=1e-5)


def test_its_compiled_step_has_no_slow_convolution(images):
    train = without_labels(images.train)
    detector = jaxad.make("fcdd", train, **SMALL, pixelwise=True)
    layout = lay_out((detector,), train, np.arange(1), jax.random.key(0), "auto")
    lane, how = layout.lanes[0], layout.how
    phase = layout.phases[0]
    window = program.Window(0, 0, 1, 1)
    state = jax.eval_shape(lambda: program.start(lane.start, lane.keys, lane.data, how=how))
    table = phase.sampler.init(lane.data)
    per_epoch = lane.steps_per_epoch[0]
    draws = jax.eval_shape(
        lambda: program.draws(phase.sampler, lane.keys, per_epoch, window, how=how)
    )
    args = (state, lane.steps[0], phase.sampler, lane.data, table, draws, per_epoch, window)
    compiled = program.advance.lower(*args, how=how).compile().as_text()
    assert are_compiled_channels_last(compiled)


def test_the_released_nets_are_the_defaults_of_their_sizes():
    with_rows = np.zeros((4, 28, 28, 1), np.uint8)
    train = jaxad.as_train_data(with_rows)
    net = jaxad.make("fcdd", train).parts.model.net
    shapes = jax.eval_shape(lambda: net.init(jax.random.key(0), 1))
    assert shapes.params["conv_2"]["kernel"].shape == (5, 5, 128, 128)
    assert shapes.params["conv_out"]["kernel"].shape == (1, 1, 128, 1)
