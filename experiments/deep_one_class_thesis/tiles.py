"""FCDD's heat maps on magnetic tiles, in the form of table 3.2 and ablations A.3 and A.4.

    python experiments/deep_one_class_thesis/tiles.py DATA [--epochs 80] [--seeds 1] [--out DIR]

DATA is a folder with magnetic_tile_64.npz: 952 normal tiles and 392 with defects of five kinds, at
64 pixels, with masks. Training uses the tiles without a defect, except for 40 % that are test
tiles; 40 % of the defects are also test tiles. For each way of training the script prints the AUROC
of images, that of pixels, pooled and as the mean over images with a defect, and that of each kind
of defect. --only selects ways of training; --augment "flip, noise(0.01)" changes the images of each
batch, and their masks, for all of them.

    confetti           artificial anomalies, loss of whole images
    confetti_pixels    artificial anomalies, loss of pixels
    five_masks         as before, with five labelled defects, one of each kind, and their masks
    field_17 ... 47    confetti_pixels with networks of other receptive fields (table A.3)
    sigma              confetti_pixels up-sampled with other Gaussians, from one fit (table A.4)
    autoencoder        blurred reconstruction errors
"""

import argparse
from dataclasses import dataclass, field
from pathlib import Path

import jax
import numpy as np

import jaxad
from jaxad.explain import draw_heatmaps, heatmaps, pixel_auroc
from jaxad.utils.compilation_cache import enable_compilation_cache

PIXELS = {"pixelwise": True}
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
    "confetti": Way(),
    "confetti_pixels": Way(PIXELS),
    "five_masks": Way(PIXELS | {"confetti": 0.5, "labelled_share": 1 / 16}, labelled=True),
    **{f"field_{size}": Way(PIXELS | {"layers": text}) for size, text in FIELDS.items()},
    "sigma": Way(PIXELS, sigmas=SIGMAS),
    "autoencoder": Way({"channels": (16, 32, 64), "widths": (64,)}, "autoencoder"),
}


def measure(data: jaxad.Dataset, name: str, way: Way, args: argparse.Namespace) -> None:
    """Train in one way and print its rows of the table."""
    seeds = args.seeds
    labelled = 1.0 if way.labelled else 0
    split = jaxad.contaminate(
        data, 0, normal_class=0, contamination=0.0, labelled_anomalies=labelled, seeds=seeds
    )
    train = one_of_each_kind(split, data, seeds) if way.labelled else split.train
    settings = {"epochs": args.epochs, "batch_size": 64} | way.settings
    if args.augment is not None:
        settings["augment"] = args.augment
    fitted = jaxad.fit(jaxad.make(way.detector, train, **settings), train)
    images = jaxad.evaluate(fitted, split.test).auroc.per_seed
    for sigma in way.sigmas:
        found = []
        for seed in range(seeds):
            one = split.seed(seed)
            maps = heatmaps(fitted, one.test.x, way.kind, sigma=sigma)[seed]
            kinds = data.y[one.test_rows]
            of_kind = [
                pixel_auroc(maps[kinds == kind], one.test.mask[kinds == kind]).per_image
                for kind in data.classes[1:]
            ]
            found.append((images[seed], *pixel_auroc(maps, one.test.mask), *of_kind))
            if args.out is not None and seed == 0 and sigma == way.sigmas[0]:
                draw(args.out / f"{name}.png", one, maps, kinds)
        title = name if sigma is None else f"{name} {sigma:g}"
        cells = (f"{100 * value:.1f}" for value in np.mean(found, axis=0))
        seconds = f"{fitted.seconds.run:.0f}"
        print(f"| {title} | {' | '.join(cells)} | {seconds} |", flush=True)


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
    parser.add_argument("data", help="folder with magnetic_tile_64.npz")
    parser.add_argument("--epochs", type=int, default=80)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--augment", help="the setting `augment` of the detectors")
    parser.add_argument("--only", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--out", type=Path, help="folder for pictures")
    args = parser.parse_args()
    enable_compilation_cache()
    data = jaxad.load_dataset("magnetic_tile_64", data_dir=args.data)
    kinds = " | ".join(data.class_name(kind) for kind in data.classes[1:])
    print(f"{args.epochs} epochs, {args.seeds} seed(s)")
    print(f"| | images | pixels, pooled | pixels, mean | {kinds} | seconds |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name in args.only:
        measure(data, name, WAYS[name], args)


if __name__ == "__main__":
    main()
