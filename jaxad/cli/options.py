"""What the commands take. tyro turns these into options, and the docstrings into `--help`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, UseAppendAction, arg

__all__ = ["Audit", "Explain", "Fit", "List", "Report", "Run", "Score", "Sweep"]

Settings = Annotated[UseAppendAction[tuple[str, ...]], arg(name="set", metavar="FIELD=VALUE")]
Classes = Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="CLASS")]
Own = Annotated[int | None, arg(help_behavior_hint="(default: the detector's own)", metavar="INT")]
DataDir = Annotated[
    Path | None, arg(help_behavior_hint="(default: the environment's JAXAD_DATA)", metavar="PATH")
]
Exposure = Annotated[str | None, arg(help_behavior_hint="(optional)", metavar="DATASET")]
ExposureRows = Annotated[int | None, arg(help_behavior_hint="(default: all)", metavar="INT")]
Label = Annotated[
    str | None,
    arg(
        help_behavior_hint="(default: the one named label, y, anomaly or outlier, if any)",
        metavar="COLUMN",
    ),
]


@dataclass(frozen=True, kw_only=True)
class Common:
    """What every command takes.

    Attributes:
        debug: On an error show where in the program it arose.
    """

    debug: bool = False


@dataclass(frozen=True, kw_only=True)
class List(Common):
    """List detectors and data sets, or the settings of one detector.

    Attributes:
        detector: Show this detector's settings, with their defaults and what they mean.
        data_dir: A folder of data files to list, too.
    """

    detector: Annotated[
        Positional[str | None], arg(metavar="[DETECTOR]", help_behavior_hint="(optional)")
    ] = None
    data_dir: DataDir = None


@dataclass(frozen=True, kw_only=True)
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
        contamination: The fraction of anomalies among the unlabelled training rows, in [0, 1).
            none keeps the data's own.
        labelled_anomalies: How many training anomalies are labelled (20), or which fraction of
            them (0.05).
        labelled_normals: The same of normal training rows.
        n_train: How many unlabelled training rows (5000), or which fraction of the normal ones
            (0.5), with hidden anomalies in proportion.
        exposure: Another data set, by name or path, whose rows are labelled anomalies too (outlier
            exposure). Images of another size, or in colour and grey, are made to fit.
        exposure_rows: How many of its rows.
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
    contamination: float | Literal["none"] = 0.1
    labelled_anomalies: int | float = 20
    labelled_normals: int | float = 0
    n_train: Annotated[
        int | float | None,
        arg(help_behavior_hint="(default: as many as possible)", metavar="INT|FLOAT"),
    ] = None
    exposure: Exposure = None
    exposure_rows: ExposureRows = None
    seeds: int = 10
    seed_root: int = 0
    epochs: Own = None
    batch_size: Own = None
    settings: Settings = ()
    data_dir: DataDir = None
    out: Path = Path("results")
    json: bool = False


@dataclass(frozen=True, kw_only=True)
class Fit(Common):
    """Train a detector on a file of your own, and save it.

    The file is a csv or parquet table, or an npz with X and, if there are labels, y. Labels are
    optional, and come in two kinds that must not be mixed up: training labels are -1 for a
    labelled anomaly, 0 for an unlabelled row and 1 for a labelled normal row; truth, as data sets
    have it, is 1 for an anomaly and 0 for anything else.

    Exit codes: 0 done, 1 failure, 2 wrong use, 130 stopped by Ctrl-C: then nothing is saved.

    Attributes:
        data: The csv, parquet or npz file; with sequence: in front its columns are the points in
            time of sequences.
        detector: A name that `jaxad list` shows.
        out: The folder to save to; must not exist yet.
        label: The label column of a csv or parquet file. Without one all rows are unlabelled.
        label_kind: What the labels are. training: -1, 0 and 1 as above. truth: 1 is a labelled
            anomaly, 0 is unlabelled. ignore: not read, all rows are unlabelled. Must be given
            where labels are 0 and 1 alone, as both kinds have these.
        scaling: How columns are scaled; `jaxad score` does the same. standard: mean 0, deviation
            1. minmax: 0 to 1 for each column. range: 0 to 1 over all columns. gcn: each row by
            its mean and deviation, then range. auto: standard for tables; images as they are if
            they lie in [0, 1] or are of uint8.
        exposure: A data set, by name or path, whose rows are labelled anomalies beside the file's
            (outlier exposure). Images of another size, or in colour and grey, are made to fit.
        exposure_rows: How many of its rows.
        seeds: How many seeds; scores are their mean.
        seed_root: The root of all randomness, a whole number.
        epochs: Passes over the rows, in pre-training too.
        batch_size: Rows in a batch. If the training rows are fewer, a batch holds some of them
            more than once.
        settings: A setting of the detector's configuration, such as learning_rate=1e-4; stronger
            than --epochs and --batch-size. Give it again for another one.
            `jaxad list DETECTOR` shows what there is.
        checkpoint: A folder for the state of training; the same command goes on from there after
            it was stopped.
    """

    data: Annotated[Positional[Path], arg(metavar="DATA")]
    detector: Annotated[Positional[str], arg(metavar="DETECTOR")]
    out: Path
    label: Label = None
    label_kind: Annotated[
        Literal["training", "truth", "ignore"] | None,
        arg(help_behavior_hint="(default: training)", metavar="{training,truth,ignore}"),
    ] = None
    scaling: Literal["auto", "standard", "minmax", "range", "gcn", "none"] = "auto"
    exposure: Exposure = None
    exposure_rows: ExposureRows = None
    seeds: int = 1
    seed_root: int = 0
    epochs: Own = None
    batch_size: Own = None
    settings: Settings = ()
    checkpoint: Annotated[Path | None, arg(help_behavior_hint="(optional)", metavar="PATH")] = None


@dataclass(frozen=True, kw_only=True)
class Score(Common):
    """Score the rows of a file with a saved detector; higher is more anomalous.

    Writes the columns row (from 0) and score. With several seeds score is the mean over them, and
    score_seed_0, score_seed_1, ... follow; with a threshold anomaly follows, 1 where the score is
    above it, and with conformal p_value.

    Files of csv and parquet may be larger than the memory. A row that cannot be scored (a value is
    missing, no number or infinite; too few or too many values) has the score nan, and is said.

    Exit codes: 0 done, 1 failure, 2 wrong use, 3 done, but some rows could not be scored.

    Attributes:
        folder: The folder that `jaxad fit` or an estimator saved to.
        data: A csv, parquet or npz file with the same columns as the detector was trained on,
            with sequence: in front as there; it is scaled as that was.
        out: The csv or parquet file to write.
        label: A column of labels, which is not scored.
        threshold: Which scores are alarms: a number, or a rule: quantile(0.1), sigma(3),
            extreme(0.001), f1, conformal(0.05). Default: an estimator's own threshold, else none.
        reference: A file of rows that a rule goes by, rather than by the training rows; with
            labels 1 for an anomaly, 0 for a normal row and -1 for one that is not known. conformal
            needs normal rows that were not trained on.
        strict: Stop at the first row that cannot be scored, and write nothing.
        force: Replace the output if it exists.
    """

    folder: Annotated[Positional[Path], arg(metavar="FOLDER")]
    data: Annotated[Positional[Path], arg(metavar="DATA")]
    out: Path
    label: Label = None
    threshold: Annotated[str | None, arg(help_behavior_hint="(optional)", metavar="RULE")] = None
    reference: Annotated[Path | None, arg(help_behavior_hint="(optional)", metavar="PATH")] = None
    strict: bool = False
    force: bool = False


@dataclass(frozen=True, kw_only=True)
class Audit(Common):
    """Rank the rows of a file by how likely they are hidden anomalies.

    Trains a detector on the file and writes a csv file with a line for each unlabelled row, the
    most suspicious first: place, row (from 0), suspicion (the mean over seeds of the row's place,
    from 0 to 1) and suspicion_seed_0, suspicion_seed_1, ... in the method's own units. Prints the
    first ten.

    Labels are optional, of one of three kinds: training labels are -1 for a labelled anomaly, 0
    for an unlabelled row and 1 for a labelled normal row; truth is 1 for an anomaly that training
    may know of and 0 for an unlabelled row; hidden is 1 for an anomaly and 0 for a normal row,
    which nothing but the measurement of the audit sees.

    Exit codes: 0 done, 1 failure, 2 wrong use, 130 stopped by Ctrl-C: then nothing is written.

    Attributes:
        data: The csv, parquet or npz file.
        detector: A name that `jaxad list` shows. Default: elite_deep_svdd if rows are labelled;
            else deep_svdd with weighing=latent_outlier_exposure(0.1).
        out: The csv file to write.
        plot: A png, pdf or svg file for a picture of the audit; needs matplotlib.
        method: What suspicion is. meta_weight: how little a row helped in training, for detectors
            with the weighing elite. exposure: a row's place in its batches over training, for
            those with latent_outlier_exposure. score: the anomaly score after training. auto:
            exposure where there is one, else score.
        label: The label column of a csv or parquet file. Without one all rows are unlabelled.
        label_kind: What the labels are: training, truth or hidden, as above; ignore: not read.
            Must be given where labels are 0 and 1 alone.
        scaling: How columns are scaled. standard: mean 0, deviation 1. minmax: 0 to 1 for each
            column. range: 0 to 1 over all columns. gcn: each row by its mean and deviation, then
            range. auto: standard for tables; images as they are if they lie in [0, 1] or are of
            uint8.
        seeds: How many seeds; the ranking is by the mean of their rankings.
        seed_root: The root of all randomness, a whole number.
        epochs: Passes over the rows, in pre-training too.
        batch_size: Rows in a batch.
        settings: A setting of the detector's configuration, such as learning_rate=1e-4; stronger
            than --epochs and --batch-size. Give it again for another one.
            `jaxad list DETECTOR` shows what there is.
        force: Replace the outputs if they exist.
    """

    data: Annotated[Positional[Path], arg(metavar="DATA")]
    detector: Annotated[
        Positional[str | None], arg(metavar="[DETECTOR]", help_behavior_hint="(optional)")
    ] = None
    out: Path
    plot: Annotated[Path | None, arg(help_behavior_hint="(optional)", metavar="PATH")] = None
    method: Literal["auto", "meta_weight", "exposure", "score"] = "auto"
    label: Label = None
    label_kind: Annotated[
        Literal["training", "truth", "hidden", "ignore"] | None,
        arg(help_behavior_hint="(default: training)", metavar="{training,truth,hidden,ignore}"),
    ] = None
    scaling: Literal["auto", "standard", "minmax", "range", "gcn", "none"] = "auto"
    seeds: int = 5
    seed_root: int = 0
    epochs: Own = None
    batch_size: Own = None
    settings: Settings = ()
    force: bool = False


@dataclass(frozen=True, kw_only=True)
class Explain(Common):
    """Show what the scores of a saved detector come from: heat maps of images, words of texts.

    Writes two pictures into a folder, highest.png and lowest.png: the images with the highest and
    with the lowest scores, their heat maps on one scale, and, where an npz file has mask, the
    pixels that are anomalous; then the AUROC of pixels is printed, too. With several seeds scores
    and heat maps are means over them.

    For a detector of texts it writes a page, texts.html: those with the highest and the lowest
    scores, their words marked by the attention that they get, and the words of each context.

    Exit codes: 0 done, 1 failure, 2 wrong use.

    Attributes:
        folder: The folder that `jaxad fit` or an estimator saved to.
        data: An npz file with x and, if pixels are known to be anomalous, mask; x is scaled as in
            training. For a detector of texts JSON lines, or a csv file with a column text.
        out: The folder for the pictures.
        kind: map: what the score of fcdd is the mean of. gradient: the absolute derivative of the
            score by each pixel. reconstruction: the squared error of each pixel. auto: the first of
            map, reconstruction and gradient that the detector has.
        sigma: Deviation in pixels of the Gaussian that maps are smoothed by.
        most: How many images a picture has.
        force: Replace the pictures if they exist.
    """

    folder: Annotated[Positional[Path], arg(metavar="FOLDER")]
    data: Annotated[Positional[Path], arg(metavar="DATA")]
    out: Path
    kind: Literal["auto", "map", "gradient", "reconstruction"] = "auto"
    sigma: Annotated[
        float | None, arg(help_behavior_hint="(default: as suits the images)", metavar="FLOAT")
    ] = None
    most: int = 16
    force: bool = False


@dataclass(frozen=True, kw_only=True)
class Sweep(Common):
    """Run a declarative experiment: every combination of its axes, each cell once.

    Cells that the folder of results already has are not run again, so that the same command goes
    on where an earlier one was stopped. A cell that fails is recorded with its error, and the
    others go on. Prints the experiment's tables at the end.

    Exit codes: 0 done, 1 failure or failed cells, 2 wrong use, 130 stopped by Ctrl-C.

    Attributes:
        experiment: The TOML file. `experiments/` has examples; docs/sweeps.md says what keys mean.
        size: Which of its sizes.
        only: Run only the jobs of which this is true, as detector=deep_sad, dataset=cardio or
            contamination=0.1. Give it again for another condition.
        data_dir: The folder where data files are looked for by name.
        out: The folder of results.
        dry_run: Print the jobs and how many programs they need, and run nothing.
        retry_failed: Run cells again that failed before.
        memory_gib: The most memory that what is trained side by side may take, as estimated; see
            docs/sweeps.md.
        seeds: How many seeds, in place of the experiment's.
        executor: Where cells run: in this process, or as tasks on a Ray cluster, while this
            process writes the results. Needs Ray: `pip install "jaxad[ray]"`.
        address: The Ray cluster's, such as 10.0.0.1:6379. By default what RAY_ADDRESS says, or
            else a cluster of this machine alone, which ends with the sweep.
        worker_cpus: Cores that a task on the cluster takes.
        worker_gpus: Accelerators that it takes; 0.5 puts two tasks on one.
        distributed: Be one of several processes, each of which was started with the same command,
            and which share the seeds; see docs/sweeps.md. Process 0 writes and prints.
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
    executor: Literal["local", "ray"] = "local"
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
