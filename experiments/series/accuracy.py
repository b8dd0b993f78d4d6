"""Accuracy on long series with true ranges: heartbeats joined to one series, and synthetic ones.

    python experiments/series/accuracy.py DATA --out experiments/series/results [--seeds 3]

DATA is a folder with ecg5000.npz: x_train (n, 140), y_train, x_test, y_test; y is 1 for an anomaly.

`ecg5000`: the beats of both parts are pooled, and drawn anew for each seed. The training series are
300 normal beats, with hidden anomalous beats among them where there is contamination; the test
series are 300 beats of which 30 are anomalous. Beats are joined end to end: an anomalous beat is a
true range of 140 timestamps. Windows have 140 timestamps, and begin at any phase of a beat.

`synthetic`: five channels that are sums of three hidden waves with noise, for training and testing
20,000 timestamps each. The test part has 45 ranges of three kinds: `spike` (1 to 3 timestamps of
one channel), `shift` (a channel has another level for 40 to 120 timestamps) and `correlation` (a
channel follows another mixture of the same waves for 60 to 160 timestamps, with its usual mean and
standard deviation). Metrics of a kind leave out the timestamps of the other kinds.

Scores of timestamps are those of `jaxad score`; "window mean" is their moving mean over the length
of a window. `persistence` takes the previous timestamp for the prediction of the next. Writes
`accuracy.csv`, a line for each seed, and `means.csv`, the means and standard deviations over seeds.
"""

import argparse
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

import jaxad
from jaxad.data.series.options import SeriesOptions
from jaxad.data.series.segments import find_starts
from jaxad.data.series.training import flatten_windows, read_training_series
from jaxad.data.tables.options import TableOptions
from jaxad.evaluation.points import score_points
from jaxad.evaluation.ranges import compute_range_metrics
from jaxad.types import Windows
from jaxad.utils.compilation_cache import enable_compilation_cache

BEATS, ANOMALOUS, POINTS = 300, 30, 140
LONG, CHANNELS = 20_000, 5
THRESHOLDS = 2_000  # 250, as in published benchmarks, are too few for rare spikes
KINDS = {"spike": 30, "shift": 10, "correlation": 5}
LENGTHS = {"spike": (1, 4), "shift": (40, 121), "correlation": (60, 161)}
DETECTORS = {
    "lstm_forecaster": {"epochs": 10, "batch_size": 64, "learning_rate": 1e-2},
    "mlp_forecaster": {"epochs": 20, "batch_size": 64, "learning_rate": 1e-3},
    "knn": {},
    "iforest": {},
    "persistence": {},
}
METRICS = ("vus_pr", "vus_roc", "auprc", "auroc")


class Series(NamedTuple):
    """A training and a test series.

    Attributes:
        train: `(n, channels)` the training series.
        test: `(m, channels)` the test series.
        kind: `(m,)` the kind of the range of each timestamp of the test; "" for normal ones.
        window: The number of timestamps in a window, and the longest buffer of the volumes.
        stride: The number of timestamps from one window to the next.
    """

    train: np.ndarray
    test: np.ndarray
    kind: np.ndarray
    window: int
    stride: int


def join_beats(folder: Path, seed: int, contamination: float) -> Series:
    """Draw beats and join them to series of one channel."""
    with np.load(folder / "ecg5000.npz") as file:
        x = np.concatenate([file["x_train"], file["x_test"]])
        y = np.concatenate([file["y_train"], file["y_test"]]).astype(bool)
    rng = np.random.default_rng(seed)
    normal, anomalous = (rng.permutation(np.flatnonzero(y == of)) for of in (False, True))
    hidden = round(contamination * BEATS)
    train = np.concatenate([normal[: BEATS - hidden], anomalous[:hidden]])
    test = np.concatenate([normal[-(BEATS - ANOMALOUS) :], anomalous[-ANOMALOUS:]])
    test = rng.permutation(test)
    kind = np.where(np.repeat(y[test], POINTS), "beat", "")
    return Series(
        x[rng.permutation(train)].reshape(-1, 1), x[test].reshape(-1, 1), kind, POINTS, 10
    )


def draw_synthetic(seed: int) -> Series:
    """Draw series of several channels, and put anomalies into the test part."""
    rng = np.random.default_rng(seed)
    at = np.arange(2 * LONG)
    period = rng.uniform([20, 35, 60], [30, 50, 90])
    waves = np.sin(2 * np.pi * at[:, None] / period + rng.uniform(0, 6, 3))
    mixture = rng.normal(size=(3, CHANNELS))
    x = waves @ mixture
    mean, std = x.mean(axis=0), x.std(axis=0)
    kind = np.full(2 * LONG, "", "<U11")
    names = np.repeat(list(KINDS), list(KINDS.values()))
    places = LONG + (np.arange(len(names)) * 400 + 500 + rng.integers(0, 150, len(names)))
    for start, name in zip(places, rng.permutation(names), strict=True):
        own, channel = slice(start, start + rng.integers(*LENGTHS[name])), rng.integers(CHANNELS)
        sign = rng.choice([-1, 1])
        if name == "spike":
            x[own, channel] += sign * 3 * std[channel]
        elif name == "shift":
            x[own, channel] += sign * 1.5 * std[channel]
        else:
            other = waves @ rng.normal(size=3)
            other = (other - other.mean()) / other.std()
            x[own, channel] = mean[channel] + std[channel] * other[own]
        kind[own] = name
    x += 0.1 * std * rng.normal(size=x.shape)
    return Series(x[:LONG], x[LONG:], kind[LONG:], 50, 5)


def score_test(series: Series, name: str, seed: int) -> np.ndarray:
    """Train a detector on windows, and return the scores of the test timestamps."""
    if name == "persistence":
        error = np.diff(series.test / series.train.std(axis=0), axis=0) ** 2
        return np.append(np.nan, error.mean(axis=1))
    options = TableOptions(
        label="none", series=SeriesOptions(None, None, series.window, series.stride)
    )
    names = [f"c{i}" for i in range(series.train.shape[1])]
    read = read_training_series(pd.DataFrame(series.train, columns=names), options)
    flat = "forecaster" not in name
    train = flatten_windows(read.train) if flat else read.train
    detector = jaxad.make(name, train, **DETECTORS[name])
    fitted = jaxad.fit(detector, train, key=seed)
    x = read.scaling.apply(read.encoding.apply(_as_table(series.test, names))[0])
    starts = find_starts(np.array([[0, len(x)]]), series.window, series.stride).astype(np.int32)
    return score_points(fitted, Windows(x, starts, series.window, flat)).scores[0]


def smooth(score: np.ndarray, length: int) -> np.ndarray:
    """Return the moving mean of scores; timestamps without a score do not count."""
    known = ~np.isnan(score)
    kernel = np.ones(length)
    total = np.convolve(np.where(known, score, 0), kernel, "same")
    return total / np.maximum(np.convolve(known, kernel, "same"), 1)


def _as_table(x, names):
    import pyarrow as pa

    return pa.table({name: x[:, i] for i, name in enumerate(names)})


def measure(series: Series, score: np.ndarray) -> dict[str, dict[str, float]]:
    """Return the metrics of all ranges, and of each kind where there are several."""
    kinds = [kind for kind in np.unique(series.kind) if kind]
    more = {"buffer": series.window, "thresholds": THRESHOLDS}
    found = {"all": compute_range_metrics(score, series.kind != "", **more)}
    for kind in kinds if len(kinds) > 1 else ():
        counts = np.isin(series.kind, ["", kind])
        own = np.where(counts, score, np.nan)
        found[kind] = compute_range_metrics(own, series.kind == kind, **more)
    return found


def main() -> None:
    """Write the metrics of each seed, and their means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="a folder with ecg5000.npz")
    parser.add_argument("--out", type=Path, required=True, help="the folder of the csv files")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--detectors", nargs="+", default=list(DETECTORS), choices=DETECTORS)
    args = parser.parse_args()
    enable_compilation_cache()
    lines = []
    for seed in range(args.seeds):
        for data in ("ecg5000", "ecg5000, 5 % hidden", "synthetic"):
            if data == "synthetic":
                series = draw_synthetic(seed)
            else:
                series = join_beats(args.data, seed, 0.05 if "hidden" in data else 0.0)
            for name in args.detectors:
                start = time.perf_counter()
                scores = {name: score_test(series, name, seed)}
                if "forecaster" in name:
                    scores[f"{name}, window mean"] = smooth(scores[name], series.window)
                for detector, score in scores.items():
                    found = measure(series, score)
                    for ranges, metrics in found.items():
                        line = {"data": data, "ranges": ranges, "detector": detector, "seed": seed}
                        lines.append(line | {of: round(metrics[of], 4) for of in METRICS})
                    print(lines[-len(found)], f"{time.perf_counter() - start:.0f} s", flush=True)
    args.out.mkdir(parents=True, exist_ok=True)
    frame = pd.DataFrame(lines)
    frame.to_csv(args.out / "accuracy.csv", index=False)
    groups = frame.drop(columns="seed").groupby(["data", "ranges", "detector"], sort=False)
    means, spread = groups.mean(), groups.std()
    table = pd.concat({"mean": means, "std": spread}, axis=1).swaplevel(axis=1)
    table = table[[(m, of) for m in METRICS for of in ("mean", "std")]].round(3)
    table.columns = [m if of == "mean" else f"{m}_std" for m, of in table.columns]
    table.assign(seeds=args.seeds).reset_index().to_csv(args.out / "means.csv", index=False)


if __name__ == "__main__":
    main()
