"""Explanations of detectors of texts with contexts: words, attention weights, and pages.

References:
    Ruff et al. 2019, CVDD; thesis of Ruff (2021), section 3.2, tables 3.5 and 3.6.
"""

import html
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float, Int

from jaxad.data.text.lexicon import Lexicon
from jaxad.data.text.vocabulary import list_stop_words
from jaxad.errors import ConfigError, DataError
from jaxad.evaluation.metrics import Summary, compute_metrics, summarise
from jaxad.models import Contexts
from jaxad.padding import map_rows
from jaxad.training.fitted import Fit
from jaxad.types import State, TestData
from jaxad.utils.modes import pinned_modes

__all__ = [
    "STYLE",
    "TopWord",
    "attention_page",
    "choose_colour",
    "context_distances",
    "mark_words",
    "oracle_auroc",
    "top_words",
    "weights",
]

_NEAREST = 25  # documents of which a context's top words come
_COLOURS = ("#1b6ac9", "#c9541b", "#1b9e4b", "#8a3ac2", "#b8960c", "#c21b6a", "#0f9aa8", "#6b6b6b")
STYLE = """
body { font: 15px/1.7 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
article { border-top: 1px solid #ddd; padding: .6rem 0 } small { color: #555 }
"""


class TopWord(NamedTuple):
    """A word of a context, and its share of the context's attention over some documents."""

    word: str
    share: float


@pinned_modes()
def context_distances(
    fitted: Fit, x: np.ndarray | Sequence[str]
) -> Float[np.ndarray, "seeds n contexts"]:
    """Compute the distance of each document to each context, in [0, 1]: a score per context.

    Args:
        fitted: A fitted CVDD.
        x: Texts, or `(n, length)` documents as numbers of words.

    Raises:
        ConfigError: The detector has no contexts.
        DataError: There are no documents, or they are not as the detector takes them.
    """
    model, lexicon = _get_contexts(fitted)
    return np.asarray(_distances(model, fitted.state, _encode_documents(x, lexicon)))


@pinned_modes()
def weights(
    fitted: Fit, x: np.ndarray | Sequence[str], seed: int = 0
) -> Float[np.ndarray, "n length contexts"]:
    """Compute the attention weights of the words of documents under one seed.

    Args:
        fitted: A fitted CVDD.
        x: Texts, or `(n, length)` documents as numbers of words.
        seed: The index of the seed.

    Returns:
        Weights that sum to 1 over a document for each context; 0 for words without a vector.

    Raises:
        ConfigError: The detector has no contexts, or there is no such seed.
        DataError: There are no documents, or they are not as the detector takes them.
    """
    model, lexicon = _get_contexts(fitted)
    documents = _encode_documents(x, lexicon)
    if not 0 <= seed < fitted.seeds:
        raise ConfigError(f"seed must be in 0..{fitted.seeds - 1}; given {seed}")
    state = jax.tree.map(lambda leaf: leaf[seed], fitted.state)
    return np.asarray(_weights(model, state, documents))


@pinned_modes()
def top_words(
    fitted: Fit,
    x: np.ndarray | Sequence[str],
    count: int = 10,
    *,
    seed: int = 0,
    nearest: int = _NEAREST,
    stop_words: frozenset[str] | None = None,
) -> list[list[TopWord]]:
    """Find the words that each context attends to most.

    The attention weights of each word are summed over the documents nearest to the context; the
    words with the largest sums come first. Stop words are left out: they describe no context.

    Args:
        fitted: A fitted CVDD.
        x: Documents, such as those of the test or of training.
        count: How many words to return.
        seed: The index of the seed.
        nearest: How many of the nearest documents to use.
        stop_words: The words that are left out; by default `list_stop_words`.

    Raises:
        ConfigError: As for `weights`.
        DataError: As for `weights`.
    """
    _, lexicon = _get_contexts(fitted)
    documents = _encode_documents(x, lexicon)
    distance = context_distances(fitted, documents)[seed]
    names = ("", *lexicon.vocabulary.words)
    stopped = list_stop_words() if stop_words is None else stop_words
    found = []
    for k in range(distance.shape[1]):
        near = documents[np.argsort(distance[:, k], kind="stable")[:nearest]]
        share = weights(fitted, near, seed)[..., k]
        sums: Counter[str] = Counter()
        for number, value in zip(near.ravel().tolist(), share.ravel().tolist(), strict=True):
            if value > 0 and names[number] not in stopped:
                sums[names[number]] += value
        total = sum(sums.values()) or 1.0
        found.append([TopWord(word, value / total) for word, value in sums.most_common(count)])
    return found


def oracle_auroc(fitted: Fit, test: TestData) -> Summary:
    """Compute the AUROC of each seed's best single context, chosen by the labels of the test.

    It is an oracle, called c* in the thesis: no detector can know which context that is.

    Args:
        fitted: A fitted CVDD.
        test: Documents with their truth, of one split.

    Raises:
        ConfigError: The detector has no contexts.
        DataError: Test data of several splits, or with rows of one class only.
    """
    if np.ndim(test.count):
        raise DataError("test has several splits; give one, such as split.seed(0).test")
    n = int(test.count)
    distance = context_distances(fitted, np.asarray(test.x[:n]))
    label = np.asarray(test.label[:n])
    best = [
        max(compute_metrics(of_seed[None, :, k], label[None])["auroc"][0] for k in range(contexts))
        for of_seed in distance
        for contexts in [distance.shape[2]]
    ]
    return summarise(np.array(best))


@pinned_modes()
def attention_page(
    fitted: Fit,
    texts: Sequence[str],
    *,
    seed: int = 0,
    rows: Sequence[int] | None = None,
    words: list[list[TopWord]] | None = None,
    title: str = "Attention",
) -> str:
    """Return an HTML page of texts with words highlighted by the attention of the nearest context.

    The more attention a word has, relative to the most in its text, the darker its highlight. The
    most anomalous texts come first.

    Args:
        fitted: A fitted CVDD.
        texts: The texts.
        seed: The index of the seed.
        rows: The row numbers of the texts; by default 0, 1, ...
        words: The words that describe each context, as `top_words` returns them; by default those
            in these texts.
        title: The title of the page.

    Returns:
        The page, which needs no other file. All text is escaped.

    Raises:
        ConfigError: As for `weights`.
        DataError: As for `weights`.
    """
    model, lexicon = _get_contexts(fitted)
    texts = list(texts)
    documents = _encode_documents(texts, lexicon)
    share = weights(fitted, documents, seed)
    distance = context_distances(fitted, documents)[seed]
    score = distance.min(axis=1) if model.reduce == "min" else distance.mean(axis=1)
    top = top_words(fitted, documents, seed=seed) if words is None else words
    parts = [f"<h1>{html.escape(title)}</h1>", "<h2>Contexts</h2>"]
    for k, of_context in enumerate(top):
        listed = html.escape(", ".join(word for word, _ in of_context))
        parts.append(f'<p><b style="color: {choose_colour(k)}">{k + 1}</b> {listed}</p>')
    parts.append("<h2>Texts</h2>")
    for i in np.argsort(-score, kind="stable"):
        k = int(distance[i].argmin())
        each = ", ".join(f"{d:.3f}" for d in distance[i])
        marked = mark_words(texts[i], lexicon, share[i, :, k], choose_colour(k))
        about = f"row {i if rows is None else rows[i]}, score {score[i]:.3f}, distances {each}"
        if not share[i].any():
            about += ", no word with a vector"
        parts.append(f"<article><small>{about}</small><br>{marked}</article>")
    head = f"<meta charset=utf-8><title>{html.escape(title)}</title>"
    body = "\n".join(parts)
    return f'<!doctype html><html lang="en">{head}<style>{STYLE}</style>\n{body}\n</html>\n'


def mark_words(text: str, lexicon: Lexicon, share: Float[np.ndarray, "length"], colour: str) -> str:
    """Return a text as HTML whose words have a background by their share of attention."""
    parts, end, most = [], 0, max(float(share.max()), 1e-30)
    for (start, stop), value in zip(lexicon.vocabulary.places(text), share, strict=False):
        opacity = round(128 * float(value) / most)
        word = html.escape(text[start:stop])
        style = f'style="background: {colour}{opacity:02x}"'
        parts += [html.escape(text[end:start]), f'<span {style} title="{value:.3f}">{word}</span>']
        end = stop
    return "".join(parts) + html.escape(text[end:])


def choose_colour(context: int) -> str:
    """Return the colour of a context, by its index."""
    return _COLOURS[context % len(_COLOURS)]


def _get_contexts(fitted: Fit) -> tuple[Contexts, Lexicon]:
    """Return the model and the words of a detector with contexts.

    Raises:
        ConfigError: The detector has no contexts.
    """
    score = getattr(fitted.detector, "score", None)
    found = [arg for arg in getattr(score, "args", ()) if isinstance(arg, Contexts)]
    lexicon = fitted.detector.lexicon
    if not found or lexicon is None:
        raise ConfigError(f"{fitted.detector.name!r} has no contexts of words; cvdd has")
    return found[0], lexicon


def _encode_documents(
    x: np.ndarray | Sequence[str], lexicon: Lexicon
) -> Int[np.ndarray, "n length"]:
    """Return documents as numbers of words, checked."""
    words = lexicon.vocabulary
    if not isinstance(x, np.ndarray) or x.dtype.kind in "UO":
        x = words.encode(list(x))
    if not len(x):
        raise DataError("x has no texts; give at least one")
    if x.ndim != 2 or x.shape[1] != words.length or x.min() < 0 or x.max() > len(words.words):
        raise DataError(
            f"x must be (n, {words.length}) numbers of words in 0..{len(words.words)}; "
            f"given shape {x.shape}"
        )
    return x


@jax.jit
def _distances(model: Contexts, state: State, x: Array) -> Float[Array, "seeds n k"]:
    def one_seed(state: State):
        def of_rows(rows):
            return model.apply(state.variables, state.extras, rows, train=False).out.distance

        return map_rows(of_rows, x, len(x))

    return jax.lax.map(one_seed, state)


@jax.jit
def _weights(model: Contexts, state: State, x: Array) -> Float[Array, "n length k"]:
    return map_rows(lambda rows: model.attend(state.variables, rows), x, len(x), block=8)
