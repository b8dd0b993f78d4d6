"""NCAE: its step, its two variants, and what must not break it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from layouts import are_channels_last, are_compiled_channels_last

import jaxad
from jaxad.detectors.ncae import NCAEConfig, measure_spread
from jaxad.errors import ConfigError
from jaxad.learners import gradient_step, start_state
from jaxad.models import Reconstruction
from jaxad.objectives import identity
from jaxad.types import Batch
from jaxad.weighting import unsupervised

KEY = jax.random.key(0)
# Numbers of a detector are traced: settings that differ in them alone share a program.
CALL = jax.jit(lambda function, *args: function(*args))
SMALL = {"widths": (6, 3), "generated": 16, "batch_size": 32}


def made(train, **config):
    return jaxad.make("ncae", train, **(SMALL | config))


def batch_of(train, rows=32):
    index = jnp.arange(rows)
    return Batch(jnp.asarray(train.x)[index], jnp.asarray(train.label)[index], index, jnp.zeros(()))


def stepped(train, steps=1, rows=32, **config):
    """The states before and after some steps on the first rows, and what the last told."""
    detector = made(train, **config)
    start = state = CALL(detector.init, KEY, train)
    info = {}
    for step in range(steps):
        key = jax.random.fold_in(KEY, step)
        state, info = CALL(detector.update, state, batch_of(train, rows), key)
    return start, state, info


def difference(one, other):
    leaves = jax.tree.map(lambda a, b: np.max(np.abs(np.asarray(a) - np.asarray(b))), one, other)
    return max(jax.tree.leaves(leaves))


@pytest.fixture
def train(toy):
    """Toy data without labels."""
    return toy.train._replace(label=np.zeros_like(toy.train.label))


@pytest.mark.parametrize(
    ("adversarial", "players"),
    [
        ("both", ["sample_critic", "generator", "latent_critic", "autoencoder"]),
        ("sample", ["sample_critic", "generator", "autoencoder"]),
        ("latent", ["latent_critic", "autoencoder"]),
        ("none", ["autoencoder"]),
    ],
)
def test_who_plays_is_a_setting_and_the_history_has_every_loss(train, adversarial, players):
    detector = made(train, adversarial=adversarial)
    assert [player.name for player in detector.update.args[0]] == players
    start, state, info = stepped(train, adversarial=adversarial)
    assert {f"{name}_loss" for name in players} == {k for k in info if k.endswith("_loss")}
    assert info["loss"] == info["autoencoder_loss"]
    for name in start.params:
        assert difference(start.params[name], state.params[name]) > 1e-4


def test_without_critics_and_mined_rows_it_is_the_plain_autoencoder(train):
    start, state, info = stepped(train, adversarial="none", tau=0.0)
    detector = made(train, adversarial="none", tau=0.0)
    (player,) = detector.update.args[0]
    nets = player.loss.args[0]
    model = Reconstruction(nets.model.encoder, nets.model.decoder)
    plain = start_state(
        model,
        unsupervised(),
        player.optimiser,
        start.variables,
        model.extras(start.variables, train),
        train,
    )
    step = (model, identity(), unsupervised(), player.optimiser, plain, batch_of(train), KEY)
    expected, told = jax.jit(gradient_step)(*step)
    assert difference(state.params, expected.params) < 1e-6
    np.testing.assert_allclose(info["loss"], told["loss"], rtol=1e-5)


def test_the_mean_code_follows_the_batch_at_its_rate(train):
    for gamma in (0.0, 0.25, 1.0):
        start, state, _ = stepped(train, adversarial="none", gamma=gamma)
        (player,) = made(train).update.args[0][-1:]
        model = player.loss.args[0].model
        codes = model.encode(start.variables, batch_of(train).x, train=True)
        expected = (1 - gamma) * start.extras["mean"] + gamma * codes.mean(axis=0)
        np.testing.assert_allclose(state.extras["mean"], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(("variant", "reaches"), [("paper", True), ("released", False)])
def test_the_latent_critic_s_verdict_reaches_the_encoder_in_the_paper_alone(
    train, variant, reaches
):
    settings = {"adversarial": "latent", "variant": variant, "optimiser": "sgd"}
    rest = {"learning_rate": 1e-3}
    _, light, _ = stepped(train, latent_weight=0.0, **settings, **rest)
    _, heavy, _ = stepped(train, latent_weight=50.0, **settings, **rest)
    moved = difference(light.params["encoder"], heavy.params["encoder"])
    assert (moved > 1e-5) == reaches


@pytest.mark.parametrize("own_means", [False, True])
def test_mined_rows_are_pulled_to_the_prototype_and_the_others_to_themselves(train, own_means):
    """The loss by hand: of 32 rows the 4 with the largest errors are calibrated."""
    settings = {"adversarial": "none", "mining": "reconstruction_error", "tau": 0.125, "sigma": 0.0}
    settings["own_means"] = own_means
    start, _, info = stepped(train, **settings)
    model = made(train, **settings).update.args[0][-1].loss.args[0].model
    x = jnp.pad(batch_of(train).x, ((0, 0), (0, 26)))
    y = np.asarray(model.reconstruct(start.variables, x, train=True).out)
    prototype = np.asarray(model.generate(start.variables, start.extras, 0.0, KEY))[0]
    own = np.sum(np.asarray(x - y)[:, :6] ** 2, axis=1)
    to_prototype = np.sum((y - prototype)[:, :6] ** 2, axis=1)
    mined = own >= np.sort(own)[-4]
    penalty = sum(np.sum(p["kernel"] ** 2) for n in start.params.values() for p in n.values())
    data_loss = np.where(mined, to_prototype, own).mean()
    if own_means:  # eq. 8
        data_loss = own[~mined].mean() + to_prototype[mined].mean()
    expected = data_loss + 0.5e-6 * penalty
    np.testing.assert_allclose(info["loss"], expected, rtol=1e-5)


def test_settings_of_the_variants():
    paper, released = NCAEConfig(variant="paper"), NCAEConfig(variant="released")
    assert (paper.tau, paper.learning_rate, paper.deviation) == (0.1, 1e-2, 0.1**0.5)
    assert paper.own_means and not released.own_means and not NCAEConfig().own_means
    assert (released.tau, released.learning_rate, released.deviation) == (0.0, 1e-3, 0.1)
    assert NCAEConfig(variant="released", tau=0.2).tau == 0.2
    critics = released.schedule_critics()
    assert (critics.kind, critics.learning_rate) == ("adam_half", 5e-4)
    assert NCAEConfig(critic_learning_rate=3e-4).schedule_critics().learning_rate == 3e-4
    rates = [float(paper.schedule().rate(jnp.float32(e))) for e in (0, 9.9, 10, 20, 35)]
    np.testing.assert_allclose(rates, [1e-2, 1e-2, 1e-3, 1e-4, 1e-5], rtol=1e-4)
    once = NCAEConfig(epochs=30).schedule()
    assert [float(once.rate(jnp.float32(e))) for e in (9.0, 29.0)] == pytest.approx([1e-3, 1e-4])


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"tau": 1.5}, r"tau must be in \[0, 1\]; given 1.5"),
        ({"mining": "entropy"}, "mining must be one of 'dictionary'"),
        ({"adversarial": "all"}, "adversarial must be one of 'both'"),
        ({"sigma": -1.0}, "sigma"),
        ({"gamma": 2.0}, "gamma"),
        ({"generated": 0}, "generated"),
        ({"drop_every": -1}, "drop_every"),
        ({"latent_weight": -1}, "latent_weight"),
        ({"calibrate": -1}, "calibrate"),
        ({"critic_learning_rate": 0.0}, "critic_learning_rate must be > 0, or None; given 0.0"),
    ],
)
def test_wrong_settings_are_refused(config, says):
    with pytest.raises(ConfigError, match=says):
        NCAEConfig(**config)


@pytest.mark.parametrize("tau", [0.0, 1.0])
def test_no_row_or_every_row_may_be_mined(train, tau):
    """With every row mined the network learns one prototype for all, and stays finite."""
    _, state, info = stepped(train, 20, tau=tau)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((state.params, info)))


@pytest.mark.slow
@pytest.mark.parametrize(("rows", "generated"), [(4, 64), (32, 3), (1, 16)])
def test_batches_and_generated_rows_may_differ_in_number(train, rows, generated):
    for variant in ("paper", "released"):
        _, _, info = stepped(train, 3, rows, generated=generated, variant=variant, tau=0.5)
        assert all(np.isfinite(value) for value in info.values())


@pytest.mark.slow
def test_few_rows_are_enough(toy_of):
    train = toy_of(rows=5, labelled=0).train
    fit = jaxad.fit(made(train, epochs=3), train)
    assert np.isfinite(jaxad.score(fit, train.x)).all()
    assert np.isfinite(fit.history["train"]["loss"]).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    "mining", ["dictionary", "reconstruction_error", "latent_distance", "latent_density"]
)
def test_codes_of_norm_0_give_numbers(train, mining):
    """Rows of zeros: without biases so far, every code is zero too."""
    zeros = train._replace(x=np.zeros_like(train.x))
    start, state, info = stepped(zeros, 5, mining=mining)
    assert not np.any(start.extras["direction"]) and not np.any(start.extras["mean"])
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((state.params, info)))


def test_saturated_critics_leave_every_number_finite(train):
    _, state, info = stepped(train, 60, critic_learning_rate=300.0)
    critics = [info[name] for name in ("generator_loss", "autoencoder_loss")]
    assert max(critics) > 1e3  # sigmoids of such logits are 0 or 1
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((state.params, info)))


@pytest.mark.parametrize(("sigma", "collapsed"), [(0.0, 1.0), (1.0, 0.0)])
def test_a_generator_that_collapses_is_reported(train, sigma, collapsed):
    _, _, info = stepped(train, 5, sigma=sigma)
    assert info["collapsed"] == collapsed
    assert (info["generated_spread"] < 1e-4) == bool(collapsed)


def test_the_spread_is_the_ratio_of_deviations():
    x = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    info = measure_spread(jnp.asarray(0.005 * x), jnp.asarray(x))
    np.testing.assert_allclose(info["generated_spread"], 0.005, rtol=1e-4)
    assert info["collapsed"] == 1
    assert measure_spread(jnp.asarray(x), jnp.zeros_like(x))["collapsed"] == 0


def test_it_takes_other_weightings(train):
    assert "mining_rank" not in str(jax.eval_shape(made(train).init, KEY, train).weighting[0])
    weighting = "unsupervised, mining('latent_distance', 0.3)"
    one = stepped(train, 3, weighting=weighting)[1]
    other = stepped(train, 3, mining="latent_distance", tau=0.3)[1]
    assert difference(one.params, other.params) == 0


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="layouts matter on the CPU alone")
def test_every_convolution_of_its_scanned_step_is_channels_last():
    x = np.random.default_rng(0).integers(0, 256, (16, 12, 12, 1), np.uint8)
    data = jaxad.as_train_data(x, np.zeros(16, np.int8))
    detector = jaxad.make("ncae", data, channels=(8, 16), widths=(4,), generated=8)
    state = jax.eval_shape(detector.init, KEY, data)
    assert detector.convolutional

    def steps(state):
        return jax.lax.scan(
            lambda s, t: detector.update(s, batch_of(data, 16), jax.random.fold_in(KEY, t)),
            state,
            jnp.arange(3),
        )

    program = jax.jit(steps).lower(state)
    assert are_channels_last(program.as_text())
    compiled = program.compile().as_text()
    assert are_compiled_channels_last(compiled)
    assert "select-and-scatter" not in compiled
