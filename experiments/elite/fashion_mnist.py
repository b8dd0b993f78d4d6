"""Compare ELITE with its base detectors on Fashion-MNIST, with curves and an audit.

    python experiments/elite/fashion_mnist.py DATA

Uses 5,000 training images of which a share is anomalous, and 10 + 10 labelled ones (Zhang et al.
2021, section 5). DATA is a folder with the idx files. For each class, contamination and detector
the script prints the AUROC at the end of training; the AUROC at the smallest loss on the labelled
rows, which uses no test label; the AUROC with which the scores and the sums of meta-gradients find
the hidden anomalies; and the curve of AUROC and validation loss. The base detectors use their own
optimiser for the same number of epochs.
"""

import argparse

import numpy as np

import jaxad
from jaxad.utils.compilation_cache import enable_compilation_cache

BASES = {"elite_deep_svdd": "deep_svdd", "elite_autoencoder": "autoencoder"}


def audit_auroc(fit: jaxad.Fit, split: jaxad.Split, method: str) -> str:
    """Return the mean AUROC for finding the hidden anomalies among the unlabelled rows."""
    found = jaxad.audit(fit, split, method).auroc
    return "-" if found is None else f"{100 * found.mean:.1f}"


def fit_with_curve(name: str, split: jaxad.Split, every: int, config: dict):
    """Return a fit and its curve of `(steps, AUROC, validation loss)`, the last two `(seeds,)`."""
    curve = []

    def watch(fit: jaxad.Fit) -> None:
        history = fit.history["train"]
        steps = history["loss"].shape[1] if history else 0
        loss = np.full(fit.seeds, np.inf)
        if "validation_loss" in history:
            loss = history["validation_loss"][:, -every:].mean(axis=1)
        curve.append((steps, jaxad.evaluate(fit, split.test).auroc.per_seed, loss))

    detector = jaxad.make(name, split.train, **config)
    return jaxad.fit(detector, split.train, watch=watch, watch_every=every), curve


def main() -> None:
    """Print a row after each run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", help="folder with Fashion-MNIST's idx files")
    parser.add_argument("--classes", nargs="+", type=int, default=[0, 3, 5, 8])
    parser.add_argument("--contamination", nargs="+", type=float, default=[0.1, 0.5])
    parser.add_argument("--detectors", nargs="+", default=list(BASES), choices=list(BASES))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--learning-rate", type=float, default=1e-2, help="step size of ELITE")
    parser.add_argument(
        "--dense", action="store_true", help="dense layers 128-64-32 instead of a LeNet"
    )
    parser.add_argument("--every", type=int, default=50, help="steps between points of a curve")
    args = parser.parse_args()
    enable_compilation_cache()
    data = jaxad.load_dataset(args.data)
    common = {"epochs": args.epochs}
    if args.dense:
        common |= {"channels": (), "widths": (128, 64, 32)}
    columns = "AUROC | at least loss | audit by score | by meta-gradient | curve"
    print(f"| class | contamination | detector | {columns} |\n|{'---|' * 8}")
    for normal in args.classes:
        for contamination in args.contamination:
            split = jaxad.contaminate(
                data,
                0,
                normal_class=normal,
                contamination=contamination,
                labelled_anomalies=10,
                labelled_normals=10,
                n_train=5000,
                seeds=args.seeds,
            )
            for name in args.detectors:
                print(f"| {normal} | {contamination} ", end="")
                show(split, BASES[name], args.every, common)
                config = common | {"learning_rate": args.learning_rate}
                print(f"| {normal} | {contamination} ", end="")
                show(split, name, args.every, config)


def show(split: jaxad.Split, name: str, every: int, config: dict) -> None:
    """Train and print the remainder of a row."""
    if name == "deep_svdd":
        config = config | {"pretrain_epochs": 0}
    fit, curve = fit_with_curve(name, split, every, config)
    steps, scores, losses = (np.array(part) for part in zip(*curve, strict=True))
    best = weights = "-"
    if np.isfinite(losses[1:]).all():
        least = scores[losses.argmin(axis=0), np.arange(fit.seeds)]
        best, weights = f"{100 * least.mean():.1f}", audit_auroc(fit, split, "meta_weight")
    points = ", ".join(
        f"{n}: {100 * s.mean():.1f}" + (f" ({v.mean():.2f})" if np.isfinite(v).all() else "")
        for n, s, v in zip(steps, scores, losses, strict=True)
    )
    end = f"{100 * scores[-1].mean():.1f} ± {100 * scores[-1].std(ddof=min(1, fit.seeds - 1)):.1f}"
    cells = (name, end, best, audit_auroc(fit, split, "score"), weights, points)
    print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
