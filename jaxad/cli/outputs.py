"""Checks of the paths that commands write to, and the names of their columns."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from jaxad.data.images.layouts import is_image_source, parse_source
from jaxad.data.tables.arrow import load_compute
from jaxad.data.tables.delimited import UNNAMED
from jaxad.errors import ConfigError
from jaxad.utils.escaping import escape_csv, escape_csv_row

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = [
    "check_distinct",
    "check_outside",
    "escape_frame",
    "escape_table",
    "name_ids",
    "write_names",
]

_FORMULA = r"^[=+\-@\t\r\n\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}]"  # as `escape_csv` has it


def check_distinct(option: str, out: Path, inputs: Mapping[str, str | Path | None]) -> None:
    """Raise if an output is one of the inputs, which writing would destroy or mix up.

    Links are followed; `--force` makes no difference.

    Args:
        option: The option of the output, such as "--out".
        out: Its path.
        inputs: The inputs by the name of their argument; None for those that are not given. A name
            that is not a path, such as that of a bundled data set, is not checked; in a source with
            a prefix each path is.

    Raises:
        ConfigError: They are the same file or folder.
    """
    parts = [(name, part) for name, path in inputs.items() for part in _split(path)]
    for name, path in parts:
        if not _exists(Path(path)):
            continue
        if Path(out).resolve() == Path(path).resolve() or _is_same(Path(out), Path(path)):
            raise ConfigError(
                f"{option} {out} is also the input {name} {path}, which must not change; give "
                "another path"
            )


def check_outside(option: str, out: Path, data: str | Path) -> None:
    """Raise if pictures would be written among those that are read.

    Args:
        option: The option of the output, such as "--out".
        out: Its path.
        data: The input; only a folder of pictures is checked.

    Raises:
        ConfigError: The output is in the folder.
    """
    if not is_image_source(data):
        return
    folder = Path(parse_source(data).path)
    if folder.is_dir() and folder.resolve() in (out.resolve(), *out.resolve().parents):
        raise ConfigError(
            f"{option} {out} is in the folder {folder}, whose pictures are read; give another path"
        )


def name_ids(name: str | None) -> str:
    """Return the name of the column of ids in outputs: "row" for row numbers.

    An index without a name is called "index", and ids whose name another column of outputs has are
    called "id".
    """
    if name is None:
        return "row"
    if name == UNNAMED:
        return "index"
    taken = name in ("row", "place", "score", "anomaly", "p_value", "hidden", "events")
    return "id" if taken or name.startswith(("score_seed_", "suspicion")) else name


def escape_frame(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Escape the text of a frame, and its column names, for a csv file; see `escape_csv`."""
    text = [i for i, kind in enumerate(frame.dtypes) if kind.kind not in "biufMm"]
    out = frame.set_axis(escape_csv_row(map(str, frame.columns)), axis=1)
    for i in text:
        out = out.assign(**{out.columns[i]: out.iloc[:, i].map(escape_csv)})
    return out


def escape_table(table: "pa.Table") -> "pa.Table":
    """Escape the text of an Arrow table for a csv file; see `escape_csv`."""
    import pyarrow as pa

    pc = load_compute()
    for i, field in enumerate(table.schema):
        if not (pa.types.is_string(field.type) or pa.types.is_large_string(field.type)):
            continue
        column = table.column(i)
        if pc.any(pc.match_substring_regex(column, _FORMULA)).as_py():
            values = [escape_csv(value) for value in column.to_pylist()]
            table = table.set_column(i, field, pa.array(values, field.type))
    return table


def write_names(file: IO[bytes], names: Sequence[str]) -> None:
    """Write the names of columns as the first line of a csv file; text is escaped."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(escape_csv_row(names))
    file.write(line.getvalue().encode())


def _split(source: str | Path | None) -> list[str]:
    """Return a source and the paths in it, such as those of `mean:VECTORS:TEXTS`."""
    return [] if source is None else [str(source), *str(source).split(":")[1:]]


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that no file can have
        return False


def _is_same(one: Path, other: Path) -> bool:
    """Return whether two paths are the same file, also by hard links."""
    try:
        return one.samefile(other)
    except OSError:
        return False
