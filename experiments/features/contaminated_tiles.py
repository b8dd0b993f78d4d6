"""FCDD and PatchCore on magnetic tiles of which some in training have hidden defects.

    python experiments/features/contaminated_tiles.py DATA \
        --out experiments/features/results/contaminated_tiles.csv \
        --means experiments/features/results/contaminated_tiles_means.csv

DATA is a folder with magnetic_tile_64.npz. Training uses 60 % of the 952 tiles without a defect and
a share of the 60 % of the 392 tiles with a defect that are not test tiles; no tile is labelled.
The other tiles are the test. Networks are trained on the contaminated tiles themselves: FCDD with
confetti and losses of pixels, and an autoencoder. PatchCore has the inner maps of either
(`features:FOLDER:SOURCE`), with and without the weighting of its memory by local density.

The csv has a row for each share, seed, detector and source of features: the AUROC of the test
tiles, and that of their pixels, pooled. PatchCore's maps are enlarged to the size of the tiles and
smoothed by the Gaussian with which FCDD's maps are up-sampled. What the csv has already is not
computed again.
"""

import argparse
import csv
import tempfile
from itertools import product
from pathlib import Path

import numpy as np

import jaxad
from jaxad.explain import heatmaps, pixel_auroc
from jaxad.nets.upsampling import blur, default_sigma
from jaxad.saving.feature_maps import compute_feature_maps
from jaxad.utils.compilation_cache import enable_compilation_cache

SHARES = (0.0, 0.1, 0.2, 0.4)
DENSITY = "local_density(0.15)"
WEIGHTINGS = {"patchcore": None, "patchcore, density": DENSITY}
MEANS = (
    *("share", "hidden", "features", "detector", "seeds"),
    *("auroc", "auroc_std", "pixel_auroc", "pixel_auroc_std"),
)
COLUMNS = ("share", "hidden", "seed", "features", "detector", "auroc", "pixel_auroc")
NETWORKS = {
    "fcdd": {"pixelwise": True},
    "autoencoder": {"channels": (16, 32, 64), "widths": (64,)},
}


def enlarge(maps: np.ndarray, side: int) -> np.ndarray:
    """Return maps of the size of images, smoothed."""
    times = side // maps.shape[1]
    large = maps.repeat(times, axis=1).repeat(times, axis=2)
    return np.asarray(blur(np.asarray(large), default_sigma((side, side))))


def measure(split: jaxad.Split, scores: np.ndarray, maps: np.ndarray) -> list[float]:
    """Return the AUROC of images and that of pixels, in percent."""
    images = jaxad.evaluation.scoring.evaluate_scores(scores[None], split.test).auroc.mean
    return [100 * images, 100 * pixel_auroc(maps, np.asarray(split.test.mask)).pooled]


def measure_network(split: jaxad.Split, name: str, args: argparse.Namespace, seed: int):
    """Yield the features, the detector and the metrics of a network and of PatchCore on it."""
    epochs = args.epochs if name == "fcdd" else args.pretraining
    detector = jaxad.make(name, split.train, epochs=epochs, batch_size=64, **NETWORKS[name])
    fitted = jaxad.fit(detector, split.train, [seed])
    scores, maps = jaxad.score(fitted, split.test.x)[0], heatmaps(fitted, split.test.x)[0]
    yield "pixels", name, measure(split, scores, maps)
    with tempfile.TemporaryDirectory() as folder:
        saved = jaxad.save(fitted, Path(folder) / "network")
        train = jaxad.as_train_data(compute_feature_maps(saved, split.train.x))
        test = compute_feature_maps(saved, split.test.x)
    for title, weighting in WEIGHTINGS.items():
        core = jaxad.make("patchcore", train, coreset=args.coreset, memory_weighting=weighting)
        fitted = jaxad.fit(core, train, [seed])
        scores, maps = jaxad.score(fitted, test)[0], heatmaps(fitted, test)[0]
        yield name, title, measure(split, scores, enlarge(maps, split.test.x.shape[1]))


def read_rows(path: Path) -> list[list[str]]:
    """Return the rows of the csv whose part of the study is complete."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    done = {name_part(row) for row in rows if row[4] == list(WEIGHTINGS)[-1]}
    return [row for row in rows if name_part(row) in done]


def name_part(row: list[str]) -> tuple[float, int, str]:
    """Return the share, the seed and the network of a row."""
    return float(row[0]), int(row[2]), row[4] if row[3] == "pixels" else row[3]


def write_means(path: Path, rows: list[list]) -> None:
    """Write the means and standard deviations over seeds, as fractions of 1."""
    groups: dict[tuple, list[list[float]]] = {}
    for share, hidden, _, features, detector, *numbers in rows:
        place = (float(share), int(hidden), features, detector)
        groups.setdefault(place, []).append([float(number) / 100 for number in numbers])
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(MEANS)
        for place, found in sorted(groups.items()):
            means, spreads = np.mean(found, axis=0), np.std(found, axis=0)
            cells = [f"{n:.4f}" for pair in zip(means, spreads, strict=True) for n in pair]
            writer.writerow([*place, len(found), *cells])


def main() -> None:
    """Train everything and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", help="folder with magnetic_tile_64.npz")
    parser.add_argument("--epochs", type=int, default=30, help="of FCDD")
    parser.add_argument("--pretraining", type=int, default=15, help="epochs of the autoencoder")
    parser.add_argument("--coreset", type=float, default=0.01)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--shares", nargs="+", type=float, default=SHARES)
    parser.add_argument("--tiles", type=int, help="draw so many training tiles, as contaminated")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--means", type=Path, help="a csv file for the means over seeds")
    args = parser.parse_args()
    enable_compilation_cache()
    data = jaxad.load_dataset("magnetic_tile_64", data_dir=args.data)
    clean = jaxad.contaminate(data, 0, normal_class=0, contamination=0.0).setting["rows"]
    defects = int(np.sum(data.y > 0)) - clean["test_anomalies"]
    rows = read_rows(args.out)
    done = {name_part(row) for row in rows}
    for seed, share, name in product(range(args.seeds), args.shares, args.networks):
        if (share, seed, name) not in done:
            hidden = round(share * defects)
            contamination = hidden / (hidden + clean["unlabelled"])
            how = {"contamination": contamination, "n_train": args.tiles}
            split = jaxad.contaminate(data, seed, normal_class=0, **how)
            found = int(np.sum(split.hidden))
            for features, detector, numbers in measure_network(split, name, args, seed):
                rows.append(
                    [share, found, seed, features, detector, *(f"{n:.1f}" for n in numbers)]
                )
                print(*rows[-1], sep=", ", flush=True)
                with args.out.open("w", newline="") as file:
                    csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])
    if args.means is not None:
        write_means(args.means, rows)


if __name__ == "__main__":
    main()
