"""Drawing of splits from data sets: contamination, labels, test parts and scaling.

A split depends only on the data set, the settings and one key. Rows are drawn on the host from the
bits of the key, so that the same key gives the same split on every machine.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from inspect import Parameter, Signature
from typing import Any

import jax
import numpy as np

from jaxad.data.dataset import Dataset
from jaxad.data.protocol.settings import Protocol, as_protocol, protocol_parameters
from jaxad.data.protocol.splitting import choose_rows, draw_split
from jaxad.data.rng import Stream, as_key
from jaxad.data.sources.load import load_dataset
from jaxad.data.split import Split, stack_splits
from jaxad.errors import ConfigError, DataError
from jaxad.types import Key

__all__ = ["check_rows", "contaminate"]


def contaminate(
    dataset: Any, key: Key | int, *, seeds: int | Sequence[int] | None = None, **settings: Any
) -> Split:
    r"""Draw training and test data with hidden and labelled anomalies.

    From the training part of the data, `n_N` unlabelled normal rows, `n_A` hidden anomalies, and
    the labelled anomalies and labelled normal rows are drawn without overlap and shuffled. Without
    `n_train`, every normal row that is not labelled is used, and for the contamination `rho`

    $$n_A = \mathrm{round}\left(\frac{\rho}{1 - \rho} n_N\right);$$

    with `n_train`, `n_A = round(rho * n_train)`. The other training anomalies are left out. The
    test data consists of all rows of the test part. Rows are never drawn twice to make up for too
    few of them; that is an error.

    For a fixed key, the test rows are the same at every contamination and with any labels, a
    larger contamination adds to the same hidden anomalies, and the labelled rows do not depend on
    the contamination. More label noise exchanges more of the same labelled rows for rows of the
    other kind.

    Args:
        dataset: A `Dataset`, or anything that `load_dataset` takes.
        key: A typed key or an integer, the only source of randomness.
        seeds: None for a single split. An integer `k` for k splits with the keys
            `fold_in(key, i)`, stacked along a leading axis; or the numbers i themselves. Each
            split is that of its key up to padding, and does not depend on the other seeds.
        **settings: The fields of `Protocol` by name, such as `normal_class`, `contamination`,
            `labelled_anomalies`, `scaling` or `exposure`; `Protocol` describes all of them. If
            `protocol` is a `Protocol`, the other settings replace its fields. `exposure` may be
            anything that `load_dataset` takes.

    Returns:
        The split, on the host.

    Raises:
        ConfigError: A setting out of range, settings that exclude each other, or an unknown class.
        DataError: Fewer rows of a kind than are needed, or an exposure set that cannot be
            converted to the shape or the units of the data.

    Example:
        >>> split = contaminate("digits", 0, normal_class=3, contamination=0.1)
        >>> float(round(split.hidden.mean(), 2))
        0.1
    """
    protocol, data = as_protocol(settings), load_dataset(dataset)
    others = _load_exposure(data, protocol)
    keys = list(_keys(key, seeds))
    try:
        splits = [draw_split(data, others, protocol, one) for one in keys]
    except DataError:
        if protocol.few_anomalies != "own" or protocol.contamination is None:
            raise
        own = replace(protocol, contamination=None)
        splits = [draw_split(data, others, own, one) for one in keys]
    return splits[0] if seeds is None else stack_splits(splits)


contaminate.__signature__ = Signature(  # pyright: ignore[reportFunctionMemberAccess]
    [
        Parameter("dataset", Parameter.POSITIONAL_OR_KEYWORD, annotation=Any),
        Parameter("key", Parameter.POSITIONAL_OR_KEYWORD, annotation=Key | int),
        *protocol_parameters(),
        Parameter(
            "seeds",
            Parameter.KEYWORD_ONLY,
            default=None,
            annotation=int | Sequence[int] | None,
        ),
    ],
    return_annotation=Split,
)


def check_rows(dataset: Any, key: Key | int, **settings: Any) -> None:
    """Raise the errors that `contaminate` would raise for a single split, without building it.

    Only row numbers are drawn; rows are neither scaled nor copied. The rows of an exposure set are
    not checked.

    Args:
        dataset: As for `contaminate`.
        key: As for `contaminate`.
        **settings: As for `contaminate`.

    Raises:
        ConfigError: A setting out of range, settings that exclude each other, or an unknown class.
        DataError: Fewer rows of a kind than are needed.
    """
    protocol, data = as_protocol(settings), load_dataset(dataset)
    try:
        choose_rows(data, protocol, Stream(as_key(key)))
    except DataError:
        if protocol.few_anomalies != "own" or protocol.contamination is None:
            raise
        choose_rows(data, replace(protocol, contamination=None), Stream(as_key(key)))


def _keys(key: Key | int, seeds: int | Sequence[int] | None) -> Iterator[Key]:
    """Yield the key of each split."""
    numbers = range(seeds) if isinstance(seeds, int | np.integer) else seeds
    if numbers is not None and (len(numbers) < 1 or min(numbers) < 0):
        raise ConfigError(
            f"seeds={seeds} must be an integer of at least 1, a list of seeds from 0 on, or None "
            "for a single split"
        )
    root = as_key(key)
    if numbers is None:
        yield root
    else:
        yield from (jax.random.fold_in(root, int(i)) for i in numbers)


def _load_exposure(data: Dataset, protocol: Protocol) -> Dataset | None:
    """Return the exposure set, if there is one."""
    if protocol.exposure is None:
        return None
    others = load_dataset(protocol.exposure)
    for one in (data, others):
        if one.vocabulary is not None:
            raise DataError(
                f"exposure: {one.name!r} is text, and texts of different data sets have different "
                "vocabularies; use exposure with tables, sequences or images"
            )
    return others
