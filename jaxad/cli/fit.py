"""`jaxad fit`: train a detector on a file and save it."""

import numpy as np

from jaxad.cli.options import Fit
from jaxad.cli.progress import reporting
from jaxad.cli.settings import check_root, parse_configurations
from jaxad.data.protocol.training_file import load_training_file
from jaxad.detectors import make
from jaxad.errors import ConfigError
from jaxad.saving import check_savable, save_trained
from jaxad.training.train import fit as train_detector
from jaxad.utils.files import check_writable

__all__ = ["execute"]


def execute(options: Fit) -> int:
    """Train on a file and save the detector.

    Returns:
        The exit code, 0.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed; nothing was saved.
    """
    name = options.detector
    config = parse_configurations([name], options.settings, options.epochs, options.batch_size)[
        name
    ]
    root = check_root(options.seed_root)
    out = options.out.absolute()
    if out.exists():
        raise ConfigError(f"--out {options.out} exists already; give a new folder")
    check_writable(out.parent)
    data = load_training_file(
        options.data,
        label=options.label,
        label_kind=options.label_kind,
        scaling=options.scaling,
        exposure=options.exposure,
        exposure_rows=options.exposure_rows,
        seed=root,
    )
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
    save_trained(fitted, data, out, file=options.data.name)
    counts = {value: int(np.sum(data.train.label == value)) for value in (-1, 0, 1)}
    print(
        f"Trained {name} with {fitted.seeds} seed(s) on {counts[0]} unlabelled rows, "
        f"{counts[-1]} labelled anomalies and {counts[1]} labelled normals; saved to {options.out}"
    )
    return 0
