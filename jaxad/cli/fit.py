"""`jaxad fit`: a file of one's own to a saved detector."""

import json
from pathlib import Path

import numpy as np

from jaxad.cli.options import Fit
from jaxad.cli.progress import reporting
from jaxad.cli.settings import check_root, configurations
from jaxad.data import Dataset, Scaling, Table, as_train_data, fit_scaling, load_dataset, load_table
from jaxad.data.protocol.exposure import expose
from jaxad.data.rng import Stream
from jaxad.detectors import make
from jaxad.errors import ConfigError, DataError
from jaxad.evaluation.scoring import score as score_models
from jaxad.saving.folder import check_savable, save
from jaxad.thresholds import SCORES, Reference, pack
from jaxad.training.train import fit as train_detector
from jaxad.utils.files import check_writable

__all__ = ["ABOUT", "execute", "training_labels"]

ABOUT = "data.json"  # beside the detector's own files: what it was trained on


def execute(options: Fit) -> int:
    """Train on a file and save the detector.

    Returns:
        The exit code, 0.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed; nothing was saved.
    """
    config = configurations(
        [options.detector], options.settings, options.epochs, options.batch_size
    )[options.detector]
    root = check_root(options.seed_root)
    out = options.out.absolute()
    if out.exists():
        raise ConfigError(f"--out {options.out} exists already; give a new folder")
    check_writable(out.parent)
    if options.label is not None and options.data.suffix.lower() == ".npz":
        raise ConfigError("--label names a column of a csv or parquet file; an npz has y")
    table = load_table(options.data, label=options.label)
    label = training_labels(table, options.label_kind, options.data)
    scaling = fit_scaling(table.x, options.scaling)
    rows = scaling.apply(table.x)
    shown: Dataset | None = None
    if options.exposure is not None:
        shown = load_dataset(options.exposure)
        rows, label = with_exposure(table.x, rows, label, scaling, shown, options)
    mask = table.mask
    if mask is not None and len(rows) > len(mask):
        mask = np.pad(mask, [(0, len(rows) - len(mask)), (0, 0), (0, 0)])
    train = as_train_data(rows, label, mask, table.vocabulary)
    detector = make(options.detector, train, **config)
    check_savable(detector)  # now, not after hours
    with reporting(1) as reporter:
        reporter.begin(f"{options.data.name}  {options.detector}")
        fitted = train_detector(
            detector,
            train,
            options.seeds,
            key=root,
            progress=reporter.step,
            checkpoint=options.checkpoint,
        )
        if fitted.interrupted:
            raise KeyboardInterrupt
        reporter.done(f"compile {fitted.seconds.compile:.1f} s  run {fitted.seconds.run:.1f} s")
    about = {"columns": list(table.columns), "file": options.data.name, "rows": len(table.x)}
    if shown is not None:
        about["exposure"] = {"name": shown.name, "rows": len(train.label) - len(table.x)}
    scores = score_models(fitted, train.x).mean(axis=0, dtype=np.float64)
    if not np.isfinite(scores).all():
        raise DataError(
            "training diverged: the scores of its rows are not finite; nothing is saved"
        )
    known = Reference(scores, train.label)
    text = json.dumps(about, indent=2) + "\n"
    save(fitted, out, scaling=scaling, files={ABOUT: text.encode(), SCORES: pack(known)})
    counts = {value: int(np.sum(train.label == value)) for value in (-1, 0, 1)}
    print(
        f"Trained {options.detector} with {fitted.seeds} seed(s) on {counts[0]} unlabelled rows, "
        f"{counts[-1]} labelled anomalies and {counts[1]} labelled normals; saved to {options.out}"
    )
    return 0


def with_exposure(
    raw: np.ndarray,
    rows: np.ndarray,
    label: np.ndarray | None,
    scaling: Scaling,
    exposure: Dataset,
    options: Fit,
) -> tuple[np.ndarray, np.ndarray]:
    """Scaled rows with those of an exposure set behind, and all labels.

    Raises:
        DataError: The exposure set cannot be made to fit, or has fewer rows.
    """
    stream = Stream(options.seed_root)
    more, _ = expose(raw, options.data.name, exposure, options.exposure_rows, stream)
    label = np.zeros(len(rows), np.int8) if label is None else label
    more = scaling.apply(more)
    return np.concatenate([rows, more]), np.append(label, np.full(len(more), -1, np.int8))


def training_labels(table: Table, kind: str | None, path: Path) -> np.ndarray | None:
    """-1, 0 and 1 for each row; None where nothing is labelled.

    Args:
        table: Rows of a file, and their labels if it has any.
        kind: What the labels are: "training", "truth", "ignore", or None if that isn't said.
        path: The file, for errors.

    Raises:
        ConfigError: 0 and 1 may be labels of either kind, and which they are isn't said.
        DataError: Other labels than the kind has.
    """
    y = table.y
    if y is None:
        if kind in ("training", "truth"):
            raise ConfigError(f"--label-kind {kind}: {path} has no labels; name them with --label")
        return None
    if kind == "ignore":
        return None
    if table.class_names:
        names = ", ".join(table.class_names[:5])
        raise DataError(f"{path}: labels are words ({names}); give numbers, or --label-kind ignore")
    found = set(np.unique(y).tolist())
    if kind is None and found <= {0, 1} and 1 in found:
        raise ConfigError(
            f"{path}: is label 1 an anomaly (--label-kind truth), a labelled normal row "
            "(--label-kind training), or not to be read (--label-kind ignore)?"
        )
    allowed = {0, 1} if kind == "truth" else {-1, 0, 1}
    if not found <= allowed:
        wrong = min(found - allowed)
        expected = ", ".join(map(str, sorted(allowed)))
        raise DataError(f"{path}: label {wrong} is none of {expected} (--label-kind)")
    return (-y if kind == "truth" else y).astype(np.int8)
