"""Scaling against scikit-learn, and its rules for constant columns and images."""

import warnings

import numpy as np
import pytest
from fuzzing import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial.distance import pdist
from sklearn.decomposition import PCA
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from jaxad.data import SCALINGS, fit_scaling
from jaxad.data.scaling import WHITE_FLOOR, select_scaling, stack_scalings
from jaxad.errors import ConfigError, DataError

tables = hnp.arrays(
    np.float64,
    st.tuples(st.integers(2, 20), st.integers(1, 5)),
    elements=st.floats(-1e3, 1e3).map(lambda v: round(v, 3)),
)


@settings(max_examples=examples(60), deadline=None)
@given(tables, st.sampled_from(["standard", "minmax"]))
def test_table_scalings_are_those_of_scikit_learn(x, kind):
    peer = {"standard": StandardScaler, "minmax": MinMaxScaler}[kind]().fit(x)
    new = x + np.linspace(-1, 1, x.shape[1])
    np.testing.assert_allclose(
        fit_scaling(x, kind).apply(new), peer.transform(new), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("kind", ["standard", "minmax"])
@pytest.mark.parametrize("value", [0.0, 0.1, -3e8])
def test_constant_column_becomes_zero_and_keeps_its_distance(kind, value):
    x = np.stack([np.full(50, value), np.arange(50.0)], axis=1)
    scaling = fit_scaling(x, kind)
    np.testing.assert_array_equal(scaling.scale[:1], 1.0)
    np.testing.assert_allclose(scaling.apply(x)[:, 0], 0.0, atol=1e-6)
    np.testing.assert_allclose(scaling.apply(x + 2.0)[:, 0], 2.0, rtol=1e-6)


def test_large_numbers_with_a_small_spread_keep_it():
    x = 1.7e9 + np.arange(100.0)[:, None]
    scaled = fit_scaling(x, "standard").apply(x)
    np.testing.assert_allclose(scaled.std(), 1.0, rtol=1e-5)
    np.testing.assert_allclose(scaled.mean(), 0.0, atol=1e-5)


def test_range_has_one_unit_for_all_columns():
    x = np.array([[0.0, 16.0], [0.0, 8.0]])
    np.testing.assert_array_equal(fit_scaling(x, "range").apply(x), [[0.0, 1.0], [0.0, 0.5]])


def test_contrast_normalisation_forgets_brightness_and_contrast():
    images = np.random.default_rng(0).integers(10, 100, (6, 5, 5, 1), np.uint8)
    scaling = fit_scaling(images, "gcn")
    scaled = scaling.apply(images)
    assert scaled.min() == 0.0
    assert scaled.max() == 1.0
    np.testing.assert_allclose(scaling.apply(images * np.uint8(2) + np.uint8(7)), scaled, atol=1e-5)
    raw = images[0].astype(float) - images[0].mean()
    expected = raw / np.abs(raw).mean()
    np.testing.assert_allclose(
        scaled[0], (expected - scaling.shift) / scaling.scale, rtol=1e-4, atol=1e-5
    )


def test_one_grey_image_is_all_zero_under_contrast_normalisation():
    images = np.full((2, 3, 3, 1), 9, np.uint8)
    np.testing.assert_array_equal(fit_scaling(images, "gcn").apply(images), 0.0)


def test_auto_depends_on_the_kind_of_rows():
    grey = np.random.default_rng(0).random((4, 3, 3, 1))
    assert fit_scaling((grey * 255).astype(np.uint8)).kind == "none"
    assert fit_scaling(grey).kind == "none"
    assert fit_scaling(grey * 255).kind == "minmax"
    assert fit_scaling(grey[..., 0]).kind == "standard"
    assert fit_scaling(grey[:, 0, :, 0]).kind == "standard"


def test_bytes_stay_bytes_without_scaling_and_tables_become_float32():
    images = np.zeros((2, 3, 3, 1), np.uint8)
    assert fit_scaling(images, "none").apply(images).dtype == np.uint8
    assert fit_scaling(np.eye(2), "none").apply(np.eye(2)).dtype == np.float32


@pytest.mark.parametrize("kind", SCALINGS)
def test_constants_of_two_seeds_give_the_rows_of_each(kind):
    x = np.random.default_rng(0).random((8, 4, 3))
    one, two = fit_scaling(x[:4], kind), fit_scaling(x[4:], kind)
    both = stack_scalings([one, two])
    np.testing.assert_array_equal(both.apply(x), np.stack([one.apply(x), two.apply(x)]))
    np.testing.assert_array_equal(select_scaling(both, 1).apply(x), two.apply(x))


def test_whitening_is_the_pca_of_scikit_learn_up_to_a_rotation():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 4)) @ rng.normal(size=(4, 4)) + 5
    scaling = fit_scaling(x, "whiten")
    rows = scaling.apply(x).astype(np.float64)
    np.testing.assert_allclose(np.cov(rows.T, bias=True), np.eye(4), atol=1e-4)
    peer = PCA(whiten=True).fit(x)
    new = rng.normal(size=(6, 4)) + 5
    ours, theirs = scaling.apply(new).astype(np.float64), peer.transform(new)
    np.testing.assert_allclose(pdist(ours), pdist(theirs) * np.sqrt(200 / 199), rtol=1e-4)
    np.testing.assert_allclose(scaling.matrix, scaling.matrix.T, atol=1e-12)


def test_whitening_bounds_what_hardly_varies_in_training():
    x = np.random.default_rng(0).normal(size=(5, 8))  # four directions have variance
    scaling = fit_scaling(x, "whiten")
    values = np.linalg.eigvalsh(scaling.matrix)
    np.testing.assert_allclose(values[-4:], WHITE_FLOOR**-0.5)
    constant = fit_scaling(np.stack([np.arange(9.0), np.full(9, 3.0)], axis=1), "whiten")
    np.testing.assert_allclose(constant.apply(np.array([[4.0, 3.0], [4.0, 3.1]]))[:, 1], [0, 1])


def test_subnormal_spread_overflows_nothing():
    x = np.array([[0.0], [1e-300]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isfinite(fit_scaling(x, "standard").apply(np.array([[1e3]]))).all()


def test_unknown_scaling_and_other_columns_are_refused():
    with pytest.raises(ConfigError, match=r"unknown scaling 'standart'\. Did you mean 'standard'"):
        fit_scaling(np.eye(2), "standart")
    with pytest.raises(DataError, match=r"x has 3 columns.*fitted on 2"):
        fit_scaling(np.eye(2)).apply(np.eye(3))
    with pytest.raises(DataError, match="missing"):
        fit_scaling(np.eye(2)).apply(np.full((1, 2), np.nan))
