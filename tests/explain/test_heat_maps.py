"""Heat maps against what they are defined by, and pixel AUROC against scikit-learn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

import jaxad
from jaxad.errors import ConfigError, DataError
from jaxad.explain import draw_heatmaps, heatmaps, pixel_auroc
from jaxad.explain.pictures.maps import normalise_maps
from jaxad.nets.upsampling import blur, gaussian_upsampling

rng = np.random.default_rng(0)


@pytest.fixture(scope="module")
def images(toy_for):
    return toy_for("fcdd")


def model_and_state(fitted, seed=0):
    return fitted.detector.parts.model, jax.tree.map(lambda leaf: leaf[seed], fitted.state)


def test_fcdd_s_maps_are_its_up_sampled_maps(fitted, images):
    fit = fitted("fcdd")
    x = images.test.x[:7]
    got = heatmaps(fit, x, sigma=1.5)
    assert got.shape == (2, 7, 12, 12)
    for seed in range(2):
        model, state = model_and_state(fit, seed)
        maps = jax.jit(
            lambda state, model=model: model.compute_maps(state.variables, x, False).out
        )(state)
        np.testing.assert_allclose(
            got[seed], gaussian_upsampling(maps, (12, 12), model.field, 1.5), rtol=1e-4, atol=1e-6
        )
        np.testing.assert_allclose(maps.mean((1, 2)), jaxad.score(fit, x)[seed], rtol=1e-4)


def test_fcdd_s_maps_are_bright_where_the_square_is(fitted, images):
    """The toy's anomalies have a bright square: no pixel of it is marked in training."""
    test = images.test
    mask = np.zeros(test.x.shape[:3], int)
    rng = np.random.default_rng(5)
    x = np.clip(0.4 + 0.1 * rng.normal(size=test.x.shape), 0, 1).astype(np.float32)
    for i in range(len(x)):
        row, column = rng.integers(0, 8, 2)
        mask[i, row : row + 4, column : column + 4] = 1
    x[mask == 1] += 0.4
    for maps in heatmaps(fitted("fcdd"), x):
        assert pixel_auroc(maps, mask).pooled > 0.9


def test_gradient_maps_are_finite_differences(fitted, images):
    fit = fitted("fcdd")
    x = images.test.x[:1]
    got = heatmaps(fit, x, "gradient", sigma=0)[0, 0]
    with jax.enable_x64(True):
        model, state = model_and_state(fit)
        state = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), state)

        def score(x):
            out = model.apply(state.variables, state.extras, x, train=False).out
            return model.score(out)

        for row, column in ((0, 0), (5, 7), (11, 3)):
            step = np.zeros(x.shape)
            step[0, row, column] = 1e-6
            slope = (score(x + step) - score(x - step))[0] / 2e-6
            np.testing.assert_allclose(got[row, column], abs(slope), rtol=1e-3, atol=1e-6)


def test_reconstruction_maps_sum_up_to_the_score(images, quick):
    sizes = {"channels": (4,), "widths": (8,), "epochs": 2}
    fit = jaxad.fit(quick("autoencoder", images.train, **sizes), images.train)
    x = images.test.x[:5]
    maps = heatmaps(fit, x, sigma=0)
    np.testing.assert_allclose(maps.sum(axis=(2, 3)), jaxad.score(fit, x), rtol=1e-4)
    smooth = heatmaps(fit, x, "reconstruction", sigma=1.0)
    np.testing.assert_allclose(smooth[0], blur(jnp.asarray(maps[0]), 1.0), rtol=1e-4, atol=1e-6)
    assert heatmaps(fit, x, "gradient").shape == maps.shape


def test_how_many_images_there_are_changes_no_map(fitted, images):
    x = images.test.x
    together = heatmaps(fitted("fcdd"), x[:70])
    np.testing.assert_allclose(heatmaps(fitted("fcdd"), x[33:36]), together[:, 33:36], rtol=1e-4)
    as_bytes = np.round(255 * x[:3]).astype(np.uint8)
    floats = (as_bytes / 255).astype(np.float32)
    np.testing.assert_allclose(
        heatmaps(fitted("fcdd"), as_bytes), heatmaps(fitted("fcdd"), floats), rtol=1e-4
    )


def test_what_cannot_be_drawn_is_refused(fitted, images):
    x = images.test.x[:2]
    with pytest.raises(ConfigError, match="has no heat maps of kind 'reconstruction'; it has map"):
        heatmaps(fitted("fcdd"), x, "reconstruction")
    with pytest.raises(ConfigError, match="kind of heat maps"):
        heatmaps(fitted("fcdd"), x, "gradients")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ConfigError, match="sigma must be"):
        heatmaps(fitted("fcdd"), x, sigma=-1.0)
    with pytest.raises(DataError, match=r"shape \(n, 12, 12, 1\)"):
        heatmaps(fitted("fcdd"), x[:, :8])
    with pytest.raises(DataError, match="images"):
        heatmaps(fitted("autoencoder"), np.zeros((3, 6), np.float32))


def test_pixel_auroc_is_scikit_learn_s():
    maps = np.round(rng.normal(size=(9, 6, 5)), 1)  # with ties
    mask = (rng.uniform(size=maps.shape) < 0.2).astype(np.uint8)
    mask[0], mask[1] = 0, 1
    got = pixel_auroc(maps, mask)
    np.testing.assert_allclose(got.pooled, roc_auc_score(mask.ravel(), maps.ravel()), rtol=1e-12)
    each = [roc_auc_score(m.ravel(), s.ravel()) for m, s in zip(mask[2:], maps[2:], strict=True)]
    np.testing.assert_allclose(got.per_image, np.mean(each), rtol=1e-12)


def test_maps_are_normalised_by_quantiles_on_one_scale():
    maps = np.linspace(0, 1, 1001)[1:].reshape(10, 10, 10)
    got = normalise_maps(maps, 0.2, 0.9)
    assert (got[:2] == 0).all() and (got[9:] >= 1 - 1e-3).all()
    np.testing.assert_allclose(got[5], (maps[5] - 0.2) / 0.7, atol=2e-3)
    with pytest.raises(ConfigError, match="low < high"):
        normalise_maps(maps, 0.9, 0.2)
    assert np.isfinite(normalise_maps(np.ones((1, 2, 2)))).all()


def test_a_picture_has_the_images_its_maps_and_the_truth(tmp_path):
    pytest.importorskip("matplotlib")
    from matplotlib.image import imread

    x = rng.uniform(size=(3, 8, 8, 1))
    maps, mask = rng.uniform(size=(3, 8, 8)), np.zeros((3, 8, 8))
    draw_heatmaps(tmp_path / "with.png", x, maps, mask)
    draw_heatmaps(tmp_path / "without.png", x, maps)
    high, low = (imread(tmp_path / name).shape[0] for name in ("with.png", "without.png"))
    assert high > 1.3 * low
    with pytest.raises(DataError, match="masks must have shape"):
        draw_heatmaps(tmp_path / "a.png", x, maps, mask[:2])
    with pytest.raises(DataError, match="titles: 2 are given for 3"):
        draw_heatmaps(tmp_path / "a.png", x, maps, titles=["a", "b"])
    with pytest.raises(ConfigError, match=r"\.png"):
        draw_heatmaps(tmp_path / "a.jpg", x, maps)
