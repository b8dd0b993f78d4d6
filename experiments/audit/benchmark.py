"""A benchmark of audits: which method ranks hidden anomalies first.

    python experiments/audit/benchmark.py DATA --out experiments/audit/results/benchmark.csv
    python experiments/audit/benchmark.py DATA --out experiments/audit/results/benchmark.csv --deep
    python experiments/audit/benchmark.py --choose experiments/audit/results/benchmark.csv

DATA is a folder with ADBench's npz files, `mnist.npz` and a folder `fashion-mnist`. The training
rows are 300 normal rows, or fewer where a table has no more, and hidden anomalies, 1, 5, 10 or 20 %
of all. They are drawn at random; at 10 % also clustered: the nearest neighbours of one anomaly
among the anomalies. The labels are none, those of 10 anomalies and 10 normal rows beside, or those
of 20 rows that `jaxad clean` asks for. Each row of the output is a dataset, a share, a placement,
the labels and a method, with the AUROC and AUPRC of the hidden anomalies among the rows without a
label, empty where asking has found all anomalies or none. `--deep` adds the deep methods at 10 %
drawn at random and for few datasets. Two further files, `_means` and `_deep`, hold the tables of
the page: the means over the datasets that all methods were run on, and the deep methods.
`--choose` prints the means, and which method is chosen for each dataset by the others.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score, roc_auc_score

import jaxad
from jaxad.cleaning import Cleaning, CleaningOptions
from jaxad.utils.compilation_cache import enable_compilation_cache

TABLES = (
    *("annthyroid", "cardio", "Pima", "satellite", "pendigits", "vowels", "Ionosphere"),
    *("fault", "SpamBase", "thyroid", "letter"),
)
IMAGES = ("mnist 3", "mnist 8", "fashion-mnist 0", "fashion-mnist 8")
DEEP = ("cardio", "satellite", *IMAGES)
NORMAL, LABELS = 300, 10
NONE, BOTH, ASKED = "none", "10 + 10", "20 asked"
CELLS = [(share, "random") for share in (0.01, 0.05, 0.1, 0.2)] + [(0.1, "clustered")]
DEEP_CELLS = [(0.1, "random")]
EXPOSE = "latent_outlier_exposure(0.1)"
SHORT = {"epochs": 50, "pretrain_epochs": 50}
CLEAN = "suspicion of jaxad clean"
KEYS = ("dataset", "share", "placement", "labels", "method")


def main() -> None:
    """Compute what is missing and write a line for each method."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--deep", action="store_true")
    parser.add_argument("--datasets", nargs="+", help="only these, such as 'mnist 3'")
    parser.add_argument("--choose", type=Path)
    options = parser.parse_args()
    if options.choose is not None:
        choose(pd.read_csv(options.choose))
        return
    enable_compilation_cache()
    lines = pd.read_csv(options.out).to_dict("records") if options.out.exists() else []
    done = {tuple(line[name] for name in KEYS) for line in lines}
    names = options.datasets or (DEEP if options.deep else [*TABLES, *IMAGES])
    for name in names:
        x, anomalous = load(options.data, name)
        for share, placement in DEEP_CELLS if options.deep else CELLS:
            drawn = draw(x, anomalous, share, placement)
            for labels in (NONE, BOTH, ASKED) if drawn is not None else ():
                key = (name, share, placement, labels)
                methods = (DEEP_METHODS if options.deep else METHODS)[labels]
                if all((*key, method) in done for method in methods):
                    continue
                for method, metrics in measure(methods, *drawn, labels).items():
                    if (*key, method) not in done:
                        lines.append(dict(zip(KEYS, (*key, method), strict=True)) | metrics)
            write(pd.DataFrame(lines), options.out)
        print(name, flush=True)


def write(results: pd.DataFrame, path: Path) -> None:
    """Write the results, and tables of them for the page: of means, and of the deep methods."""
    results.to_csv(path, index=False, float_format="%.5f")
    means, deep = [], []
    for labels in METHODS:
        some = results[results.labels == labels]
        for kind in ("tables", "images"):
            means += average(some[some.dataset.isin(TABLES) == (kind == "tables")], kind, labels)
        some = some[(some.share == 0.1) & (some.placement == "random")]
        for method in DEEP_METHODS[labels]:
            found = some[some.method == method].set_index("dataset")
            cells = {name: show(found.loc[name]) if name in found.index else "" for name in DEEP}
            deep.append({"labels": labels, "method": method} | cells)
    for lines, name in ((means, "means"), (deep, "deep")):
        frame = pd.DataFrame(lines).fillna("").replace("", "-")
        frame = frame.loc[:, (frame != "-").any()]
        frame.to_csv(path.with_stem(f"{path.stem}_{name}"), index=False)


def average(results: pd.DataFrame, kind: str, labels: str) -> list[dict[str, str]]:
    """Return a line for each method, with its means over the datasets that have all methods."""
    names = list(METHODS[labels])
    lines = [{"group": f"{kind}, {labels}", "method": name} for name in [*names, "datasets"]]
    for share, placement in CELLS:
        cell = f"{100 * share:g} %" + (", clustered" if placement == "clustered" else "")
        some = results[(results.share == share) & (results.placement == placement)]
        full = some.pivot_table("auprc", "dataset", "method").reindex(columns=names).dropna()
        if len(full):
            some = some[some.dataset.isin(full.index)]
            for line in lines[:-1]:
                line[cell] = show(some[some.method == line["method"]][["auroc", "auprc"]].mean())
            lines[-1][cell] = str(len(full))
    return lines if len(lines[0]) > 2 else []


def show(metrics: pd.Series) -> str:
    """Return AUROC and AUPRC in %; "" if they are NaN."""
    if np.isnan(metrics.auroc):
        return ""
    return f"{100 * metrics.auroc:.1f}, {100 * metrics.auprc:.1f}"


def load(folder: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows and the anomalies of a dataset."""
    if name not in IMAGES:
        with np.load(next(folder.glob(f"**/*_{name}.npz"))) as file:
            return file["X"].astype(float), file["y"].astype(bool)
    name, normal = name.split()
    source = next(folder.glob(f"**/{name}.npz"), name)
    data = jaxad.load_dataset(source, data_dir=folder)
    images, of = np.asarray(data.x), np.asarray(data.y)
    some = np.concatenate(
        [np.flatnonzero(of == c)[: 600 if c == int(normal) else 60] for c in range(10)]
    )
    return images[some].reshape(len(some), -1) / 255.0, of[some] != int(normal)


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
    methods: dict, hidden: np.ndarray, x: np.ndarray, bad: np.ndarray, good: np.ndarray, labels: str
) -> dict[str, dict[str, float]]:
    """Return AUROC and AUPRC of each method; a tuple of methods is the sum of their ranks.

    They are NaN if asking has found all hidden anomalies, or none to learn from.
    """
    label, fits, found, out = np.zeros(len(x), np.int8), {}, {}, {}
    if labels == BOTH:
        x = np.concatenate([x, bad, good])
        label = np.r_[label, np.full(len(bad), -1), np.full(len(good), 1)].astype(np.int8)
    if labels == ASKED:
        session = ask(x, hidden)
        label, found[CLEAN] = session.labels, session.suspicion()
        if not hidden[label == 0].any() or not (label < 0).any():
            return {name: {"auroc": np.nan, "auprc": np.nan} for name in methods}
    train = jaxad.as_train_data(x, label)
    rest = np.flatnonzero(label == 0)
    truth = np.r_[hidden, np.zeros(len(x) - len(hidden), bool)][rest]
    for name, method in methods.items():
        if isinstance(method, tuple):
            found[name] = sum(rankdata(found[part][rest]) for part in method)
        elif name != CLEAN:
            found[name] = method(train, fits)
    for name, scores in found.items():
        scores = scores if isinstance(methods[name], tuple) else scores[rest]
        out[name] = {
            "auroc": roc_auc_score(truth, scores),
            "auprc": average_precision_score(truth, scores),
        }
    return out


def ask(x: np.ndarray, hidden: np.ndarray) -> Cleaning:
    """Return a session of cleaning whose 20 questions are answered."""
    options = CleaningOptions(budget=20, reference=0.0, members=40)
    session = Cleaning(x, np.zeros(len(x), np.int8), options)
    while session.left:
        row = int(session.ask(1).row[0])
        session.tell({row: bool(hidden[row])})
    return session


def audit(name: str, method: str = "score", **config: Any) -> Callable:
    """Return a method that trains a detector and audits it."""

    def rank(train: jaxad.TrainData, fits: dict) -> np.ndarray:
        key = name, *sorted(config.items())
        if key not in fits:
            fits[key] = jaxad.fit(jaxad.make(name, train, **config), train)
        return jaxad.audit(fits[key], train, method).suspicion[0]

    return rank


METHODS = {
    NONE: {
        "iforest": audit("iforest"),
        "knn": audit("knn"),
        "auto": audit("auto"),
        "iforest + knn + auto": ("iforest", "knn", "auto"),
    },
    BOTH: {
        "iforest": audit("iforest"),
        "pu_bagging": audit("pu_bagging"),
        "pu_bagging, out of bag": audit("pu_bagging", "out_of_bag"),
        "auto": audit("auto"),
        "auto, out of bag": audit("auto", "out_of_bag"),
        "iforest + auto, out of bag": ("iforest", "auto, out of bag"),
    },
    ASKED: {
        CLEAN: None,
        "iforest": audit("iforest"),
        "pu_bagging, out of bag": audit("pu_bagging", "out_of_bag"),
        "auto, out of bag": audit("auto", "out_of_bag"),
        "iforest + auto, out of bag": ("iforest", "auto, out of bag"),
    },
}
LABELLED = {
    "auto, out of bag": audit("auto", "out_of_bag"),
    "deep_sad": audit("deep_sad", **SHORT),
    "elite_deep_svdd": audit("elite_deep_svdd", **SHORT),
    "elite_deep_svdd, meta-weight": audit("elite_deep_svdd", "meta_weight", **SHORT),
    "auto, out of bag + elite_deep_svdd": ("auto, out of bag", "elite_deep_svdd"),
}
DEEP_METHODS = {
    NONE: {
        "auto": audit("auto"),
        "deep_svdd": audit("deep_svdd", **SHORT),
        "deep_svdd, exposure": audit("deep_svdd", "exposure", weighting=EXPOSE, **SHORT),
        "calibrated_autoencoder, mining": audit("calibrated_autoencoder", "mining", epochs=50),
        "auto + deep_svdd, exposure": ("auto", "deep_svdd, exposure"),
    },
    BOTH: LABELLED,
    ASKED: {CLEAN: None} | LABELLED,
}


def choose(results: pd.DataFrame) -> None:
    """Print the means of each method, and the methods chosen by leaving each dataset out."""
    for labels, methods in METHODS.items():
        chosen_from = results.dataset.isin(TABLES) & results.method.isin(methods)
        some = results[chosen_from & (results.labels == labels)]
        means = some.groupby(["method", "dataset"])[["auroc", "auprc"]].mean().unstack(0)
        print(f"labels: {labels}\n{(100 * means.mean().unstack(0)).round(1)}\n")
        full = means["auprc"].dropna(axis=1)
        chosen = {left: full.drop(left).mean().idxmax() for left in full.index}
        reached = np.mean([full.loc[left, method] for left, method in chosen.items()])
        print(f"chosen by leaving each out: {pd.Series(chosen).value_counts().to_dict()}")
        print(f"AUPRC reached {100 * reached:.1f}, best fixed {100 * full.mean().max():.1f}\n")


if __name__ == "__main__":
    main()
