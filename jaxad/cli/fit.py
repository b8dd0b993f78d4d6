"""`jaxad fit`: train a detector on a file and save it."""

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from jaxad.cli.options import Fit
from jaxad.cli.options.common import read_table_options
from jaxad.cli.progress import reporting
from jaxad.cli.settings import check_root, parse_configurations
from jaxad.cli.windows import shape_windows
from jaxad.data.protocol.training_file import TrainingFile, load_training_file
from jaxad.data.sources.features import check_measured
from jaxad.data.tables.profile import Profile, profile_file
from jaxad.detectors import make
from jaxad.errors import ConfigError, StorageError
from jaxad.recommendation import recommend
from jaxad.recommendation.evidence import format_settings
from jaxad.recommendation.situation import describe_data
from jaxad.saving import check_savable, save_trained
from jaxad.training.fitted import Fit as TrainedFit
from jaxad.training.train import fit as train_detector
from jaxad.utils.files import check_writable

__all__ = ["execute"]

DEFAULT = "auto"  # for tables


def execute(options: Fit) -> int:
    """Train on a file and save the detector.

    Returns:
        The exit code, 0.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed; nothing was saved.
    """
    if options.detector is not None:  # before the file is read, as its settings may be wrong
        _parse_settings(options, options.detector)
    root = check_root(options.seed_root)
    out = options.out.absolute()
    if out.exists():
        raise ConfigError(f"--out {options.out} exists already; give a new folder")
    check_writable(out.parent)
    how = read_table_options(options)
    data = load_training_file(
        options.data,
        options=how,
        strict=options.strict,
        scaling=options.scaling,
        exposure=options.exposure,
        exposure_rows=options.exposure_rows,
        feedback=options.feedback,
        calibration=options.calibration,
        seed=root,
    )
    profile = None if data.series else profile_file(options.data, data.columns, how)
    name, config = _choose_detector(options, data)
    data = shape_windows(data, name)
    detector = make(name, data.train, **config)
    check_savable(detector)  # before hours of training
    with reporting(1) as reporter:
        reporter.begin(f"{options.data.name}  {name}")
        fitted = train_detector(
            detector,
            data.train,
            options.seeds,
            key=root,
            progress=reporter.step,
            checkpoint=options.checkpoint,
        )
        if fitted.interrupted:
            raise KeyboardInterrupt
        reporter.done(f"compile {fitted.seconds.compile:.1f} s  run {fitted.seconds.run:.1f} s")
    _save(fitted, data, profile, options)
    _report(name, fitted, data, options)
    return 0


def _report(name: str, fitted: TrainedFit, data: TrainingFile, options: Fit) -> None:
    """Print what the detector was trained on and where it is."""
    counts = {value: int(np.sum(data.train.label == value)) for value in (-1, 0, 1)}
    print(
        f"Trained {name} with {fitted.seeds} seed(s) on {counts[0]} unlabelled rows, "
        f"{counts[-1]} labelled anomalies and {counts[1]} verified normal rows; saved to "
        f"{options.out}"
    )
    if data.images is not None:
        print(f"Pictures are read as {data.images}, here and by `jaxad score`")
    if data.held_out is not None:
        held = len(data.held_out.x)
        print(
            f'{held} rows held out for calibration: --threshold "conformal(A)" bounds false alarms '
            f"for A from {1 / (held + 1):.3g}"
        )


def _parse_settings(options: Fit, name: str) -> dict[str, Any]:
    """Return the settings of the options that differ from the detector's defaults."""
    given = parse_configurations([name], options.settings, options.epochs, options.batch_size)
    return given[name]


def _choose_detector(options: Fit, data: TrainingFile) -> tuple[str, dict[str, Any]]:
    """Return the detector's name and settings: those given, else those that are recommended.

    Raises:
        ConfigError: The file holds texts, for which no detector does without word vectors.
    """
    if options.detector is not None:
        return options.detector, _parse_settings(options, options.detector)
    train = data.train
    if train.vocabulary is not None:
        raise ConfigError(
            "DETECTOR must be named for texts, as all detectors of texts need word vectors; "
            f"`jaxad recommend {options.data}` names one and the command"
        )
    if np.ndim(train.x) == 2:
        name, config, why = DEFAULT, {}, "It is the default for tables."
    else:
        check_measured(options.data, train.x)
        found = recommend(
            **describe_data(train.x),
            labelled_anomalies=int(np.sum(train.label == -1)),
            labelled_normals=int(np.sum(train.label == 1)),
            exposure=options.exposure is not None,
        )
        name, config, why = found.detector, found.config, found.reasons[0]
    config |= _parse_settings(options, name)
    settings = format_settings(config)
    print(f"No detector is named; {name}{f' ({settings})' if settings else ''} is used. {why}")
    return name, config


def _save(fitted: TrainedFit, data: TrainingFile, profile: Profile | None, options: Fit) -> None:
    """Save a detector to --out; where that fails, save it elsewhere so that it is not lost.

    Raises:
        StorageError: It could not be saved to --out; the message says where it is.
    """
    out, file = options.out.absolute(), options.data.name
    try:
        save_trained(fitted, data, out, file=file, profile=profile)
        return
    except (ConfigError, StorageError) as error:  # also if another process has saved there
        failed = error
    message = f"--out: cannot save to {options.out}: {failed.__cause__ or failed}"
    for place in (tempfile.gettempdir(), os.path.expanduser("~"), os.getcwd()):
        try:
            folder = Path(tempfile.mkdtemp(prefix="jaxad-", dir=place))
        except OSError:
            continue
        try:
            saved = save_trained(fitted, data, folder / out.name, file=file, profile=profile)
        except StorageError:
            folder.rmdir()
            continue
        raise StorageError(
            f"{message}. The trained detector was saved to {saved} instead: move it from there"
        ) from failed
    kept = (
        f"run the command again with --checkpoint {options.checkpoint}, which continues from the "
        "last state, and another --out"
        if options.checkpoint is not None
        else "make room and run the command again, with --checkpoint for long trainings"
    )
    raise StorageError(f"{message}. It could not be saved elsewhere either: {kept}") from failed
