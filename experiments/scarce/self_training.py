"""Images without labels: trees that learn from the most suspicious rows of NCAE.

    python experiments/scarce/self_training.py --data-dir DATA

NCAE (dense layers, 30 epochs) is trained on 2,000 images of one class and hidden images of the
others, one split and three seeds. Of the training rows, a share with the highest scores is then
taken as anomalies and the 60 % with the lowest scores as normal, and extremely randomised trees
learn to tell them apart by the first 40 principal components. Each line of the output is a dataset,
a normal class, a contamination and a share, with the test AUROC of NCAE, of the trees and of the
sum of their ranks among the test rows, as means over the seeds. Lines that are in the file already
are not computed again. The means over the classes that were run with both contaminations, in %, are
written to a second file, `_means`; what is reached if the share and the score are chosen for each
class on all other classes is printed. `--quick` shows with few rows and epochs that all runs.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from sklearn.decomposition import PCA
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.metrics import roc_auc_score

import jaxad
from jaxad.utils.compilation_cache import enable_compilation_cache
from jaxad.utils.files import write_atomically

OUT = Path(__file__).parent / "results" / "self_training.csv"
DATASETS = ("fashion-mnist", "mnist")
CONTAMINATION = (0.0, 0.2)
SHARES = (0.1, 0.2, 0.3)
NORMAL, SEEDS, COMPONENTS = 0.6, 3, 40
SETTINGS: dict[str, Any] = {"channels": [], "widths": [128, 64, 32]}
CELL = ["dataset", "normal_class", "contamination"]
SCORES = ["ncae", "trees", "sum"]


def main() -> None:
    """Compute what is missing, and print the means."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, help="folder of datasets")
    parser.add_argument("--datasets", nargs="+", default=DATASETS)
    parser.add_argument("--classes", nargs="+", type=int, default=range(10))
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--quick", action="store_true", help="few rows and epochs; give --out")
    options = parser.parse_args()
    enable_compilation_cache()
    lines = pd.read_csv(options.out).to_dict("records") if options.out.exists() else []
    done = {tuple(line[name] for name in CELL) for line in lines}
    for name in options.datasets:
        data = None
        for cell in [(name, c, share) for c in options.classes for share in CONTAMINATION]:
            if cell in done:
                continue
            data = data or jaxad.load_dataset(name, data_dir=options.data_dir)
            rows, epochs = (200, 2) if options.quick else (2000, 30)
            split = jaxad.contaminate(
                data, 0, normal_class=cell[1], contamination=cell[2], n_train=rows
            )
            lines += [dict(zip(CELL, cell, strict=True)) | line for line in measure(split, epochs)]
            with write_atomically(options.out) as partial:
                frame = pd.DataFrame(lines).sort_values([*CELL, "share"], ignore_index=True)
                frame.to_csv(partial, index=False, float_format="%.5g")
    summarise(pd.DataFrame(lines), options.out)


def measure(split: jaxad.Split, epochs: int) -> list[dict[str, float]]:
    """Return the AUROC of NCAE, of the trees and of both, for each share."""
    detector = jaxad.make("ncae", split.train, epochs=epochs, **SETTINGS)
    fit = jaxad.fit(detector, split.train, seeds=SEEDS)
    scores, suspicion = jaxad.score(fit, split.test), jaxad.score(fit, split.train)
    flat = [np.asarray(part.x, np.float32) for part in (split.train, split.test)]
    train, test = (x.reshape(len(x), -1) / 255 for x in flat)
    codes = PCA(COMPONENTS, svd_solver="covariance_eigh").fit(train)
    train, test = codes.transform(train), codes.transform(test)
    truth, lines = np.asarray(split.test.label) == 1, []
    for share in SHARES:
        found = []
        for seed in range(SEEDS):
            votes = learn(train, suspicion[seed], share, seed).predict_proba(test)[:, 1]
            both = rankdata(votes) + rankdata(scores[seed])
            found.append([roc_auc_score(truth, s) for s in (scores[seed], votes, both)])
        lines.append({"share": share} | dict(zip(SCORES, np.mean(found, 0), strict=True)))
    return lines


def learn(
    codes: np.ndarray, suspicion: np.ndarray, share: float, seed: int
) -> ExtraTreesClassifier:
    """Return trees that tell the most suspicious rows from the least suspicious ones."""
    place = rankdata(suspicion) / len(suspicion)
    anomalies, normal = place > 1 - share, place <= NORMAL
    trees = ExtraTreesClassifier(
        100, min_samples_leaf=3, class_weight="balanced", random_state=seed
    )
    return trees.fit(codes[anomalies | normal], anomalies[anomalies | normal])


def summarise(results: pd.DataFrame, out: Path) -> None:
    """Write the means, and print the means of the choice by leaving each class out."""
    table = results.pivot_table(SCORES, CELL[:2], ["share", "contamination"]).dropna()
    results = results.set_index(CELL[:2]).loc[table.index].reset_index()
    groups = results.groupby(["dataset", "contamination", "share"])
    means = (100 * groups[SCORES].mean()).assign(classes=groups.normal_class.nunique())
    print(means.round(1))
    with write_atomically(out.with_stem(f"{out.stem}_means")) as partial:
        means.reset_index().to_csv(partial, index=False, float_format="%.1f")
    total = {
        (name, share): table[name][share].mean(axis=1)
        for name in SCORES
        for share in results["share"].unique()
    }
    chosen = {left: max(total, key=lambda k: total[k].drop(left).mean()) for left in table.index}
    print(pd.Series(chosen).value_counts().to_dict())
    reached = pd.DataFrame({left: table.loc[left][rule] for left, rule in chosen.items()}).T
    print((100 * reached.groupby(level=0).mean()).round(1))


if __name__ == "__main__":
    main()
