"""Table 4.4 of the thesis of Ruff (2021): the Clever-Hans score of detectors.

    python experiments/deep_one_class_thesis/table_4_4.py --data-dir DIR [--data mnist]
        [--picture clever_hans.png]

The score shows how far a detector is right for the wrong reason. For each corruption of clean
images it is 100 (AUROC - mean cosine of relevance and ground truth), where the ground truth is the
absolute difference between the corrupted and the clean image. The thesis uses KDE, Deep SVDD and an
autoencoder, and gives the three corruptions with the highest score of each; PCA and the one-class
SVM are included here as well, and Deep SVDD without letters (letters.py). Images, corruptions and
the letters that DIR needs are those of table_4_2.py.
"""

import argparse
from pathlib import Path

import numpy as np
from nine import (
    ON_DIGITS,
    auroc,
    clean_images,
    draw,
    fit,
    print_table,
    published,
    write_results,
)

import jaxad
from jaxad.data.corruptions import CORRUPTIONS, corrupt
from jaxad.explain import attributions
from jaxad.explain.clever_hans import clever_hans_score, similarity
from jaxad.utils.compilation_cache import enable_compilation_cache

EXPLAINED = (
    "KDE",
    "Deep SVDD",
    "Autoencoder",
    "Deep SVDD, pixels",
    "Letter features",
    "PCA",
    "SVDD",
)
SHOWN = ("stripe", "dotted_line", "impulse_noise", "shear")


def main() -> None:
    """Train and attribute each method, then print the scores."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--data-dir")
    parser.add_argument("--train", type=int, default=1000)
    parser.add_argument("--test", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=EXPLAINED, default=EXPLAINED)
    parser.add_argument(
        "--picture", type=Path, help="write a png file with relevances of two images"
    )
    parser.add_argument("--out", type=Path, help="write all numbers to a csv file")
    args = parser.parse_args()
    enable_compilation_cache()
    train, test = draw(clean_images(args.data, args.data_dir), args.train, args.test)
    changed = {name: corrupt(test, name, 0) for name in CORRUPTIONS}
    found, maps = {}, {}
    cells: list[dict[str, str | float]] = []
    for method in [m for title in args.only for m in ON_DIGITS if m.title == title]:
        fitted = fit(method, train, args.epochs, args.seeds, args.data_dir)
        normal = jaxad.score(fitted, test)
        for name, (x, truth) in changed.items():
            share = auroc(jaxad.score(fitted, x), normal)
            relevance = attributions(fitted, x, "lrp")[..., 0]
            cosine = 100 * np.nanmean(similarity(relevance, truth))
            score = clever_hans_score(share / 100, relevance, truth)
            found[name, method.title] = score, share, cosine
            cell = {"data": args.data, "method": method.title, "corruption": name}
            cells.append(cell | {"clever_hans": score, "auroc": share, "cosine": cosine})
            maps[name, method.title] = relevance[:2]
        print(method.title, flush=True)
    report(found, args)
    if args.out is not None:
        write_results(args.out, cells)
    if args.picture is not None:
        picture(args.picture, changed, maps, list(args.only))


def report(found: dict, args: argparse.Namespace) -> None:
    """Print the score of each corruption with its two parts, and each method's three highest."""

    def cell(name: str, title: str) -> str:
        score, share, cosine = found[name, title]
        return f"{score:.1f} ({share:.1f} - {cosine:.1f})"

    print(
        f"\n{args.data}: {args.train} training and {args.test} test images, {args.seeds} seed(s)\n"
    )
    print_table(list(CORRUPTIONS), list(args.only), cell, "score (AUROC - cosine)")
    known = published("table_4_4", "clever_hans_score")
    print()
    for title in args.only:
        ours = sorted(CORRUPTIONS, key=lambda name: -found[name, title][0])[:3]
        there = [f"{n} {v:g}" for (m, n), v in known.items() if m == title][:3]
        mine = ", ".join(f"{name} {found[name, title][0]:.1f}" for name in ours)
        print(f"{title}: {mine} (published, MNIST-C: {', '.join(there) or 'none'})")


def picture(path: Path, changed: dict, maps: dict, titles: list[str]) -> None:
    """Draw images of some corruptions in columns: the image, the ground truth and relevances."""
    from matplotlib.figure import Figure

    columns = [(name, i) for name in SHOWN for i in range(2)]
    rows = ["image", "truth", *titles]
    size = (1.05 * len(columns) + 0.6, 1.05 * len(rows))
    figure = Figure(figsize=size, layout="constrained")
    for r, (row, line) in enumerate(
        zip(rows, figure.subplots(len(rows), len(columns)), strict=True)
    ):
        for axes, (name, i) in zip(line, columns, strict=True):
            shown = {"image": changed[name].x[i, ..., 0], "truth": changed[name].truth[i]}
            image = shown.get(row, maps.get((name, row), [None, None])[i])
            top = 1 if row == "image" else np.quantile(image, 0.99) or 1
            colours = "gray" if row == "image" else "inferno"
            axes.imshow(image, vmin=0, vmax=top, cmap=colours, interpolation="nearest")
            axes.set(xticks=[], yticks=[])
            if r == 0 and i == 0:
                axes.set_title(name, fontsize=8, loc="left")
        line[0].set_ylabel(row, fontsize=8)
    figure.savefig(path, dpi=72)


if __name__ == "__main__":
    main()
