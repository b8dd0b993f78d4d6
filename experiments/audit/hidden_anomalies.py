"""Measure how well audits find the anomalies hidden among unlabelled rows.

    python experiments/audit/hidden_anomalies.py digits DATA/6_cardio.npz ... [--labels 10]
        [--out FILE.csv]

Each dataset keeps its own anomalies as hidden ones (digits: each class in turn normal, 10 %
hidden), with one split and 5 seeds of 50 epochs. `--labels 10` adds ten labelled rows of each kind
and uses detectors that need them. With `--out`, the means over the datasets go to a second file,
`FILE_means.csv`.
"""

import argparse
import csv
from pathlib import Path

import numpy as np

import jaxad
from jaxad.utils.compilation_cache import enable_compilation_cache

EXPOSE = "latent_outlier_exposure(0.1)"
RECORD = "latent_outlier_exposure(0)"
WITHOUT = [
    (name, weighting, method)
    for name in ("deep_svdd", "autoencoder")
    for weighting, method in (
        (None, "score"),
        (RECORD, "exposure"),
        (EXPOSE, "score"),
        (EXPOSE, "exposure"),
    )
]
WITH = [
    ("elite_deep_svdd", None, "meta_weight"),
    ("elite_deep_svdd", None, "score"),
    ("elite_autoencoder", None, "meta_weight"),
    ("elite_autoencoder", None, "score"),
    ("deep_sad", None, "score"),
]


def main() -> None:
    """Print a line for each dataset and audit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="+", help="digits, or npz files")
    parser.add_argument("--labels", type=int, default=0, help="labelled rows of each kind")
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--out", type=Path, help="write all numbers to a csv file")
    options = parser.parse_args()
    enable_compilation_cache()
    print("data, detector, weighting, audit: AUROC and AUPRC, mean of seeds; of the mean ranking")
    rows = []
    for data in options.data:
        for audit in WITH if options.labels else WITHOUT:
            weighting = audit[1] or "default"
            rows.append(
                [Path(data).stem, audit[0], weighting, audit[2], *measure(data, audit, options)]
            )
            print(*rows[-1], sep=", ", flush=True)
            if options.out is not None:
                write(options.out, rows)
    if options.out is not None:
        summarise(options.out.with_name(f"{options.out.stem}_means.csv"), rows)


def write(path: Path, rows: list[list]) -> None:
    """Write the measured rows to a csv file."""
    head = ["data", "detector", "weighting", "ranked by"]
    head += ["auroc", "auprc", "auroc together", "auprc together"]
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([head, *rows])


def summarise(path: Path, rows: list[list]) -> None:
    """Write the means over the data sets to a csv file: AUROC, AUPRC."""
    audits = dict.fromkeys(tuple(row[1:4]) for row in rows)
    lines = [["detector", "weighting", "ranked by", "one seed", "five seeds together"]]
    for audit in audits:
        found = np.mean([row[4:] for row in rows if tuple(row[1:4]) == audit], axis=0)
        lines.append([*audit, *("{:.1f}, {:.1f}".format(*found[i : i + 2]) for i in (0, 2))])
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(lines)


def measure(data: str, audit: tuple, options: argparse.Namespace) -> list[float]:
    """Return the metrics in %, averaged over normal classes where there are several."""
    name, weighting, method = audit
    rows = []
    for setting in settings(data):
        labels = {"labelled_anomalies": options.labels, "labelled_normals": options.labels}
        split = jaxad.contaminate(data, 0, **setting, **labels)
        config = {"epochs": options.epochs, "weighting": weighting}
        if "autoencoder" not in name:
            config["pretrain_epochs"] = options.epochs
        found = jaxad.audit(
            jaxad.fit(jaxad.make(name, split.train, **config), split.train, 5), split, method
        )
        assert found.auroc is not None and found.auprc is not None
        together = found.together["auroc"], found.together["auprc"]
        rows.append([found.auroc.mean, found.auprc.mean, *together])
    return np.round(100 * np.mean(rows, axis=0), 1).tolist()


def settings(data: str) -> list[dict]:
    """Return the contamination settings of a dataset, one entry for each normal class."""
    if data == "digits":
        return [{"normal_class": c, "contamination": 0.1} for c in range(10)]
    return [{"contamination": None}]


if __name__ == "__main__":
    main()
