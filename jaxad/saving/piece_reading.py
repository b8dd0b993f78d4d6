"""The columns of training in further tables, and their rows as numbers, for a saved detector."""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from jaxad.data.arrays import MAX_FLOAT32
from jaxad.data.tables.encoding import Encoding, check_columns
from jaxad.data.tables.events import Events
from jaxad.data.tables.options import TableOptions
from jaxad.data.tables.reading import TableSource
from jaxad.data.tables.roles import Roles
from jaxad.data.tables.values import normalise, read_numbers
from jaxad.errors import DataError, DataWarning
from jaxad.saving.training_file import TrainedColumns

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["encode_piece", "select_columns"]


def select_columns(
    trained: TrainedColumns,
    table: TableSource,
    roles: Roles,
    options: TableOptions,
    strict: bool,
) -> list[str]:
    """Return the columns of training, in their order.

    Args:
        trained: The columns that the detector was trained on.
        table: The table.
        roles: The parts of its columns.
        options: The options by which it is read.
        strict: Whether further columns are an error; else they are ignored with a warning.

    Raises:
        DataError: A column is missing, or with `strict` there is a further one.
    """
    if not trained.names:
        return list(roles.features)
    others = {roles.label, roles.id, *options.drop, *table.index, *trained.others}
    others -= set(roles.features)
    names = [name for name in table.names if name not in others]
    if trained.encoding is not None:
        check_columns(trained.encoding, names, table.name, strict=strict)
        return list(trained.encoding.required)
    missing = [name for name in trained.names if name not in names]
    further = [name for name in names if name not in trained.names]
    if missing or (further and strict):
        raise DataError(
            f"{table.name}: columns are not those of training; missing: {_join(missing)}; not "
            f"in training: {_join(further)}"
        )
    if further:
        message = f"{table.name}: columns that are not in training: {_join(further)}"
        warnings.warn(f"{message}; they are ignored", DataWarning, stacklevel=4)
    return list(trained.names)


def encode_piece(
    encoding: Encoding | None, table: "pa.Table", columns: Sequence[str], bad: dict[int, str]
) -> tuple[Float[np.ndarray, "n d"], Events | None]:
    """Return rows as numbers before scaling, and their events; add rows to `bad`.

    Without an encoding, rows with a value that is not a number finite in float32 are bad.
    """
    if encoding is not None:
        x, events = encoding.apply(table)
        good = np.ones(len(x), bool)
        good[list(bad)] = False
        return x, events if good.all() else events.keep(good)
    x = np.zeros((table.num_rows, len(columns)))
    for place, name in enumerate(columns):
        found = read_numbers(normalise(table[name], name))
        assert found is not None
        right = np.abs(found.value) <= MAX_FLOAT32
        for row in np.flatnonzero(~right).tolist():
            held = table[name][row].as_py()
            said = "nothing" if held is None else repr(held)[:40]
            bad.setdefault(row, f"column {name!r} holds {said}")
        x[right, place] = found.value[right]
    x[list(bad)] = 0.0
    return x, None


def _join(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return (", ".join(names[:5]) or "none") + more
