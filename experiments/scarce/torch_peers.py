"""Run deep detectors of DeepOD and PyOD on the splits of peers.toml.

    python experiments/scarce/torch_peers.py export --data-dir DATA --splits SPLITS
    OTHER/bin/python experiments/scarce/torch_peers.py run --splits SPLITS
    python experiments/scarce/torch_peers.py compare

DeepOD asks for an old PyTorch, hence the environment OTHER of its own, with `pip install torch
pyod xgboost` and `pip install --no-deps deepod`; it need not have jaxad. All detectors have their
defaults, on the processor. `run` writes `results/torch_peers.csv`, a row for each dataset, detector
and seed; rows that are there are not computed again. The metrics are empty where a detector cannot
be trained, as RoSAS on fewer rows than its batch has. `compare` writes `results/torch_means.csv`:
means over the datasets, and how far each detector is behind `auto` of `results/peers.csv` on the
same datasets, with 95 % intervals from bootstrap samples of the datasets.
"""

import argparse
import csv
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
OUT = HERE / "results" / "torch_peers.csv"
COLUMNS = ["dataset", "detector", "seed", "auroc", "auprc", "seconds"]
LABELLED, CONTAMINATION = 5, 0.1


def main() -> None:
    """Export the splits, run the detectors, or compare their results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=["export", "run", "compare"])
    parser.add_argument("--data-dir", type=Path, help="folder of datasets")
    parser.add_argument("--splits", type=Path, default=Path("splits"), help="folder of npz files")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    datasets = tomllib.loads((HERE / "peers.toml").read_text())["datasets"]
    if options.step == "export":
        export(datasets, options.data_dir, options.splits, options.seeds)
    elif options.step == "run":
        run(datasets, options.splits, options.seeds)
    else:
        compare()


def export(datasets: list[str], data_dir: Path, splits: Path, seeds: int) -> None:
    """Store the scaled rows, labels and test rows of each split."""
    import jaxad

    splits.mkdir(parents=True, exist_ok=True)
    for name in datasets:
        data = jaxad.load_dataset(name, data_dir=data_dir)
        drawn = jaxad.contaminate(
            data, 0, seeds=seeds, contamination=CONTAMINATION, few_anomalies="own",
            labelled_anomalies=LABELLED,
        )  # fmt: skip
        for seed in range(seeds):
            one = drawn.seed(seed)
            np.savez(
                splits / f"{name}_{seed}.npz",
                x=one.train.x, known=np.asarray(one.train.label) == -1,
                x_test=one.test.x, y_test=one.test.label,
            )  # fmt: skip


def run(datasets: list[str], splits: Path, seeds: int) -> None:
    """Train and score the detectors that have no row yet."""
    if not OUT.is_file():
        OUT.write_text(",".join(COLUMNS) + "\n")
    with OUT.open(newline="") as file:
        done = {(row["dataset"], row["detector"], int(row["seed"])) for row in csv.DictReader(file)}
    makers = list_detectors()
    for seed in range(seeds):
        for name in datasets:
            with np.load(splits / f"{name}_{seed}.npz") as file:
                x, known, x_test, y_test = (file[k] for k in ("x", "known", "x_test", "y_test"))
            for title, make in makers.items():
                if (name, title, seed) in done:
                    continue
                start = time.perf_counter()
                found = measure(make(seed), x, known, x_test, y_test)
                took = f"{time.perf_counter() - start:.1f}"
                line = [name, title, seed, *found, took]
                with OUT.open("a", newline="") as file:
                    csv.writer(file, lineterminator="\n").writerow(line)
                print(*line, flush=True)


def compare() -> None:
    """Write the means of all detectors."""
    import pandas as pd
    from compare import METRICS, bound

    ours = pd.read_csv(HERE / "results" / "peers.csv").query("label_noise == 0")
    ours = ours.rename(columns={"title": "detector"})
    cells = pd.concat([ours[ours.detector.isin(["auto", "pu_bagging", "xgbod"])], pd.read_csv(OUT)])
    lines = {}
    for metric, title in METRICS.items():
        values = 100 * cells.pivot_table(index="dataset", columns="detector", values=metric)
        for name in values.mean().sort_values(ascending=False).index:
            line = lines.setdefault(name, {"detector": name})
            line["datasets"] = int(values[name].count())
            line[title] = f"{values[name].mean():.1f}"
            behind = (values["auto"] - values[name]).dropna()
            line[f"{title} of auto minus this"] = bound(behind.values)
    with (HERE / "results" / "torch_means.csv").open("w") as file:
        pd.DataFrame(lines.values()).to_csv(file, index=False)


def measure(detector, x, known, x_test, y_test) -> tuple[str, str]:
    """Return the AUROC and AUPRC of a detector; empty where it cannot be trained on these rows."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    try:
        detector.fit(x, known.astype(np.int64))
    except ValueError as error:
        print(error)
        return "", ""
    scores = np.nan_to_num(detector.decision_function(x_test))
    found = roc_auc_score(y_test, scores), average_precision_score(y_test, scores)
    return f"{found[0]:.5f}", f"{found[1]:.5f}"


def list_detectors() -> dict[str, Callable]:
    """Return functions that make a detector for a seed."""
    import deepod.models as deepod
    from pyod.models.devnet import DevNet
    from pyod.models.xgbod import XGBOD

    def make(kind: type) -> Callable:
        return lambda seed: kind(device="cpu", random_state=seed, verbose=0)

    kinds = {"DevNet": deepod.DevNet, "PReNet": deepod.PReNet, "Deep SAD": deepod.DeepSAD,
             "FEAWAD": deepod.FeaWAD, "RoSAS": deepod.RoSAS}  # fmt: skip
    return {
        "PyOD DevNet": lambda seed: DevNet(random_seed=seed, device="cpu"),
        **{f"DeepOD {name}": make(kind) for name, kind in kinds.items()},
        "PyOD XGBOD": lambda seed: XGBOD(random_state=seed),
    }


if __name__ == "__main__":
    main()
