"""CVDD: its loss by hand, its contexts, annealing, and text that it cannot use."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxad
from jaxad.data import from_texts
from jaxad.data.arrays import as_train_data
from jaxad.errors import ConfigError, DataError, DataWarning
from jaxad.explain.text import context_distances
from jaxad.models import ContextOut, Contexts
from jaxad.models.clustering import kmeans
from jaxad.objectives import nearest_contexts
from jaxad.types import Batch
from jaxad.utils.timing import count_compilations

QUICK = {"epochs": 5, "batch_size": 16, "attention_size": 8}
_MONEY = "bank dollar market trade price stock share profit quarter company"
_SEA = "ship port vessel cargo crew captain harbour tanker voyage sailor"
MONEY, SEA = _MONEY.split(), _SEA.split()


def texts_of(words, count, rng):
    return [" ".join(rng.choice(words, rng.integers(3, 9))) for _ in range(count)]


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    texts = [*texts_of(MONEY, 60, rng), *texts_of(SEA, 20, rng)]
    return from_texts(texts, [0] * 60 + [1] * 20, name="news")


@pytest.fixture(scope="module")
def split(data):
    return jaxad.contaminate(data, 0, contamination=0.0)


@pytest.fixture(scope="module")
def fit(split):
    return jaxad.fit(jaxad.make("cvdd", split.train, **QUICK), split.train, seeds=2)


def model_of(detector) -> Contexts:
    return detector.parts.model


def test_loss_and_score_are_those_of_the_equations(split):
    """In NumPy, word by word: eq. 3 to 11 of the paper."""
    detector = jaxad.make("cvdd", split.train, context_penalty=2.0, alpha=3.0, **QUICK)
    train, model = split.train._replace(vocabulary=None), model_of(detector)
    state = jax.jit(detector.init)(jax.random.key(0), train)
    w1, w2 = (
        np.asarray(state.params["attention"][n]["kernel"], np.float64) for n in ("hidden", "heads")
    )
    contexts = np.asarray(state.params["contexts"], np.float64) * [[1.0], [2.0], [0.5]]
    state = state._replace(params=state.params | {"contexts": jnp.asarray(contexts, jnp.float32)})
    rows, alpha, distances = split.train.x[:8], 3.0, []
    for row in rows:
        h = np.asarray(model.vectors, np.float64)[row[row > 0]]
        a = np.exp(np.tanh(h @ w1) @ w2)
        m = (a / a.sum(axis=0)).T @ h
        cosine = np.sum(m * contexts, axis=1)
        cosine /= np.linalg.norm(m, axis=1) * np.linalg.norm(contexts, axis=1)
        distances.append((1 - cosine) / 2)
    d = np.array(distances)
    np.testing.assert_allclose(jax.jit(detector.score)(state, rows), d.mean(axis=1), rtol=1e-4)
    sigma = np.exp(-alpha * d) / np.exp(-alpha * d).sum(axis=1, keepdims=True)
    penalty = np.mean((contexts @ contexts.T - np.eye(3)) ** 2)
    batch = Batch(jnp.asarray(rows), jnp.zeros(8, jnp.int8), jnp.arange(8), jnp.zeros(()))
    _, info = jax.jit(detector.update)(state, batch, jax.random.key(0))
    np.testing.assert_allclose(info["loss"], (sigma * d).sum(axis=1).mean() + 2 * penalty, 1e-4)


def test_the_papers_penalty_is_the_sum_over_entries(split):
    one, other = (jaxad.make("cvdd", split.train, variant=v) for v in ("released", "paper"))
    assert model_of(other).penalty == pytest.approx(9 * model_of(one).penalty)


def test_contexts_start_at_centres_of_mean_word_vectors():
    """Two groups of texts without a word in common: each gets a context."""
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.permutation(words)[:6]) for words in 50 * [MONEY, SEA]]
    vocabulary = from_texts(texts, 50 * [0, 1]).vocabulary
    train = as_train_data(texts, vocabulary=vocabulary)
    detector = jaxad.make("cvdd", train, contexts=2)
    start = jax.jit(detector.init)(jax.random.key(1), train._replace(vocabulary=None))
    contexts = np.asarray(start.params["contexts"])
    np.testing.assert_allclose(np.linalg.norm(contexts, axis=1), 1, rtol=1e-5)
    vectors = np.asarray(model_of(detector).vectors)
    x = vocabulary.encode([" ".join(MONEY), " ".join(SEA)])
    means = [vectors[row[row > 0]].mean(axis=0) for row in x]
    means = np.array([m / np.linalg.norm(m) for m in means])
    cosine = contexts @ means.T
    assert sorted(cosine.argmax(axis=1)) == [0, 1]
    assert (cosine.max(axis=1) > 0.98).all()


def test_kmeans_finds_groups_and_leaves_rows_out_that_do_not_count():
    rng = np.random.default_rng(0)
    centres = np.array([[0, 0], [10, 0], [0, 10], [1e3, 1e3]])
    points = (centres.repeat(30, axis=0) + 0.1 * rng.normal(size=(120, 2))).astype(np.float32)
    where = np.arange(120) < 90
    for seed in range(5):
        found = np.asarray(kmeans(jax.random.key(seed), jnp.asarray(points), jnp.asarray(where), 3))
        found = found[np.lexsort(found.round().T)]
        np.testing.assert_allclose(found, [[0, 0], [10, 0], [0, 10]], atol=0.2)
    same = kmeans(jax.random.key(0), jnp.asarray(points[[0] * 4]), jnp.ones(4, bool), 3)
    np.testing.assert_allclose(same, points[:1].repeat(3, axis=0), rtol=1e-6)


def test_alpha_anneals_by_epoch(split):
    detector = jaxad.make("cvdd", split.train, alpha=(0.0, 1.0, 2.0), **QUICK | {"epochs": 6})
    objective, out = detector.parts.objective, ContextOut(jnp.array([[0.1, 0.9]]))
    for epoch, alpha in zip(
        (0.0, 1.9, 2.0, 3.9, 4.0, 5.9, 6.0), (0, 0, 1, 1, 2, 2, 2), strict=True
    ):
        batch = Batch(jnp.zeros((1, 32), jnp.int32), None, None, jnp.float32(epoch))
        expected = nearest_contexts([alpha]).normal(out)
        np.testing.assert_allclose(objective.normal(out, batch), expected, rtol=1e-6)


def test_alpha_weighs_the_nearest_contexts():
    out = ContextOut(jnp.array([[0.1, 0.5, 0.9]]))
    np.testing.assert_allclose(nearest_contexts([0.0]).normal(out), [0.5], rtol=1e-6)
    np.testing.assert_allclose(nearest_contexts([1e3]).normal(out), [0.1], rtol=1e-6)


def test_the_score_is_the_mean_or_the_least_distance(split, fit):
    each = context_distances(fit, split.test.x)
    assert each.shape == (2, len(split.test.x), 3) and each.min() >= 0 and each.max() <= 1
    np.testing.assert_allclose(jaxad.score(fit, split.test), each.mean(axis=2), rtol=1e-5)
    least = model_of(jaxad.make("cvdd", split.train, score="min", **QUICK))
    np.testing.assert_array_equal(least.score(ContextOut(each[0])), each[0].min(axis=1))


def test_texts_are_scored_as_their_words_are(fit, split, data):
    texts = [" ".join(words) for words in data.vocabulary.decode(split.test.x)]
    np.testing.assert_array_equal(jaxad.score(fit, texts), jaxad.score(fit, split.test.x))


def test_a_text_without_a_known_word_scores_highest_and_is_counted(fit):
    with pytest.warns(DataWarning, match="2 of 3 documents contain no word"):
        scores = jaxad.score(fit, ["bank", "unheard", ""])
    np.testing.assert_array_equal(scores[:, 1:], 1)
    assert (scores[:, 0] < 0.5).all()


def test_documents_without_a_known_word_in_training_change_nothing_but_the_batches(split):
    x = split.train.x.copy()
    x[:3] = 0
    train = split.train._replace(x=x)
    with pytest.warns(DataWarning, match="3 of"):
        found = jaxad.fit(jaxad.make("cvdd", train, **QUICK), train)
    assert np.isfinite(found.history["train"]["loss"]).all()


def test_documents_of_one_word_can_be_trained_on():
    texts = [*MONEY, *MONEY, *SEA]
    data = from_texts(texts, [0] * 20 + [1] * 10)
    split = jaxad.contaminate(data, 0, contamination=0.0, test_size=0.5)
    found = jaxad.fit(jaxad.make("cvdd", split.train, **QUICK), split.train)
    assert np.isfinite(jaxad.score(found, split.test)).all()


def test_more_contexts_than_different_documents_stay_finite():
    data = from_texts(["bank", "bank", "bank", "ship"], [0, 0, 0, 1])
    train = as_train_data(data.x[:3], vocabulary=data.vocabulary)
    found = jaxad.fit(jaxad.make("cvdd", train, contexts=5, **QUICK), train)
    assert np.isfinite(jaxad.score(found, data.x)).all()


def test_documents_of_all_lengths_and_vocabularies_share_programs(split):
    jaxad.fit(jaxad.make("cvdd", split.train, **QUICK), split.train)
    before = count_compilations()
    rng = np.random.default_rng(1)
    words = [f"word{'abcdefghij'[i // 10]}{'abcdefghij'[i % 10]}" for i in range(100)]
    texts = [" ".join(rng.choice(words, n % 32 + 1)) for n in range(90)]
    train = as_train_data(texts, vocabulary=from_texts(texts, [0] * 89 + [1]).vocabulary)
    detector = jaxad.make("cvdd", train, alpha=(0.5,) * 5, context_penalty=0.1, **QUICK)
    jaxad.fit(detector, train)
    assert count_compilations() == before


def test_vectors_are_one_array_for_all_seeds(fit):
    table = model_of(fit.detector).vectors
    shapes = [leaf.shape for leaf in jax.tree.leaves(fit.state)]
    assert table.shape == (1024, 100)
    assert all(shape[-2:] != table.shape for shape in shapes)


def test_a_saved_detector_scores_texts_without_the_file_of_vectors(tmp_path, split):
    words = dict(
        zip([*MONEY, *SEA, "sloop"], np.random.default_rng(0).normal(size=(21, 100)), strict=True)
    )
    lines = [" ".join([word, *map(str, vector)]) for word, vector in words.items()]
    path = tmp_path / "v.txt"
    path.write_text("\n".join(lines))
    detector = jaxad.make("cvdd", split.train, vectors=str(path), **QUICK)
    found = jaxad.fit(detector, split.train)
    jaxad.save(found, tmp_path / "saved", scaling=split.scaling)
    path.unlink()
    loaded, scaling = jaxad.load(tmp_path / "saved")
    assert scaling is not None and scaling.kind == "words"
    texts = ["bank and ship", "a sloop"]  # of a word of the file, not of the training data
    np.testing.assert_array_equal(jaxad.score(loaded, texts), jaxad.score(found, texts))
    (tmp_path / "saved" / "lexicon.npz").write_bytes(b"other")
    with pytest.raises(DataError, match="changed"):
        jaxad.load(tmp_path / "saved")


def test_text_and_numbers_are_not_mixed_up(split, toy):
    with pytest.raises(DataError, match=r"deep_svdd takes numbers.*cvdd takes.*mean:"):
        jaxad.make("deep_svdd", split.train)
    with pytest.raises(DataError, match="cvdd takes text"):
        jaxad.make("cvdd", toy.train)


def test_documents_of_another_vocabulary_are_refused(split, fit):
    train = as_train_data(
        ["foreign words", "other words"] * 5,
        vocabulary=from_texts(["foreign other words", "words"], [0, 1]).vocabulary,
    )
    with pytest.raises(DataError, match="vocabulary that the detector was made for"):
        jaxad.fit(fit.detector, train)
    with pytest.raises(DataError, match=r"word numbers from 0 to 99; the vocabulary.* 0\.\.20"):
        jaxad.score(fit, np.where(split.test.x > 0, 99, 0))


@pytest.mark.parametrize(
    "wrong",
    [
        {"contexts": 0},
        {"contexts": 2.0},
        {"attention_size": 0},
        {"context_penalty": -1},
        {"alpha": ()},
        {"alpha": (0.1, -1)},
        {"alpha": "high"},
        {"score": "max"},
        {"vectors": ""},
        {"more_words": -1},
        {"widths": (8,)},
        {"channels": (8,)},
        {"norm": "batch"},
        {"bias": True},
    ],
)
def test_a_wrong_setting_is_refused_by_its_name(split, wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        jaxad.make("cvdd", split.train, **wrong)


def test_a_file_of_vectors_that_is_not_there_is_named(split):
    with pytest.raises(ConfigError, match=r"vectors='glove\.txt': no such file"):
        jaxad.make("cvdd", split.train, vectors="glove.txt")
