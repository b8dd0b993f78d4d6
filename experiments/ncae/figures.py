"""Figures 1, 3 and 4 of Yu et al. (2023): codes, generated images and the mining criterion.

    python experiments/ncae/figures.py DATASET OUT [--data-dir DATA] [--normal-class 0]

Trains `ncae` (or another detector with codes) and writes pictures into the folder OUT: codes.png
shows 500 codes of training rows on their first two principal axes, coloured by the entropy of a
kernel density estimate, with crosses for hidden anomalies; generated.png, for images, shows
training images next to generated ones. Prints figure 4: the mean of the mining criterion for normal
rows and for hidden anomalies.
"""

import argparse
from pathlib import Path

import jax
import numpy as np
from matplotlib.figure import Figure
from sklearn.decomposition import PCA
from sklearn.neighbors import KernelDensity

import jaxad
from jaxad.explain import draw_images, generated
from jaxad.explain.auditing import find_record
from jaxad.utils.compilation_cache import enable_compilation_cache

POINTS = 500


def draw_codes(path: Path, codes: np.ndarray, hidden: np.ndarray) -> None:
    """Draw figure 1: codes in two dimensions, coloured by `-p log p` of a density estimate."""
    plane = PCA(2).fit_transform(codes)
    width = plane.std() * len(plane) ** (-1 / 6) + 1e-12
    log_density = KernelDensity(bandwidth=width).fit(plane).score_samples(plane)
    entropy = -np.exp(log_density) * log_density
    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.subplots()
    shades = {"vmin": entropy.min(), "vmax": entropy.max(), "cmap": "viridis"}
    for kind, marker in ((0, "o"), (1, "x")):
        at, shade = plane[hidden == kind], entropy[hidden == kind]
        points = axes.scatter(*at.T, c=shade, marker=marker, s=12, **shades)
    figure.colorbar(points, label="entropy")
    axes.set(xlabel="first axis", ylabel="second axis", title="codes; crosses: hidden anomalies")
    figure.savefig(path, dpi=150)


def main() -> None:
    """Train the detector, draw the figures and print figure 4."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("dataset")
    parser.add_argument("out", type=Path)
    parser.add_argument("--data-dir")
    parser.add_argument("--normal-class", type=int)
    parser.add_argument("--detector", default="ncae")
    parser.add_argument("--contamination", type=float, default=0.2)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--n-train", type=int)
    parser.add_argument("--dense", action="store_true", help="dense layers 128-64-32 for images")
    args = parser.parse_args()
    enable_compilation_cache()
    data = jaxad.load_dataset(args.dataset, data_dir=args.data_dir)
    protocol = {"contamination": args.contamination, "labelled_anomalies": 0}
    if args.normal_class is not None:
        protocol["normal_class"] = args.normal_class
    split = jaxad.contaminate(data, 0, n_train=args.n_train, **protocol)
    sizes = {"channels": (), "widths": (128, 64, 32)} if args.dense else {}
    detector = jaxad.make(args.detector, split.train, epochs=args.epochs, **sizes)
    fit = jaxad.fit(detector, split.train)

    args.out.mkdir(parents=True, exist_ok=True)
    state = jax.tree.map(lambda leaf: leaf[0], fit.state)
    some = np.random.default_rng(0).permutation(len(split.hidden))[:POINTS]
    codes = detector.parts.model.encode(state.variables, split.train.x[some], train=False)
    draw_codes(args.out / "codes.png", np.asarray(codes), split.hidden[some])
    if split.train.x.ndim == 4:
        parts = {"training rows": split.train.x[some], "generated": generated(fit)[0]}
        draw_images(args.out / "generated.png", parts)
    found = find_record(state.weighting, "suspicion")
    n = len(split.hidden)
    suspicion = np.asarray(found.suspicion)[:n] / np.maximum(np.asarray(found.seen)[:n], 1)
    for kind, name in enumerate(("normal", "hidden anomalies")):
        of_kind = -suspicion[split.hidden == kind]
        print(f"contamination score of {name}: {of_kind.mean():.3f} ± {of_kind.std():.3f}")
    audit = jaxad.audit(fit, split, "mining").auroc
    auroc = jaxad.evaluate(fit, split.test).auroc.mean
    print(f"AUROC {100 * auroc:.1f}, mining AUROC {100 * audit.mean:.1f}" if audit else auroc)


if __name__ == "__main__":
    main()
