"""Simulate cleaning of folders of pictures and of long series with 20 right answers.

    python experiments/audit/asking_files.py DATA --out experiments/audit/results/asking_files.csv

DATA is a folder with magnetic_tile_64.npz, ecg5000.npz and Fashion-MNIST. Of 500 pictures or beats
50 are hidden anomalies, without labels. They are written as a folder of PNG files, or joined to a
series in a csv file, and cleaned with the defaults of `jaxad clean`: five questions at a time.

    fashion-mnist     one class, and pictures of the other nine; the class is the number of the draw
    tiles             magnetic tiles, and tiles with a defect
    beats             normal beats of ECG5000, and anomalous ones; windows are the beats
    beats, shifted    the same without the first quarter of the first beat, so that windows do not
                      begin with beats; a window is an anomaly if at least half of it is

Each row of the output is a session: the share of the hidden anomalies that 20 answers find, the
share among the 20 most suspicious examples before any answer, the most that 20 answers can find,
and the mean share of 20 examples drawn at random; then the AUROC and AUPRC of suspicion before any
answer. Rows that are in the file already are not computed again.
"""

import argparse
import tempfile
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from sklearn.metrics import average_precision_score, roc_auc_score

import jaxad
from jaxad.cleaning import Cleaning
from jaxad.utils.compilation_cache import enable_compilation_cache

ROWS, HIDDEN, BUDGET, BATCH = 500, 50, 20, 5
SOURCES = ("fashion-mnist", "tiles", "beats", "beats, shifted")


def draw(x: np.ndarray, anomalous: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw examples with hidden anomalies among them, and which these are."""
    rng = np.random.default_rng(seed)
    of = [rng.permutation(np.flatnonzero(anomalous == which)) for which in (False, True)]
    rows = rng.permutation(np.concatenate([of[0][: ROWS - HIDDEN], of[1][:HIDDEN]]))
    return x[rows], anomalous[rows]


def open_pictures(
    x: np.ndarray, hidden: np.ndarray, folder: Path, seed: int
) -> tuple[Cleaning, np.ndarray]:
    """Write pictures, and begin to clean their folder."""
    root = folder / "pictures"
    root.mkdir()
    for i, picture in enumerate(x):
        Image.fromarray(picture.squeeze()).save(root / f"{i:03}.png")
    return jaxad.clean(root, budget=BUDGET, seed=seed), hidden


def open_beats(
    x: np.ndarray, hidden: np.ndarray, folder: Path, seed: int, shift: int
) -> tuple[Cleaning, np.ndarray]:
    """Join beats, leave out the first timestamps, and begin to clean the series."""
    length, path = x.shape[1], folder / "beats.csv"
    points = pd.DataFrame({"value": x.ravel()[shift:]})
    points.to_csv(path, index=False)
    session = jaxad.clean(f"series:window={length}:{path}", budget=BUDGET, seed=seed)
    marked = np.repeat(hidden, length)[shift:]
    starts = session.examples.starts  # pyright: ignore[reportAttributeAccessIssue]
    return session, np.array([marked[i : i + length].mean() >= 0.5 for i in starts])


def open_source(data: Path, name: str, folder: Path, seed: int) -> tuple[Cleaning, np.ndarray]:
    """Draw the examples of a source, and begin a session."""
    if name.startswith("beats"):
        with np.load(data / "ecg5000.npz") as file:
            x = np.concatenate([file["x_train"], file["x_test"]])
            y = np.concatenate([file["y_train"], file["y_test"]])
        shift = x.shape[1] // 4 if "shifted" in name else 0
        return open_beats(*draw(x, y > 0, seed), folder, seed, shift)
    of = jaxad.load_dataset("magnetic_tile_64" if name == "tiles" else name, data_dir=data)
    normal = 0 if name == "tiles" else seed
    return open_pictures(*draw(of.x, of.y != normal, seed), folder, seed)


def simulate(session: Cleaning, hidden: np.ndarray) -> dict[str, float]:
    """Answer the questions of a session, and return what was found."""
    first = session.suspicion()
    while session.left:
        asked = session.ask(BATCH)
        session.tell({row: hidden[row] for row in asked.row})
    top = np.argsort(-first, kind="stable")[:BUDGET]
    total = int(hidden.sum())
    return {
        "examples": len(hidden),
        "hidden": total,
        "found": 100 * (session.labels < 0).sum() / total,
        "found_at_once": 100 * hidden[top].sum() / total,
        "possible": 100 * min(1, BUDGET / total),
        "random": 100 * BUDGET / len(hidden),
        "first_auroc": 100 * float(roc_auc_score(hidden, first)),
        "first_auprc": 100 * float(average_precision_score(hidden, first)),
    }


def main() -> None:
    """Run all sessions and write a line for each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sources", nargs="+", choices=SOURCES, default=SOURCES)
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    enable_compilation_cache()
    lines = pd.read_csv(args.out).to_dict("records") if args.out.exists() else []
    done = {(line["source"], line["draw"]) for line in lines}
    for name, seed in product(args.sources, range(args.seeds)):
        if (name, seed) in done:
            continue
        with tempfile.TemporaryDirectory() as folder:
            session, hidden = open_source(args.data, name, Path(folder), seed)
            lines.append({"source": name, "draw": seed} | simulate(session, hidden))
        print(*lines[-1].values(), sep=", ", flush=True)
        pd.DataFrame(lines).to_csv(args.out, index=False, float_format="%.1f")


if __name__ == "__main__":
    main()
