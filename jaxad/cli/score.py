"""`jaxad score`: a saved detector and a file of rows to a file of scores."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jaxad.checkpoint import load
from jaxad.cli.fit import ABOUT
from jaxad.cli.options import Score
from jaxad.data import Table, load_table
from jaxad.errors import ConfigError, DataError
from jaxad.evaluate import score as scores_of
from jaxad.files import check_writable, written_whole

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["score"]


def score(options: Score) -> int:
    """Score rows and write the scores.

    Returns:
        The exit code, 0.
    """
    _check_out(options.out, options.force)
    fitted, scaling = load(options.folder)
    table = load_table(options.data, label=options.label)
    x = _in_order(table, _columns(options.folder), options.data)
    shape = fitted.detector.input_shape
    if shape is not None and x.shape[1:] != tuple(shape):
        raise DataError(
            f"{options.data}: rows have shape {x.shape[1:]}; the detector in {options.folder} was "
            f"trained on {tuple(shape)}"
        )
    _write(_frame(scores_of(fitted, x if scaling is None else scaling.apply(x))), options.out)
    print(f"{len(x)} rows scored with {fitted.seeds} seed(s); scores in {options.out}")
    return 0


def _check_out(out: Path, force: bool) -> None:
    if out.suffix.lower() not in (".csv", ".parquet"):
        raise ConfigError(f"--out {out} must end in .csv or .parquet")
    if out.is_dir():
        raise ConfigError(f"--out {out} is a folder; give a file")
    if out.exists() and not force:
        raise ConfigError(f"--out {out} exists already; give another file, or --force")
    check_writable(out.absolute().parent)


def _columns(folder: Path) -> Sequence[str]:
    """The columns that a detector was trained on; () where they have no names."""
    try:
        return json.loads((folder / ABOUT).read_text())["columns"]
    except FileNotFoundError:  # saved by `jaxad.save`, which knows arrays alone
        return ()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{folder / ABOUT}: cannot be read ({error})") from error


def _in_order(table: Table, columns: Sequence[str], path: Path) -> np.ndarray:
    """The rows with the columns of training, in their order.

    Raises:
        DataError: A column is missing, or there is another one.
    """
    if not columns or not table.columns or tuple(columns) == table.columns:
        return table.x
    missing = [name for name in columns if name not in table.columns]
    strange = [name for name in table.columns if name not in columns]
    if missing or strange:
        raise DataError(
            f"{path}: columns are not those of training; missing: {_listed(missing)}; not in "
            f"training: {_listed(strange)}"
        )
    return table.x[:, [table.columns.index(name) for name in columns]]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return (", ".join(names[:5]) or "none") + more


def _frame(scores: np.ndarray) -> "pd.DataFrame":
    """Columns of the output, given `(seeds, n)` scores."""
    import pandas as pd

    columns = {"row": np.arange(scores.shape[1]), "score": scores.mean(axis=0)}
    if len(scores) > 1:
        columns |= {f"score_seed_{i}": seed for i, seed in enumerate(scores)}
    return pd.DataFrame(columns)


def _write(frame: "pd.DataFrame", out: Path) -> None:
    with written_whole(out) as partial:
        if out.suffix.lower() == ".csv":
            frame.to_csv(partial, index=False)
        else:
            frame.to_parquet(partial, index=False)
