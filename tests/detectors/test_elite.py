"""ELITE as a detector: what it trains on, what it finds, and what it compiles to."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from layouts import are_channels_last, are_compiled_channels_last

import jaxad
from jaxad.detectors.elite import EliteAutoencoderConfig, EliteDeepSVDDConfig
from jaxad.errors import ConfigError
from jaxad.evaluation.metrics import auroc
from jaxad.padding import pad_to_buckets
from jaxad.types import Batch
from jaxad.utils.timing import count_compilations

SHORT = {"epochs": 6, "batch_size": 32}
NAMES = ["elite_deep_svdd", "elite_autoencoder"]


def short(name):
    return SHORT | ({"pretrain_epochs": 0} if name == "elite_deep_svdd" else {})


@pytest.fixture(scope="module")
def hidden(toy_of):
    """Toy data a quarter of whose unlabelled rows are anomalies, and which those are."""
    toy = toy_of(rows=240)
    train = toy.train
    unlabelled = np.flatnonzero(train.label == 0)
    truth = np.zeros(len(train.label), bool)
    truth[unlabelled[::4]] = True
    x = np.where(truth[:, None], train.x + np.float32(3), train.x)
    return toy._replace(train=train._replace(x=x)), truth


@pytest.mark.parametrize("name", NAMES)
def test_both_forms_of_the_meta_gradient_train_to_the_same_scores(hidden, name):
    (train, test), _ = hidden
    forward, unrolled = (
        jaxad.fit(jaxad.make(name, train, **short(name), meta_gradient=form), train)
        for form in ("forward", "unrolled")
    )
    scores = jaxad.score(forward, test)
    np.testing.assert_allclose(jaxad.score(unrolled, test), scores, rtol=2e-3)
    for info in ("loss", "validation_loss"):
        one, two = (fit.history["train"][info] for fit in (forward, unrolled))
        np.testing.assert_allclose(one, two, rtol=2e-3, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("variant", ["scaled", "released"])
def test_it_finds_hidden_anomalies_and_never_trains_on_labelled_rows(hidden, name, variant):
    (train, test), truth = hidden
    settings = {"epochs": 30, "optimiser": "adam", "learning_rate": 1e-3}
    config = short(name) | settings | {"variant": variant}
    fit = jaxad.fit(jaxad.make(name, train, **config), train)
    assert jaxad.evaluate(fit, test).auroc.mean > 0.9
    assert fit.state is not None
    state = fit.state.weighting
    rows = len(train.label)
    unlabelled = train.label == 0
    meta_weight, seen = np.asarray(state.meta_weight)[0, :rows], np.asarray(state.seen)[0, :rows]
    assert (seen[~unlabelled] == 0).all() and (seen[unlabelled] >= 30).all()
    found = auroc(jnp.asarray(-meta_weight[unlabelled]), jnp.asarray(truth[unlabelled]))
    assert found > 0.8


def test_the_variant_of_the_paper_has_the_paper_s_rate():
    for config in (EliteDeepSVDDConfig, EliteAutoencoderConfig):
        assert config().scale == "initial" and config(variant="released").scale == "initial"
        assert config(variant="paper").scale == "none"
        assert config(variant="paper", scale="batch").scale == "batch"


def test_another_weighting_chains_behind_it_by_text(hidden):
    (train, test), _ = hidden
    text = "elite(2.0, scale='batch'), latent_outlier_exposure(0.1, blind=0)"
    config = SHORT | {"weighting": text, "pretrain_epochs": 2, "epochs": 20}
    fit = jaxad.fit(jaxad.make("deep_sad", train, **config), train)
    assert jaxad.evaluate(fit, test).auroc.mean > 0.9
    assert set(fit.history["train"]) == {"loss", "validation_loss", "pseudo_anomalies"}
    with pytest.raises(ConfigError, match="training data has none"):
        bare = train._replace(label=np.zeros_like(train.label))
        jaxad.make("deep_sad", bare, **config)


@pytest.mark.parametrize("name", NAMES)
def test_data_without_labels_is_refused(toy, name):
    bare = toy.train._replace(label=np.zeros_like(toy.train.label))
    with pytest.raises(ConfigError, match="label at least one anomaly or normal row"):
        jaxad.make(name, bare)
    with pytest.raises(ConfigError, match="eta_meta must be > 0; given 0"):
        jaxad.make(name, toy.train, eta_meta=0)


@pytest.mark.parametrize("label", [-1, 1])
@pytest.mark.parametrize("name", NAMES)
def test_labelled_rows_of_one_kind_are_enough(hidden, name, label):
    (train, test), _ = hidden
    one_kind = np.where(train.label == label, train.label, 0).astype(np.int8)
    part = train._replace(label=one_kind)
    rows = train.label * one_kind >= train.label**2 - (train.label == -label)
    assert rows.all()
    fit = jaxad.fit(jaxad.make(name, part, **short(name)), part)
    assert np.isfinite(jaxad.score(fit, test)).all()
    if label < 0:
        assert jaxad.evaluate(fit, test).auroc.mean > 0.8


def images(rows=48, size=8, labelled=4):
    rng = np.random.default_rng(0)
    label = np.zeros(rows, np.int8)
    label[:labelled], label[labelled : 2 * labelled] = -1, 1
    return jaxad.as_train_data(rng.integers(0, 256, (rows, size, size, 1), np.uint8), label)


@pytest.mark.parametrize("name", NAMES)
def test_a_detector_of_images_scores_the_same_after_loading(name, tmp_path):
    """Its state holds the labelled rows: shapes that depend on their number."""
    train = images()
    sizes = {"channels": (2, 2), "widths": (4, 3), "epochs": 1, "batch_size": 16}
    fit = jaxad.fit(jaxad.make(name, train, **(short(name) | sizes)), train, seeds=2)
    loaded, _ = jaxad.load(jaxad.save(fit, tmp_path / name))
    np.testing.assert_array_equal(jaxad.score(loaded, train.x), jaxad.score(fit, train.x))
    assert isinstance(loaded.detector, jaxad.Detector) and loaded.detector.labelled == (4, 4)


def test_seeds_contaminations_and_sizes_of_the_weights_share_every_program():
    def run(contamination, eta_meta):
        split = jaxad.contaminate(
            "wine",
            0,
            normal_class=1,
            contamination=contamination,
            labelled_anomalies=4,
            labelled_normals=4,
            seeds=10,
        )
        config = {"epochs": 1, "pretrain_epochs": 1, "eta_meta": eta_meta}
        fit = jaxad.fit(jaxad.make("elite_deep_svdd", split.train, **config), split.train)
        return jaxad.score(fit, split.test)

    run(0.0, 1.0)
    before = count_compilations()
    for contamination, eta_meta in zip(
        (0.0, 0.02, 0.05, 0.1, 0.2), (1, 2, 5, 10, 100), strict=True
    ):
        assert np.isfinite(run(contamination, eta_meta)).all()
    assert count_compilations() == before


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="layouts matter on the CPU alone")
@pytest.mark.parametrize("name", NAMES)
def test_every_convolution_of_a_scanned_step_is_channels_last(name):
    """Those of the forward-mode derivative too; a naive one would be twenty times slower."""
    train = images(size=16)
    sizes = {"channels": (8, 16), "widths": (8, 4), "batch_size": 16}
    detector = jaxad.make(name, train, **(short(name) | sizes))
    assert isinstance(detector, jaxad.Detector)
    data = pad_to_buckets(train)
    state = detector.init(jax.random.key(0), data)
    batch = Batch(jnp.asarray(train.x[8:24]), jnp.zeros(16), jnp.arange(8, 24), jnp.zeros(()))

    def steps(state):
        def step(state, i):
            return detector.update(state, batch, jax.random.fold_in(jax.random.key(0), i))

        return jax.lax.scan(step, state, jnp.arange(3))

    program = jax.jit(steps).lower(state)
    assert are_channels_last(program.as_text())
    compiled = program.compile().as_text()
    assert compiled is not None
    assert are_compiled_channels_last(compiled)
    assert "select-and-scatter" not in compiled
