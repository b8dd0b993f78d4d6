"""Options for the settings of the protocol, made from the fields of `Protocol`."""

from functools import reduce
from inspect import get_annotations
from operator import or_
from typing import Annotated, Any, Literal, TypeVar, get_origin

from tyro.conf import arg

from jaxad.data.protocol.settings import AXES, Axis

__all__ = ["add_protocol_options", "read_protocol_options"]

SCALARS = (bool, int, float, str)
NONE = "none"  # stands for None where that is not the default

T = TypeVar("T", bound=type)


def add_protocol_options(cls: T) -> T:
    """Add an option for each setting of the protocol to a class of options.

    Use it below `dataclass`. Options that the class declares itself stay as they are.
    """
    own = get_annotations(cls)
    axes = {name: axis for name, axis in AXES.items() if name not in own}
    for name, axis in axes.items():
        setattr(cls, name, axis.default)
    cls.__annotations__ = {name: _annotate(axis) for name, axis in axes.items()} | own
    return cls


def read_protocol_options(options: Any) -> dict[str, Any]:
    """Return the settings of the protocol by name from options that have them all."""
    values = {name: getattr(options, name) for name in AXES}
    return {
        name: None if value == NONE and AXES[name].optional else value
        for name, value in values.items()
    }


def _annotate(axis: Axis) -> Any:
    """Return the type of an option with its help for tyro."""
    types = [str if one is Any else one for one in axis.types]
    types = [one for one in types if one in SCALARS or get_origin(one) is Literal]
    about: dict[str, Any] = {"help": axis.text}
    if axis.optional and axis.default is None:
        about["metavar"] = axis.metavar or "|".join(one.__name__.upper() for one in types)
        types.append(type(None))
    elif axis.optional:
        about["help"] = axis.text.replace("None", NONE)
        types.append(Literal[NONE])
    if axis.hint is not None:
        about["help_behavior_hint"] = f"(default: {axis.hint})"
    return Annotated[reduce(or_, types), arg(**about)]
