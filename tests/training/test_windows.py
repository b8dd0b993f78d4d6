"""A view of windows trains and scores as the array of its windows."""

import numpy as np
import pytest

import jaxad
from jaxad.evaluation.points import score_points
from jaxad.types import TrainData, Windows


def make_views(flat: bool) -> tuple[TrainData, TrainData]:
    """Return training data of windows as a view, and as an array."""
    series = np.random.default_rng(0).normal(size=(120, 2)).astype(np.float32)
    view = Windows(series, np.arange(0, 110, 3, dtype=np.int32), 10, flat)
    label = np.zeros(len(view), np.int8)
    label[3] = -1
    count, features = np.asarray(len(view), np.int32), np.asarray(view.shape[-1], np.int32)
    data = TrainData(view, label, count, features)
    return data, data._replace(x=np.asarray(view))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "flat"), [("mlp_forecaster", False), ("deep_sad", True), ("knn", True)]
)
def test_a_view_is_trained_on_as_the_array(name, flat):
    config = {} if name == "knn" else {"epochs": 1, "batch_size": 16}
    scores = []
    for data in make_views(flat):
        fitted = jaxad.fit(jaxad.make(name, data, **config), data, 2)
        scores.append(jaxad.score(fitted, data.x))
    np.testing.assert_array_equal(*scores)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "flat"), [("lstm_forecaster", False), ("autoencoder", True)])
def test_errors_of_points_add_up_to_the_score_of_a_window(name, flat):
    data, _ = make_views(flat)
    fitted = jaxad.fit(jaxad.make(name, data, epochs=1, batch_size=16), data, 1)
    view = data.x
    one = Windows(view.series, np.array([30], np.int32), view.length, flat)
    found = score_points(fitted, one)
    assert found.channels is not None and not found.reached[[29, 40]].any()
    errors = found.scores[0][found.reached]
    assert len(errors) == (10 if flat else 9)
    # A forecaster's score is the mean error, and that of an autoencoder the sum over all numbers.
    total = errors.sum() * 2 if flat else errors.mean()
    np.testing.assert_allclose(total, jaxad.score(fitted, one)[0, 0], rtol=1e-4)
