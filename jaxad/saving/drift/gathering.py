"""What new rows have in each column, gathered while a file is read in pieces."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxad.data.tables.options import TableOptions
from jaxad.data.tables.profile import ColumnProfile, Profile, read_values
from jaxad.data.tables.reading import open_table
from jaxad.data.tables.roles import assign_roles
from jaxad.errors import DataError
from jaxad.saving.drift.report import ColumnReport
from jaxad.saving.scoring import SavedDetector

__all__ = ["GatheredColumn", "Sample", "gather_columns", "report_column"]

_MOST = 50_000  # numbers of a sample
_NAMED = 5  # unseen categories that are named


class Sample:
    """A random sample of numbers that come in pieces: those with the smallest random priorities."""

    def __init__(self):
        self.values, self.priority = np.zeros(0), np.zeros(0)
        self.rng = np.random.default_rng(0)

    def add(self, values: Float[np.ndarray, "_"]) -> None:
        """Add numbers, and keep at most `_MOST` of all."""
        self.values = np.concatenate([self.values, values])
        self.priority = np.concatenate([self.priority, self.rng.random(len(values))])
        if len(self.values) > 2 * _MOST:
            self.cut()

    def cut(self) -> Float[np.ndarray, "_"]:
        """Return the sample."""
        if len(self.values) > _MOST:
            kept = np.argpartition(self.priority, _MOST)[:_MOST]
            self.values, self.priority = self.values[kept], self.priority[kept]
        return self.values


@dataclass
class GatheredColumn:
    """What is gathered of a column while a file is read in pieces."""

    profile: ColumnProfile
    sample: Sample = field(default_factory=Sample)
    counts: Counter = field(default_factory=Counter)
    gaps: int = 0
    rows: int = 0

    def add(self, column: Any) -> None:
        """Add the values of further rows."""
        found = read_values(column, self.profile.name, self.profile.kind)
        self.sample.add(found.numbers)
        self.counts.update(found.counts)
        self.gaps += found.gaps
        self.rows += len(column)


def gather_columns(
    saved: SavedDetector, profile: Profile, source: str | Path, options: TableOptions
) -> list[GatheredColumn]:
    """Read the columns of a file; bad rows are left out."""
    names = [column.name for column in profile.columns]
    table = open_table(source, options, names)
    chosen = names
    if not saved.columns:  # arrays have no names: columns are known by their places
        roles = assign_roles(table.names, options, index=table.index, what=table.name)
        chosen = list(roles.features[: len(names)])
    missing = [name for name in chosen if name not in table.names]
    if missing or len(chosen) < len(names):
        raise DataError(f"{source}: columns of training are missing: {', '.join(missing or names)}")
    gathered = [GatheredColumn(column) for column in profile.columns]
    for piece in table.pieces(columns=chosen):
        rows = piece.table
        if piece.bad:
            good = np.ones(rows.num_rows, bool)
            good[list(piece.bad)] = False
            rows = rows.filter(good)
        for one, name in zip(gathered, chosen, strict=True):
            one.add(rows[name])
    return gathered


def report_column(one: GatheredColumn) -> ColumnReport:
    """Return the gaps and unseen categories of a column."""
    profile = one.profile
    known = set(profile.categories)
    complete = sum(profile.counts) + profile.gaps == profile.rows
    unseen: Sequence[str] = ()
    if profile.kind == "category" and complete:
        unseen = sorted(set(one.counts) - known, key=lambda text: (-one.counts[text], text))
    return ColumnReport(
        profile.name,
        profile.kind,
        one.gaps,
        one.gaps / max(one.rows, 1),
        profile.gaps / max(profile.rows, 1),
        sum(one.counts[text] for text in unseen),
        tuple(unseen[:_NAMED]),
    )
