"""The rows of a file that is read as a whole, with what the file says of them."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int, Num, Shaped, UInt8

from jaxad.data.bad_rows import find_good_rows
from jaxad.data.text.vocabulary import Vocabulary

__all__ = ["Table"]


class Table(NamedTuple):
    """Rows of a file, and their labels if it has any.

    Attributes:
        x: `(n, ...)` rows.
        y: `(n,)` int64 class numbers, or None.
        columns: Names of the columns of x; () for an npz file or texts.
        class_names: Names of the classes 0, 1, ... if labels are strings; else ().
        mask: `(n, height, width)` uint8: 1 where a pixel is anomalous; None if unknown.
        vocabulary: The vocabulary of x if rows are documents.
        ids: `(n,)` the names of the rows, such as those of their files; None for row numbers.
        id: What the names are, such as "file"; None for row numbers.
        bad: Why a row cannot be used, by its number; its entries in x mean
            nothing.
        texts: `(n,)` the texts that rows stand for, for pages and rankings; None without texts.
    """

    x: Num[np.ndarray, "n *shape"]
    y: Int[np.ndarray, "n"] | None
    columns: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()
    mask: UInt8[np.ndarray, "n height width"] | None = None
    vocabulary: Vocabulary | None = None
    ids: Shaped[np.ndarray, "n"] | None = None
    id: str | None = None
    bad: dict[int, str] | None = None
    texts: Shaped[np.ndarray, "n"] | None = None

    def drop_bad(self, name: str, strict: bool = False) -> "Table":
        """Return the table without the rows that cannot be used.

        The names of the other rows are kept; where they have none, `ids` holds their numbers.

        Args:
            name: The source, for messages.
            strict: Whether such a row is an error.

        Raises:
            DataError: A row cannot be used and `strict`, or no row can be used.

        Warns:
            DataWarning: Some rows are left out.
        """
        if not self.bad:
            return self
        kept = find_good_rows(self.bad, len(self.x), self.ids, name, strict=strict)
        ids = np.arange(len(self.x)) if self.ids is None else self.ids
        parts = {name: getattr(self, name) for name in ("y", "mask", "texts")}
        kept_parts = {name: part[kept] for name, part in parts.items() if part is not None}
        return self._replace(x=self.x[kept], ids=ids[kept], bad=None, **kept_parts)
