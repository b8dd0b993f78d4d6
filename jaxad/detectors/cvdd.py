"""CVDD: one-class classification of texts by attention and a few context vectors.

References:
    Ruff et al. 2019, Self-attentive, multi-context one-class classification for unsupervised
    anomaly detection on text; thesis of Ruff (2021), section 3.2.
"""

from dataclasses import dataclass
from typing import Literal

import jax.numpy as jnp
import numpy as np

from jaxad.data.text.lexicon import build_lexicon, drop_words
from jaxad.data.text.vocabulary import list_stop_words
from jaxad.detector import Detector
from jaxad.detectors.build import gradient_detector
from jaxad.detectors.config import GradientConfig, is_count, is_number
from jaxad.detectors.registry import Spec, register
from jaxad.models import Contexts
from jaxad.nets.attention import attention_net
from jaxad.objectives import nearest_contexts
from jaxad.weighting import unsupervised

__all__ = ["CVDDConfig", "build_cvdd"]


@dataclass(frozen=True, kw_only=True)
class CVDDConfig(GradientConfig):
    """Settings of CVDD; see `GradientConfig`. `widths` and `channels` are not used.

    Attributes:
        vectors: File of word vectors (npz or text, also gzipped), given by its path, or by its name
            in the folder of the data, the folder above it or the folder of JAXAD_DATA. None uses a
            random vector for each word, derived from its hash, so that related words are not
            similar.
        contexts: Number of contexts, each with an attention head, >= 1.
        attention_size: Width of the hidden layer of the attention, >= 1.
        context_penalty: Weight of the penalty `||C C^T - I||_F^2`, which keeps contexts apart,
            >= 0.
        variant: How the penalty is computed. "released": the mean over the entries, as in the
            authors' program and probably the published results; "paper": the sum over the entries,
            which is `contexts^2` times as large.
        alpha: Weight on nearer contexts in the loss, >= 0; 0 is the plain mean. Several values are
            used one after another, each for an equal share of the epochs.
        score: "mean" for the mean distance to the contexts, or "min" for the distance to the
            nearest one.
        stop_words: "keep", or "drop" for English words without a meaning of their own (see
            `jaxad.data.text.vocabulary.list_stop_words`), to which no head then attends. Words that
            documents never hold, such as "the", do not count.
        more_words: Number of words kept in addition to those of the training data, for texts that
            are scored later, >= 0; the first ones of the file are kept.
    """

    epochs: int = 100
    batch_size: int = 64
    learning_rate: float = 1e-2
    milestone: float = 0.4
    weight_decay: float = 0.0
    norm: Literal["none"] = "none"
    vectors: str | None = None
    contexts: int = 3
    attention_size: int = 150
    context_penalty: float = 1.0
    variant: Literal["released", "paper"] = "released"
    alpha: tuple[float, ...] = (0.0, 1e-4, 1e-3, 1e-2, 1e-1)
    score: Literal["mean", "min"] = "mean"
    stop_words: Literal["keep", "drop"] = "keep"
    more_words: int = 50_000

    def __post_init__(self):
        super().__post_init__()
        given = self.vectors is None or (isinstance(self.vectors, str) and bool(self.vectors))
        self._need(given, "vectors", "the path of a file, or None")
        self._need(is_count(self.contexts, 1), "contexts", "a whole number of at least 1")
        size = is_count(self.attention_size, 1)
        self._need(size, "attention_size", "a whole number of at least 1")
        penalty = self.context_penalty
        self._need(is_number(penalty) and penalty >= 0, "context_penalty", ">= 0")
        alphas = self.alpha if isinstance(self.alpha, tuple | list) else (self.alpha,)
        ok = len(alphas) > 0 and all(is_number(a) and a >= 0 for a in alphas)
        self._need(ok, "alpha", "a number >= 0, or a tuple of at least one")
        object.__setattr__(self, "alpha", tuple(float(a) for a in alphas))
        self._need(is_count(self.more_words, 0), "more_words", "a whole number of at least 0")
        for name in ("widths", "channels"):
            sizes = "None: contexts and attention_size are the sizes of this detector"
            self._need(not getattr(self, name), name, sizes)
        self._need(not self.bias, "bias", "false")


@register("cvdd", CVDDConfig, uses_labels=False, examples="text")
def build_cvdd(config: CVDDConfig, spec: Spec) -> Detector:
    """CVDD for texts; the score is the mean cosine distance to context vectors.

    Minimises the mean over documents of `sum_k sigma_k d_k`, `sigma = softmax_k(-alpha d)`, plus
    `context_penalty ||C C^T - I||_F^2`, with `d_k = (1 - cos(M_k, c_k)) / 2` and the means M of
    the word vectors H weighted by the attention `softmax_over_words(tanh(H W1) W2)`. Word vectors
    are not trained. A document without a known word has `d = 1`, the largest distance.
    """
    words = spec.lexicon
    if words is None:
        assert spec.vocabulary is not None  # checked by `make_for`
        words = build_lexicon(spec.vocabulary, config.vectors, config.more_words)
        if config.stop_words == "drop":
            words = drop_words(words, list_stop_words())
    table = _pad_vectors(words.vectors)
    net = attention_net(table.shape[1], config.attention_size, config.contexts)
    entries = config.contexts**2 if config.variant == "released" else 1
    penalty = float(config.context_penalty) / entries
    model = Contexts(net, config.contexts, config.score, jnp.asarray(table), penalty)
    weighting = config.choose_weighting(unsupervised(), spec)
    objective = nearest_contexts(config.alpha, config.epochs)
    return gradient_detector(model, objective, weighting, config)._replace(lexicon=words)


def _pad_vectors(vectors: np.ndarray) -> np.ndarray:
    """Return the vectors padded with rows of zeros to a power of two.

    Lexicons of similar sizes then share a compiled program.
    """
    rows = 1 << max(10, (len(vectors) - 1).bit_length())
    return np.concatenate([vectors, np.zeros((rows - len(vectors), vectors.shape[1]), np.float32)])
