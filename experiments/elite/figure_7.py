"""Follow ELITE and its control during training, and the meta-gradients of hidden anomalies.

    python experiments/elite/figure_7.py DATA --out experiments/elite/results

Figure 7 of Zhang et al. (2021), with dense layers: each class of a data set in turn normal, 10 + 10
labelled rows. The control is hinge Deep SAD: ELITE's network, losses, optimiser and steps, trained
on the labelled rows instead of weighted by them. Two files are written, of means over the classes
and the seeds:

* `figure_7_curves.csv`: the AUROC on test rows in %, and the hinge loss of the labelled rows in
  inference mode, in units of the margin (figures 7a and b);
* `figure_7_weights.csv`: quantiles of the rows' sums of meta-gradients at the end of ELITE's
  training, for normal and for hidden anomalous rows (figure 7c). The sums of each fit are divided
  by the standard deviation over its rows.
"""

import argparse
import csv
from pathlib import Path

import numpy as np
from fashion_mnist import draw_split, fit_with_curve

import jaxad
from jaxad.utils.compilation_cache import enable_compilation_cache

METHODS = {"ELITE (SVDD)": {}, "hinge Deep SAD": {"weighting": "by_label"}}
DENSE = {"channels": (), "widths": (128, 64, 32)}
QUANTILES = (5, 25, 50, 75, 95)


def measure_loss(fit: jaxad.Fit, split: jaxad.Split) -> np.ndarray:
    """Return the hinge loss of the labelled rows of each seed, in units of its margin, `(seeds,)`.

    That is the mean distance of the normal rows, and of what anomalies lack to the margin.
    """
    losses = []
    margins = np.asarray(fit.state.extras["margin"])
    for seed, margin in enumerate(margins):
        label = split.train.label[seed]
        omega = np.asarray(jaxad.score(fit, split.train.x[seed][label != 0]))[seed] / margin
        anomalous = label[label != 0] < 0
        losses.append(
            omega[~anomalous].mean() + np.maximum(1 - omega[anomalous], 0).mean(),
        )
    return np.array(losses)


def main() -> None:
    """Train on each class, and write both files after each class."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", help="folder with Fashion-MNIST's idx files, or mnist.npz")
    parser.add_argument("--classes", nargs="+", type=int, default=list(range(10)))
    parser.add_argument("--contamination", nargs="+", type=float, default=[0.1, 0.5])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--train", type=int, default=2000, help="unlabelled training rows")
    parser.add_argument("--learning-rate", type=float, default=3e-2)
    parser.add_argument("--every", type=int, default=40, help="steps between points of a curve")
    parser.add_argument("--out", type=Path, required=True, help="the folder of both files")
    parser.add_argument("--suffix", default="", help="how both files' names end, such as _mnist")
    options = parser.parse_args()
    enable_compilation_cache()
    data = jaxad.load_dataset(options.data)
    curves, sums = {}, {}
    for normal in options.classes:
        for contamination in options.contamination:
            split = draw_split(data, normal, contamination, options.train, options.seeds)
            for method, settings in METHODS.items():
                config = {"epochs": options.epochs, "learning_rate": options.learning_rate}
                fit, curve = fit_with_curve(
                    "elite_deep_svdd", split, options.every, config | DENSE | settings, measure_loss
                )
                for steps, auroc, loss in curve:
                    point = 100 * np.mean(auroc), np.mean(loss)
                    curves.setdefault((contamination, method, steps), []).append(point)
                if method == "ELITE (SVDD)":
                    for rows, values in split_sums(fit, split).items():
                        sums.setdefault((contamination, rows), []).append(values)
            print(f"class {normal}, contamination {contamination}", flush=True)
        write(options.out, options.suffix, curves, sums)


def split_sums(fit: jaxad.Fit, split: jaxad.Split) -> dict[str, np.ndarray]:
    """Return the meta-gradients' sums of normal and of hidden rows, of all seeds."""
    found = jaxad.audit(fit, split, "meta_weight")
    scaled = found.suspicion / np.nanstd(found.suspicion, axis=1, keepdims=True)
    known = ~np.isnan(scaled)
    hidden = np.asarray(found.hidden) == 1
    return {"normal": -scaled[known & ~hidden], "hidden": -scaled[known & hidden]}


def write(folder: Path, suffix: str, curves: dict, sums: dict) -> None:
    """Write means over classes, and quantiles over the rows of all classes."""
    with (folder / f"figure_7_curves{suffix}.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["contamination", "detector", "steps", "AUROC", "loss"])
        for key, points in sorted(curves.items()):
            auroc, loss = np.mean(points, axis=0)
            writer.writerow([*key, f"{auroc:.1f}", f"{loss:.3f}"])
    with (folder / f"figure_7_weights{suffix}.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["contamination", "rows", *(f"{q} %" for q in QUANTILES), "above 0 (%)"])
        for key, values in sorted(sums.items()):
            together = np.concatenate(values)
            cells = [f"{value:.2f}" for value in np.percentile(together, QUANTILES)]
            writer.writerow([*key, *cells, f"{100 * np.mean(together > 0):.1f}"])


if __name__ == "__main__":
    main()
