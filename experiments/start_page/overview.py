"""Draw the picture of the start page from data that scikit-learn brings along.

    python experiments/start_page/overview.py

Three panels: an audit of handwritten threes, the AUROC of three detectors as more anomalies hide in
the training data, and the attributions of one row of a table. Needs matplotlib.
"""

import argparse
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer

import jaxad
from jaxad.explain import attributions, top_features

RED, GREY, ORANGE = "#d62728", "#c9ced6", "#e0701a"
SHARES = (0.0, 0.05, 0.1, 0.2, 0.3)
SHORT = {"epochs": 50, "pretrain_epochs": 50}
EXPOSURE = "latent_outlier_exposure({})"
DETECTORS = {  # name, labelled anomalies, weighting for a share of hidden anomalies, colour
    "Deep SVDD": ("deep_svdd", 0, None, "#8a97a6"),
    "with latent outlier exposure": ("deep_svdd", 0, EXPOSURE, "#2a6fb0"),
    "Deep SAD, 10 labelled anomalies": ("deep_sad", 10, None, ORANGE),
}


def main() -> None:
    """Draw the panels and write one PNG."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default="docs/assets/overview.png")
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    plt.rcParams |= {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
    figure = plt.figure(figsize=(12, 3.1), layout="constrained")
    left, middle, right = figure.subfigures(1, 3, width_ratios=(1.15, 1, 1.05), wspace=0.04)
    draw_audit(left, options.seeds)
    draw_contamination(middle, options.seeds)
    draw_attributions(right, options.seeds)
    figure.savefig(options.out, dpi=160)


def draw_audit(figure: Any, seeds: int) -> None:
    """Draw the most suspicious of the threes, hidden anomalies in red frames."""
    split = jaxad.contaminate("digits", 0, normal_class=3, contamination=0.1)
    detector = jaxad.make("deep_svdd", split.train, weighting=EXPOSURE.format(0.1), **SHORT)
    audit = jaxad.audit(jaxad.fit(detector, split.train, seeds=seeds), split)
    grid = figure.subplots(3, 7)
    order = np.argsort(-audit.combined)[: grid.size]
    for axes, row in zip(grid.flat, order, strict=True):
        axes.imshow(split.train.x[row].reshape(8, 8), cmap="gray_r")
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set(visible=True, color=RED if split.hidden[row] else GREY, linewidth=2)
    found = int(split.hidden[order].sum())
    print(f"audit: {found} of {split.hidden.sum()} hidden anomalies in the first {len(order)} rows")
    figure.suptitle("Audit: which 'threes' are not threes?", fontweight="bold")
    figure.supxlabel(
        f"most suspicious of {len(split.hidden)} images; red: other digits", fontsize=9
    )


def draw_contamination(figure: Any, seeds: int) -> None:
    """Draw the mean test AUROC over the ten digits against the share of hidden anomalies."""
    axes = figure.subplots()
    for label, (name, labelled, weighting, colour) in DETECTORS.items():
        means = [mean_auroc(name, share, labelled, weighting, seeds) for share in SHARES]
        print(label, dict(zip(SHARES, np.round(means, 3), strict=True)))
        axes.plot([100 * share for share in SHARES], means, "o-", color=colour, label=label)
    axes.set(
        xlabel="hidden anomalies in the training data (%)", ylabel="test AUROC", ylim=(0.68, 1)
    )
    axes.legend(frameon=False)
    figure.suptitle("Accuracy on contaminated data", fontweight="bold")


def mean_auroc(name: str, share: float, labelled: int, weighting: str | None, seeds: int) -> float:
    """Return the mean AUROC over the ten digits, each in turn normal, and over seeds."""
    found = []
    for digit in range(10):
        split = jaxad.contaminate(
            "digits",
            0,
            normal_class=digit,
            contamination=share,
            labelled_anomalies=labelled,
            seeds=seeds,
        )
        chosen = SHORT | ({"weighting": weighting.format(share)} if weighting and share else {})
        fitted = jaxad.fit(jaxad.make(name, split.train, **chosen), split.train)
        found.append(jaxad.evaluate(fitted, split.test).auroc.mean)
    return float(np.mean(found))


def draw_attributions(figure: Any, seeds: int) -> None:
    """Draw the largest attributions of the malignant test row with the median score."""
    split = jaxad.contaminate("breast_cancer", 0, contamination=0.05)
    fitted = jaxad.fit(jaxad.make("autoencoder", split.train, epochs=50), split.train, seeds=seeds)
    scores = jaxad.score(fitted, split.test).mean(0)
    malignant = np.flatnonzero(split.test.label == 1)
    row = malignant[np.argsort(scores[malignant])[len(malignant) // 2]]
    values = attributions(fitted, split.test.x[row : row + 1])
    places, shares = zip(*top_features(values, 7)[0], strict=True)
    names = [str(load_breast_cancer().feature_names[place]) for place in places]
    axes = figure.subplots()
    axes.barh(names[::-1], shares[::-1], color=ORANGE)
    axes.set(xlabel="contribution to the anomaly score")
    figure.suptitle("Why is this tumour anomalous?", fontweight="bold")


if __name__ == "__main__":
    main()
