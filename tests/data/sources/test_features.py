"""Features of a file, and the inner maps of saved detectors."""

import jax
import numpy as np
import pytest
from picture_folders import write_picture

import jaxad
from jaxad.cli import main
from jaxad.data.sources.features import parse_features, pool_masks
from jaxad.data.sources.files import load_table
from jaxad.errors import ConfigError, DataError
from jaxad.models.base import as_input
from jaxad.nets.inner_maps import compute_inner_maps, join_maps

RNG = np.random.default_rng(0)


@pytest.fixture
def maps():
    return RNG.normal(size=(30, 4, 4, 6)).astype(np.float32) * 5


@pytest.fixture(scope="module")
def images():
    x = RNG.integers(0, 100, (40, 16, 16, 1), np.uint8)
    mask = np.zeros(x.shape[:3], np.uint8)
    x[30:, 6:9, 8:11] = 255
    mask[30:, 6:9, 8:11] = 1
    return x, (np.arange(40) >= 30).astype(int), mask


@pytest.fixture(
    scope="module", params=["fcdd", pytest.param("autoencoder", marks=pytest.mark.slow)]
)
def trained(request, images, quick, tmp_path_factory):
    name, (x, y, mask) = request.param, images
    train = jaxad.as_train_data(x, -y, mask)
    fitted = jaxad.fit(quick(name, train, epochs=1), train, seeds=2)
    place = tmp_path_factory.mktemp(name)
    np.savez(place / "tiles.npz", x=x, y=y, mask=mask)
    jaxad.save(fitted, place / "model")
    return place, fitted


def test_maps_of_a_file_are_floats_that_are_not_scaled(maps, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("maps.npz", x=maps, y=np.arange(30) % 2)
    data = jaxad.load_dataset("features:maps.npz")
    assert data.scaling == "none" and data.name == "maps"
    split = jaxad.contaminate(data, 0)
    assert split.train.x.max() > 1 and split.scaling.kind == "none"
    np.testing.assert_array_equal(load_table("features:maps.npz").x, maps)


def test_a_table_of_features_is_scaled_as_a_table(tmp_path):
    np.savez(tmp_path / "rows.npz", x=np.eye(8), y=np.arange(8) % 2)
    data = jaxad.load_dataset(f"features:{tmp_path / 'rows.npz'}")
    assert data.scaling is None and data.x.shape == (8, 8)


def test_inner_maps_are_those_of_the_network_on_one_grid(trained, images):
    place, fitted = trained
    data = jaxad.load_dataset(f"features:{place / 'model'}:{place / 'tiles.npz'}")
    model = fitted.detector.parts.model
    net = getattr(model, "net", None) or model.encoder
    state = jax.tree.map(lambda leaf: leaf[0], fitted.state)
    variables = state.variables
    if fitted.detector.name == "autoencoder":
        variables = model.select_encoder(variables)
    x = as_input(images[0], net.input_shape)
    inner = compute_inner_maps(net, variables, x)
    assert len(inner) == 2 and inner[0].shape[1:3] == data.x.shape[1:3]
    np.testing.assert_allclose(data.x, join_maps(inner), rtol=1e-3, atol=1e-4)
    assert data.name == "features:model:tiles"
    assert data.x.shape[1:3] == data.mask.shape[1:]
    np.testing.assert_array_equal(data.mask.any(axis=(1, 2)), images[1] == 1)
    one = load_table(f"features:{place / 'model'}:{place / 'tiles.npz'}")
    np.testing.assert_array_equal(one.x, data.x)
    np.testing.assert_array_equal(one.mask, data.mask)


def test_the_last_inner_map_of_fcdd_gives_its_map(trained, images):
    _, fitted = trained
    if fitted.detector.name != "fcdd":
        pytest.skip("an autoencoder has dense layers behind")
    model = fitted.detector.parts.model
    variables = jax.tree.map(lambda leaf: leaf[0], fitted.state).variables
    x = as_input(images[0], model.net.input_shape)
    last = compute_inner_maps(model.net, variables, x)[-1]
    out = variables.params["conv_out"]
    made = last @ out["kernel"][0, 0, :, 0] + out["bias"][0]
    np.testing.assert_allclose(made, model.net.apply(*variables, x, False).out, rtol=1e-3)


def test_commands_take_features(trained, monkeypatch, capsys):
    place, _ = trained
    monkeypatch.chdir(place)
    source = "features:model:tiles.npz"
    assert main(["fit", source, "patchcore", "--positive", "1", "--out", "core"]) == 0
    assert main(["score", "core", source, "--out", "scores.csv"]) == 0
    assert main(["explain", "core", source, "--out", "maps"]) == 0
    out = capsys.readouterr().out
    assert "Pixel AUROC" in out
    scores = np.loadtxt("scores.csv", delimiter=",", skiprows=1)[:, 1]
    assert scores[30:].mean() > scores[:30].max()
    write_picture(place / "new/a.png", size=(16, 16), mode="L")
    (place / "new/b.png").write_bytes(b"")
    assert main(["score", "core", "features:model:new", "--out", "new.csv"]) == 3
    assert "b.png: has 0 bytes" in capsys.readouterr().err
    a, b = (place / "new.csv").read_text().splitlines()[1:]
    assert a.startswith('"a.png",') and b == '"b.png",nan' and "nan" not in a


@pytest.mark.parametrize("command", [("recommend",), ("fit", "--out", "m")])
def test_no_detector_is_recommended_for_maps(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.savez("maps.npz", x=np.zeros((4, 3, 3, 5), np.float32))
    name, *more = command
    assert main([name, "features:maps.npz", *more]) == 2
    assert "patchcore or padim" in capsys.readouterr().err


def test_a_place_is_anomalous_if_one_of_its_pixels_is():
    mask = np.zeros((1, 7, 6), np.uint8)
    mask[0, 2, 5] = 1
    pooled = pool_masks(mask, np.zeros((1, 3, 2, 1), np.float32))
    np.testing.assert_array_equal(pooled[0], [[0, 1], [0, 0], [0, 0]])


def test_sources_that_are_no_features_are_refused(trained, maps, tmp_path, monkeypatch):
    place, _ = trained
    monkeypatch.chdir(tmp_path)
    np.savez("pixels.npz", x=np.zeros((4, 8, 8, 1), np.uint8), y=[0, 0, 1, 1])
    np.savez("maps.npz", x=maps, y=np.arange(30) % 2)
    with pytest.raises(DataError, match="features must be floats"):
        jaxad.load_dataset("features:pixels.npz")
    with pytest.raises(ConfigError, match="no folder 'nowhere'"):
        jaxad.load_dataset("features:nowhere:pixels.npz")
    with pytest.raises(ConfigError, match="the images that it computes"):
        parse_features(f"features:{place}")
    with pytest.raises(DataError, match="was trained on"):
        jaxad.load_dataset(f"features:{place / 'model'}:maps.npz")
    train = jaxad.as_train_data(maps)
    core = jaxad.fit(jaxad.make("padim", train), train)
    jaxad.save(core, "core")
    with pytest.raises(ConfigError, match="padim has no inner maps; give a detector of images"):
        load_table("features:core:maps.npz")
