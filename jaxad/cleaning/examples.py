"""The interface of examples of any kind that are cleaned, and its implementation for tables.

The implementations for other kinds are in `jaxad.cleaning.files` and `jaxad.cleaning.windows`.
"""

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from jaxtyping import Bool, Float, Int8

from jaxad.cleaning.options import CleaningOptions
from jaxad.cleaning.rows import count_rows, read_numbers, select_rows

if TYPE_CHECKING:
    import pandas as pd

    from jaxad.sklearn import JaxADDetector

__all__ = ["Examples", "TableExamples", "Trained"]


class Trained(Protocol):
    """A detector that was trained on the examples that remain."""

    @property
    def detector(self) -> Any:
        """The detector, which has the method `save`."""
        ...

    def score_reference(self) -> Float[np.ndarray, "m"]:
        """Return the scores of the examples of the reference that remain."""
        ...

    def set_threshold(self, threshold: float, scores: Float[np.ndarray, "m"]) -> None:
        """Keep a threshold, and the scores of the reference that it was chosen by."""
        ...


class Examples(Protocol):
    """The examples that are cleaned."""

    @property
    def noun(self) -> str:
        """The plural noun for them in messages, such as "rows"."""
        ...

    @property
    def exchangeable(self) -> bool:
        """Whether a random part of them can be held out to choose a threshold."""
        ...

    @property
    def by(self) -> str | None:
        """The column of their names in frames and files; None for row numbers."""
        ...

    @property
    def names(self) -> np.ndarray | None:
        """`(n,)` their names; None for row numbers."""
        ...

    @property
    def about(self) -> "pd.DataFrame | None":
        """`(n, ...)` further columns that help a person to label them; None for none."""
        ...

    def __len__(self) -> int:
        """Return the number of examples."""
        ...

    def read_numbers(self, fitted: Bool[np.ndarray, "n"]) -> Float[np.ndarray, "n k"]:
        """Return the numbers by which suspicion is computed, fitted to some examples."""
        ...

    def train(
        self,
        label: Int8[np.ndarray, "n"],
        dropped: Bool[np.ndarray, "n"],
        reference: Bool[np.ndarray, "n"],
        options: CleaningOptions,
    ) -> Trained | None:
        """Train a detector on the examples that remain outside of the reference.

        Args:
            label: -1 known anomaly, 0 unknown, 1 verified normal.
            dropped: The examples that are dropped; known anomalies are trained on as such.
            reference: The examples that are kept out of training.
            options: The options.

        Returns:
            The detector; None if no detector does without a setting that was not given.
        """
        ...


class TableExamples:
    """The rows of a table; see `Examples`."""

    noun, exchangeable, about = "rows", True, None

    def __init__(self, rows: Any, names: np.ndarray | None = None, by: str | None = None):
        """Take rows.

        Args:
            rows: `(n, d)` an array of numbers or a data frame.
            names: `(n,)` the names of the rows; None for row numbers.
            by: The column of these names.
        """
        self.rows, self._count = rows, count_rows(rows)
        self.names, self.by = names, by

    def __len__(self) -> int:
        """Return the number of rows."""
        return self._count

    def read_numbers(self, fitted: Bool[np.ndarray, "n"]) -> Float[np.ndarray, "n k"]:
        """Return the encoded and scaled rows."""
        return read_numbers(self.rows, fitted)

    def train(
        self,
        label: Int8[np.ndarray, "n"],
        dropped: Bool[np.ndarray, "n"],
        reference: Bool[np.ndarray, "n"],
        options: CleaningOptions,
    ) -> "TrainedTable":
        """Train an estimator; see `Examples.train`."""
        from jaxad.sklearn import JaxADDetector

        trained = ~reference & (~dropped | (label < 0))
        target = np.where(label < 0, 1, np.where(label > 0, 2, 0))[trained]
        detector = JaxADDetector(
            options.detector,
            label="none" if hasattr(self.rows, "columns") else None,
            normal=2 if (target == 2).any() else None,
            settings=options.settings,
            seed=options.seed,
        )
        detector.fit(select_rows(self.rows, trained), target if target.any() else None)
        detector.set_params(normal=None)
        # Only known anomalies leave the reference: leaving out suspects would choose among normal
        # rows.
        return TrainedTable(detector, select_rows(self.rows, reference & (label >= 0)))


class TrainedTable:
    """An estimator that was trained on the rows that remain; see `Trained`."""

    def __init__(self, detector: "JaxADDetector", reference: Any):
        """Take the estimator, and the rows of the reference that remain."""
        self.detector, self._reference = detector, reference

    def score_reference(self) -> Float[np.ndarray, "m"]:
        """Return the scores of the rows of the reference that remain."""
        return self.detector.anomaly_score(self._reference)

    def set_threshold(self, threshold: float, scores: Float[np.ndarray, "m"]) -> None:
        """Set the threshold of the estimator."""
        self.detector.set_params(threshold=threshold)
        self.detector.threshold_ = threshold
        self.detector.reference_ = self.detector.reference_._replace(held_out=scores)
