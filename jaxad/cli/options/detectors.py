"""Options of the commands that work with one detector."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from jaxad.cli.options.common import (
    Column,
    Common,
    DataDir,
    Exposure,
    ExposureRows,
    Own,
    PictureReading,
    Settings,
    TableFormat,
    TableReading,
)
from jaxad.cli.options.series import SeriesReading
from jaxad.data.scaling import ScalingKind
from jaxad.explain.auditing import list_methods
from jaxad.explain.images import ExplanationKind

__all__ = ["Audit", "Explain", "Fit", "List", "Monitor", "Score"]


@dataclass(frozen=True, kw_only=True)
class List(Common):
    """List detectors, weightings and data sets, or the settings of one detector.

    Attributes:
        detector: Show the settings of this detector with their defaults and meanings.
        data_dir: A further folder of data files to list.
    """

    detector: Annotated[
        Positional[str | None], arg(metavar="[DETECTOR]", help_behavior_hint="(optional)")
    ] = None
    data_dir: DataDir = None


@dataclass(frozen=True, kw_only=True)
class Fit(SeriesReading, PictureReading, Common):
    """Train a detector on a file or a folder of pictures, and save it.

    The file is a table (csv, parquet or feather) with columns of numbers, strings, booleans and
    dates; or an npz file with X and, if there are labels, y. The pictures (png, jpg, tif, bmp) of a
    plain folder are unlabelled. A folder may have one subfolder for each class, whose names are
    labels, or the layout of MVTec: train/good, which is unlabelled, and test/DEFECT with masks in
    ground_truth/DEFECT; with --positive DEFECT the pictures of a defect are labelled anomalies.

    Labels are optional: 1 or true marks a
    labelled anomaly; 0, false, -1 and nothing an unlabelled row. --positive and --normal name other
    values. The y of an npz file holds training labels: -1 for a labelled anomaly, 0 for an
    unlabelled row and 1 for a verified normal row.

    Exit codes: 0 done, 1 failure, 2 wrong use, 130 stopped by Ctrl-C or 143 by
    SIGTERM (nothing is saved).

    Attributes:
        data: The file or folder. The prefixes folder:, classes: and mvtec: name the layout of a
            folder, which is recognised otherwise. With the prefix sequence: the columns of a table
            are the time points of sequences; with series: or --time its rows are timestamps of
            long series; with features: an npz file holds features of images, and as in
            features:FOLDER:SOURCE a saved detector computes them.
        detector: A name that `jaxad list` shows. Default: auto for tables; for images and
            sequences the detector that `jaxad recommend` names, with its settings.
        out: The folder to save to; it must not exist yet.
        strict: Make it an error that columns or entries of a table, or broken pictures, would be
            left out.
        scaling: How columns are scaled, here and by `jaxad score`. standard: mean 0 and standard
            deviation 1. minmax: 0 to 1 for each column. range: 0 to 1 over all columns. gcn: each
            row by its mean and mean absolute deviation, then range. whiten: standard, then
            uncorrelated. none: not scaled. auto: standard for tables; images are not scaled if they
            lie in [0, 1] or have type uint8.
        exposure: A data set, by name or path, whose rows are added as labelled anomalies (outlier
            exposure). Images are converted to the size and the colours of the file's images.
        exposure_rows: How many of its rows to use.
        feedback: A file of labels that override those of DATA: the columns id and label, or row
            (from 0) and label. Its labels have the same meaning; a line without a label changes
            nothing.
        calibration: The share of the normal rows (verified ones if there are any, else unlabelled
            ones), in (0, 1), that is held out of training, so that `jaxad score` and `jaxad
            monitor` can bound false alarms: --threshold "conformal(0.05)".
        seeds: The number of seeds; scores are the mean over them.
        seed_root: The root of all randomness, a whole number.
        epochs: Passes over the training rows, also in pre-training.
        batch_size: Rows in a batch. With fewer training rows, a batch holds some of them more than
            once.
        settings: A setting of the detector's configuration, such as learning_rate=1e-4; overrides
            --epochs and --batch-size. Repeat the option for further settings.
            `jaxad list DETECTOR` shows all settings.
        checkpoint: A folder for the state of training. If the command is stopped, the same command
            continues from there.
    """

    data: Annotated[Positional[Path], arg(metavar="DATA")]
    detector: Annotated[
        Positional[str | None], arg(metavar="[DETECTOR]", help_behavior_hint="(optional)")
    ] = None
    out: Path
    strict: bool = False
    scaling: ScalingKind = "auto"
    exposure: Exposure = None
    exposure_rows: ExposureRows = None
    feedback: Annotated[Path | None, arg(help_behavior_hint="(optional)", metavar="PATH")] = None
    calibration: Annotated[float | None, arg(help_behavior_hint="(optional)", metavar="SHARE")] = (
        None
    )
    seeds: int = 1
    seed_root: int = 0
    epochs: Own = None
    batch_size: Own = None
    settings: Settings = ()
    checkpoint: Annotated[Path | None, arg(help_behavior_hint="(optional)", metavar="PATH")] = None


@dataclass(frozen=True, kw_only=True)
class Score(TableReading, Common):
    """Score the rows of a file or the pictures of a folder; higher is more anomalous.

    Writes the columns row (from 0), or the ids of --id, or for pictures file (the path within the
    folder), and score. With several seeds score is the
    mean over them, and the columns score_seed_0, score_seed_1, ... follow. With a threshold or
    --top the column anomaly is 1 for the anomalous rows, and with conformal there is a column
    p_value.

    Tables may be larger than memory. A row that cannot be scored (too few or too many values)
    gets the score nan and a message. Gaps, unseen categories and text in place of numbers raise the
    score of a row as far as they were rare in training.

    Of series, all timestamps get a row, with the column time in place of row, and group where there
    are groups. The score is empty where no window reaches, which is not a failure; columns
    score_CHANNEL follow for forecasters and autoencoders of several channels.

    With - for DATA, lines of csv are read from standard input, the names of the columns first or
    the columns of training without names. Each line is scored when it arrives, and a timestamp of
    series when the windows that hold it are complete, in the order in which they are.

    Folders of pictures may be larger than memory. Pictures are read in the size, the colours and
    the depth of training; one that is broken or has another size gets the score nan and a message.
    In a folder with the layout of MVTec those of test are scored.

    Exit codes: 0 done, 1 failure, 2 wrong use, 3 done, but some rows could not be scored.

    Attributes:
        folder: The folder that `jaxad fit` or an estimator saved to.
        data: A table or npz file with the columns that the detector was trained on, a folder of
            pictures or one picture; with the prefix sequence: if the detector was trained with it.
            Rows are encoded and scaled as in training; further columns are ignored. - for standard
            input.
        out: The csv or parquet file to write; not the input or the reference. - for csv on standard
            output, the default for standard input.
        threshold: The threshold above which a score is an alarm: a number, or one of the rules
            quantile(0.1), sigma(3), extreme(0.001), f1 and conformal(0.05). Default: the threshold
            of an estimator; none for other detectors.
        top: Mark the rows with the highest scores as anomalous, so many, instead of a threshold.
        reference: A file of rows from whose scores a rule computes the threshold, instead of the
            training rows; it is read by the same options. conformal needs normal rows that were not
            trained on.
        strict: Stop at the first row that cannot be scored, or at columns that training did not
            have, and write nothing.
        force: Replace the output if it exists.
    """

    folder: Annotated[Positional[Path], arg(metavar="FOLDER")]
    data: Annotated[Positional[Path], arg(metavar="DATA")]
    out: Annotated[Path | None, arg(help_behavior_hint="(required for a file)", metavar="PATH")] = (
        None
    )
    threshold: Annotated[str | None, arg(help_behavior_hint="(optional)", metavar="RULE")] = None
    top: Annotated[int | None, arg(help_behavior_hint="(optional)", metavar="INT")] = None
    reference: Annotated[Path | None, arg(help_behavior_hint="(optional)", metavar="PATH")] = None
    strict: bool = False
    force: bool = False


@dataclass(frozen=True, kw_only=True)
class Audit(SeriesReading, PictureReading, Common):
    """Rank the rows of a file by how likely they are hidden anomalies.

    Trains a detector on the file and writes a csv file with a line for each unlabelled row, the
    most suspicious first: place, row (from 0), the id if there is one, suspicion (the mean over
    seeds of the row's rank, from 0 to 1) and suspicion_seed_0, suspicion_seed_1, ... in the units
    of the method. Prints the first ten rows.

    Labels are optional, with the meaning that they have for `jaxad fit`. Labels that only measure
    the audit are named by --truth.

    Exit codes: 0 done, 1 failure, 2 wrong use, 130 stopped by Ctrl-C or 143 by
    SIGTERM (nothing is written).

    Attributes:
        data: The table, npz file or folder of pictures.
        detector: A name that `jaxad list` shows. Default: auto if rows are labelled, else deep_svdd
            with weighting=latent_outlier_exposure(0.1).
        out: The csv file to write.
        plot: A png, pdf or svg file for a picture of the audit; needs matplotlib.
        method: What suspicion is. meta_weight: how little a row helped in training, for detectors
            with the weighting elite. exposure: how anomalous a row was among the rows of its
            batches, for those with latent_outlier_exposure. mining: the same, for those with
            mining. out_of_bag: the score, with the votes of bags for the rows they do not hold, for
            auto and the two kinds of pu_bagging. score: the anomaly score. auto: exposure or
            out_of_bag where there is one, else score. A plug-in's weighting may add a method.
        truth: A column of labels by which the audit is measured, 1 for an anomaly and 0 for a
            normal row; training does not use it. y for the labels of an npz file, class for the
            folders of the classes of pictures.
        scaling: How columns are scaled. standard: mean 0 and standard deviation 1. minmax: 0 to 1
            for each column. range: 0 to 1 over all columns. gcn: each row by its mean and mean
            absolute deviation, then range. whiten: standard, then uncorrelated. none: not scaled.
            auto: standard for tables; images are not scaled if they lie in [0, 1] or have type
            uint8.
        seeds: The number of seeds; rows are ranked by the mean of their ranks.
        seed_root: The root of all randomness, a whole number.
        epochs: Passes over the training rows, also in pre-training.
        batch_size: Rows in a batch.
        settings: A setting of the detector's configuration, such as learning_rate=1e-4; overrides
            --epochs and --batch-size. Repeat the option for further settings.
            `jaxad list DETECTOR` shows all settings.
        force: Replace the outputs if they exist.
    """

    data: Annotated[Positional[Path], arg(metavar="DATA")]
    detector: Annotated[
        Positional[str | None], arg(metavar="[DETECTOR]", help_behavior_hint="(optional)")
    ] = None
    out: Path
    plot: Annotated[Path | None, arg(help_behavior_hint="(optional)", metavar="PATH")] = None
    method: Annotated[str, arg(metavar=f"{{{','.join(list_methods())}}}")] = "auto"
    truth: Column = None
    scaling: ScalingKind = "auto"
    seeds: int = 5
    seed_root: int = 0
    epochs: Own = None
    batch_size: Own = None
    settings: Settings = ()
    force: bool = False


@dataclass(frozen=True, kw_only=True)
class Explain(TableFormat, Common):
    """Explain the scores of a saved detector by columns of tables, pixels of images, or words.

    For a table, it writes two pictures, highest.png and lowest.png: the rows with the highest and
    with the lowest scores, each with the columns that contribute most to its score. It also writes
    attributions.csv with a line for each row: row (from 0) or the id, score, the contribution of
    each column, and events, the values that training hardly saw. With several seeds all numbers are
    means over them.

    For images, the two pictures show the images with the highest and with the lowest scores, with
    their names, and their heat maps over them on one scale. The folder overlays has a larger
    picture of each, images.csv the score of every image, and images.html a page of it all. Where
    the true masks are known, their outlines are drawn, and the AUROC of pixels and AUPRO are
    computed, for all images and for each kind of defect.

    For a detector of texts, it writes the page texts.html: the texts with the highest and with the
    lowest scores, their words highlighted by attention, and the words of each context.

    For a detector of series, it draws each series to series.png, or to series_NAME.png with
    --group: the channels, the score, the threshold, and the score of each channel where the
    detector has such scores. With labels it shades the true ranges, and prints VUS-PR, VUS-ROC and,
    with --threshold, affiliation precision and recall.

    Exit codes: 0 done, 1 failure, 2 wrong use, 3 done, but some rows could not be scored.

    Attributes:
        folder: The folder that `jaxad fit` or an estimator saved to.
        data: A table or npz file of rows as in training, which are encoded and scaled in the same
            way, or a folder of pictures. An npz file of images may have mask; in a folder with the
            layout of MVTec the pictures of test are explained, with their masks. For a detector of
            texts: JSON lines, or a csv file with a column text.
        out: The folder for the pictures.
        kind: lrp: layer-wise relevance propagation. residuals: the squared error of each column or
            pixel. terms: the term of each column in a score that is a sum over columns.
            integrated_gradients, gradient_x_input: relative to the mean of the training rows if
            columns are standardised, else relative to 0. occlusion: how much the score of a table's
            row falls if a column is replaced by 0 in the scaled rows. For images also map: the map
            whose mean is the score of fcdd; gradient: the absolute derivative of the score with
            respect to each pixel; reconstruction: as residuals. auto: for tables lrp if the score
            is a distance in the space of a network, terms if it is a sum over columns, else
            integrated_gradients, or occlusion for detectors without gradients; for images the first
            of map, reconstruction and gradient that the detector has.
        sigma: The standard deviation in pixels of the Gaussian that smooths map, gradient and
            reconstruction.
        most: The number of rows, images (up to 64) or channels in a picture, and of pictures of
            series.
        all: Write an overlay of every image, not only of those in the two pictures.
        threshold: For series: the threshold above which a score is an alarm, as for `jaxad score`.
        force: Replace the pictures if they exist.
    """

    folder: Annotated[Positional[Path], arg(metavar="FOLDER")]
    data: Annotated[Positional[Path], arg(metavar="DATA")]
    out: Path
    kind: ExplanationKind = "auto"
    sigma: Annotated[
        float | None,
        arg(help_behavior_hint="(default: by image size)", metavar="FLOAT"),
    ] = None
    most: int = 16
    all: bool = False
    threshold: Annotated[str | None, arg(help_behavior_hint="(optional)", metavar="RULE")] = None
    force: bool = False


@dataclass(frozen=True, kw_only=True)
class Monitor(TableReading, Common):
    """Compare new rows with those that a saved detector was trained on.

    Tests for drift: the rate of alarms against the one promised by the threshold, the scores
    (Kolmogorov-Smirnov), and each column (Kolmogorov-Smirnov for numbers, chi-squared for
    categories, Fisher's exact test for gaps). p-values are corrected for all tests (Holm). Counts
    gaps and unseen categories. The detector must have been saved by `jaxad fit` on a table or by an
    estimator, which store a sample of each column. Detectors of series, pictures, texts and vectors
    have none.

    Exit codes: 0 no drift, 1 failure, 2 wrong use, 3 drift, or some rows could not be scored.

    Attributes:
        folder: The folder that `jaxad fit` or an estimator saved to.
        data: A csv, parquet or feather file with the columns that the detector was trained on.
        out: An HTML page to write.
        json: Print the report as JSON.
        threshold: The threshold above which a score is an alarm: a number, or one of the rules
            quantile(0.1), sigma(3), extreme(0.001), f1 and conformal(0.05). Default: the threshold
            of an estimator; quantile(0.1) for other detectors.
        reference: A file of normal rows that were not trained on, with whose scores those of DATA
            are compared, in place of the scores saved with the detector.
        level: The probability, for all tests together, that drift is reported where there is none.
        force: Replace the page if it exists.
    """

    folder: Annotated[Positional[Path], arg(metavar="FOLDER")]
    data: Annotated[Positional[Path], arg(metavar="DATA")]
    out: Annotated[Path | None, arg(help_behavior_hint="(optional)", metavar="PATH")] = None
    json: bool = False
    threshold: Annotated[str | None, arg(help_behavior_hint="(optional)", metavar="RULE")] = None
    reference: Annotated[Path | None, arg(help_behavior_hint="(optional)", metavar="PATH")] = None
    level: float = 0.01
    force: bool = False
