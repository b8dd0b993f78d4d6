"""Add the results on long series to the file of evidence for `jaxad recommend`.

    python experiments/recommend/collect_series.py [experiments/series/results/accuracy.csv]

The csv file is written by `experiments/series/accuracy.py`; the file's other rows stay. A task is
the heartbeats joined to one series, or one kind of anomaly in the synthetic series; the AUROC and
average precision are those of timestamps. Scores averaged over a window and `persistence` are left
out, because no command of jaxad gives them.
"""

import argparse
import runpy
from pathlib import Path

import pandas as pd

from jaxad.recommendation.evidence import (
    RESULTS,
    Measurement,
    format_settings,
    read_measurements,
    write_measurements,
)

SERIES = Path(__file__).parents[1] / "series"
STUDY = runpy.run_path(str(SERIES / "accuracy.py"))


def main() -> None:
    """Write the file and print how many of its rows are of series."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("results", nargs="?", type=Path, default=SERIES / "results/accuracy.csv")
    parser.add_argument("--out", type=Path, default=Path(str(RESULTS)))
    args = parser.parse_args()
    measured = collect_rows(pd.read_csv(args.results))
    others = [one for one in read_measurements(args.out) if one.kind != "series"]
    write_measurements(args.out, [*others, *measured])
    print(f"{len(measured)} rows of series in {args.out}")


def collect_rows(cells: pd.DataFrame) -> list[Measurement]:
    """Return a row for each task and detector."""
    measured = []
    for (data, ranges, name), own in cells.groupby(["data", "ranges", "detector"]):
        synthetic = data == "synthetic"
        if name in STUDY["DETECTORS"] and name != "persistence" and synthetic == (ranges != "all"):
            measured.append(
                Measurement(
                    experiment="series/accuracy.py",
                    kind="series",
                    dataset="synthetic_series" if synthetic else "ecg5000_joined",
                    normal_class=ranges if synthetic else "normal",
                    rows=count_windows(synthetic),
                    columns=0,
                    anomalies=compute_share(ranges if synthetic else None),
                    labelled=0,
                    hidden=0.05 if "hidden" in data else 0.0,
                    exposure="",
                    detector=name,
                    settings=format_settings(STUDY["DETECTORS"][name]),
                    auroc=float(own.auroc.mean()),
                    auroc_std=float(own.auroc.std()),
                    auprc=float(own.auprc.mean()),
                    seeds=len(own),
                )
            )
    return measured


def count_windows(synthetic: bool) -> int:
    """Return the number of training windows of a series."""
    length, window, stride = (
        (STUDY["LONG"], 50, 5) if synthetic else (STUDY["BEATS"] * STUDY["POINTS"], 140, 10)
    )
    return (length - window) // stride + 1


def compute_share(kind: str | None) -> float:
    """Return the expected share of anomalous timestamps in a test series."""
    if kind is None:
        return STUDY["ANOMALOUS"] / STUDY["BEATS"]
    low, high = STUDY["LENGTHS"][kind]
    return STUDY["KINDS"][kind] * (low + high - 1) / 2 / STUDY["LONG"]


if __name__ == "__main__":
    main()
