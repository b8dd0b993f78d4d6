"""Peers by neighbours, tails and histograms: their scores are those of PyOD."""

import warnings

import numpy as np
import pytest
from scipy.stats import invgamma

import jaxad
from jaxad.cli import main
from jaxad.detectors.classical import neighbours
from jaxad.detectors.classical.neighbours import find_neighbours
from jaxad.detectors.classical.tails import ColumnHistograms, fit_histograms
from jaxad.errors import ConfigError
from jaxad.sklearn import JaxADDetector

RNG = np.random.default_rng(0)
X = RNG.gamma(2.0, size=(200, 4)) * [1, -1, 2, -0.5]  # skewed enough for one row not to matter
X = np.column_stack([X, np.ones(200)]).astype(np.float32)
NEW = (X[:40] + RNG.normal(size=(40, 5)) * [1, 1, 1, 0.3, 0.1]).astype(np.float32)


@pytest.fixture(scope="module")
def pyod():
    """The models of PyOD, which gives warnings when it is imported."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("pyod", reason="PyOD is in the extra 'test'")
        from pyod.models import copod, ecod, hbos, knn
    return {"copod": copod.COPOD, "ecod": ecod.ECOD, "hbos": hbos.HBOS, "knn": knn.KNN}


def score(name, rows, x=X, **settings):
    train = jaxad.as_train_data(x)
    return jaxad.score(jaxad.fit(jaxad.make(name, train, **settings), train), rows)[0]


@pytest.mark.parametrize("statistic", ["largest", "mean", "median"])
@pytest.mark.parametrize("k", [1, 5, 12])
def test_distances_to_neighbours_are_those_of_pyod(pyod, statistic, k):
    model = pyod["knn"](n_neighbors=k, method=statistic).fit(X.astype(float))
    settings = {"neighbours": k, "statistic": statistic}
    want = model.decision_function(NEW.astype(float))
    np.testing.assert_allclose(score("knn", NEW, **settings), want, rtol=1e-9)
    # The training rows are not their own neighbours.
    np.testing.assert_allclose(score("knn", X, **settings), model.decision_scores_, rtol=1e-9)


@pytest.mark.filterwarnings("ignore:Precision loss")  # of SciPy, for the constant column
@pytest.mark.parametrize("name", ["ecod", "copod"])
def test_tails_are_those_of_pyod_for_each_row_alone(pyod, name):
    """PyOD adds the rows that it scores to the training rows, so that they change each other."""
    model = pyod[name]().fit(X.astype(float))
    rows = np.concatenate([NEW, X[:20], [[99, -99, 0, -1e6, 1]]]).astype(np.float32)
    want = [model.decision_function(row[None].astype(float))[0] for row in rows]
    np.testing.assert_allclose(score(name, rows), want, rtol=1e-9)


@pytest.mark.parametrize("settings", [{}, {"bins": 4, "alpha": 0.3, "tolerance": 0.1}])
def test_histograms_are_those_of_pyod(pyod, settings):
    """Within the range of each column; for values on edges and outside, jaxad differs."""
    names = {"bins": "n_bins", "alpha": "alpha", "tolerance": "tol"}
    x = X[:, :4]
    model = pyod["hbos"](**{names[k]: v for k, v in settings.items()}).fit(x.astype(float))
    rows = np.concatenate([x, NEW[:, :4]])
    rows = rows[((rows >= x.min(axis=0)) & (rows <= x.max(axis=0))).all(axis=1)]
    assert len(rows) > len(x) + 10
    want = model.decision_function(rows.astype(float))
    np.testing.assert_allclose(score("hbos", rows, x, **settings), want, rtol=1e-9)


@pytest.mark.parametrize("tolerance", [0.0, 0.3])
def test_a_value_far_outside_counts_as_in_an_empty_bin(tolerance):
    x = np.tile(np.arange(10.0), 30)[:, None].astype(np.float32)  # no bin is empty
    found = score("hbos", [[-100], [4], [9.2], [9.4], [1e30]], x, alpha=0.2, tolerance=tolerance)
    common, rare = -np.log2(0.1 / 0.9 + 0.2), -np.log2(0.2)
    near = common if tolerance else rare
    np.testing.assert_allclose(found, [rare, common, near, rare, rare], rtol=1e-6)


@pytest.mark.parametrize("columns", [X[:, :4], X])
def test_a_value_has_the_density_of_the_bin_that_counted_it(columns):
    """Test whole numbers and constant columns, whose values lie on edges of bins."""
    whole = np.floor(columns * 3)
    whole[:, 0] = whole[:, 0] % 11
    found = score("hbos", whole, whole, bins=10)
    want = 0
    for column in whole.T:
        counts, edges = np.histogram(column, 10)
        places = [np.flatnonzero(edges[:-1] <= value)[-1] for value in column]
        want = want - np.log2(counts[places] / len(column) / np.diff(edges)[0] + 0.1)
    np.testing.assert_allclose(found, want, rtol=1e-5)


def test_histograms_saved_by_earlier_versions_score_as_they_did():
    """They have no density of an empty bin."""
    new = fit_histograms(X[:, :1].astype(float))
    old = object.__new__(ColumnHistograms)
    old.__dict__.update({k: v for k, v in vars(new).items() if k != "empty"})
    far = np.array([[1e3], [-1e3]])
    np.testing.assert_array_equal(old(X[:20, :1]), new(X[:20, :1]))
    np.testing.assert_array_equal(old(far), -new.heights.min())


@pytest.mark.parametrize("scale", [1, 0.1, 1 / 3, 1e-3, 1e5])
@pytest.mark.parametrize("name", ["hbos", "auto"])
def test_rounding_moves_no_value_to_another_bin(name, scale):
    x = np.random.default_rng(2).integers(0, 11, (300, 4)) * scale
    detector = JaxADDetector(name).fit(x)
    wide, narrow = (detector.score_samples(rows) for rows in (x, x.astype(np.float32)))
    assert np.abs(wide - narrow).max() < (1e-9 if name == "hbos" else 0.5)


@pytest.mark.parametrize("constant", [0.0, 0.1, 0.3, 1.0, -7.0, 123.456, 1e4])
def test_another_value_in_a_constant_column_is_rare(constant):
    """On both sides, and not what differs by rounding alone."""
    x = np.column_stack([X[:, 0].astype(float), np.full(len(X), constant)])
    detector = JaxADDetector("hbos").fit(x)
    same, rounded, *others = -detector.score_samples(
        x[:1] + np.array([[0, 0], [0, 6e-8 * constant], [0, 5], [0, -5]])
    )
    assert rounded == same
    assert min(others) > same + 5


def test_the_diffusion_time_is_the_mode_of_its_posterior_and_orders_as_the_mean_distance():
    scores, mean = score("dte_np", NEW), score("knn", NEW, statistic="mean")
    np.testing.assert_array_equal(np.argsort(scores), np.argsort(mean))
    grid = np.geomspace(1e-3, 1e3, 20_000)
    for variance, distance in zip(scores[:5], mean[:5], strict=True):
        density = invgamma.pdf(grid, a=5 / 2 - 1, scale=distance**2 / 2)
        np.testing.assert_allclose(variance, grid[density.argmax()], rtol=1e-3)


def test_copies_of_a_row_are_its_neighbours_and_it_is_not():
    x = np.array([[0.0], [0.0], [1.0], [3.0]], np.float32)
    np.testing.assert_array_equal(score("knn", x, x, neighbours=1), [0, 0, 1, 2])
    np.testing.assert_array_equal(score("knn", x, x, neighbours=99), [3, 3, 2, 3])
    np.testing.assert_array_equal(score("knn", x + 0.5, x, neighbours=1), [0.5, 0.5, 0.5, 0.5])


@pytest.mark.parametrize("columns", [2, 20])
def test_neighbours_are_exact_where_float32_cannot_tell_them_apart(columns, monkeypatch):
    """In a tight cluster far from all other rows, and of rows far from all of them."""
    monkeypatch.setattr(neighbours, "_ROWS", 16)  # several pieces, the last of them short
    x = RNG.normal(size=(300, columns))
    x[:60] = 1e4 + 1e-3 * RNG.normal(size=(60, columns))
    rows = np.concatenate([x[50:70], 1e4 + 1e-3 * RNG.normal(size=(5, columns))])
    rows = np.concatenate([rows, np.full((1, columns), -1e30), np.zeros((1, columns))])
    found, places = find_neighbours(rows, x, 4)
    every = np.sqrt(((rows[:, None] - x) ** 2).sum(axis=-1))
    itself = (every == 0).any(axis=1)[:, None]
    want = np.take_along_axis(np.sort(every, axis=1), np.arange(4) + itself, axis=1)
    np.testing.assert_allclose(found, want, rtol=1e-9)
    np.testing.assert_allclose(np.take_along_axis(every, places, axis=1), found)


@pytest.mark.parametrize("name", ["knn", "dte_np", "ecod", "copod", "hbos"])
def test_rows_are_scored_alone_and_labelled_anomalies_are_left_out(name):
    label = np.zeros(len(X), np.int8)
    label[:20] = -1
    train = jaxad.as_train_data(X, label)
    scores = jaxad.score(jaxad.fit(jaxad.make(name, train), train), NEW)[0]
    np.testing.assert_array_equal(scores, score(name, NEW, X[20:]))
    np.testing.assert_array_equal(scores[3:4], score(name, NEW[3:4], X[20:]))


def test_columns_of_nearly_one_value_have_a_histogram():
    x = np.column_stack([np.full(50, 1e7), np.arange(50)]).astype(np.float32)
    x[3, 0] = np.nextafter(x[3, 0], np.float32(np.inf))
    assert np.isfinite(score("hbos", x, x, bins=50)).all()


def test_settings_are_checked(capsys):
    train = jaxad.as_train_data(X)
    for name, setting, value, match in [
        ("knn", "neighbours", 0, "neighbours must be a whole number"),
        ("knn", "statistic", "least", "statistic must be one of 'largest'"),
        ("dte_np", "neighbours", 1.5, "neighbours must be a whole number"),
        ("hbos", "bins", 1, "bins must be a whole number of at least 2"),
        ("hbos", "alpha", 0, "alpha must be in"),
        ("hbos", "tolerance", 2, "tolerance must be in"),
    ]:
        with pytest.raises(ConfigError, match=match):
            jaxad.make(name, train, **{setting: value})
    assert main(["run", "blobs", "knn", "--set", "statistic=mean"]) == 0
    assert "knn" in capsys.readouterr().out


@pytest.mark.parametrize("columns", ["one", "two", "constant", "copies", "few rows", "equal rows"])
def test_principal_components_never_reconstruct_every_row(columns):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(60, 2)).astype(np.float32)
    x = {
        "one": x[:, :1],
        "two": x,
        "constant": np.column_stack([x, np.ones(60)]),
        "copies": np.column_stack([x, x, x]),
        "few rows": x[:2],
        "equal rows": x[[0, 0, 0]],
    }[columns].astype(np.float32)
    far = np.concatenate([x, np.full((1, x.shape[1]), [1e6] + [-2e6] * (x.shape[1] - 1))])
    scores = score("pca", far.astype(np.float32), x)
    assert scores.argmax() == len(x) and scores[-1] > 1e9
    if columns not in ("few rows", "equal rows"):
        assert np.ptp(scores[:-1]) > 1e-3
