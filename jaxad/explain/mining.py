"""How well a detector mines contaminated rows, over training, against the hidden truth."""

import numpy as np

from jaxad.data import Split
from jaxad.errors import ConfigError
from jaxad.evaluation.hidden import measure_hidden
from jaxad.explain.auditing import find_record
from jaxad.training.fitted import Fit

__all__ = ["MiningCurve"]


class MiningCurve:
    """AUROC of finding the hidden anomalies by a row's place in its batches, stretch by stretch.

    Give it to `jaxad.fit` as `watch`: what trains doesn't know the truth, and so is measured here.
    Each call looks at the batches since the one before; those of an epoch with `watch_every` as
    many steps as an epoch has. Rows that were in none of them do not count.

    Attributes:
        steps: The steps after which it looked.
        auroc: `(points, seeds)`, NaN where a seed's batches had rows of one kind alone.
    """

    def __init__(self, split: Split):
        label, count = np.asarray(split.train.label), np.asarray(split.train.count)
        self._known = (label == 0) & (np.arange(label.shape[-1]) < count[..., None])
        self._hidden = np.asarray(split.hidden)
        self._before: tuple[np.ndarray, np.ndarray] | None = None
        self.steps: list[int] = []
        self.auroc: list[np.ndarray] = []

    def __call__(self, fitted: Fit) -> None:
        """Look at a fit on its way.

        Raises:
            ConfigError: The detector mines nothing.
        """
        found = None if fitted.state is None else find_record(fitted.state.weighting, "mining_rank")
        if found is None:
            raise ConfigError(
                f"{fitted.detector.name} mines no rows: give it the weighting 'mining'"
            )
        n = self._known.shape[-1]
        rank, seen = (np.array(leaf)[:, :n] for leaf in (found.mining_rank, found.seen))
        if self._before is not None:
            then_rank, then_seen = self._before
            times = seen - then_seen
            place = (rank - then_rank) / np.maximum(times, 1)
            place = np.where(self._known & (times > 0), place, np.nan)
            self.steps.append(fitted.history["train"]["loss"].shape[1])
            self.auroc.append(measure_hidden(place, self._hidden, ~np.isnan(place)).auroc)
        self._before = rank, seen
