"""How well mining finds the hidden anomalies in the course of training."""

import numpy as np

from jaxad.data import Split
from jaxad.errors import ConfigError
from jaxad.evaluation.hidden import measure_hidden
from jaxad.explain.auditing import find_record
from jaxad.training.fitted import Fit

__all__ = ["MiningCurve"]


class MiningCurve:
    """The AUROC of hidden anomalies by the rank of rows in their batches, over training.

    Pass an instance to `jaxad.fit` as `watch`: training does not know the truth, which is why it is
    measured here. Each call measures the batches since the previous call; with `watch_every` equal
    to the steps of an epoch these are the batches of one epoch. Rows that were in none of them do
    not count.

    Attributes:
        steps: The training step of each call but the first.
        auroc: `(seeds,)` for each of them; NaN where a seed's batches had no hidden anomaly or
            nothing else.
    """

    def __init__(self, split: Split):
        label, count = np.asarray(split.train.label), np.asarray(split.train.count)
        self._known = (label == 0) & (np.arange(label.shape[-1]) < count[..., None])
        self._hidden = np.asarray(split.hidden)
        self._before: tuple[np.ndarray, np.ndarray] | None = None
        self.steps: list[int] = []
        self.auroc: list[np.ndarray] = []

    def __call__(self, fitted: Fit) -> None:
        """Measure the batches since the previous call.

        Args:
            fitted: The fit in the course of training.

        Raises:
            ConfigError: The detector has no weighting that mines.
        """
        found = None if fitted.state is None else find_record(fitted.state.weighting, "mining_rank")
        if found is None:
            raise ConfigError(
                f"{fitted.detector.name} has no weighting that mines: give it weighting='mining'"
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
