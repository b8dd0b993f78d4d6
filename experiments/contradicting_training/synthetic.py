"""Figure 1 of Wu et al. (2022): AUPRC by contamination on monotone sequences.

    python experiments/contradicting_training/synthetic.py [--seeds 10] [--labelled 40]

The training data has 5,000 increasing sequences of 10 time steps, with 0 to 5 % hidden decreasing
ones and a few labelled ones; the test data has 1,000 of each. An MLP predicts the last 4 time steps
from the first 6. Deep SAD uses the 10 time steps as columns. The paper's text does not give the
number of labelled anomalies.

The discriminating power is the mean score of anomalies minus that of normal rows, relative to its
value without contamination at lambda = 0. Both are written to `results/synthetic.csv` and
`results/synthetic_power.csv` beside this script.
"""

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import jaxad
from jaxad.data import as_sequences, from_arrays, monotone_sequences
from jaxad.detectors import REGISTRY
from jaxad.utils.compilation_cache import enable_compilation_cache

OUT = Path(__file__).parent / "results"
RATIOS = (0.0, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05)
OTHERS = {"deep_sad": {"eta": 20.0}, "devnet": {}}


def main() -> None:
    """Train all detectors, print and write both tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--labelled", type=int, default=40)
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--lam", type=float, nargs="+", default=[0.0, 1.0, 20.0])
    args = parser.parse_args()
    enable_compilation_cache()
    pool, test = monotone_sequences(0, 5_000, 1_000), monotone_sequences(1, 1_000, 1_000)
    table = from_arrays(pool.x, pool.y, x_test=test.x, y_test=test.y, scaling="none")
    sequences = as_sequences(table)
    rows = [(sequences, "contradicting_mlp_forecaster", {"lam": lam}) for lam in args.lam]
    rows += [(table, name, config) for name, config in OTHERS.items()]
    shares = [f"{100 * ratio:g} %" for ratio in RATIOS]
    lines, powers = [["detector", *shares]], []
    for data, name, config in rows:
        cells, powers = [], [*powers, []]
        for ratio in RATIOS:
            split = jaxad.contaminate(
                data, 0, contamination=ratio, labelled_anomalies=args.labelled, seeds=args.seeds
            )
            settings = config | {"epochs": args.epochs}
            if "pretrain_epochs" in REGISTRY[name].config.__dataclass_fields__:
                settings["pretrain_epochs"] = args.epochs
            fit = jaxad.fit(jaxad.make(name, split.train, **settings), split.train)
            auprc = jaxad.evaluate(fit, split.test).auprc
            cells.append(f"{100 * auprc.mean:.1f} ± {100 * auprc.std:.1f}")
            powers[-1].append(power(jaxad.score(fit, split.test), split.test.label))
        lines.append([label(name, config), *cells])
        print(" | ".join(lines[-1]), flush=True)
    write(OUT / "synthetic.csv", lines)
    lines = [["lambda", *shares]]
    for lam, found in zip(args.lam, powers, strict=False):
        lines.append([f"{lam:g}", *(f"{value / powers[0][0]:.3f}" for value in found)])
        print(" | ".join(lines[-1]))
    write(OUT / "synthetic_power.csv", lines)


def write(path: Path, lines: Sequence[Sequence[str]]) -> None:
    """Write lines to a csv file."""
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(lines)


def label(name: str, config: dict) -> str:
    """Return the name of a row."""
    return name + "".join(f", {field} = {value:g}" for field, value in config.items())


def power(scores: np.ndarray, truth: np.ndarray) -> float:
    """Return the mean score of anomalies minus that of normal rows over all seeds."""
    return float(np.mean(scores[truth == 1]) - np.mean(scores[truth == 0]))


if __name__ == "__main__":
    main()
