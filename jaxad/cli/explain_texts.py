"""`jaxad explain` for texts: a list of the highest and lowest scores, and a page for each text."""

import numpy as np

from jaxad.cli.options import Explain
from jaxad.cli.options.common import read_table_options
from jaxad.cli.score import BAD_ROWS
from jaxad.data.sources.embeddings import EMBEDDINGS, split_embeddings
from jaxad.data.text.documents import MEAN
from jaxad.errors import ConfigError, DataError
from jaxad.explain.text import top_words
from jaxad.explain.text_pages import (
    INDEX,
    list_contexts,
    render_pages,
    show_attention,
    show_texts,
)
from jaxad.saving import SavedDetector
from jaxad.utils.files import write_atomically

__all__ = ["explain_documents", "shows_texts"]


def shows_texts(saved: SavedDetector, source: str) -> bool:
    """Return whether texts are explained: words of a detector of texts, or texts beside vectors."""
    if saved.fitted.detector.lexicon is not None or source.startswith(MEAN):
        return True
    return source.startswith(EMBEDDINGS) and split_embeddings(source)[1] is not None


def explain_documents(saved: SavedDetector, options: Explain) -> int:
    """Write the pages; a detector of texts marks words by the attention of its first seed.

    Returns:
        The exit code: 0, or 3 where some texts could not be scored.

    Raises:
        ConfigError: An option does not apply to texts.
        DataError: No text could be scored.
    """
    if options.kind != "auto" or options.sigma is not None:
        raise ConfigError("--kind and --sigma apply only to tables and images, not to texts")
    how = read_table_options(options)
    texts, names, scores, reasons = [], [], [], []
    for part in saved.score_file(options.data, how):
        start = len(texts)
        texts += part.texts.tolist()
        ids = None if part.ids is None else part.ids.to_pylist()
        names += [f"row {start + i}" if ids is None else str(ids[i]) for i in range(part.count)]
        reasons += [f"{names[start + i]}: {why}" for i, why in sorted(part.bad.items())]
        scores.append(part.mean)
    score = np.concatenate(scores)
    order = np.argsort(-score, kind="stable")[: int(np.isfinite(score).sum())].tolist()
    if not order:
        raise DataError(f"{options.data}: none of {len(texts)} texts could be scored: {reasons[0]}")
    last = [i for i in order[-options.most :] if i not in order[: options.most]]
    rows = [*order[: options.most], *last]
    shown = [texts[i] for i in rows], [names[i] for i in rows], score[rows].tolist()
    contexts, words = "", []
    if saved.fitted.detector.lexicon is None:
        pages = show_texts(*shown)
    else:
        words = top_words(saved.fitted, [texts[i] for i in order])
        pages, contexts = show_attention(saved.fitted, *shown), list_contexts(words)
    for name, page in render_pages(pages, options.data.name, contexts).items():
        path = (options.out / name).absolute()
        path.parent.mkdir(parents=True, exist_ok=True)
        with write_atomically(path) as partial:
            partial.write_text(page, encoding="utf-8")
    print(f"{len(order)} texts scored; {len(rows)} of them in {options.out / INDEX}")
    for k, of_context in enumerate(words, 1):
        print(f"Context {k}: {', '.join(word for word, _ in of_context)}")
    if reasons:
        print(f"{len(reasons)} texts could not be scored; the first: {reasons[0]}")
    return BAD_ROWS if reasons else 0
