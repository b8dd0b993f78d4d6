"""AUROC of pixels and AUPRO: their definitions, closed forms, and what they refuse."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from jaxad.errors import ConfigError, DataError
from jaxad.explain import (
    aupro,
    collect_pixels,
    join_pixels,
    measure_pixels,
    pixel_auroc,
    select_images,
)
from tests.fuzzing import examples

rng = np.random.default_rng(7)


def list_regions(mask):
    """Lists of the pixels that touch each other, diagonally too, by a search from each pixel."""
    left = {tuple(place) for place in np.argwhere(mask)}
    regions = []
    while left:
        todo, region = [left.pop()], []
        while todo:
            i, row, column = todo.pop()
            region.append((i, row, column))
            around = {
                (i, row + a, column + b) for a in (-1, 0, 1) for b in (-1, 0, 1)
            } & left  # fmt: skip
            left -= around
            todo += around
        regions.append(tuple(np.transpose(region)))
    return regions


def by_definition(maps, mask, limit):
    """AUPRO as Bergmann et al. define it, from the curve over all thresholds."""
    regions, rates = list_regions(mask), [0.0]
    overlaps = [0.0]
    for threshold in np.unique(maps)[::-1]:
        found = maps >= threshold
        rates.append(float(found[mask == 0].mean()))
        overlaps.append(float(np.mean([found[region].mean() for region in regions])))
    last = np.interp(limit, rates, overlaps)
    below = [i for i, rate in enumerate(rates) if rate < limit]
    x = [rates[i] for i in below] + [limit]
    y = [overlaps[i] for i in below] + [last]
    # A vertical step of the curve exactly at the limit adds no area.
    steps = [i for i, rate in enumerate(rates) if rate == limit]
    y[-1] = overlaps[steps[0]] if steps else y[-1]
    return np.trapezoid(y, x) / limit


@st.composite
def cases(draw):
    shape = draw(st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 5)))
    random = np.random.default_rng(draw(st.integers(0, 10**6)))
    mask = (random.uniform(size=shape) < draw(st.floats(0.1, 0.9))).astype(np.uint8)
    mask.flat[0], mask.flat[-1] = 1, 0
    levels = draw(st.sampled_from([1, 2, 5, 1000]))
    return random.integers(0, levels, shape) / levels, mask


@settings(max_examples=examples(60))
@given(cases(), st.sampled_from([0.05, 0.3, 0.5, 1.0]))
def test_aupro_is_its_definition_with_and_without_ties(case, limit):
    maps, mask = case
    if mask.size == 1:
        return
    np.testing.assert_allclose(aupro(maps, mask, limit), by_definition(maps, mask, limit))
    expected = roc_auc_score(mask.ravel(), maps.ravel())
    np.testing.assert_allclose(pixel_auroc(maps, mask).pooled, expected, rtol=1e-12)


def test_perfect_maps_have_1_and_constant_or_inverted_ones_the_area_of_their_curve():
    mask = np.zeros((3, 8, 8), int)
    mask[0, 1:4, 1:4] = mask[1, 5, 5] = mask[1, 0, 0:3] = 1
    assert aupro(mask.astype(float), mask) == 1
    assert aupro(-mask.astype(float), mask) == 0
    for limit in (0.3, 1.0):
        np.testing.assert_allclose(aupro(np.ones(mask.shape), mask, limit), limit / 2)


def test_random_maps_have_half_of_the_limit():
    maps = rng.normal(size=(50, 32, 32))
    mask = np.zeros(maps.shape, bool)
    mask[:, 4:12, 4:12] = mask[:, 20:22, 20:22] = True
    assert abs(aupro(maps, mask) - 0.15) < 0.03


def test_small_regions_count_as_much_as_large_ones():
    """A map that finds the large region alone: half of the overlap, most of the pixels."""
    mask = np.zeros((1, 20, 20), int)
    mask[0, :10, :10] = mask[0, 18, 18] = 1
    maps = np.zeros(mask.shape)
    maps[0, :10, :10] = 1
    maps[0, 18, 18] = -1
    np.testing.assert_allclose(aupro(maps, mask), 0.5)
    assert pixel_auroc(maps, mask).pooled > 0.98


def test_monotone_transforms_change_nothing():
    maps = rng.normal(size=(4, 9, 9)).astype(np.float32)
    mask = rng.uniform(size=maps.shape) < 0.2
    found = measure_pixels(collect_pixels(maps, mask))
    for same in (3 * maps - 7, np.exp(maps.astype(float)), maps.astype(float) ** 3):
        np.testing.assert_allclose(measure_pixels(collect_pixels(same, mask)), found)


def test_pieces_are_joined_and_kinds_taken_out():
    maps = rng.normal(size=(9, 7, 6))
    mask = rng.uniform(size=maps.shape) < 0.15
    mask[[0, 4, 8]] = False
    whole = collect_pixels(maps, mask)
    parts = np.split(np.arange(9), [1, 2, 6])
    pieces = join_pixels([collect_pixels(maps[rows], mask[rows]) for rows in parts])
    np.testing.assert_allclose(measure_pixels(pieces), measure_pixels(whole))
    kinds = np.array([0, 1, 1, 2, 0, 2, 2, 1, 0])
    of_kinds = [measure_pixels(select_images(whole, kinds == kind)) for kind in (1, 2)]
    total = measure_pixels(whole)
    assert sum(one.regions for one in of_kinds) == total.regions
    assert [one.images for one in of_kinds] == [3, 3] and total.images == 6
    mean = np.average([one.aupro for one in of_kinds], weights=[one.regions for one in of_kinds])
    np.testing.assert_allclose(mean, total.aupro)  # all share the unmarked pixels
    keep = ~(mask & (kinds == 2)[:, None, None])
    np.testing.assert_allclose(of_kinds[0].auroc, roc_auc_score(mask[keep], maps[keep]))


def test_an_image_that_is_marked_all_over_has_no_auroc_of_its_own():
    mask = np.zeros((2, 4, 4), int)
    mask[0] = 1
    found = measure_pixels(collect_pixels(mask + 0.0, mask))
    assert np.isnan(found.per_image) and (found.auroc, found.aupro, found.regions) == (1, 1, 1)


@pytest.mark.parametrize(
    ("maps", "mask", "message"),
    [
        (np.zeros((2, 3, 3)), np.zeros((2, 3, 4)), r"must both be \(n, height, width\)"),
        (np.zeros((2, 3, 3)), np.zeros((2, 3, 3)), "0 of 18 pixels are anomalous"),
        (np.zeros((2, 3, 3)), np.ones((2, 3, 3)), "18 of 18 pixels are anomalous"),
        (np.zeros((2, 3, 3)), np.full((2, 3, 3), 2), "0 and 1"),
        (np.full((1, 1, 2), np.nan), np.array([[[0, 1]]]), "finite"),
    ],
)
def test_what_has_no_metrics_is_refused(maps, mask, message):
    for compute in (pixel_auroc, aupro):
        with pytest.raises(DataError, match=message):
            compute(maps, mask)


@pytest.mark.parametrize("limit", [0.0, -0.1, 1.1])
def test_a_limit_that_is_no_rate_is_refused(limit):
    with pytest.raises(ConfigError, match=r"limit must be in \(0, 1\]"):
        aupro(np.zeros((1, 1, 2)), np.array([[[0, 1]]]), limit)
