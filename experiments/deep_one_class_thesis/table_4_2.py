"""Table 4.2 of the thesis of Ruff (2021): nine methods against fifteen corruptions of clean images.

    python experiments/deep_one_class_thesis/table_4_2.py --data-dir DIR [--data mnist]

Trains on clean images of all classes and detects corrupted copies of other images. The thesis uses
MNIST, MNIST-C and five seeds. This script uses MNIST (--data mnist), letters (notmnist_10k),
Fashion-MNIST (fashion-mnist) or scikit-learn's digits enlarged to 28 by 28 pixels (digits), with
the corruptions of jaxad.data.corruptions. The published AUROCs are in brackets. Deep SVDD starts
from features of letters, for which DIR needs notmnist_10k.npz; leave it out by --only.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from nine import (
    ON_DIGITS,
    auroc,
    average_precision,
    clean_images,
    draw,
    fit,
    print_table,
    published,
    rows_for,
    write_results,
)

import jaxad
from jaxad.data.corruptions import CORRUPTIONS, corrupt
from jaxad.utils.compilation_cache import enable_compilation_cache


def main() -> None:
    """Train each method and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--data-dir")
    parser.add_argument("--train", type=int, default=1000)
    parser.add_argument("--test", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=[m.title for m in ON_DIGITS])
    parser.add_argument("--out", type=Path, help="write all numbers to a csv file")
    args = parser.parse_args()
    enable_compilation_cache()
    train, test = draw(clean_images(args.data, args.data_dir), args.train, args.test)
    methods = [m for m in ON_DIGITS if args.only is None or m.title in args.only]
    found, known = {}, published("table_4_2", "auroc")
    cells: list[dict[str, str | float]] = []
    changed = {name: corrupt(test, name, 0).x for name in CORRUPTIONS}
    for method in methods:
        start = time.monotonic()
        rows, held_out, *others = rows_for(method, train, test, *changed.values())
        fitted = fit(method, rows, args.epochs, args.seeds, args.data_dir)
        normal = jaxad.score(fitted, held_out)
        for name, x in zip(changed, others, strict=True):
            anomalous = jaxad.score(fitted, x)
            found[name, method.title] = auroc(anomalous, normal)
            cells.append(
                {
                    "data": args.data,
                    "method": method.title,
                    "corruption": name,
                    "auroc": found[name, method.title],
                    "ap": average_precision(anomalous, normal),
                }
            )
        print(f"{method.title}: {time.monotonic() - start:.0f} s", flush=True)

    def cell(name: str, title: str) -> str:
        if name == "mean":
            return f"{np.mean([found[other, title] for other in CORRUPTIONS]):.1f}"
        there = "canny_edges" if name == "edges" else name
        there = f" ({known[title, there]:g})" if (title, there) in known else ""
        return f"{found[name, title]:.1f}{there}"

    print(
        f"\n{args.data}: {len(train)} training and {len(test)} test images, {args.seeds} seed(s)\n"
    )
    if args.out is not None:
        write_results(args.out, cells)
    print_table([*CORRUPTIONS, "mean"], [m.title for m in methods], cell, "")


if __name__ == "__main__":
    main()
