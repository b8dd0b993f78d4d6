"""Compare ways to rank the rows that remain after 20 answers of `jaxad clean`.

    python experiments/audit/rest.py --data-dir DATA

For each of 24 tables of at most 1,000 rows with 10 % hidden anomalies, or all it has, a session
asks for 20 rows, one after the other, and gets right answers. Each line of the output is a table,
with the AUPRC of the anomalies that are left by each ranking; a dash if the session found all or
none. The last column is a classifier that is given the labels of all rows, by cross-validation: no
answers to other rows can help more. Tables that are in the file already are not computed again.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.metrics import average_precision_score

import jaxad
from jaxad.cleaning.suspicion import Ground, compute_suspicion, fit_ground
from jaxad.utils.files import write_atomically

sys.path.insert(0, str(Path(__file__).parents[1] / "scarce"))
from choose import TABLES, draw

OUT = Path(__file__).parent / "results" / "rest.csv"
ANSWERS, ASKING, MEMBERS, ROWS = 20, 40, 150, 1000


def main() -> None:
    """Compute what is missing, and print the means."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, help="folder of datasets")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    lines = (
        pd.read_csv(options.out, na_values="-").to_dict("records") if options.out.exists() else []
    )
    for table in TABLES:
        if any(line["table"] == table for line in lines):
            continue
        split = draw(table, 0, 0, options.data_dir, ROWS)
        if split is None or not np.asarray(split.hidden).any():
            continue
        hidden, ground, label = run_session(split)
        found = {"hidden": int(hidden.sum()), "found": int((label < 0).sum())}
        lines.append({"table": table} | found | compare(hidden, ground, label))
        with write_atomically(options.out) as partial:
            pd.DataFrame(lines).to_csv(partial, index=False, float_format="%.3f", na_rep="-")
    results = pd.DataFrame(lines).dropna()
    share = np.mean([line["found"] / line["hidden"] for line in lines])
    most = np.mean([min(1, ANSWERS / line["hidden"]) for line in lines])
    print(f"found {100 * share:.1f} %, at most {100 * most:.1f} %")
    print(len(results), "tables with anomalies left\n", (100 * results.iloc[:, 3:].mean()).round(1))


def run_session(split: jaxad.Split) -> tuple[np.ndarray, Ground, np.ndarray]:
    """Return the hidden anomalies, what is known without labels, and the answers."""
    n = int(split.train.count)
    x, hidden = np.asarray(split.train.x, float)[:n], np.asarray(split.hidden)[:n].astype(bool)
    trained = np.ones(n, bool)
    ground, label = fit_ground(x, trained, 0), np.zeros(n, np.int8)
    for turn in range(ANSWERS):
        suspicion = compute_suspicion(ground, label, trained, ASKING, turn)
        unknown = np.flatnonzero(label == 0)
        row = unknown[np.argmax(suspicion[unknown])]
        label[row] = -1 if hidden[row] else 1
    return hidden, ground, label


def compare(hidden: np.ndarray, ground: Ground, label: np.ndarray) -> dict[str, float]:
    """Return the AUPRC of each ranking of the rows without a label."""
    rest, trained = label == 0, np.ones(len(label), bool)
    if not hidden[rest].any() or not (label < 0).any():
        return {}

    def rank(label: np.ndarray, weight: float | None = None) -> np.ndarray:
        weigh = {} if weight is None else {"weigh": lambda _: weight}
        return compute_suspicion(ground, label, trained, MEMBERS, 0, **weigh)

    now = rank(label)
    place = np.argsort(np.argsort(-now)) / len(now)
    rankings = {
        "without answers": ground.outlying,
        "as jaxad clean": now,
        "anomalies alone": rank(np.where(label > 0, 0, label).astype(np.int8)),
        "half the weight without labels": rank(label, 0.5),
        "self-training": rare(vote(ground.inputs, *mark(label, place))) + rare(now),
        "nearest anomaly": 0.3 * rare(-measure_distance(ground, label)) + 0.7 * now,
        "all labels": vote(ground.inputs, np.ones(len(label), bool), hidden),
    }
    return {k: float(average_precision_score(hidden[rest], s[rest])) for k, s in rankings.items()}


def mark(label: np.ndarray, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of known or probable kind, and which of them count as anomalies."""
    anomalous = (label < 0) | ((label == 0) & (place < 0.02))
    normal = (label > 0) | ((label == 0) & (place > 0.4))
    return anomalous | normal, anomalous


def vote(inputs: np.ndarray, used: np.ndarray, anomalous: np.ndarray) -> np.ndarray:
    """Return the votes of trees for rows that they have not seen, in five folds."""
    votes, fold = np.zeros(len(inputs)), np.random.default_rng(0).integers(0, 5, len(inputs))
    for i in range(5):
        some = (fold != i) & used
        trees = ExtraTreesClassifier(
            60, min_samples_leaf=2, class_weight="balanced", random_state=i
        )
        votes[fold == i] = trees.fit(inputs[some], anomalous[some]).predict_proba(
            inputs[fold == i]
        )[:, -1]
    return votes


def measure_distance(ground: Ground, label: np.ndarray) -> np.ndarray:
    """Return the distance of each row to the nearest known anomaly."""
    known = ground.inputs[label < 0]
    return np.linalg.norm(ground.inputs[:, None] - known[None], axis=2).min(1)


def rare(scores: np.ndarray) -> np.ndarray:
    """Return minus the logarithm of the share of rows that score higher."""
    ordered = np.sort(scores)
    below = np.searchsorted(ordered, scores, "left") + np.searchsorted(ordered, scores, "right")
    return -np.log1p(-below / 2 / (len(scores) + 1))


if __name__ == "__main__":
    main()
