"""What a generative detector makes up, how it is drawn, and how well rows were mined."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial
from sklearn.metrics import roc_auc_score

import jaxad
from jaxad.detector import Detector
from jaxad.errors import ConfigError, DataError
from jaxad.explain import MiningCurve, draw_images, generated
from jaxad.explain.generation import _grid
from jaxad.training.fitted import Fit
from jaxad.types import State
from jaxad.weighting.row_mining import MiningState


def fit_with(weighting: Any = (), generate: Any = None, rows=0, steps=1) -> Fit:
    """A fit of two seeds whose state is given."""
    nothing: Any = None
    detector = Detector(nothing, nothing, nothing, generate=generate, input_shape=(2,))
    state = State({"bias": jnp.array([1.0, 2.0])}, {}, {}, {}, weighting)
    return Fit((detector,), state, {"train": {"loss": np.zeros((2, steps))}}, rows=rows)


@pytest.fixture(scope="module")
def split():
    """50 unlabelled rows, a fifth of them hidden anomalies, and 5 labelled ones."""
    y = (np.arange(220) < 60).astype(int)
    data = jaxad.from_arrays(np.random.default_rng(0).normal(size=(220, 2)), y)
    return jaxad.contaminate(data, 0, n_train=50, contamination=0.2, labelled_anomalies=5)


def mined(rank, seen):
    rank, seen = (jnp.asarray(np.stack([leaf, leaf[::-1]])) for leaf in (rank, seen))
    return ((), MiningState(rank, jnp.zeros_like(rank), seen))


def test_generated_rows_are_those_of_each_seed_without_padding():
    def generate(deviation, state, key):
        return state.params["bias"] + deviation * jax.random.normal(key, (7, 32))

    rows = generated(fit_with(generate=Partial(generate, 0.1)), key=3)
    noise = 0.1 * np.asarray(jax.random.normal(jax.random.key(3), (7, 32)))
    np.testing.assert_allclose(rows, np.stack([1 + noise, 2 + noise])[..., :2], rtol=1e-5)


def test_a_detector_that_generates_nothing_is_refused():
    with pytest.raises(ConfigError, match="does not generate rows"):
        generated(fit_with())


def test_the_curve_is_the_auroc_of_the_batches_since_the_last_look(split):
    """Rows that were in no batch since, and labelled ones, do not count."""
    rng = np.random.default_rng(1)
    n = len(split.hidden)
    times = rng.integers(0, 3, n)
    place = rng.uniform(size=n) + 0.3 * split.hidden
    curve = MiningCurve(split)
    curve(fit_with(mined(np.full(n, 5.0), np.full(n, 9)), rows=n))
    curve(fit_with(mined(5 + place * times, 9 + times), rows=n, steps=30))
    assert curve.steps == [30]
    counts = (split.train.label == 0) & (times > 0)
    np.testing.assert_allclose(
        curve.auroc[0][0], roc_auc_score(split.hidden[counts], place[counts]), rtol=1e-6
    )
    assert curve.auroc[0].shape == (2,) and curve.auroc[0][1] != curve.auroc[0][0]


def test_a_stretch_without_hidden_rows_has_no_auroc(split):
    n = len(split.hidden)
    curve, times = MiningCurve(split), np.asarray((split.hidden == 0) & (split.train.label == 0))
    curve(fit_with(mined(np.zeros(n), np.zeros(n, int)), rows=n))
    curve(fit_with(mined(0.5 * times, times.astype(int)), rows=n))
    assert np.isnan(curve.auroc[0][0])


def test_a_detector_that_mines_nothing_has_no_curve(split):
    with pytest.raises(ConfigError, match="has no weighting that mines"):
        MiningCurve(split)(fit_with())


def test_the_audit_by_mining_is_the_mean_place(split):
    n = len(split.hidden)
    place = np.random.default_rng(2).uniform(size=n)
    audit = jaxad.audit(fit_with(mined(4 * place, np.full(n, 4)), rows=n), split, "mining")
    known = split.train.label == 0
    np.testing.assert_allclose(audit.suspicion[0, known], place[known], rtol=1e-6)
    assert audit.auroc is not None
    expected = roc_auc_score(split.hidden[known], place[known])
    np.testing.assert_allclose(audit.auroc.per_seed[0], expected, rtol=1e-6)
    with pytest.raises(ConfigError, match="needs a detector trained with the weighting mining"):
        jaxad.audit(fit_with(rows=n), split, "mining")


def test_a_grid_has_the_images_row_by_row_with_a_line_between():
    images = np.arange(10)[:, None, None, None] * np.full((10, 2, 3, 1), 25)
    grid = _grid(images.astype(np.uint8), "x")
    assert grid.shape == (9, 12)  # 3 x 3 images of 2 x 3 pixels and a line
    np.testing.assert_allclose(grid[0, ::4], [0, 25 / 255, 50 / 255], rtol=1e-6)
    np.testing.assert_allclose(grid[::3, 0], [0, 75 / 255, 150 / 255], rtol=1e-6)
    np.testing.assert_allclose(grid[2], 0.5)
    assert _grid(np.zeros((5, 4, 4, 3)), "x").shape == (10, 10, 3)


def test_images_are_drawn_side_by_side(tmp_path):
    pytest.importorskip("matplotlib")
    path = tmp_path / "grid.png"
    draw_images(path, {"batch": np.zeros((9, 4, 4, 1)), "generated": np.ones((4, 4, 4, 1))})
    assert path.read_bytes()[:4] == b"\x89PNG"
    with pytest.raises(DataError, match=r"rows: images must be .* given shape \(9, 4\)"):
        draw_images(path, {"rows": np.zeros((9, 4))})
    with pytest.raises(ConfigError, match=r"\.png, \.pdf, \.svg"):
        draw_images(tmp_path / "grid.jpg", {})
