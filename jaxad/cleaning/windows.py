"""Windows of long series as examples that are cleaned.

Windows that are asked for follow one another without overlap, so that an answer tells about
timestamps that no other question tells about. The detector is trained on windows at the stride of
the series that hold no timestamp of a dropped window.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int8

from jaxad.cleaning.files import FileDetector, TrainedFile, choose_detector
from jaxad.cleaning.options import CleaningOptions
from jaxad.data.protocol.training_file import TrainingFile
from jaxad.data.series.segments import cover, find_starts
from jaxad.data.series.training import (
    SeriesTraining,
    flatten_windows,
    label_windows,
    name_points,
)
from jaxad.detectors import make
from jaxad.detectors.registry import get_entry
from jaxad.errors import DataError
from jaxad.training.train import fit
from jaxad.types import TrainData, Windows

__all__ = ["SeriesExamples"]


class SeriesExamples:
    """Windows of series; see `Examples`.

    Attributes:
        series: The series.
        starts: `(n,)` the first timestamp of each window.
    """

    noun, exchangeable, by = "windows", False, "time"

    def __init__(self, series: SeriesTraining, source: str):
        """Take series as `read_training_series` reads them, and the name of their file."""
        length = series.record.window
        self.series, self._source = series, source
        self.starts = find_starts(series.rows.segments, length, length).astype(np.int32)
        self.names: np.ndarray = name_points(series.rows, self.starts)
        last = series.rows.time.take((self.starts + length - 1).astype(np.int64))
        self.about = pd.DataFrame({"until": last.to_pylist()})

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self.starts)

    @property
    def label(self) -> Int8[np.ndarray, "n"]:
        """`(n,)` the labels of windows by those of timestamps in the file."""
        if self.series.label is None:
            return np.zeros(len(self), np.int8)
        return label_windows(self._view(self.starts), self.series.label)

    def read_numbers(self, fitted: Bool[np.ndarray, "n"]) -> Float[np.ndarray, "n k"]:
        """Return the scaled values of each window, one behind the other."""
        del fitted  # all, as no window is kept out
        return np.asarray(self._view(self.starts), np.float64).reshape(len(self), -1)

    def find_dropped(self, dropped: Bool[np.ndarray, "n"]) -> Bool[np.ndarray, "points"]:
        """Return which timestamps are in a dropped window."""
        marked = np.zeros(self.series.rows.points, bool)
        for start in self.starts[dropped]:
            marked[start : start + self.series.record.window] = True
        return marked

    def train(
        self,
        label: Int8[np.ndarray, "n"],
        dropped: Bool[np.ndarray, "n"],
        reference: Bool[np.ndarray, "n"],
        options: CleaningOptions,
    ) -> TrainedFile | None:
        """Train on the windows that remain, as `jaxad fit` does; see `Examples.train`."""
        del reference
        length = self.series.record.window
        every = np.asarray(self.series.train.x.starts)
        clean = every[~cover(every, length, self.find_dropped(dropped))]
        normal, anomalous = self.starts[label > 0], self.starts[label < 0]
        clean = clean[~np.isin(clean, normal)]
        if len(clean) + len(normal) < 2:
            raise DataError(
                f"{self._source}: fewer than two windows remain to train on; give a smaller "
                "--window or --stride"
            )
        starts = np.concatenate([clean, normal, anomalous]).astype(np.int32)
        marks = np.repeat([0, 1, -1], [len(clean), len(normal), len(anomalous)]).astype(np.int8)
        order = np.argsort(starts, kind="stable")
        count = np.asarray(len(starts), np.int32)
        train = TrainData(
            self._view(starts[order]), marks[order], count, self.series.train.features
        )
        chosen = choose_detector(train, options)
        assert chosen is not None  # as windows are not texts
        name, config = chosen
        if get_entry(name).examples != "sequence":
            train = flatten_windows(train)
        fitted = fit(make(name, train, **config), train, 1, key=options.seed)
        rows = self.series.rows
        data = TrainingFile(
            train,
            self.series.scaling,
            None,
            rows.roles.features,
            len(starts),
            encoding=self.series.encoding,
            id="time",
            others=rows.others,
            series=self.series._replace(train=train),
        )
        return TrainedFile(FileDetector(fitted, data, Path(self._source).name))

    def _view(self, starts: np.ndarray) -> Windows:
        view = self.series.train.x
        return Windows(view.series, starts, view.length)
