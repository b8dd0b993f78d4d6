"""Table 4.3 of the thesis of Ruff (2021): nine methods against defects of a texture.

    python experiments/deep_one_class_thesis/table_4_3.py --data-dir DIR

The thesis uses the fifteen classes of MVTec-AD, with networks pre-trained on other images in front
of Deep SVDD. This script uses magnetic tiles (described in docs/explanation/fcdd.md), averaged to
32 by 32 pixels: it trains on 60 % of the tiles without a defect and compares the others with tiles
with a defect of each kind. The minimum covariance determinant is computed after principal
components, as in the thesis. The AUROCs in % are written to `results/table_4_3.csv` beside this
script; its last row has the published means over MVTec-AD, which are for other images.
"""

import argparse
import csv
import time
from pathlib import Path

import numpy as np
from nine import METHODS, auroc, fit, published, rows_for

import jaxad
from jaxad.utils.compilation_cache import enable_compilation_cache

OUT = Path(__file__).parent / "results" / "table_4_3.csv"


def tiles(data_dir: str | None, side: int) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return tiles in [0, 1] as `(n, side, side, 1)`, their kinds and the names of the kinds."""
    data = jaxad.load_dataset("magnetic_tile_64", data_dir=data_dir)
    x = np.asarray(data.x, np.float32).reshape(len(data.x), 64, 64) / 255
    step = 64 // side
    x = x.reshape(len(x), side, step, side, step).mean(axis=(2, 4))
    return x[..., None], np.asarray(data.y), [data.class_name(k) for k in data.classes]


def main() -> None:
    """Train each method and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data-dir")
    parser.add_argument("--side", type=int, default=32, choices=(16, 32, 64))
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=[m.title for m in METHODS])
    args = parser.parse_args()
    enable_compilation_cache()
    x, kind, names = tiles(args.data_dir, args.side)
    whole = np.random.default_rng(0).permutation(np.flatnonzero(kind == 0))
    train, held_out = np.split(whole, [int(0.6 * len(whole))])
    methods = [m for m in METHODS if args.only is None or m.title in args.only]
    found = {}
    for method in methods:
        start = time.monotonic()
        first, rows = rows_for(method, x[train], x)
        fitted = fit(method, first, args.epochs, args.seeds)
        normal = jaxad.score(fitted, rows[held_out])
        for k, name in enumerate(names[1:], 1):
            found[name, method.title] = auroc(jaxad.score(fitted, rows[kind == k]), normal)
        print(f"{method.title}: {time.monotonic() - start:.0f} s", flush=True)
    known = published("table_4_3", "auroc")

    titles = [method.title for method in methods]
    lines = [[name, *(f"{found[name, title]:.1f}" for title in titles)] for name in names[1:]]
    means = [np.mean([found[name, title] for name in names[1:]]) for title in titles]
    there = [np.mean([v for (name, _), v in known.items() if name == title]) for title in titles]
    lines += [["mean", *(f"{mean:.1f}" for mean in means)]]
    lines += [["published, MVTec-AD", *(f"{mean:.1f}" for mean in there)]]
    print(f"{len(train)} training tiles, {len(held_out)} normal test tiles")
    print(*map(" | ".join, lines), sep="\n")
    with OUT.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([["tiles", *titles], *lines])


if __name__ == "__main__":
    main()
