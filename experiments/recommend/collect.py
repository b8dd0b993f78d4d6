"""Collect sweep results into the file of evidence for `jaxad recommend`.

    python experiments/recommend/collect.py RESULTS [RESULTS ...] --data-dir DATA [--keep]

RESULTS are folders written by `jaxad sweep experiments/recommend/NAME.toml --out RESULTS`. A task,
a dataset with a normal class, is included once all of its jobs are complete. Seeds whose training
diverged are left out of the mean and reported. With `--keep` the rows of the file that RESULTS do
not replace stay, and jobs that were not run are passed over.
"""

import argparse
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

import jaxad
from jaxad.recommendation.evidence import (
    RESULTS,
    Measurement,
    format_settings,
    read_measurements,
    simplify_name,
    write_measurements,
)
from jaxad.results import read_results
from jaxad.sweep.jobs import Job
from jaxad.sweep.stored import load_stored


def main() -> None:
    """Write the file and print its number of rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", nargs="+", type=Path, help="folders of sweep results")
    parser.add_argument("--data-dir", type=Path, help="folder of datasets")
    parser.add_argument("--out", type=Path, default=Path(str(RESULTS)))
    parser.add_argument("--keep", action="store_true", help="keep the other rows of the file")
    options = parser.parse_args()
    measured = [
        one
        for folder in options.results
        for one in collect_rows(folder, options.data_dir, options.keep)
    ]
    if options.keep:
        rows = {identify(one): one for one in [*read_measurements(options.out), *measured]}
        measured = list(rows.values())
    write_measurements(options.out, measured)
    print(f"{len(measured)} rows in {options.out}")


def identify(one: Measurement) -> tuple:
    """Return what no two rows of the file share."""
    return one.experiment, one.task, one.labelled, one.hidden, one.exposure, one.choice


def collect_rows(folder: Path, data_dir: Path | None, keep: bool = False) -> Iterator[Measurement]:
    """Yield the rows of a folder of results; with `keep` those of the jobs that were run."""
    cells = read_results(folder).drop_duplicates(["job", "seed"], keep="last")
    by_job = dict(list(cells.groupby("job")))
    for saved in load_stored(folder):
        seeds = saved.experiment.seeds
        jobs = [job for job in saved.jobs if not keep or job.name in by_job]
        missing = {
            (job.dataset, job.class_label)
            for job in jobs
            if job.name not in by_job or by_job[job.name].seed.nunique() < seeds
        }
        print(*(f"{folder}: incomplete: {task}" for task in missing), sep="\n", file=sys.stderr)
        for job in jobs:
            if (job.dataset, job.class_label) not in missing:
                one = row(f"{saved.name}.toml", job, by_job[job.name], data_dir)
                yield from () if one is None else (one,)


def row(experiment: str, job: Job, cells: pd.DataFrame, data_dir: Path | None):
    """Return the row of a job, or None where all of its seeds failed."""
    asked = job.protocol.axes
    good = cells[cells.error.isna()]
    if len(good) < len(cells):
        reason = str(cells.error.dropna().iloc[0]).splitlines()[0]
        print(f"{job.summary}: {len(cells) - len(good)} seeds failed: {reason}", file=sys.stderr)
    if good.empty:
        return None
    kind, columns, anomalies, rows = about(
        experiment, job.dataset, job.normal_class, tuple(sorted(asked.items(), key=str)), data_dir
    )
    return Measurement(
        experiment=experiment,
        kind=kind,
        dataset=simplify_name(job.dataset),
        normal_class=str(job.class_label),
        rows=rows,
        columns=columns,
        anomalies=anomalies,
        labelled=asked["labelled_anomalies"],
        hidden=asked["contamination"],
        exposure=asked["exposure"] or "",
        detector=job.variant.detector,
        settings=format_settings(dict(job.variant.config)),
        auroc=float(good.auroc.mean()),
        auroc_std=float(good.auroc.std()) if len(good) > 1 else 0.0,
        auprc=float(good.auprc.mean()),
        seeds=len(good),
    )


@cache
def about(experiment: str, dataset: str, normal_class: int, asked: tuple, data_dir: Path | None):
    """Return the kind of a dataset, its columns, its share of anomalies and its unlabelled rows."""
    data = jaxad.load_dataset(dataset, data_dir=data_dir)
    drawn = {key: value for key, value in asked if not key.startswith("exposure")}
    split = jaxad.contaminate(data, 0, normal_class=normal_class, **drawn)
    y = data.y if data.y_test is None else np.concatenate([data.y, data.y_test])
    shape = data.x.shape[1:]
    kind = "table" if len(shape) == 1 else ("sequence" if len(shape) == 2 else "image")
    if data.vocabulary is not None or dataset.startswith("mean:"):
        kind = "text"
    columns = shape[0] if kind == "table" else 0
    if experiment.startswith("features"):
        kind = "features"
    rows = split.setting["rows"]["unlabelled"]
    return kind, columns, float(np.mean(y != normal_class)), rows


if __name__ == "__main__":
    main()
