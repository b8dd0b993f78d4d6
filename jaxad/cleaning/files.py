"""Pictures, texts, sequences and vectors of a file or folder as examples that are cleaned.

References:
    Deerwester, Dumais, Furnas, Landauer and Harshman 1990, Indexing by latent semantic analysis.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, Int8, Num

from jaxad.cleaning.options import CleaningOptions
from jaxad.data.arrays import as_train_data
from jaxad.data.protocol.calibration import HeldOut
from jaxad.data.protocol.labelled_rows import LabelledRows
from jaxad.data.protocol.training_file import TrainingFile
from jaxad.data.scaling import fit_scaling
from jaxad.data.sources.features import choose_feature_scaling
from jaxad.detectors import make
from jaxad.errors import ConfigError, DataError
from jaxad.evaluation.scoring import score
from jaxad.recommendation import recommend
from jaxad.recommendation.situation import describe_data
from jaxad.saving.training_file import save_trained
from jaxad.training.fitted import Fit
from jaxad.training.train import fit
from jaxad.types import TrainData
from jaxad.utils.text import shorten

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FileDetector", "FileExamples", "choose_detector", "describe_images", "describe_texts"]

_SIDE = 16  # blocks along each side of an image
_TOPICS = 50


@dataclass(frozen=True, eq=False)
class FileDetector:
    """A detector that was trained on the examples of a file or folder that remain.

    Attributes:
        fitted: The fit.
        data: What it was trained on, with the reference as rows held out.
        source: The name of the file or folder, for the record.
        threshold: The threshold; None without one.
    """

    fitted: Fit
    data: TrainingFile
    source: str
    threshold: float | None = None

    def save(self, folder: str | Path) -> Path:
        """Save the detector for `jaxad score`; see `save_trained`."""
        return save_trained(self.fitted, self.data, folder, file=self.source)


class TrainedFile:
    """A detector that was trained on a file or folder; see `Trained`."""

    def __init__(self, detector: FileDetector):
        """Take the detector."""
        self.detector = detector

    def score_reference(self) -> Float[np.ndarray, "m"]:
        """Return the scores of the examples of the reference that remain."""
        held = self.detector.data.held_out
        if held is None:
            return np.zeros(0)
        return score(self.detector.fitted, held.x).mean(axis=0, dtype=np.float64)

    def set_threshold(self, threshold: float, scores: Float[np.ndarray, "m"]) -> None:
        """Keep the threshold; the scores are computed again where the detector is saved."""
        self.detector = replace(self.detector, threshold=threshold)


class FileExamples:
    """The examples of a file or folder that are not rows of a table; see `Examples`."""

    def __init__(self, rows: LabelledRows, source: str):
        """Take the examples as `read_labelled_rows` reads them, and the name of their source."""
        self.rows, self._source = rows, source
        kinds = {4: "pictures", 3: "sequences"}
        texts = rows.vocabulary is not None
        self.noun = "texts" if texts else kinds.get(np.ndim(rows.x), "rows")
        # The vocabulary of texts is that of all of them, those of the reference included.
        self.exchangeable = not texts
        self.by, self.names = rows.id, rows.ids
        self.about: pd.DataFrame | None = None
        if rows.texts is not None:
            from pandas import DataFrame

            self.about = DataFrame({"text": [shorten(str(text), 300) for text in rows.texts]})

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self.rows.x)

    def read_numbers(self, fitted: Bool[np.ndarray, "n"]) -> Float[np.ndarray, "n k"]:
        """Return means over blocks of images, topics of texts, and the numbers of other rows."""
        if self.rows.vocabulary is not None:
            return describe_texts(self.rows.texts, fitted)
        x = np.asarray(self.rows.x)
        x = describe_images(x) if x.ndim == 4 else x.reshape(len(x), -1)
        return np.asarray(fit_scaling(x[fitted], "auto").apply(x), np.float64)

    def train(
        self,
        label: Int8[np.ndarray, "n"],
        dropped: Bool[np.ndarray, "n"],
        reference: Bool[np.ndarray, "n"],
        options: CleaningOptions,
    ) -> TrainedFile | None:
        """Train a detector as `jaxad fit` does; see `Examples.train`."""
        rows, trained = self.rows, ~reference & (~dropped | (label < 0))
        x = rows.x[trained]
        scaling = fit_scaling(x, choose_feature_scaling(self._source, x, "auto"))
        mask = None if rows.mask is None else rows.mask[trained]
        train = as_train_data(scaling.apply(x), label[trained], mask, rows.vocabulary)
        chosen = choose_detector(train, options)
        if chosen is None:
            return None
        name, config = chosen
        fitted = fit(make(name, train, **config), train, 1, key=options.seed)
        kept = reference & (label >= 0)
        data = TrainingFile(
            train,
            scaling,
            None,
            rows.columns,
            len(x),
            ids=None if rows.ids is None else rows.ids[trained],
            id=rows.id,
            held_out=HeldOut(scaling.apply(rows.x[kept])) if kept.any() else None,
            images=rows.images,
        )
        return TrainedFile(FileDetector(fitted, data, Path(self._source).name))


def choose_detector(
    train: TrainData, options: CleaningOptions
) -> tuple[str, dict[str, Any]] | None:
    """Return the detector's name and settings: those given, else those recommended for images.

    Returns:
        None if `auto` is to be trained on texts, for which no detector does without word vectors.
    """
    config = dict(options.settings or {})
    if options.detector != "auto" or (np.ndim(train.x) == 2 and train.vocabulary is None):
        return options.detector, config
    if train.vocabulary is not None:
        return None
    found = recommend(
        **describe_data(train.x),
        labelled_anomalies=int(np.sum(train.label == -1)),
        labelled_normals=int(np.sum(train.label == 1)),
    )
    if config:
        raise ConfigError(
            f"settings (--set) need a detector (--detector) here; without one it is "
            f"{found.detector}, as recommended"
        )
    return found.detector, found.config


def describe_images(x: Num[np.ndarray, "n height width channels"]) -> Float[np.ndarray, "n k"]:
    """Return the means of each channel over at most 16 x 16 blocks of each image."""
    height, width = x.shape[1:3]
    edges = [
        np.unique(np.linspace(0, side, _SIDE + 1).astype(int)[:-1]) for side in (height, width)
    ]
    sizes = [np.diff([*edge, side]) for edge, side in zip(edges, (height, width), strict=True)]
    area = sizes[0][:, None, None] * sizes[1][None, :, None]
    out = np.empty((len(x), area.size * x.shape[3]), np.float32)
    for place, image in enumerate(x):
        sums = np.add.reduceat(np.add.reduceat(image.astype(np.float64), edges[0], 0), edges[1], 1)
        out[place] = (sums / area).ravel()
    return out


def describe_texts(texts: Any, fitted: Bool[np.ndarray, "n"]) -> Float[np.ndarray, "n k"]:
    """Return at most 50 components of latent semantic analysis of texts, fitted to some.

    Raises:
        DataError: The texts hold no words.
    """
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = [str(text) for text in texts]
    counts = TfidfVectorizer(token_pattern=r"\w+", sublinear_tf=True, max_features=20_000)
    try:
        known = counts.fit_transform([texts[i] for i in np.flatnonzero(fitted)])
    except ValueError as error:
        raise DataError(f"X: the texts cannot be compared ({error})") from error
    topics = min(_TOPICS, known.shape[0] - 1, known.shape[1] - 1)
    if topics < 1:
        raise DataError("X: the texts have too few different words to be compared")
    found = TruncatedSVD(topics, random_state=0).fit(known)
    return np.asarray(found.transform(counts.transform(texts)), np.float64)
