"""Compare ELITE with meta-gradients in every step and in every fourth step (`every=4`).

    python benchmarks/elite_every.py DATA

ELITE with Deep SVDD on six tables of ADBench (DATA is the folder of its npz files) and on two
classes of the digits of scikit-learn, with 10 + 10 labelled rows and a contamination of 5 %, or as
much as the table has. Each line has the mean over seeds of the test AUROC, and of the average
precision with which the audit by the meta-gradients finds the hidden anomalies of the training
data, for `every` of 1 and of 4.
"""

import argparse

import numpy as np
from recording import Recorder, add_out
from sklearn.metrics import average_precision_score

import jaxad

TABLES = ("breastw", "cardio", "satellite", "thyroid", "pendigits", "letter")
CLASSES = (0, 3)
EVERY = (1, 4)


def measure(detector, split, every):
    """Return the mean AUROC on the test rows and the mean average precision of the audit."""
    config = {"epochs": 50, "every": every}
    fit = jaxad.fit(jaxad.make(detector, split.train, **config), split.train)
    auroc = np.mean(jaxad.evaluate(fit, split.test).auroc.per_seed)
    record = fit.state.weighting
    suspicion = -np.asarray(record.meta_weight) / np.maximum(np.asarray(record.seen), 1)
    precisions = []
    for seed, hidden in enumerate(np.asarray(split.hidden)):
        rows = np.asarray(split.train.label)[seed] == 0
        rows &= np.arange(len(rows)) < int(np.asarray(split.train.count)[seed])
        found = suspicion[seed, : len(rows)][rows]
        precisions.append(average_precision_score(np.asarray(hidden)[rows] != 0, found))
    return auroc, np.mean(precisions)


def main():
    """Print a line for each data set as soon as it is there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="folder of ADBench's npz files")
    parser.add_argument("--seeds", type=int, default=3)
    add_out(parser)
    args = parser.parse_args()
    jaxad.enable_compilation_cache()
    metrics = [f"{metric}, every {k}" for k in EVERY for metric in ("AUROC", "audit AP")]
    table = Recorder(("data", *metrics), args.out)
    todo = [(name, jaxad.load_dataset(name, data_dir=args.data), {}) for name in TABLES]
    todo += [(f"digits {c}", jaxad.load_dataset("digits"), {"normal_class": c}) for c in CLASSES]
    few = {"labelled_anomalies": 10, "labelled_normals": 10, "few_anomalies": "own"}
    request = few | {"contamination": 0.05}
    for name, data, choice in todo:
        split = jaxad.contaminate(data, 0, seeds=args.seeds, **request, **choice)
        cells = [100 * value for k in EVERY for value in measure("elite_deep_svdd", split, k)]
        table.add(name, *(f"{cell:.1f}" for cell in cells))


if __name__ == "__main__":
    main()
