"""Simulate the bound on false alarms with contaminated references.

    python experiments/audit/false_alarms.py --out experiments/audit/results/false_alarms.csv

Normal rows have standard normal scores. Anomalies of the reference score high (mean 3), like normal
rows, or low (mean -3). Answers are spent on the rows with the highest scores; a share of them is
wrong. The threshold comes from `bound_alarms`, once with the number of remaining anomalies and of
mistaken answers, and once without (the ordinary conformal threshold). Each cell is the mean over
draws of the exact probability that a new normal row, or a new anomaly that scores high, is an
alarm.
"""

import argparse
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import norm

from jaxad.cleaning import bound_alarms

MEANS = {"high": 3.0, "like normal rows": 0.0, "low": -3.0}
CELLS = {
    # With these sizes no cell attains its bound exactly: the noise of the draws does not decide.
    "rows": (47, 117),
    "contamination": (0.0, 0.01, 0.05, 0.1, 0.2),
    "anomalies": tuple(MEANS),
    "answers": (0, 20),
    "wrong": (0.0, 0.2),
    "alpha": (0.05, 0.1),
}


def main() -> None:
    """Write a line for each cell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--draws", type=int, default=1000)
    options = parser.parse_args()
    frame = pd.DataFrame(simulate_cells(options.draws))
    frame.to_csv(options.out, index=False, float_format="%.5f")
    print(
        f"{len(frame)} cells, highest ratio of false alarms to the bound "
        f"{(frame.false_alarms / frame.alpha).max():.3f}"
    )


def simulate_cells(draws: int, seed: int = 0) -> Iterator[dict]:
    """Yield all cells that differ."""
    for values in itertools.product(*CELLS.values()):
        cell = dict(zip(CELLS, values, strict=True))
        if cell["wrong"] and not cell["answers"]:
            continue
        if not cell["contamination"] and cell["anomalies"] != "high":
            continue
        yield cell | simulate(**cell, draws=draws, seed=seed)


def simulate(
    rows: int,
    contamination: float,
    anomalies: str,
    answers: int,
    wrong: float,
    alpha: float,
    draws: int,
    seed: int,
) -> dict[str, float]:
    """Return the probabilities of false and true alarms of one cell."""
    rng = np.random.default_rng([seed, rows, round(100 * contamination), answers])
    hidden = np.arange(rows) < round(contamination * rows)
    out = np.zeros((draws, 4))
    for draw in out:
        scores = rng.normal(size=rows) + hidden * MEANS[anomalies]
        asked = np.argsort(-scores)[:answers]
        said = hidden[asked] ^ (rng.random(len(asked)) < wrong)
        kept = np.setdiff1d(np.arange(rows), asked[said])
        mistaken = int((~hidden[asked[said]]).sum())
        bounds = (
            bound_alarms(scores[kept], alpha, int(hidden[kept].sum()), mistaken),
            bound_alarms(scores[kept], alpha),
        )
        limits = [np.inf if one.threshold is None else one.threshold for one in bounds]
        draw[:2], draw[2:] = norm.sf(limits), norm.sf(limits, MEANS["high"])
    false, plain, true, plain_true = out.mean(axis=0)
    return {
        "false_alarms": false,
        "error": out[:, 0].std() / np.sqrt(draws),
        "true_alarms": true,
        "plain_false_alarms": plain,
        "plain_true_alarms": plain_true,
    }


if __name__ == "__main__":
    main()
