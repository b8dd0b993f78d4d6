"""Table C.1 of the thesis of Ruff (2021): classic sets with 1 % labelled anomalies.

    python experiments/deep_one_class_thesis/odds.py DATA [--published FILE] [--settings thesis]

60/40 split that keeps the share of anomalies, standardised on the training part, labelled
anomalies 1 % of all training rows, no hidden anomalies, 10 seeds. `--settings thesis` takes the
thesis's step size, batch size and networks; `defaults` the library's. The published Deep SVDD is
the better of its two objectives, by test labels; here each is a row of its own.
"""

import argparse
import csv
from pathlib import Path

import jaxad
from jaxad.cache import enable_compilation_cache

SETS = ("arrhythmia_odds", "cardio", "satellite", "satimage-2", "shuttle", "thyroid")
WIDTHS = {"arrhythmia_odds": (128, 64, 32), "thyroid": (32, 16, 4)}
DETECTORS = {
    "Autoencoder": ("autoencoder", {}),
    "Deep SVDD": ("deep_svdd", {}),
    "Deep SVDD (soft)": ("deep_svdd", {"objective": "soft_boundary"}),
    "Deep SAD": ("deep_sad", {}),
}


def settings(name: str, data: str) -> dict:
    """The configuration of every detector for one set."""
    if name == "defaults":
        return {}
    return {
        "learning_rate": 1e-4,
        "batch_size": 200,
        "widths": WIDTHS.get(data, (32, 16, 8)),
    }


def published(file: Path | None) -> dict[tuple[str, str], str]:
    """Mean and deviation as printed, by method and set."""
    if file is None:
        return {}
    with file.open() as lines:
        rows = list(csv.DictReader(lines))
    return {(r["method"], r["dataset"]): f"{r['mean']} ± {r['std']}" for r in rows}


def main() -> None:
    """Print the table, a row as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="folder with ADBench's npz files")
    parser.add_argument("--published", type=Path, help="the published table as csv")
    parser.add_argument("--settings", choices=("thesis", "defaults"), default="thesis")
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--seeds", type=int, default=10)
    args = parser.parse_args()
    enable_compilation_cache()
    printed = published(args.published)
    print(f"| set | detector | AUROC ({args.settings}) | AUPRC | published AUROC | seconds |")
    print("|---|---|---|---|---|---|")
    for name in args.sets:
        data = jaxad.load_dataset(name, data_dir=args.data)
        labelled = round(0.01 * 0.6 * len(data.x))
        split = jaxad.contaminate(
            data, 0, contamination=0.0, labelled_anomalies=labelled, seeds=args.seeds
        )
        for title, (detector, config) in DETECTORS.items():
            made = jaxad.make(detector, split.train, **settings(args.settings, name), **config)
            fitted = jaxad.fit(made, split.train)
            result = jaxad.evaluate(fitted, split.test)
            auroc, auprc = result.auroc, result.auprc
            there = printed.get((title.removesuffix(" (soft)"), name.removesuffix("_odds")), "")
            print(
                f"| {name} | {title} | {100 * auroc.mean:.1f} ± {100 * auroc.std:.1f} "
                f"| {100 * auprc.mean:.1f} ± {100 * auprc.std:.1f} | {there} "
                f"| {fitted.seconds.compile + fitted.seconds.run:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
