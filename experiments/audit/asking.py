"""Simulate cleaning with 20 answers: what is found, what remains, and what the bounds are worth.

    python experiments/audit/asking.py DATA --out experiments/audit/results/asking.csv

DATA is a folder with ADBench's npz files. Each table hides 10 % anomalies, or all it has, and has
no labels. Each row of the output is one session; `answers` holds the answers in order, 1 for an
anomaly. Rows that are in the file already are not computed again. Means over the tables go to a
second file, `asking_means.csv` for the one above.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

import jaxad
from jaxad.cleaning import Cleaning, CleaningOptions
from jaxad.sklearn import JaxADDetector
from jaxad.utils.compilation_cache import enable_compilation_cache

TABLES = ("Stamps", "Pima", "breastw", "WDBC", "wine", "glass", "vowels")
SETTINGS = {
    "all rows": {"reference": 0.0},
    "with a reference": {},
    "with a reference, 20 % wrong answers": {"label_noise": 0.2},
}
MEANS = {
    "found": "hidden anomalies found by 20 answers, %",
    "found_at_once": "found by the 20 most suspicious rows at once, %",
    "possible": "the most that 20 answers can find, %",
    "rest_auprc": "AUPRC of ranking the rest",
    "dropped_true": "anomalies among the dropped rows, %",
    "dropped_expected": "expected share of anomalies among them, %",
    "test_auroc": "test AUROC of the detector of the result",
    "clean_auroc": "test AUROC of auto trained on the clean rows, no labels",
    "dirty_auroc": "test AUROC of auto trained on all rows, no labels",
}


def main() -> None:
    """Run all sessions and write a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tables", nargs="+", default=TABLES)
    parser.add_argument("--settings", nargs="+", default=list(SETTINGS))
    parser.add_argument("--by", nargs="+", default=["suspicious"])
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    kinds = {"answers": str}
    done = pd.read_csv(options.out, dtype=kinds) if options.out.exists() else pd.DataFrame()
    lines = done.to_dict("records")
    enable_compilation_cache()
    keys = {(one["table"], one["setting"], one["by"], one["seed"]) for one in lines}
    for seed in range(options.seeds):
        for table in options.tables:
            path = next(options.data.glob(f"*_{table}.npz"))
            split = jaxad.contaminate(str(path), seed, contamination=0.1, few_anomalies="own")
            others: dict = {}
            for setting in options.settings:
                for by in options.by:
                    if (table, setting, by, seed) not in keys:
                        one = simulate(split, SETTINGS[setting], by, seed, others)
                        lines.append(
                            {"table": table, "setting": setting, "by": by, "seed": seed} | one
                        )
                        print(*lines[-1].values(), sep=", ", flush=True)
            pd.DataFrame(lines).to_csv(options.out, index=False, float_format="%.5g")
    means = options.out.with_name(f"{options.out.stem}_means.csv")
    summarise(pd.DataFrame(lines)).to_csv(means, float_format="%.1f")


def summarise(sessions: pd.DataFrame) -> pd.DataFrame:
    """Return means over the sessions that ask for the most suspicious rows, by setting."""
    sessions = sessions[sessions.by == "suspicious"]
    groups = sessions.groupby("setting", sort=False)
    table = 100 * groups[list(MEANS)].mean().rename(columns=MEANS)
    held = sessions.remaining.between(sessions.low, sessions.high)
    table["intervals that hold the true share that remains, %"] = (
        100 * held.groupby(sessions.setting).mean()
    )
    return table.T.rename_axis("mean over sessions")


def simulate(split: jaxad.Split, setting: dict, by: str, seed: int, others: dict) -> dict:
    """Run one session, and return what it found and what its statements are worth."""
    n = int(split.train.count)
    x = np.asarray(split.train.x, float)[:n]
    hidden = np.asarray(split.hidden)[:n].astype(bool)
    session = Cleaning(x, np.zeros(n, np.int8), CleaningOptions(seed=seed, members=40, **setting))
    first = session.suspicion()
    wrong = np.random.default_rng(seed).random(n) < setting.get("label_noise", 0)
    answers = []
    while session.left:
        row = int(session.ask(1, by).row[0])
        answers.append(bool(hidden[row] ^ wrong[row]))
        session.tell({row: answers[-1]})
    unknown = session.labels == 0
    rest = hidden & unknown
    suspicion = session.suspicion()
    result = session.result()
    known, count = session.labels < 0, len(answers)
    remaining = hidden & result.kept & unknown
    share = remaining[result.kept & unknown].mean()
    out = {
        "rows": n,
        "hidden": int(hidden.sum()),
        "found": (hidden & known).sum() / hidden.sum(),
        "possible": min(1, count / hidden.sum()),
        "found_at_once": hidden[np.argsort(-first, kind="stable")[:count]].sum() / hidden.sum(),
        "rest_auprc": average_precision_score(rest[unknown], suspicion[unknown])
        if rest.any()
        else np.nan,
        "first_auprc": average_precision_score(hidden, first),
        "dropped": len(result.suspects),
        "dropped_true": hidden[result.suspects.row].mean() if len(result.suspects) else np.nan,
        "dropped_expected": result.true_share,
        "remaining": share,
        "low": result.remaining.low,
        "high": result.remaining.high,
        "answers": "".join(str(int(answer)) for answer in answers),
    }
    count = int(split.test.count)
    test, truth = np.asarray(split.test.x, float)[:count], np.asarray(split.test.label)[:count] == 1
    scores = result.detector.anomaly_score(test)
    out["test_auroc"] = roc_auc_score(truth, scores)
    for name, score in fit_others(session, x, hidden, test, others).items():
        out[name] = roc_auc_score(truth, score)
    alarms = result.alarms
    if alarms is not None and alarms.threshold is not None:
        out["false_alarms"] = (scores[~truth] > alarms.threshold).mean()
        out["true_alarms"] = (scores[truth] > alarms.threshold).mean()
    return out


def fit_others(
    session: Cleaning, x: np.ndarray, hidden: np.ndarray, test: np.ndarray, known: dict
) -> dict[str, np.ndarray]:
    """Return the test scores of `auto` trained on the clean rows, and on all, without answers.

    Args:
        session: The session, of whose training rows they are.
        x: The rows.
        hidden: The hidden anomalies.
        test: The test rows.
        known: The scores that are known already, by the size of the reference; extended.
    """
    size = int(session.reference.sum())
    if size not in known:
        trained = ~session.reference
        known[size] = {
            name: JaxADDetector("auto").fit(x[rows]).anomaly_score(test)
            for name, rows in (("clean_auroc", trained & ~hidden), ("dirty_auroc", trained))
        }
    return known[size]


if __name__ == "__main__":
    main()
