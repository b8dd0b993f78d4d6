"""Properties of a split. Rows carry their own number as a feature, so they can be told apart."""

import json

import jax
import numpy as np
import pytest
from fuzzing import examples
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from jaxad.data import Dataset, Split, contaminate, from_arrays
from jaxad.errors import DataError

COMMON = settings(max_examples=examples(40), deadline=None)
keys = st.integers(0, 2**31 - 1)


def tagged(sizes: list[int], *, start: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows (number, class, 1) and classes, with `sizes[c]` rows of class c."""
    y = np.repeat(np.arange(len(sizes)), sizes)
    number = start + np.arange(len(y), dtype=float)
    return np.stack([number, y, np.ones(len(y))], axis=1), y


def classes(sizes: list[int], test: list[int] | None = None) -> Dataset:
    x, y = tagged(sizes)
    if test is None:
        return from_arrays(x, y, name="tagged", anomaly=False, scaling="none")
    x_test, y_test = tagged(test, start=len(x))
    return from_arrays(
        x, y, name="tagged", anomaly=False, x_test=x_test, y_test=y_test, scaling="none"
    )


def numbers(x) -> np.ndarray:
    return np.asarray(x)[:, 0].astype(int)


def assert_same(one: Split, two: Split) -> None:
    leaves_one, leaves_two = (
        jax.tree.leaves((s.train, s.test, s.hidden, s.train_rows, s.test_rows, s.scaling[1:]))
        for s in (one, two)
    )
    for a, b in zip(leaves_one, leaves_two, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    assert one.scaling.kind == two.scaling.kind
    assert one.setting == two.setting


@COMMON
@given(
    key=keys,
    sizes=st.lists(st.integers(20, 60), min_size=2, max_size=5),
    rho=st.floats(0, 0.2),
    labelled=st.integers(0, 4),
    labelled_normals=st.integers(0, 4),
    test_size=st.floats(0.1, 0.6),
)
def test_rows_are_counted_disjoint_and_of_their_kind(
    key, sizes, rho, labelled, labelled_normals, test_size
):
    data = classes(sizes)
    split = contaminate(
        data,
        key,
        normal_class=0,
        contamination=rho,
        labelled_anomalies=labelled,
        labelled_normals=labelled_normals,
        test_size=test_size,
    )
    train, test = split.train, split.test
    assert not set(numbers(train.x)) & set(numbers(test.x))
    assert len(set(numbers(train.x))) == len(train.x) == int(train.count)
    np.testing.assert_array_equal(data.x[split.train_rows], train.x)
    np.testing.assert_array_equal(data.x[split.test_rows], test.x)

    is_anomaly = data.y[split.train_rows] != 0
    np.testing.assert_array_equal(test.label, data.y[split.test_rows] != 0)
    assert is_anomaly[train.label == -1].all()
    assert not is_anomaly[train.label == 1].any()
    np.testing.assert_array_equal(split.hidden, is_anomaly & (train.label == 0))

    n_test = [min(max(round(test_size * n), 1), n - 1) for n in sizes]
    np.testing.assert_array_equal(np.bincount(data.y[split.test_rows]), n_test)
    n_normal = sizes[0] - n_test[0] - labelled_normals
    n_hidden = round(rho / (1 - rho) * n_normal)
    assert np.sum(train.label == -1) == labelled
    assert np.sum(train.label == 1) == labelled_normals
    assert split.hidden.sum() == n_hidden
    assert np.sum(train.label == 0) == n_normal + n_hidden
    assert split.setting["rows"]["hidden_anomalies"] == n_hidden


@pytest.mark.parametrize("rho", [None, 0.0, 0.2])
def test_a_fraction_of_the_normal_rows_keeps_the_share_of_hidden_anomalies(rho):
    classes = np.repeat([0, 1, 2], [50, 20, 10])
    data = from_arrays(np.arange(80.0)[:, None], classes)
    request = {"normal_class": 0, "contamination": rho, "labelled_anomalies": 3}
    whole = contaminate(data, 0, **request)
    half = contaminate(data, 0, n_train=0.5, **request)
    assert np.sum(half.train.label == 0) == pytest.approx(np.sum(whole.train.label == 0) / 2, abs=1)
    assert half.hidden.sum() == pytest.approx(whole.hidden.sum() / 2, abs=1)
    assert set(half.train_rows) <= set(whole.train_rows)
    same = contaminate(data, 0, n_train=1.0, **request)
    np.testing.assert_array_equal(same.train_rows, whole.train_rows)


@COMMON
@given(key=keys, n_train=st.integers(10, 100), rho=st.floats(0, 0.5))
def test_n_train_is_the_number_of_unlabelled_rows(key, n_train, rho):
    split = contaminate(
        classes([200, 60, 60]),
        key,
        normal_class=0,
        contamination=rho,
        n_train=n_train,
        labelled_anomalies=7,
    )
    assert np.sum(split.train.label == 0) == n_train
    assert split.hidden.sum() == round(rho * n_train)
    assert len(split.train.x) == n_train + 7


def test_own_contamination_hides_every_anomaly_that_is_not_labelled():
    data = classes([60, 10, 20])
    split = contaminate(data, 0, normal_class=0, labelled_anomalies=5)
    assert split.hidden.sum() == 6 + 12 - 5
    assert np.sum(split.train.label == 0) == 36 + 13
    thinned = contaminate(data, 0, normal_class=0, labelled_anomalies=5, n_train=20)
    assert thinned.hidden.sum() == round(20 * 13 / 49)
    assert contaminate(data, 0, normal_class=0, contamination=0).hidden.sum() == 0


def test_counts_and_fractions_of_labels():
    data = classes([100, 50])

    def count(**labels):
        return contaminate(data, 0, normal_class=0, contamination=0, **labels).setting["rows"]

    assert count(labelled_anomalies=1)["labelled_anomalies"] == 1
    assert count(labelled_anomalies=1.0)["labelled_anomalies"] == 30
    assert count(labelled_anomalies=0.1)["labelled_anomalies"] == 3
    assert count(labelled_anomalies=0.001)["labelled_anomalies"] == 1
    assert count(labelled_anomalies=0.0)["labelled_anomalies"] == 0
    assert count(labelled_normals=0.5)["labelled_normals"] == 30
    assert count(labelled_normals=np.int64(2))["labelled_normals"] == 2


@COMMON
@given(key=keys, low=st.floats(0, 0.2), high=st.floats(0, 0.2))
def test_contamination_moves_nothing_else(key, low, high):
    """Same test rows, same labelled rows, and the fewer hidden anomalies are among the more."""
    assume(low <= high)
    data = classes([50, 30, 30])
    few, many = (
        contaminate(data, key, normal_class=0, contamination=rho, labelled_anomalies=3)
        for rho in (low, high)
    )
    np.testing.assert_array_equal(few.test_rows, many.test_rows)
    for a, b in ((few, many), (many, few)):
        labelled = [set(s.train_rows[s.train.label == -1]) for s in (a, b)]
        assert labelled[0] == labelled[1]
    assert set(few.train_rows[few.hidden == 1]) <= set(many.train_rows[many.hidden == 1])


@COMMON
@given(key=keys, seeds=st.integers(1, 4))
def test_seeds_are_single_splits_stacked(key, seeds):
    """Seed i is the split of fold_in(key, i), however many seeds there are beside it."""
    asked = {
        "normal_class": 0,
        "contamination": 0.1,
        "labelled_anomalies": 0.2,
        "known_anomaly_classes": 1,
    }
    data = classes([30, 12, 20])
    stacked = contaminate(data, key, seeds=seeds, **asked)
    assert stacked.seeds == seeds
    assert stacked.train.count.shape == (seeds,)
    for i in range(seeds):
        single = contaminate(data, jax.random.fold_in(jax.random.key(key), i), **asked)
        assert_same(stacked.seed(i), single)


def test_shorter_seeds_are_padded_behind_their_count():
    """A bootstrap draws the classes in other numbers for each seed, so the lengths differ."""
    data = classes([60, 40, 30])
    stacked = contaminate(data, 0, normal_class=0, contamination=0.05, protocol="adbench", seeds=5)
    counts = stacked.train.count
    assert len(set(counts.tolist())) > 1
    assert stacked.train.x.shape[1] == counts.max()
    for i, n in enumerate(counts):
        for rows in (stacked.train.x[i], stacked.train.label[i], stacked.hidden[i]):
            assert not np.any(rows[n:])
        assert (stacked.train_rows[i, n:] == -1).all()
        key = jax.random.fold_in(jax.random.key(0), i)
        single = contaminate(data, key, normal_class=0, contamination=0.05, protocol="adbench")
        assert_same(stacked.seed(i), single)


def test_one_key_is_one_split_and_integers_are_keys():
    data = classes([30, 20])
    one, two = (contaminate(data, key, normal_class=0) for key in (7, jax.random.key(7)))
    assert_same(one, two)
    other = contaminate(data, 8, normal_class=0)
    assert not np.array_equal(one.train_rows, other.train_rows)
    assert set(one.test_rows) != set(other.test_rows)


def test_drawing_compiles_nothing_for_new_sizes():
    contaminate(classes([30, 20]), jax.random.key(0), normal_class=0, seeds=2)
    compiled = []

    def listen(name, *args, **kwargs):
        if "compile" in name:
            compiled.append(name)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        contaminate(classes([41, 23]), jax.random.key(1), normal_class=0, seeds=3)
        assert not compiled
        jax.jit(lambda x: x + 1)(np.ones(3))
        assert compiled  # the listener does hear
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)


def test_order_says_nothing_about_the_kind_of_a_row():
    """The mean place of each kind over many keys is the middle."""
    data = classes([60, 30])
    places = {-1: [], 0: [], 1: [], "hidden": []}
    for key in range(150):
        split = contaminate(
            data,
            key,
            normal_class=0,
            contamination=0.2,
            labelled_anomalies=5,
            labelled_normals=5,
        )
        place = np.linspace(-1, 1, len(split.train.x))
        for kind in (-1, 0, 1):
            places[kind].append(place[split.train.label == kind].mean())
        places["hidden"].append(place[split.hidden == 1].mean())
    for means in places.values():
        error = np.std(means) / np.sqrt(len(means))
        assert abs(np.mean(means)) < 4 * error


def test_known_classes_give_all_labels_but_not_the_contamination():
    data = classes([200, 50, 50, 50])
    split = contaminate(
        data, 3, normal_class=0, contamination=0.2, labelled_anomalies=10, known_anomaly_classes=1
    )
    (known,) = split.setting["known_classes"]
    y = data.y[split.train_rows]
    assert set(y[split.train.label == -1]) == {int(known)}
    assert set(y[split.hidden == 1]) == {1, 2, 3}
    np.testing.assert_array_equal(split.test.seen, data.y[split.test_rows] == int(known))
    drawn = {
        contaminate(data, k, normal_class=0, known_anomaly_classes=1).setting["known_classes"][0]
        for k in range(20)
    }
    assert drawn == {"1", "2", "3"}


def test_known_classes_can_be_named_and_without_any_none_are_seen():
    data = classes([60, 20, 20])
    named = contaminate(data, 0, normal_class=0, labelled_anomalies=4, known_anomaly_classes=["2"])
    assert named.setting["known_classes"] == ["2"]
    assert set(data.y[named.train_rows[named.train.label == -1]]) == {2}
    assert not contaminate(data, 0, normal_class=0, labelled_anomalies=4).test.seen.any()


def test_normal_classes_and_anomaly_labels_say_the_same():
    x, y = tagged([20, 20, 20])
    data = from_arrays(x, np.array(["a", "b", "c"])[y], scaling="none")
    splits = [
        contaminate(data, 0, normal_class=["a", "b"]),
        contaminate(data, 0, normal_class=[0, 1]),
        contaminate(data, 0, anomaly_labels="c"),
        contaminate(data, 0, anomaly_labels=2),
    ]
    for split in splits[1:]:
        assert_same(splits[0], split)
    assert splits[0].setting["normal_classes"] == ["a", "b"]
    assert splits[0].setting["anomaly_classes"] == ["c"]


def test_own_test_part_is_used_whole():
    data = classes([30, 20], test=[10, 5])
    split = contaminate(data, 0, normal_class=0, test_size=0.9)
    np.testing.assert_array_equal(split.test_rows, np.arange(15))
    np.testing.assert_array_equal(numbers(split.test.x), 50 + np.arange(15))
    assert len(split.train.x) == 50
    assert split.setting["test_size"] is None


@pytest.mark.parametrize("scaling", ["standard", "minmax", "range", "gcn"])
def test_test_rows_do_not_move_the_training_rows(scaling):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 4)), np.repeat([0, 1], [40, 20])
    before = contaminate((x, y), 0, scaling=scaling, labelled_anomalies=3)
    x[before.test_rows[0]] += 1e6
    after = contaminate((x, y), 0, scaling=scaling, labelled_anomalies=3)
    np.testing.assert_array_equal(before.train.x, after.train.x)
    np.testing.assert_array_equal(before.test.x[1:], after.test.x[1:])
    assert not np.array_equal(before.test.x[0], after.test.x[0])
    assert after.test.x.dtype == np.float32


def test_labelled_rows_are_part_of_what_scaling_is_fitted_on():
    x, y = np.arange(40.0)[:, None], np.repeat([0, 1], [20, 20])
    split = contaminate((x, y), 0, scaling="minmax", contamination=0, labelled_anomalies=4)
    raw = x[split.train_rows]
    np.testing.assert_allclose(split.train.x, (raw - raw.min()) / (raw.max() - raw.min()))


def test_saved_constants_turn_raw_rows_into_test_rows():
    x, y = np.random.default_rng(0).normal(3, 2, (40, 3)), np.repeat([0, 1], [30, 10])
    split = contaminate((x, y), 0, seeds=2)
    for i in range(2):
        one = split.seed(i)
        np.testing.assert_array_equal(one.scaling.apply(x[one.test_rows]), one.test.x)


def test_images_of_bytes_stay_bytes():
    x = np.random.default_rng(0).integers(0, 256, (30, 4, 4), np.uint8)
    split = contaminate((x, np.repeat([0, 1], 15)), 0, seeds=2)
    assert split.train.x.dtype == split.test.x.dtype == np.uint8
    assert split.train.x.shape[2:] == (4, 4, 1)
    assert split.train.features.tolist() == [1, 1]
    assert split.setting["scaling"] == "none"


def test_setting_is_json():
    split = contaminate(
        classes([30, 20]),
        0,
        normal_class=0,
        contamination=np.float32(0.1),
        labelled_anomalies=np.int64(2),
        known_anomaly_classes=[1],
        seeds=2,
    )
    assert json.loads(json.dumps(split.setting))["labelled_anomalies"] == 2
    assert repr(split).startswith("Split('tagged': 2 seeds, ")


def test_adbench_bootstraps_small_data_which_leaks_rows_into_the_test():
    x, y = np.arange(100.0)[:, None], np.repeat([0, 1], [80, 20])
    split = contaminate((x, y), 0, protocol="adbench")
    assert len(split.train_rows) + len(split.test_rows) == 1000
    assert len(split.test_rows) in (299, 300, 301)
    assert set(split.train_rows) & set(split.test_rows)
    assert split.train.x.min() == 0.0
    assert split.train.x.max() == 1.0
    assert split.setting["protocol"] == "adbench"
    assert split.setting["test_size"] == 0.3


def test_adbench_thins_large_data_without_repeats_and_pools_its_parts():
    x, y = np.arange(9_000.0)[:, None], np.repeat([0, 1], [8_000, 1_000])
    data = from_arrays(x, y, x_test=x[:3000] + 9_000, y_test=y[:3000])
    split = contaminate(data, 0, protocol="adbench")
    rows = np.concatenate([split.train_rows, split.test_rows])
    assert len(set(rows.tolist())) == len(rows) == 10_000
    assert rows.max() >= 9_000


def test_class_of_one_row_is_trained_on():
    split = contaminate(classes([20, 10, 1]), 0, normal_class=0)
    assert 30 in split.train_rows


def test_split_of_one_seed_is_asked_for_by_its_number():
    split = contaminate(classes([20, 10]), 0, normal_class=0)
    for wrong in (split, contaminate(classes([20, 10]), 0, normal_class=0, seeds=1)):
        with pytest.raises(ValueError, match="index=1 is not a seed of this split"):
            wrong.seed(1)


def test_test_part_without_a_kind_is_refused():
    with pytest.raises(DataError, match="5 normal rows and 0 anomalies"):
        contaminate(classes([20, 10], test=[5, 0]), 0, normal_class=0)
