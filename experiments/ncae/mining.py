"""Measure how well the mining criterion of NCAE finds hidden anomalies among the training rows.

    python experiments/ncae/mining.py --data-dir DATA

Trains detectors on classes of Fashion-MNIST, 2,000 training rows of which 10 % are hidden
anomalies, with dense layers for 30 epochs, on one split for each seed. Writes the mean AUROC of the
rank that rows have in their batches to `results/mining.csv`, in percent.
"""

import argparse
import csv
from pathlib import Path
from statistics import fmean

import jaxad
from jaxad.utils.compilation_cache import enable_compilation_cache
from jaxad.utils.files import write_atomically

OUT = Path(__file__).parent / "results" / "mining.csv"
DETECTORS = {
    "NCAE, steps of 1e-2": ("ncae", {"learning_rate": 1e-2, "drop_every": 10}),
    "NCAE, steps of 1e-3": ("ncae", {}),
    "calibrated autoencoder": ("calibrated_autoencoder", {}),
}
SETTINGS = {"channels": (), "widths": (128, 64, 32), "epochs": 30}


def measure(split: jaxad.Split, title: str, seed: int) -> float:
    """Train a detector, and return the AUROC of its mining in percent."""
    name, settings = DETECTORS[title]
    detector = jaxad.make(name, split.train, **SETTINGS, **settings)
    found = jaxad.audit(jaxad.fit(detector, split.train, key=seed), split, "mining")
    if found.auroc is None:
        raise ValueError("the split has no hidden anomalies")
    return 100 * found.auroc.mean


def main() -> None:
    """Measure each class and detector, and write the means over seeds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data-dir", type=Path, help="the folder of data files")
    parser.add_argument("--classes", type=int, nargs="+", default=[0, 3, 5, 8])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    enable_compilation_cache()
    data = jaxad.load_dataset("fashion-mnist", data_dir=options.data_dir)
    asked = {"contamination": 0.1, "labelled_anomalies": 0, "n_train": 2000}
    lines = []
    for label in options.classes:
        splits = [
            jaxad.contaminate(data, seed, normal_class=label, **asked)
            for seed in range(options.seeds)
        ]
        for title in DETECTORS:
            each = [measure(split, title, seed) for seed, split in enumerate(splits)]
            lines.append([label, title, f"{fmean(each):.2f}", len(each)])
            print(*lines[-1], flush=True)
    with write_atomically(options.out) as partial, partial.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([["class", "detector", "auroc", "seeds"], *lines])


if __name__ == "__main__":
    main()
