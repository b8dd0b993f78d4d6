"""Weightings for hidden anomalies in whole fits: what they find, and that they can be kept.

One base detector and one training set serve all of them.
"""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxad
from jaxad.types import Batch
from jaxad.utils.timing import count_compilations
from jaxad.weighting import Context, Weights

# The weighting, the same one with other numbers, and those under which it changes nothing.
CASES = {
    "loss_truncation": ("0.75, start=0.5", "0.9, start=0.5", "1.0, start=1.0"),
    "adaptive_rejection": ("", "2.5, soft=0.1", "1e9, soft=1.0"),
    "soel": ("0.2", "0.1", "0.0"),
    "adaptive_mining": ("", "0.5", None),
    "nnpu": ("0.2", "0.1, bounded=False", "0.0"),
}
# One of them is trained in the fast tests; the others take as long for their compilation.
EACH = [n if n == "adaptive_rejection" else pytest.param(n, marks=pytest.mark.slow) for n in CASES]
ROWS, HIDDEN, LABELLED = 200, 40, 4


def draw_scattered(rng, anomalous, features):
    """Normal rows around 0, and anomalies scattered far around them."""
    noise = rng.normal(size=(len(anomalous), features))
    return (noise * np.where(anomalous, 5, 1)[:, None]).astype(np.float32)


@pytest.fixture(scope="module")
def contaminated(toy_of):
    """A toy set of which a fifth of the unlabelled rows are hidden anomalies; four are labelled."""
    toy = toy_of(rows=ROWS, labelled=HIDDEN + LABELLED, draw=draw_scattered)
    anomalies = np.flatnonzero(toy.train.label < 0)
    label = np.zeros(ROWS, np.int8)
    label[anomalies[:LABELLED]] = -1
    hidden = np.isin(np.arange(ROWS), anomalies[LABELLED:])
    return toy.train._replace(label=label), hidden, toy.test


@pytest.fixture(scope="module")
def fit(contaminated, quick):
    """A function that fits one base detector under a weighting, once."""

    @cache
    def train(weighting, seeds=2, unlabelled=False):
        rows = contaminated[0]
        if unlabelled:
            rows = rows._replace(label=np.zeros(ROWS, np.int8))
        detector = quick("deep_sad", rows, pretrain_epochs=0, weighting=weighting)
        return jaxad.fit(detector, rows, seeds=seeds), rows

    return train


def name_with(name, arguments):
    return f"{name}({arguments})"


def weigh_all(fitted, rows):
    """The weights that the rows of the training set have together after training."""
    parts = fitted.detector.parts
    state = jax.tree.map(lambda leaf: leaf[0], fitted.state)
    scores = jnp.asarray(jaxad.score(fitted, rows.x)[0])
    batch = Batch(jnp.asarray(rows.x), jnp.asarray(rows.label), jnp.arange(ROWS), jnp.asarray(99.0))
    context = Context(
        parts.model,
        parts.objective,
        state.variables,
        state.extras,
        batch,
        scores,
        jax.random.key(0),
    )
    start = Weights(jnp.ones(ROWS), jnp.zeros(ROWS))
    weights, _ = parts.weighting.update(start, state.weighting, context)
    return np.asarray(weights.normal), np.asarray(weights.anomaly)


@pytest.mark.parametrize("name", EACH)
def test_hidden_anomalies_get_other_weights_than_normal_rows(name, contaminated, fit):
    _, hidden, test = contaminated
    fitted, rows = fit(name_with(name, CASES[name][0]))
    normal, anomaly = weigh_all(fitted, rows)
    clean = (rows.label == 0) & ~hidden
    assert np.isfinite(normal).all() and np.isfinite(anomaly).all()
    assert jaxad.evaluate(fitted, test).auroc.mean > 0.9
    if name == "nnpu":  # it weighs by labels alone
        assert np.ptp(normal[rows.label == 0]) < 1e-5
        return
    kept = normal - anomaly
    assert kept[hidden].mean() < 0.6 * kept[clean].mean()


@pytest.mark.parametrize("name", EACH)
def test_numbers_are_traced_and_change_what_is_learned(name, contaminated, fit):
    one, two = (name_with(name, arguments) for arguments in CASES[name][:2])
    first = jaxad.score(fit(one)[0], contaminated[2])
    before = count_compilations()
    other = jaxad.score(fit(two)[0], contaminated[2])
    assert count_compilations() == before
    assert np.isfinite(other).all()
    if name != "adaptive_mining":
        assert not np.allclose(first, other)


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n, (_, _, neutral) in CASES.items() if neutral])
def test_with_neutral_numbers_and_no_labels_it_is_plain_training(name, contaminated, fit):
    neutral = fit(name_with(name, CASES[name][2]), unlabelled=True)[0]
    plain = fit("by_label", unlabelled=True)[0]
    np.testing.assert_allclose(
        jaxad.score(neutral, contaminated[2]), jaxad.score(plain, contaminated[2]), rtol=1e-4
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_seeds_side_by_side_are_single_fits_and_can_be_saved(name, contaminated, fit, tmp_path):
    weighting = name_with("by_label, " + name, CASES[name][0])  # behind another one
    many = fit(weighting, seeds=2)[0]
    single = fit(weighting, seeds=1)[0]
    scores = jaxad.score(many, contaminated[2])
    np.testing.assert_allclose(scores[:1], jaxad.score(single, contaminated[2]), rtol=1e-3)
    loaded, _ = jaxad.load(jaxad.save(many, tmp_path / "saved"))
    np.testing.assert_array_equal(jaxad.score(loaded, contaminated[2]), scores)


@pytest.mark.slow
def test_the_estimated_share_is_near_the_truth(contaminated, fit):
    fitted, rows = fit(name_with("adaptive_mining", ""))
    share = HIDDEN / np.sum(rows.label == 0)
    np.testing.assert_allclose(fitted.history["train"]["tau"][:, -1], share, atol=0.1)
    audit = jaxad.audit(fitted, rows, "relative_loss", hidden=contaminated[1].astype(np.int8))
    assert audit.auroc.mean > 0.95
