"""The registry of weightings: their names in configurations."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from jaxad.errors import ConfigError
from jaxad.utils.plugins import Registry, describe_origin

if TYPE_CHECKING:
    from jaxad.weighting.base import Weighting

__all__ = ["WEIGHTINGS", "register"]

Build = TypeVar("Build", bound="Callable[..., Weighting]")


def register(name: str) -> Callable[[Build], Build]:
    """Return a decorator that registers a function which returns a `Weighting`.

    The function's name in the setting `weighting` is then `name`, as in
    `weighting="by_label, name(0.1)"`. Its arguments are literals; one that is called `labelled` is
    given the numbers of labelled anomalies and labelled normal rows.

    Args:
        name: An identifier.

    Raises:
        ConfigError: `name` is not an identifier or is taken, or the function is not callable.

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

    def add(build: Build) -> Build:
        if not callable(build):
            raise ConfigError(
                f"weighting {name!r} must be a function that returns a Weighting; given {build!r}"
            )
        WEIGHTINGS.add(name, build, describe_origin(build))
        return build

    return add


WEIGHTINGS: "Registry[Callable[..., Weighting]]" = Registry(
    "weighting", "jaxad.weightings", lambda name, found: register(name)(found)
)
