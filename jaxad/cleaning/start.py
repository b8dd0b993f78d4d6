"""The start of a cleaning: from rows, or a file or folder, to a session."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any
from warnings import warn

import numpy as np

from jaxad.cleaning.examples import TableExamples
from jaxad.cleaning.options import CleaningOptions
from jaxad.cleaning.session import Cleaning
from jaxad.cleaning.sources import open_examples
from jaxad.data.tables.labels import as_text, as_training_labels
from jaxad.data.tables.options import TableOptions
from jaxad.errors import ConfigError, DataWarning

__all__ = ["clean"]


def clean(
    X: Any,  # noqa: N803
    y: Any = None,
    *,
    positive: Any = None,
    normal: Any = None,
    **options: Any,
) -> Cleaning:
    """Begin to clean a training set.

    Args:
        X: `(n, d)` rows, an array of numbers or a data frame; n >= 8. Or the name or path of a
            file or folder: pictures, texts, or windows of long series as in
            `"series:time=timestamp,window=50:ts.csv"`; see `open_examples`.
        y: `(n,)` labels that are known already: 1 and True mark anomalies; 0, False, -1 and missing
            values unlabelled rows.
        positive: The value or values of labelled anomalies in `y`, in place of 1 and True.
        normal: The value or values of verified normal rows in `y`.
        **options: Fields of `CleaningOptions`, such as `budget=20`.

    Returns:
        The session: `ask` it, `tell` it the answers, and take its `result`.

    Raises:
        ConfigError: An option is unknown or out of range, or the budget is larger than the number
            of unlabelled rows.
        DataError: The rows cannot be used, or all are labelled.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(60, 2))
        >>> x[:3] += 8
        >>> session = clean(x, budget=6, members=20, detector="iforest")
        >>> while session.left:
        ...     asked = session.ask(2)
        ...     session.tell({row: row < 3 for row in asked.row})
        >>> session.result().suspects.row.tolist()
        [0, 1, 2]
    """
    unknown = options.keys() - CleaningOptions.__dataclass_fields__.keys()
    if unknown:
        known = ", ".join(CleaningOptions.__dataclass_fields__)
        raise ConfigError(f"{min(unknown)!r} is not an option of clean; options are {known}")
    chosen = CleaningOptions(**options)
    if isinstance(X, str | Path):
        given = TableOptions(positive=_list_values(positive), normal=_list_values(normal))
        examples, known = open_examples(X, TableOptions() if y is not None else given)
        if not examples.exchangeable and "reference" not in options:
            chosen = replace(chosen, reference=0.0)
    else:
        examples, known = TableExamples(X), None
    if y is not None:
        known = as_training_labels(y, positive, normal)
    elif "label" in getattr(X, "columns", ()):
        warn(
            "X has a column 'label', which is read like all others; give it as y, or drop it",
            DataWarning,
            stacklevel=2,
        )
    label = np.zeros(len(examples), np.int8) if known is None else known
    return Cleaning(examples, label, chosen)


def _list_values(values: Any) -> tuple[str, ...]:
    """Return one or several values of labels as texts."""
    if values is None:
        return ()
    several = isinstance(values, Iterable) and not isinstance(values, str)
    return tuple(str(as_text(value)) for value in (values if several else (values,)))
