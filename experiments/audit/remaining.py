"""Compare priors of the estimate of the anomalies that remain after 20 right answers.

    python experiments/audit/remaining.py --data-dir DATA

The tables are the 24 of the comparison with very few labels, of which at most 1,500 rows are drawn.
10 or 3 % of the training rows are hidden anomalies, or all there are. `results/remaining.csv` has a
row for each draw and each prior, and for the pair that `jaxad clean` uses: the first gives the
estimate, and the interval holds those of both. Only the rows outside of the reference count, which
the estimate is made for. The pair was chosen on draws 0 and 1; draw 2 had no part in it.
"""

import argparse
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

import jaxad
from jaxad.cleaning import PRIORS, Cleaning, CleaningOptions, Prior, extrapolate
from jaxad.utils.files import write_atomically

HERE = Path(__file__).parent
TABLES = tomllib.loads((HERE.parent / "scarce/tables.toml").read_text())["datasets"]
COMPARED = [
    *((Prior(share, slope),) for share, slope in product((0.05, 0.1, 0.2), (0.7, 2.0))),
    PRIORS,
]
MOST = 1500


class Session(NamedTuple):
    """The answers of a session, and the truth of the rows without one, most suspicious first."""

    answers: np.ndarray
    hidden: np.ndarray


def main() -> None:
    """Simulate the sessions, and write the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True, help="folder of datasets")
    options = parser.parse_args()
    lines = []
    for draw in range(3):
        drawn = {}
        for name, share in product(TABLES, (0.1, 0.03)):
            split = split_table(name, share, draw, options.data_dir)
            drawn[name, int(split.hidden.sum())] = split  # the same twice if anomalies are few
        sessions = [simulate(split) for split in drawn.values()]
        lines += [{"draw": draw, **judge(priors, sessions)} for priors in COMPARED]
    with write_atomically(HERE / "results" / "remaining.csv") as partial:
        pd.DataFrame(lines).to_csv(partial, index=False, float_format="%.3g")


def split_table(name: str, share: float, draw: int, data_dir: Path) -> jaxad.Split:
    """Draw a split of at most `MOST` rows of a table, without labels."""
    data = jaxad.load_dataset(name, data_dir=data_dir)
    if len(data.x) > MOST:
        kept = np.sort(np.random.default_rng(0).permutation(len(data.x))[:MOST])
        data = replace(data, x=data.x[kept], y=data.y[kept])
    return jaxad.contaminate(
        data, draw, contamination=share, labelled_anomalies=0, few_anomalies="own"
    )


def simulate(split: jaxad.Split) -> Session:
    """Run a session with 20 right answers."""
    n = int(split.train.count)
    x, hidden = np.asarray(split.train.x, float)[:n], np.asarray(split.hidden)[:n].astype(bool)
    session = Cleaning(x, np.zeros(n, np.int8), CleaningOptions(members=40))
    while session.left:
        row = int(session.ask(1).row[0])
        session.tell({row: bool(hidden[row])})
    inside = [bool(one.label) for one in session.answers if not session.reference[one.row]]
    rest = np.flatnonzero((session.labels == 0) & ~session.reference)
    return Session(np.array(inside), hidden[rest[np.argsort(-session.suspicion()[rest])]])


def judge(priors: Sequence[Prior], sessions: list[Session]) -> dict[str, Any]:
    """Compare the estimates by priors with the truth."""
    found = [extrapolate(one.answers, len(one.hidden), priors=priors) for one in sessions]
    true = np.array([one.hidden.mean() for one in sessions])
    low, share, high = np.array([(one.low, one.share, one.high) for one in found]).T
    dropped = [f.probability > 0.5 for f in found]
    pairs = list(zip(sessions, dropped, strict=True))
    return {
        "mean share and slope": " and ".join(f"{prior.share}, {prior.slope}" for prior in priors),
        "sessions": len(sessions),
        "intervals that hold the true share, %": 100 * np.mean((low <= true) & (true <= high)),
        "that lie above it, %": 100 * np.mean(true < low),
        "mean width, points": 100 * np.mean(high - low),
        "mean true share, %": 100 * true.mean(),
        "mean estimate, %": 100 * share.mean(),
        "rows dropped without an answer": sum(int(d.sum()) for d in dropped),
        "anomalies among them": sum(int(one.hidden[d].sum()) for one, d in pairs),
        "expected among them": sum(
            float(f.probability[d].sum()) for f, d in zip(found, dropped, strict=True)
        ),
        "anomalies without an answer": sum(int(one.hidden.sum()) for one in sessions),
    }


if __name__ == "__main__":
    main()
