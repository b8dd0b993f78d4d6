"""The profile of an estimator's training rows, for `jaxad monitor`."""

from typing import Any

from jaxad.data.tables.profile import Profile, make_profile
from jaxad.data.tables.reading import as_table
from jaxad.errors import DataError

__all__ = ["profile_rows"]


def profile_rows(x: Any) -> Profile | None:
    """Return the profile of rows as an estimator takes them.

    None for values that tables do not hold, such as long floats; the detector may take them.
    """
    import pyarrow as pa

    try:
        return make_profile(as_table(x))
    except (DataError, OverflowError, pa.ArrowException):  # dates before year 1, for one
        return None
