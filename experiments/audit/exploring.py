"""Compare ways to choose the next question of `jaxad clean` after answers without an anomaly.

    python experiments/audit/exploring.py --data-dir DATA

A session asks for 20 rows, one after the other, and gets right answers; there are 10 % hidden
anomalies, or all a table has, among at most 450 rows of a table or 500 pictures of one class of
Fashion-MNIST. Once three answers in a row were normal, every second question until the next anomaly
is chosen in another way:

    as jaxad clean    the highest suspicion, as always
    without labels    the highest score without labels
    different         among the tenth of the rows with the highest suspicion, the farthest from the
                      rows asked so far, as `by="different"`
    unlike normals    the highest score without labels times min(1, r^2), where r is the distance to
                      the nearest verified normal row over the distance to the tenth neighbour

Each line of `results/exploring.csv` is a session, with the share of the anomalies found in %, the
AUPRC of ranking the rest in %, and the answers in order, 1 for an anomaly. Sessions that are in the
file already are not simulated again. The means are in `results/exploring_means.csv`.
"""

import argparse
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from asking_files import draw as draw_pictures
from sklearn.metrics import average_precision_score
from sklearn.neighbors import NearestNeighbors

import jaxad
from jaxad.cleaning.files import describe_images
from jaxad.cleaning.questions import choose_questions
from jaxad.cleaning.suspicion import compute_suspicion, fit_ground
from jaxad.utils.files import write_atomically

sys.path.insert(0, str(Path(__file__).parents[1] / "scarce"))
from choose import draw

OUT = Path(__file__).parent / "results"
TABLES = ("Stamps", "glass", "fault", "letter", "Pima", "Cardiotocography", "WBC", "vowels")
WAYS = ("as jaxad clean", "without labels", "different", "unlike normals")
ANSWERS, MISSES, MEMBERS, ROWS, NEIGHBOUR = 20, 3, 20, 450, 10


def main() -> None:
    """Simulate what is missing, and write the means."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data-dir", type=Path, help="folder of datasets")
    parser.add_argument("--tables", nargs="*", default=TABLES)
    parser.add_argument("--classes", nargs="*", type=int, default=[0, 2, 4, 6, 8])
    options = parser.parse_args()
    path = OUT / "exploring.csv"
    lines = pd.read_csv(path, dtype={"answers": str}).to_dict("records") if path.exists() else []
    done = {(line["data"], line["draw"]) for line in lines}
    sources = [*product(options.tables, range(2))]
    sources += [(f"fashion-mnist {number}", number) for number in options.classes]
    for name, seed in sources:
        if (name, seed) in done:
            continue
        x, hidden = read_source(name, seed, options.data_dir)
        for way, found in simulate(x, hidden).items():
            lines.append({"data": name, "draw": seed, "way": way} | found)
        with write_atomically(path) as partial:
            pd.DataFrame(lines).to_csv(partial, index=False, float_format="%.1f")
    cells = pd.DataFrame(lines)
    cells["kind"] = np.where(cells.data.str.startswith("fashion"), "pictures", "tables")
    columns = ["sessions", "found, %", "AUPRC of the rest, %"]
    groups = cells.assign(sessions=1).groupby(["kind", "way"], sort=False)[columns]
    means = groups.agg({"sessions": "sum", columns[1]: "mean", columns[2]: "mean"}).reset_index()
    with write_atomically(OUT / "exploring_means.csv") as partial:
        means.to_csv(partial, index=False, float_format="%.1f")
    print(means.to_string())


def read_source(name: str, seed: int, data_dir: Path | None) -> tuple[np.ndarray, np.ndarray]:
    """Draw examples, and return their numbers and which of them are hidden anomalies."""
    if name.startswith("fashion"):
        data = jaxad.load_dataset("fashion-mnist", data_dir=data_dir)
        pictures, hidden = draw_pictures(data.x, data.y != seed, seed)
        return describe_images(pictures) / 255, hidden
    split = draw(name, 0, seed, data_dir, 1000)
    assert split is not None
    n = int(split.train.count)
    rows = np.sort(np.random.default_rng(seed).permutation(n)[:ROWS])
    return np.asarray(split.train.x, float)[rows], np.asarray(split.hidden)[rows].astype(bool)


def simulate(x: np.ndarray, hidden: np.ndarray) -> dict[str, dict]:
    """Return the outcome of a session for each way."""
    n = len(x)
    trained, known = np.ones(n, bool), {}
    ground = fit_ground(x, trained, 0)
    bare = compute_suspicion(ground, np.zeros(n, np.int8), trained, 1, 0)
    tenth = NearestNeighbors(n_neighbors=NEIGHBOUR).fit(x).kneighbors()[0][:, -1]

    def suspect(label: np.ndarray) -> np.ndarray:
        key = label.tobytes()
        if key not in known:
            turn = int((label != 0).sum())
            known[key] = compute_suspicion(ground, label, trained, MEMBERS, turn)
        return known[key]

    def choose(way: str, label: np.ndarray) -> int:
        by, score = "suspicious", suspect(label)
        if way == "without labels":
            score = bare
        elif way == "different":
            by = "different"
        elif way == "unlike normals":
            near = np.linalg.norm(x[:, None] - x[label > 0][None], axis=2).min(axis=1)
            score = bare * np.minimum(1, near / np.maximum(tenth, 1e-12)) ** 2
        return choose_questions(by, 1, score, score, x, label == 0, label != 0)[0].row

    found = {}
    for way in WAYS:
        label, misses, answers = np.zeros(n, np.int8), 0, ""
        for _ in range(ANSWERS):
            other = misses >= MISSES and (misses - MISSES) % 2 == 0
            row = choose(way if other else WAYS[0], label)
            label[row] = -1 if hidden[row] else 1
            misses = 0 if hidden[row] else misses + 1
            answers += str(int(hidden[row]))
        rest = label == 0
        auprc = np.nan
        if hidden[rest].any():
            auprc = 100 * average_precision_score(hidden[rest], suspect(label)[rest])
        share = 100 * (label < 0).sum() / hidden.sum()
        found[way] = {"found, %": share, "AUPRC of the rest, %": auprc, "answers": answers}
    return found


if __name__ == "__main__":
    main()
