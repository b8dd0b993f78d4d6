"""The contamination audit: what it ranks, how it combines seeds, what it writes and refuses."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

import jaxad
from jaxad.errors import ConfigError, DataError
from jaxad.explain.auditing.ranks import average_ranks

EXPOSURE = "by_label, latent_outlier_exposure(0.1)"


@pytest.fixture(scope="module")
def split():
    """100 rows, 20 of them hidden anomalies that are easy to find, 6 labelled anomalies."""
    rng = np.random.default_rng(0)
    y = (np.arange(220) < 60).astype(int)
    data = jaxad.from_arrays(rng.normal(size=(220, 4)) + 4 * y[:, None], y)
    settings = {"n_train": 80, "contamination": 0.2, "labelled_anomalies": 6}
    return jaxad.contaminate(data, 0, **settings)


@pytest.fixture(scope="module")
def exposed(split, quick):
    """A fit with latent outlier exposure, two seeds."""
    detector = quick("deep_sad", split.train, weighting=EXPOSURE)
    return jaxad.fit(detector, split.train, 2)


def test_the_score_s_audit_is_the_score_s_metrics_on_the_unlabelled_rows(split, exposed):
    audit = jaxad.audit(exposed, split, "score")
    scores, unlabelled = jaxad.score(exposed, split.train.x), split.train.label == 0
    np.testing.assert_array_equal(np.isnan(audit.suspicion), np.tile(~unlabelled, (2, 1)))
    assert audit.auroc is not None and audit.auprc is not None
    for i, of_seed in enumerate(scores[:, unlabelled]):
        truth = split.hidden[unlabelled]
        np.testing.assert_allclose(audit.suspicion[i, unlabelled], of_seed)
        np.testing.assert_allclose(
            audit.auroc.per_seed[i], roc_auc_score(truth, of_seed), rtol=1e-6
        )
        ap = average_precision_score(truth, of_seed)
        np.testing.assert_allclose(audit.auprc.per_seed[i], ap, rtol=1e-6)


def test_auto_takes_the_record_of_exposure_from_within_a_chain(split, exposed):
    audit = jaxad.audit(exposed, split)
    state = exposed.state.weighting[1]
    n = len(split.hidden)
    assert audit.method == "exposure"
    known = split.train.label == 0
    mean = (np.asarray(state.exposure_rank) / np.maximum(state.seen, 1))[:, :n]
    np.testing.assert_allclose(audit.suspicion[:, known], mean[:, known])
    assert 0 <= np.nanmin(audit.suspicion) <= np.nanmax(audit.suspicion) <= 1
    assert audit.together["auroc"] > 0.95
    assert "AUROC" in repr(audit)


def test_the_ranking_names_rows_of_the_source(split, exposed):
    audit = jaxad.audit(exposed, split)
    assert audit.combined is not None
    unlabelled = split.train.label == 0
    assert sorted(audit.ranking) == sorted(split.train_rows[unlabelled])
    first = np.flatnonzero(split.train_rows == audit.ranking[0])[0]
    assert audit.combined[first] == np.nanmax(audit.combined)
    assert np.isin(audit.ranking[:10], split.train_rows[split.hidden == 1]).mean() > 0.8


def test_the_mean_rank_shares_places_among_equals_and_ignores_each_seed_s_scale():
    suspicion = np.array([[3.0, np.nan, 1.0, 1.0, 2.0], [1e9, np.nan, 0.0, -5.0, 7.0]])
    place = average_ranks(suspicion)
    expected = [1, np.nan, (1 / 6 + 1 / 3) / 2, (1 / 6 + 0) / 2, (2 / 3 + 2 / 3) / 2]
    np.testing.assert_allclose(place, expected)
    np.testing.assert_allclose(average_ranks(np.exp(suspicion[:1])), average_ranks(suspicion[:1]))


def test_a_low_meta_weight_is_suspicious_and_unseen_rows_are_neither(split, exposed):
    class Elite(NamedTuple):
        """The fields of ELITE's state that an audit reads."""

        meta_weight: Any
        seen: Any

    meta_weight = jnp.zeros((2, 86)).at[:, 0].set(-6.0).at[:, 1].set(4.0)
    seen = jnp.full((2, 86), 2).at[:, 2].set(0)

    state = exposed.state._replace(weighting=((), Elite(meta_weight, seen)))
    train = split.train._replace(label=np.zeros_like(split.train.label))
    fit = jaxad.Fit((exposed.detector,), state, rows=len(split.hidden))
    audit = jaxad.audit(fit, train, "meta_weight")
    assert audit.method == "meta_weight"
    np.testing.assert_allclose(audit.suspicion[:, :2], [[3, -2]] * 2)
    np.testing.assert_allclose(audit.suspicion[:, 2], (3 - 2) / 85)


def test_each_seed_with_its_own_split_is_ranked_for_itself(quick):
    settings = {"normal_class": 0, "contamination": 0.1, "labelled_anomalies": 3}
    splits = jaxad.contaminate("digits", 0, seeds=2, **settings)
    fit = jaxad.fit(quick("autoencoder", splits.train), splits.train)
    audit = jaxad.audit(fit, splits)
    assert audit.combined is None and audit.together == {}
    assert audit.auroc is not None
    for i in range(2):
        own = splits.seed(i)
        unlabelled = own.train.label == 0
        ranked = audit.ranking[i][audit.ranking[i] >= 0]
        assert sorted(ranked) == sorted(own.train_rows[unlabelled])
        scores = jaxad.score(fit, own.train.x)[i]
        expected = roc_auc_score(own.hidden[unlabelled], scores[unlabelled])
        np.testing.assert_allclose(audit.auroc.per_seed[i], expected, rtol=1e-5)
    frame = audit.frame()
    assert frame.columns.tolist() == ["seed", "place", "row", "suspicion", "hidden"]
    assert frame.groupby("seed").place.first().tolist() == [1, 1]


def test_the_csv_lists_unlabelled_rows_from_the_most_suspicious_on(split, exposed, tmp_path):
    audit = jaxad.audit(exposed, split)
    audit.to_csv(tmp_path / "audit.csv")
    found = pd.read_csv(tmp_path / "audit.csv")
    seeds = ["suspicion_seed_0", "suspicion_seed_1"]
    assert found.columns.tolist() == ["place", "row", "suspicion", *seeds, "hidden"]
    assert found.place.tolist() == list(range(1, 81))
    assert found.row.tolist() == audit.ranking.tolist()
    assert found.suspicion.is_monotonic_decreasing
    assert found.hidden.sum() == split.hidden.sum()
    assert [path.name for path in tmp_path.iterdir()] == ["audit.csv"]


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("method", ["score", "exposure"])
def test_a_picture_is_drawn_with_and_without_truth(split, exposed, tmp_path, known, method):
    path = tmp_path / "audit.png"
    jaxad.audit(exposed, split if known else split.train, method).plot(path)
    assert path.read_bytes()[:4] == b"\x89PNG"


def test_without_matplotlib_the_extra_is_named(split, exposed, tmp_path, monkeypatch):
    monkeypatch.setattr("jaxad.explain.pictures.base.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"jaxad\[plots\]"):
        jaxad.audit(exposed, split).plot(tmp_path / "audit.png")
    with pytest.raises(ConfigError, match=r"\.png"):
        jaxad.audit(exposed, split).plot(tmp_path / "audit.bmp")
    assert not list(tmp_path.iterdir())


def test_truth_measures_and_does_not_rank(split, exposed):
    blind = jaxad.audit(exposed, split.train)
    told = jaxad.audit(exposed, split.train, hidden=split.hidden)
    np.testing.assert_array_equal(blind.suspicion, told.suspicion)
    assert (blind.auroc, blind.hidden, blind.together) == (None, None, {})
    assert told.auroc is not None
    clean = jaxad.audit(exposed, split.train, hidden=np.zeros(86, int))
    assert clean.auroc is None  # nothing to find
    assert clean.frame().hidden.sum() == 0


def test_what_cannot_be_audited_is_refused(split, exposed, fitted, toy):
    with pytest.raises(ConfigError, match="elite"):
        jaxad.audit(exposed, split, "meta_weight")
    with pytest.raises(ConfigError, match="latent_outlier_exposure"):
        jaxad.audit(fitted("autoencoder"), toy.train, "exposure")
    with pytest.raises(ConfigError, match="Known: auto"):
        jaxad.audit(exposed, split, "scores")
    with pytest.raises(DataError, match="160 rows"):
        jaxad.audit(exposed, toy.train)
    with pytest.raises(DataError, match="a Split, a TrainData, an array"):
        jaxad.audit(exposed, toy.test)
    with pytest.raises(DataError, match=r"hidden has shape \(3,\)"):
        jaxad.audit(exposed, split.train, hidden=np.zeros(3, int))
    with pytest.raises(ConfigError, match="a split has its own"):
        jaxad.audit(exposed, split, hidden=split.hidden)
    labelled = split.train._replace(label=np.ones(86, np.int8))
    with pytest.raises(DataError, match="no unlabelled rows"):
        jaxad.audit(exposed, labelled)


def test_rows_without_labels_may_be_an_array_or_a_frame():
    x = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    train = jaxad.as_train_data(x)
    fitted = jaxad.fit(jaxad.make("gaussian", train), train)
    expected = jaxad.audit(fitted, train).suspicion
    for data in (x, pd.DataFrame(x, columns=list("abc"))):
        np.testing.assert_array_equal(jaxad.audit(fitted, data).suspicion, expected)
    with pytest.raises(DataError, match="an array or a data frame; given list"):
        jaxad.audit(fitted, x.tolist())
