"""A user's mistakes: each is refused with what was given and what is allowed."""

import jax
import numpy as np
import pytest

import jaxad
from jaxad.errors import ConfigError, DataError, DataWarning, JaxADError


@pytest.fixture(scope="module")
def detector(toy, quick):
    return quick("deep_sad", toy.train, epochs=1, pretrain_epochs=1)


@pytest.fixture(scope="module")
def fit(detector, toy):
    return jaxad.fit(detector, toy.train, seeds=2)


def spoiled(x, value, dtype=None):
    x = x.astype(dtype or x.dtype)
    x[7, 3] = value
    return x


BAD = [
    (lambda x: spoiled(x, np.nan), r"finite.*1 entries.*\(7, 3\)"),
    (lambda x: spoiled(x, -np.inf), r"finite.*1 entries.*\(7, 3\)"),
    (lambda x: spoiled(x, 1e39, np.float64), r"finite in float32.*\(7, 3\)"),
    (lambda x: x.astype(complex), "complex"),
    (lambda x: x.astype(str), "numbers; given dtype <U"),
    (lambda x: x.astype(object), "object"),
]
NAMES = ["NaN", "inf", "too large", "complex", "strings", "objects"]


@pytest.mark.parametrize(("spoil", "match"), BAD, ids=NAMES)
def test_rows_that_cannot_be_trained_on(detector, toy, spoil, match):
    with pytest.raises(DataError, match=match):
        jaxad.fit(detector, toy.train._replace(x=spoil(toy.train.x)))


@pytest.mark.parametrize(("spoil", "match"), BAD, ids=NAMES)
def test_rows_that_cannot_be_scored(fit, toy, spoil, match):
    with pytest.raises(DataError, match=match):
        jaxad.score(fit, spoil(toy.test.x))


def test_a_batch_of_one_row_under_batch_norm_is_warned_of(toy, quick):
    single = quick("deep_sad", toy.train, epochs=1, pretrain_epochs=1, batch_size=1)
    with pytest.warns(DataWarning, match="batch_size=1 with norm='batch_no_affine'.*norm='none'"):
        jaxad.fit(single, toy.train)
    without = quick("deep_sad", toy.train, epochs=1, pretrain_epochs=1, batch_size=1, norm="none")
    jaxad.fit(without, toy.train)  # without a warning, which would be an error in tests


@pytest.mark.parametrize("shape", [(0, 6), (6,), (), (3, 2, 6), (3, 4)])
def test_shapes_that_are_no_rows(fit, shape):
    with pytest.raises(DataError, match="rows"):
        jaxad.score(fit, np.zeros(shape))


def test_rows_of_another_number_of_seeds(fit, toy):
    three = jax.tree.map(lambda leaf: np.stack([np.asarray(leaf)] * 3), toy.test)
    with pytest.raises(DataError, match="3 seeds; the fit has 2"):
        jaxad.score(fit, three)


def test_only_test_data_is_evaluated(fit, toy):
    with pytest.raises(ConfigError, match="TestData"):
        jaxad.evaluate(fit, toy.test.x)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda t: t._replace(count=np.int32(1)), "at least 2 rows; given 1"),
        (lambda t: t._replace(count=np.int32(0)), "at least 2 rows; given 0"),
        (lambda t: t._replace(count=np.int32(161)), "160 rows of train.x; given 161"),
        (lambda t: t._replace(features=np.int32(7)), "columns of train.x; given 7"),
        (lambda t: t._replace(features=np.int32(0)), "columns of train.x; given 0"),
        (lambda t: t._replace(label=t.label[:-1]), r"rows of train.x; given \(159,\)"),
        (lambda t: t._replace(label=t.label + 2), r"given \[2, 3\]"),
        (lambda t: t._replace(label=np.full(160, -1, np.int8)), "that are not labelled anomalies"),
        (lambda t: t._replace(x=t.x[:, 0]), r"shape \(160,\)"),
        (lambda t: t._replace(x=t.x[:, :4], features=np.int32(4)), r"made for; given \(4,\)"),
        (lambda t: t.x, "must be a TrainData"),
    ],
)
def test_training_data_that_does_not_fit_together(detector, toy, change, match):
    with pytest.raises(DataError, match=match):
        jaxad.fit(detector, change(toy.train))


def test_a_detector_is_made_for_training_data(toy):
    empty = toy.train._replace(x=toy.train.x[:, :0])
    for train, match in [
        (toy.train.x, "TrainData"),
        (empty, "features"),
        (toy.train._replace(count=np.int32(1)), "2 training rows"),
    ]:
        with pytest.raises(DataError, match=match):
            jaxad.make("deep_sad", train)


@pytest.mark.parametrize("seeds", [0, -1, 1.5, "3", True])
def test_numbers_of_seeds_that_are_none(detector, toy, seeds):
    with pytest.raises(ConfigError, match="seeds"):
        jaxad.fit(detector, toy.train, seeds=seeds)


def test_ways_of_mapping_that_are_none(detector, toy):
    with pytest.raises(ConfigError, match="Did you mean 'vmap'"):
        jaxad.fit(detector, toy.train, mode="vmaps")


def test_every_mistake_is_a_value_error():
    assert issubclass(JaxADError, ValueError)
    assert issubclass(DataError, JaxADError) and issubclass(ConfigError, JaxADError)


def test_rows_of_whole_numbers_score_as_the_same_floats(fit):
    """A bug once seen: whole numbers of a table were taken for pixels and divided by 255."""
    x = np.arange(60).reshape(10, 6) % 7
    want = jaxad.score(fit, x.astype(np.float32))
    for dtype in (np.int64, np.int8, np.uint8, np.float64):
        np.testing.assert_allclose(jaxad.score(fit, x.astype(dtype)), want, rtol=1e-6)


def test_bytes_of_images_score_as_the_same_floats(quick):
    x = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1)).astype(np.uint8)
    train = jaxad.TrainData(x, np.zeros(40, np.int8), np.int32(40), np.int32(1))
    fit = jaxad.fit(quick("autoencoder", train, epochs=1, channels=(2,), widths=(3,)), train)
    floats = (x / 255).astype(np.float32)
    np.testing.assert_allclose(jaxad.score(fit, x), jaxad.score(fit, floats), rtol=1e-5)


@pytest.mark.parametrize("name", ["deep_sad", "autoencoder"])
def test_a_constant_column_trains_like_any_other(toy, quick, name):
    constant = np.arange(6) == 2
    train = toy.train._replace(x=np.where(constant, np.float32(0.5), toy.train.x))
    fit = jaxad.fit(quick(name, train), train)
    x = np.where(constant, np.float32(0.5), toy.test.x)
    assert jaxad.evaluate(fit, toy.test._replace(x=x)).auroc.mean > 0.9


def test_two_rows_are_enough(quick, toy_of):
    train = toy_of(rows=2, labelled=0).train
    fit = jaxad.fit(quick("deep_sad", train, epochs=2, pretrain_epochs=1), train)
    assert fit.history["train"]["loss"].shape == (1, 2)
    assert np.isfinite(jaxad.score(fit, toy_of().test)).all()
