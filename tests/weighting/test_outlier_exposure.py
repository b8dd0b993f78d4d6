"""Latent outlier exposure: which rows it takes as anomalies, and how much of each loss they get."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from fuzzing import examples
from hypothesis import given, settings
from hypothesis import strategies as st

import jaxad
from jaxad.errors import ConfigError
from jaxad.objectives import identity, inverse
from jaxad.types import Batch, TrainData
from jaxad.utils.checksums import write_checksums
from jaxad.utils.timing import count_compilations
from jaxad.weighting import (
    Context,
    Weights,
    anoonly,
    by_label,
    chain,
    latent_outlier_exposure,
)

SCORES = np.array([3.0, 1.0, 5.0, 2.0, 9.0, 4.0, 8.0])
LABEL = np.array([0, 0, 0, 0, -1, 0, 1], np.int8)


def weigh(weighting, scores=SCORES, label=LABEL, epoch=9.0, start=None):
    """Weights of a batch whose scores are given."""
    n = len(label)
    scores = jnp.asarray(scores, jnp.float32)
    label = np.asarray(label, np.int8)
    batch = Batch(scores[:, None], jnp.asarray(label), jnp.arange(n), jnp.asarray(epoch))
    context = Context(None, inverse(), None, None, batch, scores, jax.random.key(0))
    state = weighting.init(TrainData(np.zeros((n, 1)), label, np.int32(n), np.int32(1)))
    start = Weights(jnp.ones(n), jnp.zeros(n)) if start is None else start
    return weighting.update(start, state, context)[0]


def test_the_top_share_of_unlabelled_rows_takes_the_loss_of_anomalies():
    """Five rows are unlabelled: the two highest scores of them are 5 and 4."""
    weights = weigh(latent_outlier_exposure(0.4))
    np.testing.assert_array_equal(weights.anomaly, [0, 0, 1, 0, 0, 1, 0])
    np.testing.assert_array_equal(weights.normal, [1, 1, 0, 1, 1, 0, 1])


def test_softly_exposed_rows_take_half_of_both_losses():
    weights = weigh(latent_outlier_exposure(0.4, soft=True))
    np.testing.assert_array_equal(weights.anomaly, [0, 0, 0.5, 0, 0, 0.5, 0])
    np.testing.assert_array_equal(weights.normal, [1, 1, 0.5, 1, 1, 0.5, 1])


@pytest.mark.parametrize(("epoch", "exposed"), [(0.0, 0), (1.99, 0), (2.0, 2), (7.5, 2)])
def test_the_first_epochs_are_blind(epoch, exposed):
    assert float(weigh(latent_outlier_exposure(0.4), epoch=epoch).anomaly.sum()) == exposed


@settings(max_examples=examples(60), deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from([-1, 0, 0, 0, 1])), min_size=1, max_size=12
    ),
    st.floats(0, 0.96875, width=32),
    st.booleans(),
)
def test_the_count_is_exact_with_ties_and_only_unlabelled_rows_change(rows, alpha, soft):
    scores, label = np.array([r[0] for r in rows], float), np.array([r[1] for r in rows])
    weights = weigh(latent_outlier_exposure(alpha, soft), scores, label)
    exposed = np.asarray(weights.anomaly) > 0
    among = label == 0
    assert exposed.sum() == np.round(np.float32(alpha) * np.float32(among.sum()))
    assert not exposed[~among].any()
    np.testing.assert_array_equal(weights.normal + weights.anomaly, 1)
    kept = among & ~exposed
    if exposed.any() and kept.any():
        assert scores[exposed].min() >= scores[kept].max()
        # Of equal scores the first are exposed: the same rows whatever the machine.
        tied = among & (scores == scores[exposed].min())
        assert (np.diff(exposed[tied].astype(int)) <= 0).all()


def test_it_ranks_by_the_difference_of_the_losses_not_by_the_score():
    """With a loss of anomalies that grows faster than that of normals the order turns round."""
    label, scores = np.zeros(4, np.int8), jnp.array([1.0, 2.0, 3.0, 4.0])
    turned = inverse()._replace(anomaly=jax.tree_util.Partial(lambda s, batch: 3 * s))
    batch = Batch(scores[:, None], jnp.asarray(label), jnp.arange(4), jnp.asarray(9.0))
    context = Context(None, turned, None, None, batch, scores, jax.random.key(0))
    weighting = latent_outlier_exposure(0.25)
    state = weighting.init(TrainData(np.zeros((4, 1)), label, np.int32(4), np.int32(1)))
    weights, _ = weighting.update(Weights(jnp.ones(4), jnp.zeros(4)), state, context)
    np.testing.assert_array_equal(weights.anomaly, [1, 0, 0, 0])


def test_a_batch_of_labelled_rows_alone_stays_as_it_is():
    weights = weigh(latent_outlier_exposure(0.9), SCORES[:3], [-1, 1, -1])
    np.testing.assert_array_equal(weights.normal, 1)
    np.testing.assert_array_equal(weights.anomaly, 0)


def test_chains_with_by_label_and_anoonly():
    labelled = [0, 0, 0, 0, 2, 0, 0], [1, 1, 1, 1, 0, 1, 2]
    for order in (1, -1):
        parts = (by_label(2.0), latent_outlier_exposure(0.2))[::order]
        weights = weigh(chain(*parts) if order == 1 else parts[1])
        expected = np.array(labelled[0], float)
        expected[2] = order == 1
        np.testing.assert_array_equal(weights.anomaly, expected)
    weights = weigh(chain(by_label(2.0), latent_outlier_exposure(0.2, soft=True), anoonly(0.1)))
    np.testing.assert_allclose(weights.normal, [0.1, 0.1, 0.05, 0.1, 0, 0.1, 0.2], rtol=1e-6)
    np.testing.assert_allclose(weights.anomaly, [0, 0, 0.5, 0, 2, 0, 0])


def test_numbers_soft_included_are_leaves():
    structure = jax.tree.structure
    one, other = latent_outlier_exposure(), latent_outlier_exposure(0.3, soft=True, blind=0)
    assert structure(one) == structure(other)


def test_shares_and_softness_are_one_program_and_change_what_is_learned(toy, quick):
    def scores(weighting):
        fit = jaxad.fit(quick("deep_svdd", toy.train, weighting=weighting), toy.train)
        return jaxad.score(fit, toy.test)

    first = scores("latent_outlier_exposure(0.1)")
    before = count_compilations()
    others = [
        scores(f"latent_outlier_exposure({numbers})")
        for numbers in ("0.2", "0.1, soft=True", "0.1, blind=20", "0.0")
    ]
    assert count_compilations() == before
    for other in others:
        assert np.isfinite(other).all() and not np.allclose(first, other)


def test_without_a_share_the_base_is_left_as_it_is(toy, quick):
    def scores(weighting):
        fit = jaxad.fit(quick("deep_sad", toy.train, weighting=weighting), toy.train)
        return jaxad.score(fit, toy.test)

    plain, chained = scores("by_label"), scores("by_label, latent_outlier_exposure(0.0)")
    np.testing.assert_allclose(plain, chained, rtol=1e-5)


def test_it_finds_hidden_anomalies_that_spoil_its_base(toy_of, quick):
    """Without labels, a tenth of the rows hidden anomalies far from the rest."""
    toy = toy_of(rows=400, labelled=40)
    train = toy.train._replace(label=np.zeros(400, np.int8))

    def auroc(weighting):
        fit = jaxad.fit(quick("deep_svdd", train, weighting=weighting), train, seeds=3)
        return jaxad.evaluate(fit, toy.test).auroc.mean

    assert auroc("latent_outlier_exposure(0.1)") > auroc("unsupervised") + 0.01


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"alpha": 1.0}, "alpha"),
        ({"alpha": -0.1}, "alpha"),
        ({"alpha": float("nan")}, "alpha"),
        ({"soft": 1}, "soft"),
        ({"blind": -1}, "blind"),
    ],
)
def test_values_out_of_range_are_refused(settings, name):
    with pytest.raises(ConfigError, match=f"{name} must be .*; given"):
        latent_outlier_exposure(**settings)


def test_an_objective_without_a_loss_of_anomalies_is_refused(toy, quick):
    assert identity().anomaly is None
    with pytest.raises(ConfigError, match="loss of anomalies"):
        quick(
            "deep_svdd",
            toy.train,
            objective="soft_boundary",
            weighting="latent_outlier_exposure(0.1)",
        )


@pytest.mark.parametrize(
    "weighting",
    [
        "latent_outlier_exposure(0.1)",
        "by_label, latent_outlier_exposure(0.1, blind=2.5), anoonly(0.1)",
        latent_outlier_exposure(0.1, soft=True),
    ],
    ids=["text", "chain", "object"],
)
def test_training_that_ends_before_the_first_exposure_is_refused(toy, quick, weighting):
    with pytest.raises(ConfigError, match=r"epochs=2 is too few: .*blind=2.*Give more epochs"):
        quick("deep_sad", toy.train, epochs=2, weighting=weighting)
    assert quick("deep_sad", toy.train, epochs=3, weighting=weighting).epochs == 3


@pytest.mark.parametrize("arguments", ["0.1, blind=0", "0.1, blind=1.5", "0.0"])
def test_training_that_exposes_rows_or_only_keeps_the_record_is_allowed(toy, quick, arguments):
    weighting = f"latent_outlier_exposure({arguments})"
    assert quick("deep_svdd", toy.train, epochs=2, weighting=weighting).epochs == 2


def test_a_saved_detector_of_few_epochs_loads(toy, quick, tmp_path):
    """An older version may have trained and saved it."""
    weighting = "latent_outlier_exposure(0.1, blind=0)"
    fitted = jaxad.fit(quick("deep_svdd", toy.train, epochs=2, weighting=weighting), toy.train)
    folder = jaxad.save(fitted, tmp_path / "saved")
    about = (folder / "config.json").read_text()
    (folder / "config.json").write_text(about.replace("blind=0", "blind=2"))
    write_checksums(folder)
    loaded, _ = jaxad.load(folder)
    np.testing.assert_array_equal(jaxad.score(loaded, toy.test), jaxad.score(fitted, toy.test))
