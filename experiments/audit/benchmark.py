"""A benchmark of audits: which method ranks hidden anomalies first.

    python experiments/audit/benchmark.py DATA --out experiments/audit/results/benchmark.csv
    python experiments/audit/benchmark.py DATA --out experiments/audit/results/benchmark.csv --deep
    python experiments/audit/benchmark.py --choose experiments/audit/results/benchmark.csv

DATA is a folder with ADBench's npz files and `mnist.npz`. The training rows are 300 normal rows and
hidden anomalies, 1, 5, 10 or 20 % of all. They are drawn at random; at 10 % also clustered: the
nearest neighbours of one anomaly among the anomalies. With labels, 10 anomalies and 10 normal rows
are labelled beside. Each row of the output is a dataset, a share, a placement, a number of labels
and a method, with the AUROC and AUPRC of the hidden anomalies among the unlabelled rows. `--deep`
adds the deep methods, beside `auto`, at 10 % and for few datasets. `--choose` prints the means, and
which method is chosen for each dataset by the others.
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score, roc_auc_score

import jaxad
from jaxad.utils.compilation_cache import enable_compilation_cache

TABLES = ("annthyroid", "cardio", "Pima", "satellite", "pendigits")
DIGITS = (3,)
DEEP = ("cardio", "satellite", "mnist 3")
NORMAL, LABELS = 300, 10
CELLS = [(share, "random") for share in (0.01, 0.05, 0.1, 0.2)] + [(0.1, "clustered")]
DEEP_CELLS = [(0.1, "random")]
EXPOSE = "latent_outlier_exposure(0.1)"
SHORT = {"epochs": 50, "pretrain_epochs": 50}
KEYS = ("dataset", "share", "placement", "labels", "method")


def main() -> None:
    """Compute what is missing and write a line for each method."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--deep", action="store_true")
    parser.add_argument("--choose", type=Path)
    options = parser.parse_args()
    if options.choose is not None:
        choose(pd.read_csv(options.choose))
        return
    enable_compilation_cache()
    lines = pd.read_csv(options.out).to_dict("records") if options.out.exists() else []
    done = {tuple(line[name] for name in KEYS) for line in lines}
    for name, x, anomalous in load(options.data):
        if name not in (DEEP if options.deep else TABLES):
            continue
        for share, placement in DEEP_CELLS if options.deep else CELLS:
            drawn = draw(x, anomalous, share, placement)
            for labels in (0, LABELS) if drawn is not None else ():
                key = (name, share, placement, labels)
                methods = (DEEP_METHODS if options.deep else METHODS)[labels]
                if all((*key, method) in done for method in methods):
                    continue
                for method, metrics in measure(methods, *drawn, labels).items():
                    lines.append(dict(zip(KEYS, (*key, method), strict=True)) | metrics)
            pd.DataFrame(lines).to_csv(options.out, index=False, float_format="%.5f")
        print(name, flush=True)


def load(folder: Path) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield the name, the rows and the anomalies of each dataset."""
    for name in TABLES:
        with np.load(next(folder.glob(f"**/*_{name}.npz"))) as file:
            yield name, file["X"].astype(float), file["y"].astype(bool)
    with np.load(next(folder.glob("**/mnist.npz"))) as file:
        images, digit = file["x_train"], file["y_train"]
    for normal in DIGITS:
        some = np.concatenate(
            [np.flatnonzero(digit == d)[: 600 if d == normal else 60] for d in range(10)]
        )
        yield f"mnist {normal}", images[some].reshape(len(some), -1) / 255.0, digit[some] != normal


def draw(x: np.ndarray, anomalous: np.ndarray, share: float, placement: str) -> Any:
    """Return rows, hidden anomalies, labelled anomalies and labelled normal rows; None: too few."""
    rng = np.random.default_rng(0)
    normal, strange = (rng.permutation(np.flatnonzero(anomalous == side)) for side in (False, True))
    kept = normal[:-LABELS][:NORMAL]
    hidden = round(share / (1 - share) * len(kept))
    if hidden + LABELS > len(strange) or not hidden:
        return None
    labelled, strange = strange[:LABELS], strange[LABELS:]
    if placement == "clustered":
        near = np.linalg.norm(x[strange] - x[strange[0]], axis=1)
        strange = strange[np.argsort(near, kind="stable")]
    rows = np.concatenate([kept, strange[:hidden]])
    scaling = jaxad.data.fit_scaling(x[rows], "standard")
    parts = (scaling.apply(x[some]) for some in (rows, labelled, normal[-LABELS:]))
    return np.arange(len(rows)) >= len(kept), *parts


def measure(
    methods: dict, hidden: np.ndarray, x: np.ndarray, bad: np.ndarray, good: np.ndarray, labels: int
) -> dict[str, dict[str, float]]:
    """Return AUROC and AUPRC of each method; a tuple of methods is the sum of their ranks."""
    label = np.zeros(len(x), np.int8)
    if labels:
        x = np.concatenate([x, bad, good])
        label = np.r_[label, np.full(len(bad), -1), np.full(len(good), 1)].astype(np.int8)
    train, fits, found, out = jaxad.as_train_data(x, label), {}, {}, {}
    for name, method in methods.items():
        if isinstance(method, tuple):
            found[name] = sum(rankdata(found[part]) for part in method)
        else:
            found[name] = method(train, fits)[: len(hidden)]
        out[name] = {
            "auroc": roc_auc_score(hidden, found[name]),
            "auprc": average_precision_score(hidden, found[name]),
        }
    return out


def audit(name: str, method: str = "score", **config: Any) -> Callable:
    """Return a method that trains a detector and audits it."""

    def rank(train: jaxad.TrainData, fits: dict) -> np.ndarray:
        key = name, *sorted(config.items())
        if key not in fits:
            fits[key] = jaxad.fit(jaxad.make(name, train, **config), train)
        return jaxad.audit(fits[key], train, method).suspicion[0]

    return rank


METHODS = {
    0: {
        "iforest": audit("iforest"),
        "knn": audit("knn"),
        "auto": audit("auto"),
        "iforest + knn + auto": ("iforest", "knn", "auto"),
    },
    LABELS: {
        "iforest": audit("iforest"),
        "pu_bagging": audit("pu_bagging"),
        "pu_bagging, out of bag": audit("pu_bagging", "out_of_bag"),
        "auto": audit("auto"),
        "auto, out of bag": audit("auto", "out_of_bag"),
        "iforest + auto, out of bag": ("iforest", "auto, out of bag"),
    },
}
DEEP_METHODS = {
    0: {
        "auto": audit("auto"),
        "deep_svdd": audit("deep_svdd", **SHORT),
        "deep_svdd, exposure": audit("deep_svdd", "exposure", weighting=EXPOSE, **SHORT),
        "auto + deep_svdd, exposure": ("auto", "deep_svdd, exposure"),
    },
    LABELS: {
        "auto, out of bag": audit("auto", "out_of_bag"),
        "deep_sad": audit("deep_sad", **SHORT),
        "elite_deep_svdd": audit("elite_deep_svdd", **SHORT),
        "elite_deep_svdd, meta-weight": audit("elite_deep_svdd", "meta_weight", **SHORT),
        "auto, out of bag + elite_deep_svdd": ("auto, out of bag", "elite_deep_svdd"),
    },
}


def choose(results: pd.DataFrame) -> None:
    """Print the means of each method, and the methods chosen by leaving each dataset out."""
    names = [name for methods in METHODS.values() for name in methods]
    results = results[results.dataset.isin(TABLES) & results.method.isin(names)]
    for labels, some in results.groupby("labels"):
        means = some.groupby(["method", "dataset"])[["auroc", "auprc"]].mean().unstack(0)
        print(f"{labels} + {labels} labels\n{(100 * means.mean().unstack(0)).round(1)}\n")
        full = means["auprc"].dropna(axis=1)
        chosen = {left: full.drop(left).mean().idxmax() for left in full.index}
        reached = np.mean([full.loc[left, method] for left, method in chosen.items()])
        print(f"chosen by leaving each out: {pd.Series(chosen).value_counts().to_dict()}")
        print(f"AUPRC reached {100 * reached:.1f}, best fixed {100 * full.mean().max():.1f}\n")


if __name__ == "__main__":
    main()
