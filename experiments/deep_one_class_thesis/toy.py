"""Figures 2.2, 4.1 and 4.2 of the thesis of Ruff (2021): scores over the plane of two moons.

    python experiments/deep_one_class_thesis/toy.py OUT.png [--labelled 20] [--contamination 0.0]

Trains detectors on 600 points of the big moon and the small moon; 400 further points and 80 of 200
uniform ones are for testing. Prints the AUROC of each detector, writes it to `results/toy.csv`
beside this script with the published one, and draws the scores as contours of equal rank among the
scores of the test points, from normal (dark) to anomalous (light). Deep SAD
and HSC also receive labelled anomalies. SVDD is the one-class SVM, which is equivalent for a
Gaussian kernel; MVE is the minimum covariance determinant.
"""

import argparse
import csv
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import jaxad
from jaxad.utils.compilation_cache import enable_compilation_cache

HERE = Path(__file__).parent
WIDTHS = (64, 32, 8)
# By title: the detector, its settings, and whether it receives labelled anomalies.
PANELS: dict[str, tuple[str, dict[str, Any], bool]] = {
    "MVE": ("mcd", {}, False),
    "SVDD": ("ocsvm", {}, False),
    "Deep SVDD": ("deep_svdd", {"widths": WIDTHS}, False),
    "Gaussian": ("gaussian", {}, False),
    "KDE": ("kde", {}, False),
    "Real NVP": ("real_nvp", {}, False),
    "PCA, one component": ("pca", {"variance": 0.5}, False),
    "kernel PCA": ("kpca", {}, False),
    "autoencoder, code of 1": ("autoencoder", {"widths": (64, 32, 1), "bias": True}, False),
    "Deep SAD": ("deep_sad", {"widths": WIDTHS}, True),
    "HSC": ("hsc", {"widths": WIDTHS}, True),
}
PUBLISHED = {"PCA, one component": "PCA", "autoencoder, code of 1": "Autoencoder"}
LEVELS = 12
SIDE = 160


def main() -> None:
    """Train all detectors, print their AUROC and draw the figure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--labelled", type=int, default=20, help="labelled anomalies")
    parser.add_argument("--contamination", type=float, default=0.0)
    parser.add_argument("--epochs", type=int, default=150)
    options = parser.parse_args()
    enable_compilation_cache()
    figure = Figure(figsize=(13, 9), layout="constrained")
    axes = figure.subplots(3, 4, sharex=True, sharey=True).ravel()
    with (HERE / "published" / "figures_2_2_4_1_4_2_toy.csv").open() as file:
        known = {row["method"]: row["mean"] for row in csv.DictReader(file)}
    lines = [["detector", "auroc", "published"]]
    for (title, (name, config, labels)), panel in zip(PANELS.items(), axes, strict=False):
        split = jaxad.contaminate(
            "two_moons",
            0,
            contamination=options.contamination,
            labelled_anomalies=options.labelled if labels else 0,
        )
        auroc = 100 * draw(panel, split, name, config, options.epochs)
        panel.set_title(f"{title}: {auroc:.1f}")
        print(f"{title}: AUROC {auroc:.1f} %", flush=True)
        lines.append([title, f"{auroc:.1f}", known.get(PUBLISHED.get(title, title), "")])
    for panel in axes[len(PANELS) :]:
        panel.axis("off")
    with (HERE / "results" / "toy.csv").open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(lines)
    figure.savefig(options.out, dpi=110)


def draw(panel: Any, split: jaxad.Split, name: str, config: dict[str, Any], epochs: int) -> float:
    """Train one detector, draw its scores and return its AUROC."""
    gradient = name in ("deep_svdd", "deep_sad", "hsc", "autoencoder", "real_nvp")
    settings = {"epochs": epochs, "batch_size": 64} if gradient else {}
    if name in ("deep_svdd", "deep_sad"):
        settings["pretrain_epochs"] = epochs
    fit = jaxad.fit(jaxad.make(name, split.train, **settings, **config), split.train)
    raw_x, raw_y = np.meshgrid(np.linspace(-2, 3, SIDE), np.linspace(-2, 2, SIDE))
    plane = split.scaling.apply(np.stack([raw_x.ravel(), raw_y.ravel()], axis=1))
    scores = np.asarray(jaxad.score(fit, plane))[0].reshape(SIDE, SIDE)
    of_test = np.asarray(jaxad.score(fit, split.test))[0]
    # Ranks among the scores of test points make panels comparable, whatever their units.
    place = np.searchsorted(np.sort(of_test), scores) / len(of_test)
    panel.contourf(raw_x, raw_y, place, np.linspace(0, 1, LEVELS), cmap="cividis")
    rows = split.train.x * split.scaling.scale + split.scaling.shift
    known = np.asarray(split.train.label) < 0
    panel.plot(*rows[~known].T, ".", color="white", markersize=1.5)
    panel.plot(*rows[known].T, "x", color="tab:red", markersize=5)
    return jaxad.evaluate(fit, split.test).auroc.mean


if __name__ == "__main__":
    main()
