"""Compare detectors trained after 20 answers of `jaxad clean` with those trained on clean rows.

    python experiments/audit/after_cleaning.py DATA

DATA is a folder with ADBench's npz files. Each table hides 10 % anomalies, or all it has, without
labels, in three draws. A session without a reference asks for 20 rows, one after the other; its
result drops the suspects and trains `auto` on the rest, with the verified anomalies as labelled
ones. Each line of the output is a table, with the test AUROC in %, a mean over the draws, of `auto`
trained on

    clean rows           the rows that are not anomalies
    clean rows, labels   these, and the anomalies that the right answers found as labelled ones
    all rows             all rows, without answers
    cleaned              what the session leaves, after right answers
    cleaned, 20 % wrong  the same, where a fifth of the rows is answered wrongly and the session is
                         told so (`label_noise=0.2`)

The last line is the mean. Tables that are in the file already are not computed again.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

import jaxad
from jaxad.cleaning import Cleaning, CleaningOptions
from jaxad.sklearn import JaxADDetector
from jaxad.utils.compilation_cache import enable_compilation_cache
from jaxad.utils.files import write_atomically

TABLES = ("Stamps", "Pima", "breastw", "WDBC", "wine", "glass", "Ionosphere", "vowels")
OUT = Path(__file__).parent / "results" / "after_cleaning.csv"
ANSWERS, SEEDS, NOISE, MEAN = 20, 3, 0.2, "mean"


def main() -> None:
    """Compute the tables that are missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder of datasets")
    parser.add_argument("--tables", nargs="+", default=TABLES)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    enable_compilation_cache()
    lines = pd.read_csv(options.out).to_dict("records") if options.out.exists() else []
    lines = [line for line in lines if line["table"] != MEAN]
    for table in options.tables:
        if any(line["table"] == table for line in lines):
            continue
        path = next(options.data.glob(f"**/*_{table}.npz"))
        draws = [measure(path, seed) for seed in range(SEEDS)]
        lines.append({"table": table} | pd.DataFrame(draws).mean().to_dict())
        frame = pd.DataFrame(lines)
        total = pd.DataFrame([{"table": MEAN} | frame.drop(columns="table").mean().to_dict()])
        with write_atomically(options.out) as partial:
            pd.concat([frame, total]).to_csv(partial, index=False, float_format="%.1f")


def measure(path: Path, seed: int) -> dict[str, float]:
    """Return the share of anomalies that the answers find and the test AUROCs, in %."""
    split = jaxad.contaminate(str(path), seed, contamination=0.1, few_anomalies="own")
    rows, count = int(split.train.count), int(split.test.count)
    x, hidden = np.asarray(split.train.x, float)[:rows], np.asarray(split.hidden)[:rows] == 1
    test, truth = np.asarray(split.test.x, float)[:count], np.asarray(split.test.label)[:count] == 1
    wrong = np.random.default_rng(seed).random(rows) < NOISE
    right, noisy = clean(x, hidden, seed, 0.0), clean(x, hidden ^ wrong, seed, NOISE)
    found = right.labels < 0
    detectors = {
        "clean rows": JaxADDetector("auto").fit(x[~hidden]),
        "clean rows, labels": JaxADDetector("auto").fit(
            x[~hidden | found], found[~hidden | found] if found.any() else None
        ),
        "all rows": JaxADDetector("auto").fit(x),
        "cleaned": right.result().detector,
        "cleaned, 20 % wrong": noisy.result().detector,
    }
    scores = {name: one.anomaly_score(test) for name, one in detectors.items()}
    out = {"rows": rows, "hidden": hidden.sum(), "found, %": 100 * found.sum() / hidden.sum()}
    return out | {name: 100 * roc_auc_score(truth, score) for name, score in scores.items()}


def clean(x: np.ndarray, answers: np.ndarray, seed: int, noise: float) -> Cleaning:
    """Return a session whose questions are answered."""
    options = CleaningOptions(
        budget=ANSWERS, reference=0.0, members=40, seed=seed, label_noise=noise
    )
    session = Cleaning(x, np.zeros(len(x), np.int8), options)
    while session.left:
        row = int(session.ask(1).row[0])
        session.tell({row: bool(answers[row])})
    return session


if __name__ == "__main__":
    main()
