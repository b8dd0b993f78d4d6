"""The registry of weightings: their names in configurations, and their records for audits."""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from jaxad.errors import ConfigError
from jaxad.utils.plugins import Registry, describe_origin
from jaxad.weighting.base import Weighting

__all__ = ["RECORDS", "WEIGHTINGS", "Record", "register"]

Build = TypeVar("Build", bound=Callable[..., Weighting])


class Record(NamedTuple):
    """What the state of a weighting records of every training row, by which an audit ranks rows.

    The state is a `NamedTuple` with the fields `field`, `(n,)` sums over the batches that contained
    a row, and `seen`, `(n,)` the numbers of these batches.

    Attributes:
        method: The method of `jaxad.audit` that ranks by the record.
        field: The name of the field, which no other record has.
        sign: 1 if high values are suspicious, -1 if low ones are.
        weighting: The weighting that keeps the record, which `register` fills in.
    """

    method: str
    field: str
    sign: float = 1.0
    weighting: str = ""


def register(name: str, *, record: Record | None = None) -> Callable[[Build], Build]:
    """Return a decorator that registers a function which returns a `Weighting`.

    The function's name in the setting `weighting` is then `name`, as in
    `weighting="by_label, name(0.1)"`. Its arguments are literals; one that is called `labelled` is
    given the numbers of labelled anomalies and labelled normal rows.

    Args:
        name: An identifier.
        record: What the state of the weighting records for `jaxad.audit`.

    Raises:
        ConfigError: `name` is not an identifier or is taken, the method of the record is taken, or
            the function is not callable.

    Example:
        >>> from jaxad.weighting import by_label, parse_weighting, register
        >>> @register("twice_as_much")
        ... def twice_as_much():
        ...     return by_label(2.0)
        >>> parse_weighting("twice_as_much").anomaly_loss
        True
        >>> del WEIGHTINGS["twice_as_much"]
    """
    if not isinstance(name, str) or not name.isidentifier():
        raise ConfigError(f"name of a weighting must be an identifier; given {name!r}")
    if record is not None and record.method in ("auto", "score"):
        raise ConfigError(f"method of the record of {name} is taken; given {record.method!r}")

    def add(build: Build) -> Build:
        if not callable(build):
            raise ConfigError(
                f"weighting {name!r} must be a function that returns a Weighting; given {build!r}"
            )
        origin = describe_origin(build)
        if record is not None:
            RECORDS.check_free(record.method, origin)
        WEIGHTINGS.add(name, build, origin)
        if record is not None:
            RECORDS.add(record.method, record._replace(weighting=name), origin)
        return build

    return add


WEIGHTINGS: Registry[Callable[..., Weighting]] = Registry(
    "weighting", "jaxad.weightings", lambda name, found: register(name)(found)
)
# Records by the method of `jaxad.audit` that ranks by them.
RECORDS: Registry[Record] = Registry("audit method")
