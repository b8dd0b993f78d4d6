"""Texts of a file or folder as strings, with what is known of them."""

from typing import Any, NamedTuple

import numpy as np

from jaxad.data.bad_rows import find_good_rows

__all__ = ["Texts"]


class Texts(NamedTuple):
    """The texts of a file or folder.

    Attributes:
        text: The documents as strings; "" for one that cannot be read.
        label: The label of each document; None if there are no labels.
        split: "train" or "test" for each document; None if there are no splits.
        ids: The name of each document, such as that of its file; None without names.
        id: What the names are, such as "file"; None without names.
        bad: Why a document cannot be read, by its row.
    """

    text: list[str]
    label: list[Any] | None
    split: list[str] | None
    ids: list[str] | None = None
    id: str | None = None
    bad: dict[int, str] = {}  # noqa: RUF012  # never changed

    def drop_bad(self, name: str) -> "Texts":
        """Return the texts without those that cannot be read.

        Args:
            name: The source, for messages.

        Raises:
            DataError: None can be read.

        Warns:
            DataWarning: Some cannot be read.
        """
        if not self.bad:
            return self
        good = find_good_rows(self.bad, len(self.text), self.ids, name)
        columns = {name: getattr(self, name) for name in ("text", "label", "split", "ids")}
        kept = np.flatnonzero(good).tolist()
        parts = {name: [c[i] for i in kept] for name, c in columns.items() if c is not None}
        return self._replace(bad={}, **parts)
