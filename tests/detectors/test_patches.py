"""PaDiM and PatchCore against their equations, and on maps with a defect in one place."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.special import softmax
from sklearn.neighbors import LocalOutlierFactor

import jaxad
from jaxad.detectors.patches.coreset import project, select_coreset
from jaxad.detectors.patches.local_density import measure_outlierness
from jaxad.detectors.patches.maps import average_neighbourhoods
from jaxad.detectors.patches.memory import find_nearest, weight_by_neighbours
from jaxad.errors import ConfigError
from jaxad.explain import heatmaps

NAMES = ("padim", "patchcore")
each = pytest.mark.parametrize("name", NAMES)
PLACES = np.s_[:, 2:4, 1:3]


def draw(count, seed, defect=0.0):
    maps = np.random.default_rng(seed).normal(size=(count, 5, 4, 6)).astype(np.float32)
    maps[PLACES] += defect
    return maps


@pytest.fixture(scope="module")
def train():
    label = np.zeros(44, int)
    label[40:] = -1
    return jaxad.as_train_data(np.concatenate([draw(40, 0), draw(4, 1, 4.0)]), label)


@pytest.fixture(scope="module")
def fits(train):
    return {name: jaxad.fit(jaxad.make(name, train), train, seeds=2) for name in NAMES}


def test_the_coreset_is_chosen_greedily():
    points = np.random.default_rng(0).normal(size=(80, 5))
    chosen = select_coreset(points, 12, seed=3)
    distance = cdist(points, points)
    want = [chosen[0]]
    for _ in range(11):
        want.append(distance[:, want].min(axis=1).argmax())
    np.testing.assert_array_equal(chosen, want)


def test_all_points_and_copies_can_be_chosen():
    points = np.repeat(np.eye(3), 4, axis=0)
    chosen = select_coreset(points, 12, projection=2)
    assert sorted(chosen) == list(range(12))
    assert len({tuple(points[i]) for i in chosen[:3]}) == 3


def test_a_projection_keeps_distances_roughly():
    points = np.random.default_rng(0).normal(size=(30, 600)).astype(np.float32)
    near = project(points, 256, np.random.default_rng(1))
    upper = np.triu_indices(30, 1)
    ratio = cdist(near, near)[upper] / cdist(points, points)[upper]
    assert near.shape == (30, 256) and abs(ratio - 1).max() < 0.25


def test_outlierness_is_the_local_outlier_factor_of_scikit_learn_at_each_place():
    patches = np.random.default_rng(0).normal(size=(30, 3, 4)).astype(np.float32)
    patches[:3, 1] = patches[3, 1]  # copies
    found = measure_outlierness(patches, 5)
    for place in range(3):
        peer = LocalOutlierFactor(5, algorithm="brute").fit(patches[:, place])
        np.testing.assert_allclose(found[:, place], -peer.negative_outlier_factor_, rtol=1e-4)


def test_patches_are_averaged_with_those_that_there_are():
    maps = draw(3, 0)
    mean = average_neighbourhoods(maps, 3)
    np.testing.assert_allclose(mean[:, 2, 2], maps[:, 1:4, 1:4].mean(axis=(1, 2)), rtol=1e-4)
    np.testing.assert_allclose(mean[:, 0, 3], maps[:, :2, 2:].mean(axis=(1, 2)), rtol=1e-4)
    assert average_neighbourhoods(maps, 1) is maps


def test_padim_is_the_mahalanobis_distance_at_each_place(train, fits):
    x, new = train.x[train.label == 0], draw(3, 2, 1.0)
    maps = fits["padim"].models[0].compute_maps(new.reshape(3, -1))
    rows = x[:, 1, 3].astype(float)
    covariance = np.cov(rows.T) + 0.01 * np.eye(6)
    off = new[:, 1, 3] - rows.mean(axis=0)
    want = np.sqrt(np.einsum("ni,ij,nj->n", off, np.linalg.inv(covariance), off))
    np.testing.assert_allclose(maps[:, 1, 3], want, rtol=1e-4)
    np.testing.assert_allclose(jaxad.score(fits["padim"], new)[0], maps.max(axis=(1, 2)))


def test_padim_draws_channels_for_each_seed(train):
    detector = jaxad.make("padim", train, channels=3)
    models = jaxad.fit(detector, train, seeds=3).models
    assert len({tuple(model.channels) for model in models}) > 1
    assert all(model.factor.shape == (5, 4, 3, 3) for model in models)


def test_patchcore_without_its_parts_is_the_distance_to_all_patches(train):
    settings = {"coreset": 1.0, "neighbourhood": 1, "neighbours": None}
    fitted = jaxad.fit(jaxad.make("patchcore", train, **settings), train)
    new, known = draw(3, 2), train.x[train.label == 0].reshape(-1, 6)
    want = cdist(new.reshape(-1, 6), known).min(axis=1).reshape(3, -1)
    np.testing.assert_allclose(jaxad.score(fitted, new)[0], want.max(axis=1), rtol=1e-5)
    np.testing.assert_array_equal(jaxad.score(fitted, train.x[:4]), 0)


def test_the_score_is_weighted_by_equation_7(fits):
    new, model = draw(4, 2), fits["patchcore"].models[0]
    patches = average_neighbourhoods(new, 3).reshape(4, -1, 6)
    distance = cdist(patches.reshape(-1, 6), model.memory).reshape(4, 20, -1)
    for image, score in enumerate(jaxad.score(fits["patchcore"], new)[0]):
        place = distance[image].min(axis=1).argmax()
        nearest = distance[image, place].argmin()
        around = np.argsort(cdist(model.memory[nearest : nearest + 1], model.memory)[0])[:9]
        assert around[0] == nearest
        weight = 1 - softmax(distance[image, place][around])[0]
        np.testing.assert_allclose(score, weight * distance[image, place].min(), rtol=1e-4)


def test_the_weight_takes_the_nearest_itself_among_copies_and_far_away():
    memory = np.zeros((4, 2), np.float32)
    weight = weight_by_neighbours(np.full((1, 2), 3.0, np.float32), np.array([2]), memory, 9)
    np.testing.assert_allclose(weight, 0.75)
    distance, _ = find_nearest(np.full((1, 2), 1e15, np.float32), memory)
    np.testing.assert_allclose(distance, 2**0.5 * 1e15, rtol=1e-5)


@each
def test_a_defect_is_found_in_its_place(fits, name):
    normal, broken = draw(10, 2), draw(10, 3, 4.0)
    scores = jaxad.score(fits[name], np.concatenate([normal, broken]))
    assert (scores[:, 10:].min(axis=1) > scores[:, :10].max(axis=1)).all()
    maps = heatmaps(fits[name], broken)
    assert maps.shape == (2, 10, 5, 4)
    inside = np.zeros((5, 4), bool)
    inside[PLACES[1:]] = True
    mean = maps.mean(axis=(0, 1))
    assert mean[inside].min() > mean[~inside].max()
    assert not np.allclose(heatmaps(fits[name], broken, sigma=1.0), maps)


@each
def test_scores_are_the_same_one_by_one_and_after_loading(fits, tmp_path, name):
    new = draw(6, 2)
    scores = jaxad.score(fits[name], new)
    back, _ = jaxad.load(jaxad.save(fits[name], tmp_path / name))
    np.testing.assert_array_equal(jaxad.score(back, new), scores)
    alone = [jaxad.score(fits[name], one[None])[:, 0] for one in new]
    np.testing.assert_allclose(np.stack(alone, axis=1), scores, rtol=1e-5)


@each
def test_labelled_anomalies_are_left_out(train, fits, name):
    x = train.x.copy()
    x[train.label < 0] = 1e3
    other = jaxad.fit(jaxad.make(name, train), train._replace(x=x), seeds=2)
    new = draw(3, 2)
    np.testing.assert_array_equal(jaxad.score(other, new), jaxad.score(fits[name], new))


def test_the_density_weighting_keeps_defects_out_of_the_memory():
    train = jaxad.as_train_data(np.concatenate([draw(40, 0), draw(3, 1, 6.0)]))
    new = np.concatenate([draw(10, 2), draw(10, 3, 6.0)])
    gap = {}
    for weighting in (None, "local_density(0.15)"):
        detector = jaxad.make("patchcore", train, memory_weighting=weighting, coreset=0.5)
        fitted = jaxad.fit(detector, train)
        scores = jaxad.score(fitted, new)[0]
        gap[weighting] = scores[10:].mean() / scores[:10].mean()
        reach = fitted.models[0].memory.max()
    assert gap["local_density(0.15)"] > 1.5 * gap[None]
    assert reach < 4


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("patchcore", {"coreset": 0}, "coreset must be"),
        ("patchcore", {"neighbourhood": 2}, "neighbourhood must be an odd"),
        ("patchcore", {"neighbours": 1}, "neighbours must be"),
        ("patchcore", {"projection": 0}, "projection must be"),
        ("patchcore", {"memory_weighting": "density"}, "unknown memory_weighting 'density'"),
        ("patchcore", {"memory_weighting": "local_density(1)"}, r"share must be in \[0, 1\)"),
        ("patchcore", {"memory_weighting": "local_density, local_density"}, "must be one call"),
        ("padim", {"channels": 0}, "channels must be"),
        ("padim", {"epsilon": 0}, "epsilon must be > 0"),
    ],
)
def test_wrong_settings_are_refused(train, name, settings, message):
    with pytest.raises(ConfigError, match=message):
        jaxad.make(name, train, **settings)


@each
def test_tables_are_refused(name):
    with pytest.raises(ConfigError, match=r"maps \(height, width, channels\).*knn"):
        jaxad.make(name, jaxad.as_train_data(np.eye(3)))


def test_other_heat_maps_are_refused(fits):
    with pytest.raises(ConfigError, match="no heat maps of kind 'gradient'; it has map"):
        heatmaps(fits["padim"], draw(2, 0), "gradient")
