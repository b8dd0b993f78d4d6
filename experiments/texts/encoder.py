"""Detectors on the vectors of a text encoder, on Reuters: one class in turn normal.

    pip install wordllama
    python experiments/texts/encoder.py DATA --out experiments/texts/results/encoder.csv

DATA is a folder with reuters7.jsonl.gz and glove100_subset.npz. The encoder is the default model of
`wordllama`, whose wheel holds the weights: 256 numbers a token of a vocabulary of 32,000, of which
a text has the mean. It is compared with the mean GloVe vectors of the words. Training uses the
training texts of the normal class, testing the test texts of all classes, and all settings are
defaults. The csv has a row for each class with the AUROC in percent for each detector and kind of
vectors.
"""

import argparse
import csv
import gzip
import json
from pathlib import Path

import numpy as np

import jaxad

DETECTORS = ("knn", "lof", "gaussian")
CLASSES = ("earn", "acq", "crude", "trade", "money-fx", "interest", "ship")


def encode(texts: list[str]) -> np.ndarray:
    """Return `(n, 256)` vectors of norm 1.

    The loader looks for the tokenizer under another name than the folder that the wheel has; with
    this cache it finds it, and downloads nothing.
    """
    import wordllama

    folder = Path(wordllama.__file__).parent
    encoder = wordllama.WordLlama.load(cache_dir=folder, disable_download=True)
    return encoder.embed(texts, norm=True).astype(np.float32)


def load_encoded(folder: Path) -> jaxad.data.Dataset:
    """Return Reuters as vectors of the encoder."""
    with gzip.open(folder / "reuters7.jsonl.gz", "rt") as file:
        rows = [json.loads(line) for line in file]
    x = encode([row["text"] for row in rows])
    y = np.array([CLASSES.index(row["label"]) for row in rows])
    train = np.array([row["split"] == "train" for row in rows])
    parts = {"x_test": x[~train], "y_test": y[~train], "class_names": CLASSES}
    return jaxad.data.from_arrays(x[train], y[train], **parts)


def main() -> None:
    """Train every detector on every class, and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="folder with the texts and the GloVe vectors")
    parser.add_argument("--classes", nargs="+", choices=CLASSES, default=CLASSES)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    glove = "mean:glove100_subset.npz:reuters7"
    sets = {
        "wordllama": load_encoded(args.data),
        "mean GloVe": jaxad.load_dataset(glove, data_dir=args.data),
    }
    columns = [f"{name}, {title}" for title in sets for name in DETECTORS]
    lines = []
    for normal in args.classes:
        found = []
        for data in sets.values():
            split = jaxad.contaminate(data, 0, normal_class=normal, contamination=0.0)
            for name in DETECTORS:
                fitted = jaxad.fit(jaxad.make(name, split.train), split.train)
                found.append(100 * jaxad.evaluate(fitted, split.test).auroc.mean)
        lines.append([normal, *found])
        print(normal, *(f"{value:.1f}" for value in found), flush=True)
    lines.append(["mean", *np.mean([line[1:] for line in lines], axis=0)])
    with args.out.open("w", newline="") as file:
        shown = [[name, *(f"{value:.1f}" for value in values)] for name, *values in lines]
        csv.writer(file, lineterminator="\n").writerows([["class", *columns], *shown])


if __name__ == "__main__":
    main()
