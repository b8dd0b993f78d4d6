"""REPEN: who may be drawn for what, its loss and score against their formulas, and few rows."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxad
from jaxad.errors import ConfigError
from jaxad.models import Embedding
from jaxad.models.drawn import draw_rows
from jaxad.nets.scorer import relu_net
from jaxad.objectives import triplet
from jaxad.sampling.balanced import Balanced
from jaxad.sampling.triplets import Triplets, nearest_in_subsets

KEY = jax.random.key(0)
SAMPLER = Triplets(256, 4)


def drawn(train, sampler=SAMPLER):
    """The rows of some epochs' triplets."""
    table, draw = sampler.init(train), jax.jit(sampler.draw)
    order = [sampler.shuffle(jax.random.fold_in(KEY, i)) for i in range(4)]
    steps = [draw(table, o, jnp.asarray(t)) for o in order for t in range(4)]
    return np.concatenate(steps).T


def with_outliers(label=None):
    """100 rows around 0, of which rows 10 and 20 lie far off, row 20 twice as far."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(100, 6)).astype(np.float32)
    x[10], x[20] = 20, -40
    label = np.zeros(100, np.int8) if label is None else label
    return jaxad.TrainData(x, label, np.int32(100), np.int32(6))


def test_rows_far_off_are_negatives_and_never_anything_else():
    anchors, positives, negatives = drawn(with_outliers())
    assert set(negatives) == {10, 20}
    assert not {10, 20} & (set(anchors) | set(positives))
    # Twice as far is drawn twice as often, anchors the more often the nearer to the rest.
    assert np.sum(negatives == 20) / np.sum(negatives == 10) == pytest.approx(2, rel=0.1)
    near = np.linalg.norm(with_outliers().x, axis=1)
    assert near[anchors].mean() < near[positives].mean()
    assert len(set(positives)) == 98


def test_labelled_anomalies_are_the_negatives_and_labelled_normals_no_candidates():
    label = np.zeros(100, np.int8)
    label[[3, 5]], label[20] = -1, 1
    anchors, positives, negatives = drawn(with_outliers(label))
    assert set(negatives) == {3, 5}
    assert 10 not in {*anchors, *positives} and not {3, 5} & {*anchors, *positives}
    assert 20 in positives


@pytest.mark.parametrize("rows", [2, 3, 5])
def test_few_rows_and_equal_rows_still_make_triplets(rows):
    for x in (np.eye(6)[:rows], np.ones((rows, 6))):
        train = jaxad.TrainData(
            x.astype(np.float32), np.zeros(rows, np.int8), np.int32(rows), np.int32(6)
        )
        index = drawn(train)
        assert index.min() >= 0 and index.max() < rows


def test_padding_and_splits_side_by_side_change_nothing():
    train = with_outliers()
    longer = train._replace(
        x=np.concatenate([train.x, np.full((30, 6), 1e6, np.float32)]),
        label=np.concatenate([train.label, np.zeros(30, np.int8)]),
    )
    np.testing.assert_array_equal(drawn(longer), drawn(train))
    other = train._replace(x=train.x[::-1].copy())
    both = jax.tree.map(lambda *pair: np.stack(pair), train, other)
    for i, one in enumerate((train, other)):
        for of_both, alone in zip(SAMPLER.init(both), SAMPLER.init(one), strict=True):
            np.testing.assert_array_equal(of_both[i], alone)


def test_the_score_is_the_mean_distance_to_the_nearest_of_each_subset():
    rng = np.random.default_rng(0)
    points, known = rng.normal(size=(7, 4)), rng.normal(size=(24, 4))
    want = [
        np.mean([min(np.linalg.norm(p - k) for k in known[i : i + 8]) for i in range(0, 24, 8)])
        for p in points
    ]
    got = nearest_in_subsets(jnp.asarray(points), jnp.asarray(known))
    np.testing.assert_allclose(got, want, rtol=1e-5)


def test_a_triplet_s_loss_is_the_hinge_of_squared_distances(toy):
    model = Embedding(relu_net(32, (5,), "none"))
    variables, extras = model.init(KEY, toy.train)
    x = toy.train.x[:12].reshape(4, 3, 6)
    out = model.apply(variables, extras, jnp.asarray(x), train=True).out
    e, p, n = np.moveaxis(np.asarray(model.embed(variables, x.reshape(12, 6), False).out), 0, 0)[
        np.arange(12).reshape(4, 3).T
    ]
    want = np.sum((e - n) ** 2, 1) - np.sum((e - p) ** 2, 1)
    np.testing.assert_allclose(out, want, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(triplet(2.0).normal(out), np.maximum(0, 2 - want), rtol=1e-4)


def test_kept_rows_are_no_labelled_anomalies_and_all_come_before_any_comes_again(toy):
    rows, first = draw_rows(KEY, toy.train, 400)
    allowed = {tuple(row) for row in toy.train.x[toy.train.label >= 0].tolist()}
    kept = [tuple(row) for row in np.asarray(rows).tolist()]
    assert set(kept) == allowed
    assert np.sum(first) == len(allowed) == len(set(kept[: len(allowed)]))
    few, all_first = draw_rows(KEY, toy.train, 50)
    assert np.all(all_first) and len(np.unique(few, axis=0)) == 50


def test_images_and_samplers_of_other_kinds_are_told_apart(toy):
    images = toy.train._replace(x=np.zeros((160, 8, 8, 1), np.uint8))
    with pytest.raises(ConfigError, match="repen takes rows of a table"):
        jaxad.make("repen", images)
    assert not isinstance(jaxad.make("repen", toy.train).sampler, Balanced)
