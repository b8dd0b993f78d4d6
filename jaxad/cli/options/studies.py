"""Options of the commands that compare detectors."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, UseAppendAction, arg

from jaxad.cli.options.common import (
    Classes,
    Common,
    DataDir,
    Own,
    PictureReading,
    Settings,
    TableFormat,
    show_choices,
)
from jaxad.cli.options.protocol import add_protocol_options
from jaxad.report.tables import Format
from jaxad.sweep.experiment import Size

__all__ = ["Report", "Run", "Sweep"]


@dataclass(frozen=True, kw_only=True)
@add_protocol_options
class Run(TableFormat, PictureReading, Common):
    """Evaluate detectors on a labelled data set, side by side.

    Each class in turn is the normal one, and all others are anomalies. For every seed the rows are
    split anew, anomalies are hidden among the unlabelled training rows, a few rows are labelled,
    and the detectors are trained and tested. The command prints AUROC and AUPRC, and appends a row
    for each seed to a folder of parquet files as soon as a class and detector are complete.

    Exit codes: 0 done, 1 failure, 2 wrong use, 130 stopped by Ctrl-C or 143 by SIGTERM: then only
    what is complete is printed and recorded.

    Attributes:
        dataset: A name that `jaxad list` shows, the path of a table, of an npz file or of a folder
            of pictures or idx files, or tfds:NAME; with the prefix sequence: the columns of a table
            are the points in time of sequences; with series: the rows of a table are timestamps,
            and options stand before the file, as in series:time=COLUMN,window=50:FILE; with
            features: rows are features of images. The classes of a table are in the column of
            --label, by default the last one if none has a usual name.
        detectors: One or more names that `jaxad list` shows.
        normal_class: The normal class, by number or name; repeat the option for several in turn.
            Default: each class in turn, or the normal rows if the data is labelled normal and
            anomalous.
        seeds: The number of seeds. Seed i does not depend on the number.
        seed_root: The seed of the root key, from which all randomness is derived.
        epochs: Passes over the training rows, also in pre-training.
        batch_size: Rows in a batch. With fewer training rows, a batch holds some of them more than
            once.
        settings: A setting of the detectors' configuration, such as learning_rate=1e-4, for all
            named detectors that have it; overrides --epochs and --batch-size. Repeat the option for
            further settings. `jaxad list DETECTOR` shows all settings.
        data_dir: The folder where data files are looked for by name.
        out: The folder that rows of results are appended to.
        json: Print one JSON object per line for each normal class and detector on standard output,
            and everything else on standard error.
    """

    dataset: Annotated[Positional[str], arg(metavar="DATASET")]
    detectors: Annotated[
        Positional[tuple[str, ...]],
        arg(metavar="DETECTOR [DETECTOR ...]", help_behavior_hint="(required)"),
    ]
    normal_class: Classes = ()
    seeds: int = 10
    seed_root: int = 0
    epochs: Own = None
    batch_size: Own = None
    settings: Settings = ()
    data_dir: DataDir = None
    out: Path = Path("results")
    json: bool = False


@dataclass(frozen=True, kw_only=True)
class Sweep(Common):
    """Run an experiment: every combination of its axes, each cell once.

    Cells that the folder of results already has are not repeated, so the same command continues
    where an earlier one stopped. A cell that fails is recorded with its error, and the others
    continue. The command prints the tables of the experiment at the end.

    Exit codes: 0 done, 1 failure or failed cells, 2 wrong use, 130 stopped by Ctrl-C or 143 by
    SIGTERM: then the same command continues.

    Attributes:
        experiment: The TOML file. `experiments/` has examples; docs/reference/sweeps.md
            explains the keys.
        size: The size to run, as the file defines it.
        only: Run only the jobs that fulfil a condition, such as detector=deep_sad, dataset=cardio
            or contamination=0.1. Repeat the option for further conditions.
        data_dir: The folder where data files are looked for by name.
        out: The folder of results.
        dry_run: Print the jobs, the number of programs and the cells that would fail for too few
            rows, and run nothing.
        summary: Write the results to this csv file too, and what they were measured with to the
            JSON file beside it; see docs/reference/sweeps.md.
        retry_failed: Run cells again that failed before.
        memory_gib: The limit on the estimated memory of cells that are trained together; see
            docs/reference/sweeps.md.
        seeds: The number of seeds, instead of the experiment's.
        executor: Where cells run: local, in this process, or ray, as tasks on a Ray cluster, while
            this process writes the results (needs Ray: `pip install "jaxad[ray]"`); or the name of
            an executor that a plug-in registers.
        address: The address of the Ray cluster, such as 10.0.0.1:6379. Default: RAY_ADDRESS, or
            else a cluster of this machine alone, which ends with the sweep.
        worker_cpus: Cores of a task on the cluster.
        worker_gpus: Accelerators of a task; 0.5 places two tasks on one.
        distributed: Run as one of several processes that share the seeds, all started with the same
            command; see docs/reference/sweeps.md. Process 0 writes and prints.
        coordinator: Address and port of process 0, such as 10.0.0.1:8476; not needed where the
            environment has it (SLURM, Open MPI, Kubernetes, a TPU pod).
        processes: The number of processes; not needed where the environment has it.
        process_id: The number of this process, from 0; not needed where the environment has it.
    """

    experiment: Annotated[Positional[Path], arg(metavar="EXPERIMENT")]
    size: Annotated[
        Size | None,
        arg(help_behavior_hint="(default: the file as it is)", metavar=show_choices(Size)),
    ] = None
    only: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="KEY=VALUE")] = ()
    data_dir: DataDir = None
    out: Path = Path("results")
    dry_run: bool = False
    summary: Annotated[Path | None, arg(help_behavior_hint="(optional)", metavar="FILE.csv")] = None
    retry_failed: bool = False
    memory_gib: Annotated[
        float | None, arg(help_behavior_hint="(default: a quarter of what there is)", metavar="GIB")
    ] = None
    seeds: Annotated[
        int | None, arg(help_behavior_hint="(default: the experiment's)", metavar="INT")
    ] = None
    executor: str = "local"
    address: Annotated[str | None, arg(help_behavior_hint="(optional)", metavar="ADDRESS")] = None
    worker_cpus: float = 1
    worker_gpus: float = 0
    distributed: bool = False
    coordinator: Annotated[str | None, arg(help_behavior_hint="(optional)", metavar="HOST")] = None
    processes: Annotated[int | None, arg(help_behavior_hint="(optional)", metavar="INT")] = None
    process_id: Annotated[int | None, arg(help_behavior_hint="(optional)", metavar="INT")] = None


@dataclass(frozen=True, kw_only=True)
class Report(Common):
    """Print the tables of an experiment from a folder of results, and write them with pictures.

    Exit codes: 0 done, 1 failure, 2 wrong use.

    Attributes:
        results: The folder of results that `jaxad sweep` wrote.
        experiment: The TOML file. By default the one that the sweep has stored in the folder, for
            which the data is not needed.
        size: The size, as the file defines it.
        format: The format of the printed tables: markdown, LaTeX or csv.
        out: Also write a folder: the tables as markdown, LaTeX and csv, every figure as PNG and
            PDF, and one HTML page with all of it, the experiment, versions and devices. Needs
            matplotlib: `pip install "jaxad[plots]"`.
        no_published: Leave out the published values that the experiment names.
        data_dir: The folder where data files are looked for by name.
    """

    results: Annotated[Positional[Path], arg(metavar="RESULTS")]
    experiment: Annotated[
        Positional[Path | None], arg(metavar="[EXPERIMENT]", help_behavior_hint="(optional)")
    ] = None
    size: Annotated[
        Size | None,
        arg(help_behavior_hint="(default: the file as it is)", metavar=show_choices(Size)),
    ] = None
    format: Format = "markdown"
    out: Annotated[Path | None, arg(help_behavior_hint="(optional)", metavar="PATH")] = None
    no_published: bool = False
    data_dir: DataDir = None
