"""`jaxad audit`: rank the rows of a file by how likely they are hidden anomalies."""

from pathlib import Path
from typing import Any

import numpy as np

from jaxad.cli.options import Audit
from jaxad.cli.options.common import read_table_options
from jaxad.cli.outputs import check_distinct, check_outside, escape_frame, name_ids
from jaxad.cli.progress import reporting
from jaxad.cli.settings import check_root, parse_configurations
from jaxad.cli.windows import shape_windows
from jaxad.data.protocol.training_file import TrainingFile, load_training_file
from jaxad.data.series.sources import strip_series
from jaxad.data.sources.sequences import PREFIX
from jaxad.detectors import make
from jaxad.errors import ConfigError, DataError
from jaxad.explain import Audit as Result
from jaxad.explain import audit as audit_fit
from jaxad.explain.auditing import check_auditable, check_method
from jaxad.explain.pictures.base import check_picture
from jaxad.training.train import fit
from jaxad.utils.files import check_writable, write_atomically
from jaxad.utils.text import shorten

__all__ = ["execute"]

LABELLED, UNLABELLED = "auto", "deep_svdd"
RECORD = "weighting=latent_outlier_exposure(0.1)"
SHOWN = 10


def execute(options: Audit) -> int:
    """Train on a file, rank its rows and write the ranking.

    Returns:
        The exit code, 0.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed; nothing was written.
    """
    check_method(options.method)
    _check_outputs(options)
    root = check_root(options.seed_root)
    data = load_training_file(
        options.data,
        options=read_table_options(options),
        truth=options.truth,
        scaling=options.scaling,
    )
    if not np.any(data.train.label == 0):
        raise DataError(
            f"{options.data}: all rows are labelled, and only unlabelled rows are ranked; leave "
            "rows unlabelled, or name labels that only measure by --truth"
        )
    name, config = _choose_detector(options, labelled=bool(np.any(data.train.label)))
    data = shape_windows(data, name)
    train = data.train
    detector = make(name, train, **config)
    check_auditable(detector, train, options.method)
    with reporting(1) as reporter:
        reporter.begin(f"{options.data.name}  {name}")
        fitted = fit(detector, train, options.seeds, key=root, progress=reporter.step)
        if fitted.interrupted:
            raise KeyboardInterrupt
        reporter.done(f"compile {fitted.seconds.compile:.1f} s  run {fitted.seconds.run:.1f} s")
    result = audit_fit(fitted, train, options.method, hidden=data.hidden)
    frame = result.frame()
    texts = None if data.texts is None else [shorten(text) for text in data.texts[frame.row]]
    if data.ids is not None:
        named = data.ids[frame.row]
        if data.id is None:  # numbers in the file, of which some rows could not be used
            frame["row"] = named
        else:
            frame.insert(2, name_ids(data.id), named)
    if texts is not None:
        frame["text"] = texts
    _write(result, frame, options)
    first = frame[name_ids(data.id)][:SHOWN]
    _print(result, name, options, _name_rows(data), ", ".join(map(str, first)))
    return 0


def _check_outputs(options: Audit) -> None:
    """Raise before training if an output cannot be written."""
    if options.out.suffix.lower() != ".csv":
        raise ConfigError(f"--out {options.out} must end in .csv")
    if options.plot is not None:
        check_picture(options.plot)
    for name, path in (("--out", options.out), ("--plot", options.plot)):
        if path is None:
            continue
        if path.is_dir():
            raise ConfigError(f"{name} {path} is a folder; give a file")
        data = strip_series(str(options.data).removeprefix(PREFIX))
        check_distinct(name, path, {"DATA": data})
        if path.exists() and not options.force:
            raise ConfigError(f"{name} {path} exists already; give another file, or --force")
        if path is options.plot:
            check_outside(name, path, options.data)
        check_writable(path.absolute().parent)


def _choose_detector(options: Audit, labelled: bool) -> tuple[str, dict[str, Any]]:
    """Return the detector's name and the settings that differ from its defaults."""
    name, settings = options.detector, options.settings
    if name is None:
        name = LABELLED if labelled else UNLABELLED
        settings = settings if labelled else (RECORD, *settings)  # the user's come later, and win
    return name, parse_configurations([name], settings, options.epochs, options.batch_size)[name]


def _write(result: Result, frame: Any, options: Audit) -> None:
    """Write both files, or none: the ranking appears once the picture is drawn."""
    with write_atomically(options.out.absolute()) as partial:
        escape_frame(frame).to_csv(partial, index=False)
        if options.plot is not None:
            result.plot(options.plot.absolute())


def _name_rows(data: TrainingFile) -> str:
    """Return what the rows of a file stand for."""
    if data.series is not None:
        return "windows"
    if data.images is not None:
        return "pictures"
    return "rows" if data.texts is None else "texts"


def _print(result: Result, name: str, options: Audit, rows: str, first: str) -> None:
    """Print the result in a few lines."""
    print(
        f"{len(result.ranking)} unlabelled {rows} ranked by {result.method} of {name}, "
        f"{len(result.suspicion)} seed(s); ranking in {_list_files(options)}"
    )
    print(f"Most suspicious {rows}: {first}")
    if result.hidden is None:
        return
    hidden = int(result.hidden.sum())
    if not result.together:
        print(f"{hidden} of the {rows} are hidden anomalies: nothing to measure")
        return
    auroc, auprc, precision = (100 * value for value in result.together.values())
    print(
        f"{hidden} hidden anomalies: AUROC {auroc:.1f}, AUPRC {auprc:.1f}, "
        f"{precision:.1f} % of the first {hidden} {rows}"
    )


def _list_files(options: Audit) -> Path | str:
    return options.out if options.plot is None else f"{options.out}, picture in {options.plot}"
