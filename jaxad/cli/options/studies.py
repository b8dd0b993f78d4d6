"""Options of the commands that compare detectors."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, UseAppendAction, arg

from jaxad.cli.options.common import Classes, Common, DataDir, Own, Settings
from jaxad.cli.options.protocol import add_protocol_options

__all__ = ["Report", "Run", "Sweep"]


@dataclass(frozen=True, kw_only=True)
@add_protocol_options
class Run(Common):
    """Evaluate detectors on a labelled data set, side by side.

    Each class in turn is the normal one, all others are anomalies. For every seed the rows are
    split anew, anomalies are hidden among the unlabelled training rows, a few rows are labelled,
    and the detectors are trained and tested. Prints AUROC and AUPRC, and appends a row for each
    seed to a folder of parquet files, each as soon as its class and detector are complete.

    Exit codes: 0 done, 1 failure, 2 wrong use, 130 stopped by Ctrl-C: then what is complete is
    printed and recorded, and nothing else is.

    Attributes:
        dataset: A name that `jaxad list` shows, the path of an npz, csv or parquet file or of a
            folder of idx files, or tfds:NAME; with sequence: in front the columns of a table are
            the points in time of sequences.
        detectors: One or more names that `jaxad list` shows.
        normal_class: The normal class, by number or name; give it again for several in turn.
            Default: each class in turn, or the normal rows where the data is labelled normal and
            anomalous already.
        seeds: How many seeds. Seed i doesn't depend on how many there are.
        seed_root: The root of all randomness, a whole number.
        epochs: Passes over the training rows, in pre-training too.
        batch_size: Rows in a batch. If the training rows are fewer, a batch holds some of them
            more than once.
        settings: A setting of the detectors' configuration, such as learning_rate=1e-4, for all
            named detectors that have it; stronger than --epochs and --batch-size. Give it again
            for another one. `jaxad list DETECTOR` shows what there is.
        data_dir: The folder where data files are looked for by name.
        out: The folder that rows of results are appended to.
        json: Print one JSON object a line for each normal class and detector on standard output,
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
    """Run a declarative experiment: every combination of its axes, each cell once.

    Cells that the folder of results already has are not run again, so that the same command goes
    on where an earlier one was stopped. A cell that fails is recorded with its error, and the
    others go on. Prints the experiment's tables at the end.

    Exit codes: 0 done, 1 failure or failed cells, 2 wrong use, 130 stopped by Ctrl-C.

    Attributes:
        experiment: The TOML file. `experiments/` has examples; docs/reference/sweeps.md
            explains the keys.
        size: Which of its sizes.
        only: Run only the jobs of which this is true, as detector=deep_sad, dataset=cardio or
            contamination=0.1. Give it again for another condition.
        data_dir: The folder where data files are looked for by name.
        out: The folder of results.
        dry_run: Print the jobs and how many programs they need, and run nothing.
        retry_failed: Run cells again that failed before.
        memory_gib: The most memory that what is trained side by side may take, as estimated; see
            docs/reference/sweeps.md.
        seeds: How many seeds, in place of the experiment's.
        executor: Where cells run: local, in this process, or ray, as tasks on a Ray cluster, while
            this process writes the results (needs Ray: `pip install "jaxad[ray]"`); or the name of
            an executor that a plug-in registers.
        address: The Ray cluster's, such as 10.0.0.1:6379. By default what RAY_ADDRESS says, or
            else a cluster of this machine alone, which ends with the sweep.
        worker_cpus: Cores that a task on the cluster takes.
        worker_gpus: Accelerators that it takes; 0.5 puts two tasks on one.
        distributed: Be one of several processes, each of which was started with the same command,
            and which share the seeds; see docs/reference/sweeps.md. Process 0 writes and prints.
        coordinator: Address and port of process 0, as 10.0.0.1:8476; not needed where the
            cluster's environment says it (SLURM, Open MPI, Kubernetes, a TPU pod).
        processes: How many processes there are, likewise.
        process_id: This one's number, from 0, likewise.
    """

    experiment: Annotated[Positional[Path], arg(metavar="EXPERIMENT")]
    size: Annotated[
        Literal["quick", "full"] | None,
        arg(help_behavior_hint="(default: the file as it is)", metavar="{quick,full}"),
    ] = None
    only: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="KEY=VALUE")] = ()
    data_dir: DataDir = None
    out: Path = Path("results")
    dry_run: bool = False
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
        experiment: The TOML file. By default what the sweep has kept in the folder; then the data
            need not be there.
        size: Which of its sizes.
        format: What is printed: markdown, LaTeX or csv.
        out: Also write a folder: the tables as markdown, LaTeX and csv, every picture as PNG and
            PDF, and one HTML page with all of it, the experiment, versions and devices. Needs
            matplotlib: `pip install "jaxad[plots]"`.
        no_published: Leave out the published numbers that the experiment names.
        data_dir: The folder where data files are looked for by name.
    """

    results: Annotated[Positional[Path], arg(metavar="RESULTS")]
    experiment: Annotated[
        Positional[Path | None], arg(metavar="[EXPERIMENT]", help_behavior_hint="(optional)")
    ] = None
    size: Annotated[
        Literal["quick", "full"] | None,
        arg(help_behavior_hint="(default: the file as it is)", metavar="{quick,full}"),
    ] = None
    format: Literal["markdown", "latex", "csv"] = "markdown"
    out: Annotated[Path | None, arg(help_behavior_hint="(optional)", metavar="PATH")] = None
    no_published: bool = False
    data_dir: DataDir = None
