"""Hybrids: the classical detector on the codes of the autoencoder, and on nothing else."""

import pickle
from dataclasses import asdict, dataclass, fields

import jax
import numpy as np
import pytest

import jaxad
from jaxad.cli import main
from jaxad.detector import HostDetector
from jaxad.detectors import REGISTRY
from jaxad.detectors.autoencoder import AutoencoderConfig, RegularisedAutoencoderConfig
from jaxad.detectors.hybrid import PEERS, hybrid_config
from jaxad.errors import ConfigError, DataError
from jaxad.results import read_results
from jaxad.training import host

FEW = {"epochs": 3, "batch_size": 32}
# One that needs a random number, one that learns from labels, one of whose settings are chosen.
SOME = {"hybrid:iforest": {"trees": 20}, "hybrid:ssad": {}, "hybrid:ocsvm": {"nu": 0.3}}


def codes_of(fit, x):
    """`(seeds, n, k)` codes by the networks of an autoencoder's fit, not by the library's loops."""
    model = fit.detector.parts.model
    width = model.encoder.input_shape[-1]
    x = np.pad(x, [(0, 0), (0, width - x.shape[1])]) if x.ndim == 2 else x
    return np.stack([_encoded(model, fit.only(i).state, x) for i in range(fit.seeds)])


def _encoded(model, state, x):
    params, stats = jax.tree.map(lambda leaf: leaf[0], model.select_encoder(state.variables))
    return np.asarray(model.encoder.apply(params, stats, x, train=False).out)


def recording(detector, seen):
    """The same hybrid, with a peer that notes what it is given and scores by the first entry."""

    def train(rows, label, seed):
        seen.append((rows, label, seed))
        return lambda rows: rows[:, 0]

    return detector._replace(train=train)


@pytest.fixture(scope="module")
def autoencoder(toy):
    return jaxad.fit(jaxad.make("autoencoder", toy.train, **FEW), toy.train, seeds=[0, 3], key=7)


def test_the_peer_sees_the_codes_of_the_same_autoencoder_and_nothing_else(toy, autoencoder):
    """Also the labels and the random number that it gets on rows."""
    seen, bare = [], []
    detector = recording(jaxad.make("hybrid:ssad", toy.train, **FEW), seen)
    fit = jaxad.fit(detector, toy.train, seeds=[0, 3], key=7)
    jaxad.fit(recording(jaxad.make("ssad", toy.train), bare), toy.train, seeds=[0, 3], key=7)
    jax.tree.map(np.testing.assert_array_equal, fit.state, autoencoder.state)
    loss = autoencoder.history["train"]["loss"]
    np.testing.assert_array_equal(fit.history["codes"]["loss"], loss)
    codes = codes_of(autoencoder, toy.train.x)
    for (rows, label, seed), (_, same_label, same_seed), want in zip(
        seen, bare, codes, strict=True
    ):
        assert rows.shape == (160, 8)
        np.testing.assert_allclose(rows, want, rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(label, same_label)
        assert seed == same_seed
    want = codes_of(autoencoder, toy.test.x)[:, :, 0]
    np.testing.assert_allclose(jaxad.score(fit, toy.test), want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", SOME)
def test_it_is_the_peer_trained_on_codes_as_on_a_table(toy, name):
    fit = jaxad.fit(
        jaxad.make(name, toy.train, **FEW, **SOME[name]), toy.train, seeds=[0, 3], key=7
    )
    code = fit.detector.coder.code
    states = [jax.tree.map(lambda leaf, i=i: leaf[i], fit.state) for i in range(2)]
    scores = jaxad.score(fit, toy.test)
    peer = name.removeprefix("hybrid:")
    for i, seed in enumerate((0, 3)):
        codes, of_test = (np.asarray(code(states[i], x)) for x in (toy.train.x, toy.test.x))
        table = toy.train._replace(x=codes, features=np.int32(8))
        alone = jaxad.fit(jaxad.make(peer, table, **SOME[name]), table, seeds=[seed], key=7)
        want = jaxad.score(alone, of_test)[0]
        np.testing.assert_allclose(scores[i], want, rtol=1e-3, atol=1e-3 * want.std())


@pytest.mark.parametrize("name", ["hybrid:ocsvm", "hybrid:ssad"])
def test_labelled_anomalies_stay_out_of_the_autoencoder(toy, autoencoder, name):
    far = np.where((toy.train.label < 0)[:, None], np.float32(1e3), toy.train.x)
    train = toy.train._replace(x=far)
    fit = jaxad.fit(jaxad.make(name, train, **FEW), train, seeds=[0, 3], key=7)
    jax.tree.map(np.testing.assert_array_equal, fit.state, autoencoder.state)


def test_another_weighting_of_the_autoencoder_may_see_them(toy, autoencoder):
    detector = jaxad.make("hybrid:pca", toy.train, weighting="by_label", **FEW)
    fit = jaxad.fit(detector, toy.train, seeds=[0, 3], key=7)
    assert not np.allclose(
        fit.history["codes"]["loss"], autoencoder.history["train"]["loss"], rtol=1e-3
    )


def test_splits_of_several_seeds_have_codes_each_of_its_own():
    split = jaxad.contaminate("digits", 0, normal_class=1, contamination=0.1, seeds=2)
    few = np.array([0, 30], np.int32)  # the second split has padding behind
    train = split.train._replace(count=split.train.count - few)
    test = split.test._replace(count=split.test.count - few)
    seen = []
    detector = recording(jaxad.make("hybrid:pca", train, **FEW), seen)
    fit = jaxad.fit(detector, train)
    scores = jaxad.score(fit, test)
    alone = jaxad.fit(jaxad.make("autoencoder", train, **FEW), train)
    jax.tree.map(np.testing.assert_array_equal, fit.state, alone.state)
    for i, (rows, label, _) in enumerate(seen):
        n, tests = train.count[i], test.count[i]
        assert len(rows) == len(label) == n
        want = codes_of(alone.only(i), train.x[i, :n])[0]
        np.testing.assert_allclose(rows, want, rtol=1e-3, atol=1e-4)
        want = codes_of(alone.only(i), test.x[i, :tests])[0, :, 0]
        np.testing.assert_allclose(scores[i, :tests], want, rtol=1e-3, atol=1e-4)
        assert np.isnan(scores[i, tests:]).all()


@pytest.mark.slow
def test_images_are_coded_by_convolutions():
    """Of uint8, which the autoencoder takes as they are, and 0 to 255 becomes 0 to 1."""
    images = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 1)).astype(np.uint8)
    count = np.int32(60)
    train = jaxad.TrainData(images, np.zeros(60, np.int8), count, np.int32(1))
    seen = []
    sizes = {"channels": [2, 3], "widths": [4], "epochs": 1}
    detector = recording(jaxad.make("hybrid:gaussian", train, **sizes), seen)
    assert detector.coder.detector.convolutional
    fit = jaxad.fit(detector, train)
    alone = jaxad.fit(jaxad.make("autoencoder", train, **sizes), train)
    want = codes_of(alone, train.x.astype(np.float32) / 255)[0]
    assert want.shape == (60, 4)
    np.testing.assert_allclose(seen[0][0], want, rtol=1e-3, atol=1e-4)
    assert np.isfinite(jaxad.score(fit, train.x)).all()


@pytest.mark.parametrize("peer", PEERS)
def test_its_settings_are_those_of_both(toy, peer):
    """Their values survive the way to JSON and back, and to another process."""
    found = REGISTRY[f"hybrid:{peer}"]
    own, theirs = (
        {f.name: f.default for f in fields(c)} for c in (AutoencoderConfig, found.config)
    )
    of_peer = {f.name: f.default for f in fields(REGISTRY[peer].config)}
    assert theirs == own | of_peer
    assert found.uses_labels == REGISTRY[peer].uses_labels
    detector = jaxad.make(found.name, toy.train, widths=[5, 3], slope=0.2)
    config = detector.config
    assert config.widths == (5, 3) and detector.coder.detector.config.widths == (5, 3)
    assert detector.coder.detector.config == RegularisedAutoencoderConfig(widths=(5, 3), slope=0.2)
    assert jaxad.make(found.name, toy.train, **asdict(config)).config == config
    assert pickle.loads(pickle.dumps(config)) == config


def test_settings_of_one_name_are_refused():
    @dataclass(frozen=True, kw_only=True)
    class Longer:
        epochs: int = 1

    with pytest.raises(TypeError, match=r"both have settings \['epochs'\]"):
        hybrid_config(Longer)


def test_a_peer_s_settings_reach_it(toy):
    few, many = (
        jaxad.fit(jaxad.make("hybrid:ocsvm", toy.train, nu=nu, **FEW), toy.train)
        for nu in (0.05, 0.5)
    )
    outside = [(jaxad.score(fit, toy.train.x) > 0).mean() for fit in (few, many)]
    assert outside[0] < 0.25 < 0.4 < outside[1]


def test_what_cannot_be_done_is_refused(toy, toy_of, tmp_path):
    train = toy.train
    for setting, message in (
        ({"nu": 0.0}, "nu must be"),
        ({"widths": ()}, "widths must be"),
        ({"epoch": 3}, "setting of hybrid:ocsvm 'epoch'. Did you mean 'epochs'"),
        ({"trees": 3}, "setting of hybrid:ocsvm 'trees'"),
        ({"channels": (3,)}, "channels must be empty for a table"),
    ):
        with pytest.raises(ConfigError, match=message):
            jaxad.make("hybrid:ocsvm", train, **setting)
    with pytest.raises(ConfigError, match=r"unknown detector 'hybrid:ocsv'.*'hybrid:ocsvm'"):
        jaxad.make("hybrid:ocsv", train)
    with pytest.raises(ConfigError, match="at least kappa=100"):
        jaxad.make("hybrid:ssad", train, kappa=100.0)
    bare = train._replace(label=np.maximum(train.label, 0))
    with pytest.raises(DataError, match="labelled anomalies"):
        jaxad.make("hybrid:xgbod", bare)
    fit = jaxad.fit(jaxad.make("hybrid:pca", train, **FEW), train)
    (scores,) = jaxad.score(fit, np.array([[0.0] * 6, [1.0] * 6, [3e38] * 6], np.float32))
    assert scores[1] < scores[2] < np.inf


def test_an_autoencoder_that_diverged_is_said_to_have(toy):
    detector = jaxad.make("hybrid:ocsvm", toy.train, learning_rate=1e30, epochs=5)
    with pytest.raises(DataError, match="the training of the autoencoder diverged"):
        jaxad.fit(detector, toy.train)


def test_progress_counts_the_codes_and_the_peers(toy):
    seen = []
    detector = jaxad.make("hybrid:pca", toy.train, **FEW)
    jaxad.fit(detector, toy.train, seeds=2, progress=seen.append)
    steps = 3 * 5  # 148 rows that are not labelled anomalies in batches of 32
    assert [at.done for at in seen] == sorted(at.done for at in seen)
    assert {at.total for at in seen} == {steps + 2}
    assert [(at.phase, at.done) for at in seen[-3:]] == [
        ("codes", steps),
        ("train", steps + 1),
        ("train", steps + 2),
    ]


def test_a_fit_that_was_cut_off_goes_on_from_its_checkpoint(
    toy, small_chunks, tmp_path, monkeypatch
):
    monkeypatch.setattr("jaxad.training.train._SAVE_SECONDS", 0.0)

    class CutError(Exception):
        """The power went."""

    def cut(at):
        if at.done >= 8:
            raise CutError

    detector = jaxad.make("hybrid:iforest", toy.train, trees=20, **FEW)
    with pytest.raises(CutError):
        jaxad.fit(detector, toy.train, 2, progress=cut, checkpoint=tmp_path)
    seen = []
    fit = jaxad.fit(detector, toy.train, 2, progress=seen.append, checkpoint=tmp_path)
    assert seen[0].done > 5
    whole = jaxad.fit(detector, toy.train, 2)
    np.testing.assert_array_equal(jaxad.score(fit, toy.test), jaxad.score(whole, toy.test))
    other = jaxad.make("hybrid:iforest", toy.train, slope=0.3, **FEW)
    with pytest.raises(ConfigError, match="another fit"):
        jaxad.fit(other, toy.train, 2, checkpoint=tmp_path)


@pytest.mark.parametrize("name", ["kde", "hybrid:kde"])
def test_rows_are_scored_in_blocks(on_host, toy, monkeypatch, name):
    """A kernel between training rows and new ones has no more of these at once, however many."""
    whole, sizes = jaxad.score(on_host(name), toy.test), []
    fit = on_host(name)
    fit.models = tuple(lambda rows, m=m: sizes.append(len(rows)) or m(rows) for m in fit.models)
    monkeypatch.setattr(host, "_BLOCK", 50)
    np.testing.assert_allclose(jaxad.score(fit, toy.test), whole, rtol=1e-6)
    assert sizes == [50, 50, 20]


@pytest.fixture
def on_host(toy):
    def fit(name):
        few = FEW if name.startswith("hybrid") else {}
        return jaxad.fit(jaxad.make(name, toy.train, **few), toy.train)

    return fit


def test_a_table_of_one_s_own_and_a_detector_of_one_s_own(toy):
    """A coder is no secret of the registered ones: any detector can stand before any model."""
    made = jaxad.make("hybrid:pca", toy.train, **FEW)
    own = HostDetector(lambda rows, label, seed: lambda new: new.sum(axis=1), coder=made.coder)
    fit = jaxad.fit(own, toy.train, seeds=2)
    assert jaxad.score(fit, toy.test).shape == (2, len(toy.test.x))


def test_it_is_saved_by_the_command_line_and_scores_files(tmp_path, capsys):
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n" + "\n".join(f"{i},{i % 3}" for i in range(30)))
    saved = str(tmp_path / "saved")
    assert main(["fit", str(path), "hybrid:ocsvm", "--epochs", "1", "--out", saved]) == 0
    assert main(["score", saved, str(path), "--out", str(tmp_path / "scores.csv")]) == 0


def test_it_runs_by_name_in_a_study(tmp_path, capsys):
    """`run`, `list` and `sweep` take the name with its colon and the settings of both."""
    args = ["run", "blobs", "hybrid:ocsvm", "hybrid:iforest", "--epochs", "1", "--seeds", "2"]
    sets = ["--set", "nu=0.2", "--set", "widths=6,3", "--set", "trees=10"]
    assert main([*args, *sets, "--out", str(tmp_path / "run")]) == 0
    assert "hybrid:iforest" in capsys.readouterr().out
    assert main(["run", "blobs", "hybrid:ocsvm", "--set", "neighbours=3"]) == 2
    assert "neighbours" in capsys.readouterr().err
    path = tmp_path / "blobs.toml"
    path.write_text(
        'title = "Blobs"\ndatasets = ["blobs"]\nseeds = 2\nn_train = 100\nepochs = 1\n'
        'detectors = [{ name = "hybrid:ocsvm", nu = [0.1, 0.5], widths = [6, 3] }, "ocsvm"]\n'
    )
    out = tmp_path / "sweep"
    assert main(["sweep", str(path), "--out", str(out)]) == 0
    rows = read_results(out)
    assert sorted(set(rows.detector)) == ["hybrid:ocsvm", "ocsvm"]
    assert len(rows) == 6 and rows.error.isna().all()
    capsys.readouterr()
    assert main(["sweep", str(path), "--out", str(out)]) == 0
    assert len(read_results(out)) == 6
