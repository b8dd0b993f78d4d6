"""Table 4.3 of the thesis of Ruff (2021): nine methods against defects of a texture.

    python experiments/deep_one_class_thesis/table_4_3.py --data-dir DIR

The thesis uses the fifteen classes of MVTec-AD, with networks pre-trained on other images in front
of Deep SVDD. This script uses magnetic tiles (described in docs/explanation/fcdd.md), averaged to
32 by 32 pixels: it trains on 60 % of the tiles without a defect and compares the others with tiles
with a defect of each kind. The minimum covariance determinant is computed after principal
components, as in the thesis. The last row has the published means over MVTec-AD in brackets, which
are for other images.
"""

import argparse
import time

import numpy as np
from nine import METHODS, auroc, fit, print_table, published, rows_for

import jaxad
from jaxad.utils.compilation_cache import enable_compilation_cache


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

    def cell(name: str, title: str) -> str:
        if name != "mean":
            return f"{found[name, title]:.1f}"
        there = np.mean([value for (method, _), value in known.items() if method == title])
        return f"{np.mean([found[other, title] for other in names[1:]]):.1f} ({there:.1f})"

    print(f"\n{len(train)} training tiles, {len(held_out)} normal test tiles, ", end="")
    print(f"{args.side} pixels, {args.seeds} seed(s)\n")
    print_table([*names[1:], "mean"], [m.title for m in methods], cell, "")


if __name__ == "__main__":
    main()
