"""Options of the commands about one detector."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from jaxad.cli.options.common import (
    Common,
    DataDir,
    Exposure,
    ExposureRows,
    Kind,
    Label,
    Own,
    Settings,
    show_choices,
)
from jaxad.data.scaling import ScalingKind
from jaxad.data.sources.labels import AuditLabelKind
from jaxad.explain.auditing import list_methods
from jaxad.explain.images import ExplanationKind

__all__ = ["Audit", "Explain", "Fit", "List", "Score"]


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
    label_kind: Kind = None
    scaling: ScalingKind = "auto"
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
            else deep_svdd with weighting=latent_outlier_exposure(0.1).
        out: The csv file to write.
        plot: A png, pdf or svg file for a picture of the audit; needs matplotlib.
        method: What suspicion is. meta_weight: how little a row helped in training, for detectors
            with the weighting elite. exposure: a row's place in its batches over training, for
            those with latent_outlier_exposure. mining: likewise, for those with mining. score: the
            anomaly score after training. auto: exposure where there is one, else score. A plug-in's
            weighting may add a method.
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
    method: Annotated[str, arg(metavar=f"{{{','.join(list_methods())}}}")] = "auto"
    label: Label = None
    label_kind: Annotated[
        AuditLabelKind | None,
        arg(help_behavior_hint="(default: training)", metavar=show_choices(AuditLabelKind)),
    ] = None
    scaling: ScalingKind = "auto"
    seeds: int = 5
    seed_root: int = 0
    epochs: Own = None
    batch_size: Own = None
    settings: Settings = ()
    force: bool = False


@dataclass(frozen=True, kw_only=True)
class Explain(Common):
    """Show what the scores of a saved detector come from: columns of tables, pixels, words.

    Of a table it writes two pictures into a folder, highest.png and lowest.png: the rows with the
    highest and with the lowest scores, each with the columns that have most to do with its score;
    and attributions.csv, a line for each row: row (from 0), score, and a number for each column.
    With several seeds scores and attributions are means over them.

    Of images the pictures are those with the highest and with the lowest scores, their heat maps
    on one scale, and, where an npz file has mask, the pixels that are anomalous; then the AUROC of
    pixels is printed, too.

    For a detector of texts it writes a page, texts.html: those with the highest and the lowest
    scores, their words marked by the attention that they get, and the words of each context.

    Exit codes: 0 done, 1 failure, 2 wrong use.

    Attributes:
        folder: The folder that `jaxad fit` or an estimator saved to.
        data: A csv, parquet or npz file of rows as in training, which are scaled as those were.
            An npz file of images may have mask. For a detector of texts JSON lines, or a csv file
            with a column text.
        out: The folder for the pictures.
        kind: lrp: layer-wise relevance propagation. residuals: the squared error of each column or
            pixel. integrated_gradients, gradient_x_input: against the mean of training where
            columns are standardised, else against 0. For images also map: what the score of fcdd is
            the mean of; gradient: the absolute derivative of the score by each pixel;
            reconstruction: as residuals. auto: for tables lrp if the detector is a distance in
            the space of a network, else integrated_gradients; for images the first of map,
            reconstruction and gradient that the detector has.
        sigma: Deviation in pixels of the Gaussian that map, gradient and reconstruction are
            smoothed by.
        most: How many rows or images a picture has.
        label: A column of labels, which is not explained.
        force: Replace the pictures if they exist.
    """

    folder: Annotated[Positional[Path], arg(metavar="FOLDER")]
    data: Annotated[Positional[Path], arg(metavar="DATA")]
    out: Path
    kind: ExplanationKind = "auto"
    sigma: Annotated[
        float | None, arg(help_behavior_hint="(default: as suits the images)", metavar="FLOAT")
    ] = None
    most: int = 16
    label: Label = None
    force: bool = False
