r"""FCDD's heat maps on magnetic tiles, in the form of table 3.2 and ablations A.3 and A.4.

    python experiments/deep_one_class_thesis/tiles.py DATA [--epochs 80] [--seeds 1] [--out DIR]
    python experiments/deep_one_class_thesis/tiles.py DATA --epochs 80 --seeds 2 \
        --only confetti confetti_pixels five_masks \
        --results experiments/deep_one_class_thesis/results
    python experiments/deep_one_class_thesis/tiles.py tiles/ --epochs 30 \
        --only confetti confetti_pixels --models models

DATA is a folder with magnetic_tile_64.npz, or the folder of pictures that tiles_folder.py writes.
The data set has 952 normal tiles and 392 with defects of five kinds, at 64 pixels, with masks.
Training uses the tiles without a defect, except for 40 % that are test tiles; 40 % of the defects
are also test tiles. A folder has one such division of its own, and no labelled defects for
five_masks. For each way of training the script prints the AUROC of images, that of pixels, pooled
and as the mean over images with a defect, AUPRO, and for each kind of defect the AUROC of pixels as
the mean over images. --results writes these numbers to tiles.csv, and AUPRO for each kind of defect
to tiles_aupro.csv. --only selects ways of training; --augment "flip, noise(0.01)" changes the
images of each batch, and their masks, for all of them. --models saves the detector of each way, for
`jaxad explain`.

    confetti           artificial anomalies, loss of whole images
    confetti_pixels    artificial anomalies, loss of pixels
    five_masks         as before, with five labelled defects, one of each kind, and their masks
    field_17 ... 47    confetti_pixels with networks of other receptive fields (table A.3)
    sigma              confetti_pixels up-sampled with other Gaussians, from one fit (table A.4)
    autoencoder        blurred reconstruction errors
"""

import argparse
import csv
from dataclasses import dataclass, field
from pathlib import Path

import jax
import numpy as np

import jaxad
from jaxad.explain import collect_pixels, draw_heatmaps, heatmaps, measure_pixels, select_images
from jaxad.utils.compilation_cache import enable_compilation_cache

PIXELS = {"pixelwise": True}
IMAGES = {"pixelwise": False}
METRICS = ("images", "pixels, pooled", "pixels, mean", "AUPRO")
FIELDS = {
    17: "conv(16, 3, 2), conv(32), pool, conv(64, 1), conv(64)",
    27: "conv(16, 5, 2), conv(32), pool, conv(64), conv(64)",
    39: "conv(16, 5, 2), conv(32, 5), pool, conv(64, 5), conv(64)",
    47: "conv(16, 5, 2), conv(32, 5), pool, conv(64, 5), conv(64, 5)",
}
SIGMAS = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0)


@dataclass(frozen=True)
class Way:
    """A way of training: a detector, its settings, and whether defects are labelled."""

    settings: dict = field(default_factory=dict)
    detector: str = "fcdd"
    labelled: bool = False
    kind: str = "auto"
    sigmas: tuple[float | None, ...] = (None,)


WAYS = {
    "confetti": Way(IMAGES),
    "confetti_pixels": Way(PIXELS),
    "five_masks": Way(PIXELS | {"confetti": 0.5, "labelled_share": 1 / 16}, labelled=True),
    **{f"field_{size}": Way(PIXELS | {"layers": text}) for size, text in FIELDS.items()},
    "sigma": Way(PIXELS, sigmas=SIGMAS),
    "autoencoder": Way({"channels": (16, 32, 64), "widths": (64,)}, "autoencoder"),
}


def measure(
    data: jaxad.Dataset, name: str, way: Way, args: argparse.Namespace
) -> dict[str, tuple[list[float], list[float]]]:
    """Train in one way, and print its rows of the table.

    Returns:
        For each title the row of the table and AUPRO for each kind of defect, in percent.
    """
    seeds, rows = args.seeds, {}
    labelled = 1.0 if way.labelled else 0
    split = jaxad.contaminate(
        data, 0, normal_class=0, contamination=0.0, labelled_anomalies=labelled, seeds=seeds
    )
    train = one_of_each_kind(split, data, seeds) if way.labelled else split.train
    settings = {"epochs": args.epochs, "batch_size": 64} | way.settings
    if args.augment is not None:
        settings["augment"] = args.augment
    fitted = jaxad.fit(jaxad.make(way.detector, train, **settings), train)
    if args.models is not None:
        jaxad.save(fitted, args.models / name)
    images = jaxad.evaluate(fitted, split.test).auroc.per_seed
    for sigma in way.sigmas:
        found, regions = [], []
        for seed in range(seeds):
            one = split.seed(seed)
            maps = heatmaps(fitted, one.test.x, way.kind, sigma=sigma)[seed]
            kinds = (data.y if data.y_test is None else data.y_test)[one.test_rows]
            pixels = collect_pixels(maps, one.test.mask)
            all_kinds = measure_pixels(pixels)
            each = [measure_pixels(select_images(pixels, kinds == k)) for k in data.classes[1:]]
            found.append((images[seed], *all_kinds[2:], *(one.per_image for one in each)))
            regions.append((all_kinds.aupro, *(one.aupro for one in each)))
            if args.out is not None and seed == 0 and sigma == way.sigmas[0]:
                draw(args.out / f"{name}.png", one, maps, kinds)
        title = name if sigma is None else f"{name} {sigma:g}"
        numbers = 100 * np.mean(found, axis=0)
        cells = (f"{value:.1f}" for value in numbers)
        seconds = f"{fitted.seconds.run:.0f}"
        print(f"| {title} | {' | '.join(cells)} | {seconds} |", flush=True)
        rows[title] = (list(numbers), list(100 * np.mean(regions, axis=0)))
    return rows


def write(path: Path, header: list[str], rows: dict[str, list[float]], setting: str) -> None:
    """Write rows to a csv file, in place of those of the same setting and title."""
    known = {}
    if path.exists():
        with path.open() as file:
            known = {tuple(row[:2]): row for row in list(csv.reader(file))[1:]}
    for title, numbers in rows.items():
        known[setting, title] = [setting, title, *(f"{value:.1f}" for value in numbers)]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([["setting", "training", *header], *known.values()])


def one_of_each_kind(split: jaxad.Split, data: jaxad.Dataset, seeds: int) -> jaxad.TrainData:
    """Return the training rows with only the first labelled defect of each kind."""
    kept = []
    for one in map(split.seed, range(seeds)):
        labelled = np.flatnonzero(one.train.label == -1)
        kinds = data.y[one.train_rows[labelled]]
        first = [labelled[kinds == kind][0] for kind in data.classes[1:]]
        rows = np.sort([*np.flatnonzero(one.train.label == 0), *first])
        arrays = {name: getattr(one.train, name)[rows] for name in ("x", "label", "mask")}
        kept.append(one.train._replace(**arrays, count=np.int32(len(rows))))
    return jax.tree.map(lambda *of_seeds: np.stack(of_seeds), *kept)


def draw(path: Path, split: jaxad.Split, maps: np.ndarray, kinds: np.ndarray) -> None:
    """Draw heat maps of the first two test tiles of each kind, whatever their scores."""
    rows = np.concatenate([np.flatnonzero(kinds == kind)[:2] for kind in (1, 2, 3, 4, 5, 0)])
    path.parent.mkdir(parents=True, exist_ok=True)
    draw_heatmaps(path, split.test.x[rows], maps[rows], split.test.mask[rows])


def main() -> None:
    """Train in each way and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", help="folder with magnetic_tile_64.npz, or of pictures")
    parser.add_argument("--epochs", type=int, default=80)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--augment", help="the setting `augment` of the detectors")
    parser.add_argument("--only", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--out", type=Path, help="folder for pictures")
    parser.add_argument("--models", type=Path, help="folder for saved detectors")
    parser.add_argument("--results", type=Path, help="folder for tiles.csv and tiles_aupro.csv")
    args = parser.parse_args()
    enable_compilation_cache()
    pictures = Path(args.data, "train").is_dir()
    if pictures:
        data = jaxad.load_dataset(args.data)
    else:
        data = jaxad.load_dataset("magnetic_tile_64", data_dir=args.data)
    kinds = [data.class_name(kind).removeprefix("MT_").lower() for kind in data.classes[1:]]
    setting = f"{args.epochs} epochs, {args.seeds} seed(s)"
    setting += ", folder" if pictures else ""
    setting += "" if args.augment is None else ", augmented"
    header = [*METRICS, *kinds]
    print(setting)
    print(f"| | {' | '.join(header)} | seconds |")
    print("|---" * (len(header) + 2) + "|")
    for name in args.only:
        rows = measure(data, name, WAYS[name], args)
        if args.results is not None:
            of_ways = {title: row for title, (row, _) in rows.items()}
            of_kinds = {title: row for title, (_, row) in rows.items()}
            write(args.results / "tiles.csv", header, of_ways, setting)
            write(args.results / "tiles_aupro.csv", ["all", *kinds], of_kinds, setting)


if __name__ == "__main__":
    main()
