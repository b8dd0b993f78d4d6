"""Top words, weights of words and pages of a fitted CVDD."""

import re

import numpy as np
import pytest

import jaxad
from jaxad.data import from_texts
from jaxad.data.text.vocabulary import list_stop_words
from jaxad.errors import ConfigError, DataError
from jaxad.evaluation.metrics import compute_metrics
from jaxad.explain.text import (
    TopWord,
    attention_page,
    context_distances,
    oracle_auroc,
    top_words,
    weights,
)
from jaxad.explain.text_pages import list_contexts, render_pages, show_attention, show_texts

MONEY = ["bank", "dollar", "market", "trade", "price"]


@pytest.fixture(scope="module")
def split():
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(MONEY, 6)) for _ in range(40)]
    texts += [" ".join(rng.choice(["ship", "port"], 4)) for _ in range(20)]
    return jaxad.contaminate(from_texts(texts, [0] * 40 + [1] * 20), 0, contamination=0.0)


@pytest.fixture(scope="module")
def fit(split):
    detector = jaxad.make("cvdd", split.train, epochs=3, batch_size=16, attention_size=8)
    return jaxad.fit(detector, split.train, seeds=2)


def test_weights_of_words_average_their_vectors_to_what_is_scored(fit, split):
    """Weights, vectors and contexts alone give the distances."""
    x = split.test.x[:5]
    share = weights(fit, x, seed=1)
    np.testing.assert_allclose(share.sum(axis=1), 1, rtol=1e-5)
    means = np.einsum("nlk,nld->nkd", share, fit.detector.lexicon.vectors[x])
    contexts = np.asarray(fit.state.params["contexts"])[1]
    cosine = np.sum(means * contexts, axis=2)
    cosine /= np.linalg.norm(means, axis=2) * np.linalg.norm(contexts, axis=1)
    np.testing.assert_allclose(context_distances(fit, x)[1], (1 - cosine) / 2, atol=1e-5)


def test_top_words_are_those_of_the_nearest_documents(fit, split):
    found = top_words(fit, split.test.x, 3, nearest=5)
    assert len(found) == 3 and all(len(words) == 3 for words in found)
    for words in found:
        assert {word for word, _ in words} <= set(MONEY)
        shares = [share for _, share in words]
        assert shares == sorted(shares, reverse=True) and 0 < sum(shares) <= 1 + 1e-6


def test_the_oracle_is_the_best_single_context(fit, split):
    distance = context_distances(fit, split.test.x)
    each = [compute_metrics(distance[..., k], np.stack([split.test.label] * 2)) for k in range(3)]
    best = np.max([e["auroc"] for e in each], axis=0)
    np.testing.assert_allclose(oracle_auroc(fit, split.test).per_seed, best)


def test_a_page_marks_words_and_escapes_all_text(fit):
    texts = ['<script>Bank</script> & "dollar"', "no known", "SHIP<b>port"]
    page = attention_page(fit, texts, title="<T>")
    assert "<script>" not in page and "<b>port" not in page and "<title>&lt;T&gt;" in page
    assert re.search(r"&lt;script&gt;<span style=[^>]*>Bank</span>&lt;/script&gt; &amp; ", page)
    assert re.search(r">SHIP</span>&lt;b&gt;<span [^>]*>port</span>", page)
    assert page.count("no word with a vector") == 1
    order = [int(i) for i in re.findall(r"row (\d)", page)]
    score = context_distances(fit, texts)[0].mean(axis=1)
    assert order == np.argsort(-score, kind="stable").tolist()


def test_each_text_has_a_page_that_shows_every_context_and_escapes_all_text(fit):
    texts = ['<script>Bank</script> & "dollar"', "SHIP<b>port"]
    pages = show_attention(fit, texts, ["a <i>.txt", "row 1"], [0.5, 0.25])
    files = render_pages(pages, "<T>", list_contexts([[TopWord("<w>", 1.0)]]))
    assert sorted(files) == ["texts.html", "texts/1.html", "texts/2.html"]
    for page in files.values():
        assert not re.search("<(script|b|i|w|T)>", page)
    assert files["texts/1.html"].count("distance 0.") == 3
    assert "Lower score" in files["texts/1.html"] and "Lower score" not in files["texts/2.html"]
    assert "a &lt;i&gt;.txt, score 0.500" in files["texts.html"]
    plain = render_pages(show_texts(texts, ["a", "b"], [2.0, 1.0]), "T")
    assert "<span" not in plain["texts/1.html"] and "&lt;script&gt;Bank" in plain["texts/1.html"]


def test_stop_words_describe_no_context_and_get_no_attention_if_they_are_dropped(fit, split):
    found = top_words(fit, split.test.x, 3, stop_words=frozenset({"bank"}))
    assert all(word != "bank" for words in found for word, _ in words)
    assert {"two", "first", "the"} <= list_stop_words() and "interest" not in list_stop_words()
    texts = ["bank lends two loans", "two dollars", "the first bank", "bank and market"]
    data = from_texts(texts, [0, 0, 0, 1])
    train = jaxad.as_train_data(data.x, vocabulary=data.vocabulary)
    for keep in (True, False):
        made = jaxad.make("cvdd", train, contexts=2, stop_words="keep" if keep else "drop")
        known = made.lexicon.known[made.lexicon.vocabulary.number["two"]]
        assert known == keep and made.lexicon.known[made.lexicon.vocabulary.number["bank"]]


def test_what_has_no_contexts_no_texts_or_no_such_seed_is_refused(fit, split, fitted):
    with pytest.raises(ConfigError, match="deep_svdd"):
        top_words(fitted("deep_svdd"), ["bank"])
    with pytest.raises(DataError, match="no texts"):
        weights(fit, [])
    with pytest.raises(DataError, match=r"0\.\.7"):
        weights(fit, np.full((1, 32), 99, np.int32))
    with pytest.raises(ConfigError, match=r"0\.\.1"):
        weights(fit, ["bank"], seed=2)
