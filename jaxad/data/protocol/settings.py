"""Settings of the experimental protocol, defined once in the dataclass `Protocol`.

The arguments of `contaminate`, the axes of experiments, the columns of results and the options of
the command line are derived from its fields. To add a setting, add a field with an annotation, a
description in the docstring, a default and a check of its range.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from inspect import Parameter
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from jaxad.data.scaling import ScalingKind
from jaxad.errors import ConfigError, unknown_name
from jaxad.utils.docstrings import read_attributes

__all__ = ["AXES", "Axis", "Classes", "Protocol", "as_protocol", "protocol_parameters"]

Classes = int | str | Sequence[int | str]


def _check_choice(name: str, value: Any, choices: Sequence[str]) -> None:
    if value not in choices:
        *others, last = map(repr, choices)
        raise ConfigError(f"{name}={value!r} must be {', '.join(others)} or {last}")


def _check_contamination(name: str, value: Any) -> None:
    if value is not None and not (_is_number(value) and 0 <= value < 1):
        raise ConfigError(
            f"{name}={value!r} must be in [0, 1), the fraction of anomalies among the unlabelled "
            "training rows, or None for that of the data"
        )


def _check_amount(name: str, value: Any) -> None:
    if not (_is_number(value) and value >= 0 and (_is_count(value) or value <= 1)):
        raise ConfigError(
            f"{name}={value!r} must be a count (an integer of at least 0) or a fraction of the "
            "training rows of that kind (a float in [0, 1])"
        )


def _check_noise(name: str, value: Any) -> None:
    if not (_is_number(value) and 0 <= value < 1):
        raise ConfigError(
            f"{name}={value!r} must be in [0, 1), the fraction of the labels that are wrong"
        )


def _check_size(name: str, value: Any) -> None:
    fraction = _is_number(value) and not _is_count(value) and 0 < value <= 1
    if value is not None and not fraction and not (_is_count(value) and value >= 1):
        raise ConfigError(
            f"{name}={value!r} must be an integer of at least 1, a fraction (a float in (0, 1]), "
            "or None for all rows"
        )


def _check_known(name: str, value: Any) -> None:
    if _is_number(value) and not (_is_count(value) and value >= 1):
        raise ConfigError(f"{name}={value!r} must be an integer of at least 1, or None for all")


def _check_share(name: str, value: Any) -> None:
    if not (_is_number(value) and 0 < value < 1):
        raise ConfigError(f"{name}={value!r} must be in (0, 1)")


def _check_rows(name: str, value: Any) -> None:
    if value is not None and not (_is_count(value) and value >= 1):
        raise ConfigError(
            f"{name}={value!r} must be an integer of at least 1, or None for all rows"
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _about(check: Callable[[str, Any], None] | None = None, **more: Any) -> dict[str, Any]:
    """Return the metadata of a field of the protocol.

    Args:
        check: `(name, value) -> None`, which raises `ConfigError` for a value out of range. Fields
            annotated with a `Literal` need none.
        **more: `study`, the default of experiments and of the command line, if another one;
            `none`, the word for None in tables (default: own); `hint`, the text that replaces the
            default None in the help of the command line; `metavar`, the placeholder of the option's
            value; `requires`, the name of a setting without which this one has no effect.
    """
    return more | ({} if check is None else {"check": check})


# Classes are not axes of experiments: every command has options of its own for them.
_CLASSES = {"axis": False}


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """Settings of the experimental protocol, by which splits are drawn from a data set.

    Attributes:
        normal_class: The class, or classes, that are normal, by number or name; all others are
            anomalous. Default: class 0 if the classes are 0 normal and 1 anomaly.
        anomaly_labels: In place of normal_class, the classes that are anomalous; all others are
            normal.
        contamination: The fraction of the unlabelled training rows that are anomalies, in [0, 1).
            None: keep all anomalies of the training part that are not labelled; with n_train, keep
            their share.
        labelled_anomalies: How many training anomalies are labelled (an integer such as 20), or
            which fraction of those in the training part (a float in (0, 1] such as 0.05, at least
            one row).
        labelled_normals: How many normal training rows are labelled, or which fraction of them.
        known_anomaly_classes: How many classes the labelled anomalies are drawn from; the classes
            are drawn too. In Python and in experiments also a list of classes. Contamination comes
            from all classes. The test anomalies of these classes are marked as seen.
        label_noise: The fraction of the labels that are wrong, in [0, 1), rounded to whole rows:
            of the labelled anomalies, so many are normal rows, and of the labelled normal rows, so
            many are anomalies. The numbers of labels do not change. The test data has no wrong
            labels.
        n_train: How many unlabelled training rows there are in all (an integer such as 5000), or
            which fraction of the normal ones is used (a float in (0, 1] such as 0.5), with hidden
            anomalies in proportion. None: as many as possible.
        test_size: The share of every class that is set aside for the test, in (0, 1). Not used
            where the data comes with a test part, and 0.3 under the protocol adbench.
        scaling: How columns are scaled, fitted on the training rows, labelled and unlabelled.
            standard: mean 0, standard deviation 1. minmax: 0 to 1 for each column. range: 0 to 1
            over all columns. gcn: each row by its mean and deviation, then range. whiten: standard,
            then uncorrelated. none: as they are. auto: what the data set asks for, or [0, 1] for
            images (those in uint8 stay uint8) and standard for tables.
        protocol: default, or adbench: the choices of that benchmark, for comparison with its
            numbers. Below 1,000 rows a bootstrap of 1,000, above 10,000 a subsample of 10,000, a
            70/30 split, min-max scaling. A bootstrap before the split leaks: copies of one row are
            in the training and in the test data.
        exposure: Another data set, by name or path, whose rows are labelled anomalies too (outlier
            exposure). They come behind the other training rows, take no part in fitting the
            scaling, and are in no test. Images of another size, or in colour and grey, are made to
            fit.
        exposure_rows: How many rows of the exposure set are used. None: all.
        few_anomalies: What to do where the data has too few anomalies for the contamination. raise:
            an error. own: use all that there are.

    Raises:
        ConfigError: A value out of its range, or settings that exclude each other.
    """

    normal_class: Classes | None = field(default=None, metadata=_CLASSES)
    anomaly_labels: Classes | None = field(default=None, metadata=_CLASSES)
    contamination: float | None = field(
        default=None, metadata=_about(_check_contamination, study=0.1)
    )
    labelled_anomalies: int | float = field(default=0, metadata=_about(_check_amount, study=20))
    labelled_normals: int | float = field(default=0, metadata=_about(_check_amount))
    known_anomaly_classes: int | Sequence[int | str] | None = field(
        default=None, metadata=_about(_check_known, hint="all")
    )
    label_noise: float = field(default=0.0, metadata=_about(_check_noise))
    n_train: int | float | None = field(
        default=None, metadata=_about(_check_size, hint="as many as possible")
    )
    test_size: float = field(default=0.4, metadata=_about(_check_share))
    scaling: ScalingKind = "auto"
    protocol: Literal["default", "adbench"] = "default"
    exposure: Any = field(
        default=None, metadata=_about(none="none", hint="none", metavar="DATASET")
    )
    exposure_rows: int | None = field(
        default=None, metadata=_about(_check_rows, none="all", hint="all", requires="exposure")
    )
    few_anomalies: Literal["raise", "own"] = "raise"

    def __post_init__(self) -> None:
        hints = _read_hints(type(self))
        for one in fields(self):
            value, needed = getattr(self, one.name), one.metadata.get("requires")
            if get_origin(hints[one.name]) is Literal:
                _check_choice(one.name, value, get_args(hints[one.name]))
            elif "check" in one.metadata:
                one.metadata["check"](one.name, value)
            if needed and value is not None and getattr(self, needed) is None:
                raise ConfigError(
                    f"{one.name}={value} needs an {needed} set to draw rows from; give {needed}"
                )
        if self.normal_class is not None and self.anomaly_labels is not None:
            raise ConfigError(
                f"anomaly_labels={self.anomaly_labels!r} and normal_class={self.normal_class!r} "
                "exclude each other; give only one of them"
            )
        if self.protocol == "adbench" and self.scaling not in ("auto", "minmax"):
            raise ConfigError(
                f"scaling={self.scaling!r} must be 'auto' or 'minmax' with protocol='adbench'"
            )

    @property
    def axes(self) -> dict[str, Any]:
        """The settings that experiments vary, by name: all except the classes."""
        return {name: getattr(self, name) for name in AXES}


@cache
def _read_hints(cls: type) -> dict[str, Any]:
    """Return the types of a class's fields."""
    return get_type_hints(cls)


class Axis(NamedTuple):
    """A setting of the protocol as an axis of experiments.

    Attributes:
        name: The name of the setting.
        default: The default of experiments and commands.
        types: The types of its values; a `Literal` for a choice.
        text: Its description, a few sentences.
        none: The word for None in tables.
        hint: The text that replaces the default None in the help of the command line, or None.
        metavar: The placeholder of the option's value, or None.
        requires: The name of a setting without which this one has no effect, or None.
    """

    name: str
    default: Any
    types: tuple[Any, ...]
    text: str
    none: str
    hint: str | None
    metavar: str | None
    requires: str | None

    @property
    def numeric(self) -> bool:
        """Whether the column of results holds numbers."""
        return bool({int, float} & set(self.types))

    @property
    def optional(self) -> bool:
        """Whether None is a value."""
        return NoneType in self.types or Any in self.types


def _read_axes() -> dict[str, Axis]:
    hints, texts = get_type_hints(Protocol), read_attributes(Protocol)
    return {
        one.name: Axis(
            one.name,
            one.metadata.get("study", one.default),
            _list_types(hints[one.name]),
            texts[one.name][0],
            one.metadata.get("none", "own"),
            *(one.metadata.get(key) for key in ("hint", "metavar", "requires")),
        )
        for one in fields(Protocol)
        if one.metadata.get("axis", True)
    }


def _list_types(hint: Any) -> tuple[Any, ...]:
    """Return the members of a union, or the type itself."""
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


AXES = _read_axes()


def as_protocol(settings: dict[str, Any], caller: str = "contaminate") -> Protocol:
    """Build a protocol from keyword arguments.

    Args:
        settings: Fields of `Protocol`. If `protocol` is itself a `Protocol`, the others replace its
            fields.
        caller: The name of the function that was called, for errors.

    Raises:
        TypeError: A name is not that of a field.
        ConfigError: A value is out of range.
    """
    known = [one.name for one in fields(Protocol)]
    for name in settings:
        if name not in known:
            problem = unknown_name("argument", name, known)
            raise TypeError(f"{caller}() got an unexpected keyword argument: {problem}")
    base = settings.get("protocol")
    if not isinstance(base, Protocol):
        return Protocol(**settings)
    given = {one.name: getattr(base, one.name) for one in fields(base)}
    return Protocol(**given | {k: v for k, v in settings.items() if k != "protocol"})


@cache
def protocol_parameters() -> tuple[Parameter, ...]:
    """Return the settings as keyword-only parameters, for the signature of a function."""
    hints = get_type_hints(Protocol)
    return tuple(
        Parameter(one.name, Parameter.KEYWORD_ONLY, default=one.default, annotation=hints[one.name])
        for one in fields(Protocol)
    )
