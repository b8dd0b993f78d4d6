"""Pages of texts: a list of the highest and lowest scores, and a page for each text."""

import html
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jaxad.explain.text import (
    STYLE,
    TopWord,
    choose_colour,
    context_distances,
    mark_words,
    weights,
)
from jaxad.training.fitted import Fit

__all__ = ["INDEX", "TextPage", "list_contexts", "render_pages", "show_attention", "show_texts"]

INDEX = "texts.html"
_STYLE = """
.start { max-height: 7em; overflow: hidden; white-space: pre-wrap; overflow-wrap: anywhere }
.text { white-space: pre-wrap; overflow-wrap: anywhere }
nav a { margin-right: 1rem }
"""


class TextPage(NamedTuple):
    """What the page of a text shows.

    Attributes:
        name: The name of the text.
        score: Its score.
        about: What else is known of it.
        views: The text as HTML with marked words, with a heading each; the first is the main one.
    """

    name: str
    score: float
    about: str
    views: tuple[tuple[str, str], ...]


def show_attention(
    fitted: Fit, texts: Sequence[str], names: Sequence[str], scores: Sequence[float], seed: int = 0
) -> list[TextPage]:
    """Return the pages of texts whose words are marked by the attention of each context.

    Args:
        fitted: A fitted CVDD.
        texts: The texts.
        names: Their names.
        scores: Their scores.
        seed: The index of the seed whose attention is shown.

    Returns:
        The pages; the nearest context comes first.
    """
    lexicon = fitted.detector.lexicon
    assert lexicon is not None
    documents = lexicon.vocabulary.encode(texts)
    distance = context_distances(fitted, documents)[seed]
    share = weights(fitted, documents, seed)
    pages = []
    for i, text in enumerate(texts):
        views = [
            (
                f"Context {k + 1}, distance {distance[i, k]:.3f}",
                mark_words(text, lexicon, share[i, :, k], choose_colour(k)),
            )
            for k in np.argsort(distance[i], kind="stable").tolist()
        ]
        about = f"{int((share[i, :, 0] > 0).sum())} words with a vector"
        pages.append(TextPage(names[i], scores[i], about, tuple(views)))
    return pages


def show_texts(
    texts: Sequence[str], names: Sequence[str], scores: Sequence[float]
) -> list[TextPage]:
    """Return the pages of texts without marks, for detectors that read no words."""
    found = zip(texts, names, scores, strict=True)
    return [TextPage(name, s, "", (("", html.escape(text)),)) for text, name, s in found]


def list_contexts(words: Sequence[Sequence[TopWord]]) -> str:
    """Return the contexts of a detector as HTML, each with the words that describe it."""
    parts = ["<h2>Contexts</h2>"]
    for k, of_context in enumerate(words):
        listed = html.escape(", ".join(word for word, _ in of_context))
        parts.append(f'<p><b style="color: {choose_colour(k)}">{k + 1}</b> {listed}</p>')
    return "\n".join(parts)


def render_pages(pages: Sequence[TextPage], title: str, contexts: str = "") -> dict[str, str]:
    """Return the files of a list of texts and of their pages, by path; all text is escaped.

    Args:
        pages: The texts, the highest score first.
        title: The title of the list.
        contexts: What `list_contexts` returns.
    """
    files, listed = {}, []
    for i, page in enumerate(pages):
        link = f"texts/{i + 1}.html"
        about = f"{html.escape(page.name)}, score {page.score:.3f}"
        listed.append(
            f'<article><small><a href="{link}">{about}</a></small>'
            f'<div class="start">{page.views[0][1]}</div></article>'
        )
        links = [f'<a href="../{INDEX}">All texts</a>']
        links += [f'<a href="{i}.html">Higher score</a>'] if i else []
        links += [f'<a href="{i + 2}.html">Lower score</a>'] if i + 1 < len(pages) else []
        more = f", {html.escape(page.about)}" if page.about else ""
        parts = [f"<nav>{''.join(links)}</nav>", f"<h1>{html.escape(page.name)}</h1>"]
        parts += [f"<p>Score {page.score:.3f}{more}</p>"]
        for heading, marked in page.views:
            parts += [f"<h2>{html.escape(heading)}</h2>"] if heading else []
            parts.append(f'<div class="text">{marked}</div>')
        files[link] = _wrap(page.name, "\n".join([*parts, contexts]))
    body = [f"<h1>{html.escape(title)}</h1>", contexts, "<h2>Texts</h2>", *listed]
    return {INDEX: _wrap(title, "\n".join(body)), **files}


def _wrap(title: str, body: str) -> str:
    head = f"<meta charset=utf-8><title>{html.escape(title)}</title><style>{STYLE}{_STYLE}</style>"
    return f'<!doctype html><html lang="en">{head}\n{body}\n</html>\n'
