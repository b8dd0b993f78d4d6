"""Figure 10 of Zhou et al. (2023): t-SNE of input and hidden features, coloured by score.

    python experiments/anoonly/figure_10.py DATA [--sets SET ...] [--out figure_10.png]

DATA is a folder of ADBench's npz files. Each dataset has a row of four panels: the input features
with the scores of Deep SAD and of AnoOnly, and the hidden features of each. Crosses are anomalies.
"""

import argparse
from functools import partial

import jax
import numpy as np
from matplotlib.figure import Figure
from sklearn.manifold import TSNE

import jaxad
from jaxad.models.base import as_input
from jaxad.utils.compilation_cache import enable_compilation_cache

SETS = ("CIFAR10_0", "SVHN_8", "20news_3", "MVTec-AD_bottle")
DETECTORS = {
    "Deep SAD": ("deep_sad", {"epochs": 50, "milestone": 1.0, "pretrain_epochs": 0}),
    "AnoOnly": ("anoonly_deep_sad", {}),
}


def hidden(fit: jaxad.Fit, x: np.ndarray) -> np.ndarray:
    """Return the embedding of rows by the network of a hypersphere, `(n, k)`."""
    state = jax.tree.map(lambda leaf: leaf[0], fit.state)
    encoder = fit.detector.parts.model.encoder
    embed = partial(encoder.apply, state.params, state.batch_stats, train=False)
    return np.asarray(embed(as_input(x, encoder.input_shape))[0])


def main() -> None:
    """Draw the figure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", help="folder with ADBench's npz files")
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--rows", type=int, default=500, help="test rows in a picture")
    parser.add_argument("--out", default="figure_10.png")
    args = parser.parse_args()
    enable_compilation_cache()
    figure = Figure(figsize=(14, 3.4 * len(args.sets)), layout="constrained")
    axes = figure.subplots(len(args.sets), 4, squeeze=False)
    for row, name in zip(axes, args.sets, strict=True):
        data = jaxad.load_dataset(name, data_dir=args.data)
        split = jaxad.contaminate(data, 0, labelled_anomalies=0.1, test_size=0.3, scaling="minmax")
        x, label = split.test.x[: args.rows], split.test.label[: args.rows]
        inputs = TSNE(random_state=0).fit_transform(x)
        for i, (title, (detector, config)) in enumerate(DETECTORS.items()):
            fit = jaxad.fit(jaxad.make(detector, split.train, **config), split.train)
            rank = jaxad.score(fit, x)[0].argsort().argsort() / len(x)
            auroc = 100 * jaxad.evaluate(fit, split.test).auroc.mean
            features = TSNE(random_state=0).fit_transform(hidden(fit, x))
            draw(row[i], inputs, rank, label, f"{name}: input, {title} ({auroc:.1f})")
            draw(row[2 + i], features, rank, label, f"hidden features of {title}")
    figure.savefig(args.out, dpi=90)


def draw(ax, points: np.ndarray, rank: np.ndarray, label: np.ndarray, title: str) -> None:
    """Draw rows coloured by the rank of their score; dark blue is the most normal."""
    for truth, marker in ((0, "o"), (1, "X")):
        kind = label == truth
        size = 12 if truth == 0 else 40
        colours = {"c": rank[kind], "cmap": "viridis", "vmin": 0, "vmax": 1}
        ax.scatter(*points[kind].T, s=size, marker=marker, lw=0.3, edgecolors="k", **colours)
    ax.set(title=title, xticks=[], yticks=[])


if __name__ == "__main__":
    main()
