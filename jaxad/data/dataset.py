"""Data sets: rows, their classes, and the test part if there is one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int, Num, UInt8

from jaxad.data.arrays import as_documents, as_label_column, as_masks, as_rows
from jaxad.data.text.vocabulary import Vocabulary
from jaxad.errors import ConfigError, DataError, unknown_name

__all__ = ["Dataset", "from_arrays"]


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Raw rows with their true classes, from which `contaminate` draws splits.

    Arrays are checked when the data set is created and are read-only afterwards.

    Attributes:
        name: The name in results.
        x: `(n, ...)` rows: a table `(n, d)`, windows `(n, time, channels)` or images
            `(n, height, width, channels)`; float, or uint8 in 0..255 for images; or documents
            `(n, length)` int32.
        y: `(n,)` int64 class numbers; with `anomaly`, 0 normal and 1 anomaly.
        class_names: Names of the classes 0, 1, ...; () if classes have numbers only.
        anomaly: Whether the classes are 0 normal and 1 anomaly.
        x_test: `(m, ...)` rows of the test part, if the data comes with one.
        y_test: `(m,)` int64 class numbers of the test part.
        scaling: The default scaling of `contaminate` for these rows: a kind of `fit_scaling`, or
            None.
        mask: `(n, height, width)` uint8: 1 where a pixel of an image is anomalous, if that is
            known.
        mask_test: The same for the test part.
        vocabulary: The vocabulary of documents; None if rows are not text.
        normal: The number of the normal class, where only one is; None: any may be.

    Raises:
        DataError: Fewer than two rows, a value that is not a finite number, labels that do not
            match the rows or the class names, parts of different shapes, or masks that do not
            match the images.
    """

    name: str
    x: Num[np.ndarray, "n *shape"]
    y: Int[np.ndarray, "n"]
    class_names: tuple[str, ...] = ()
    anomaly: bool = False
    x_test: Num[np.ndarray, "m *shape"] | None = None
    y_test: Int[np.ndarray, "m"] | None = None
    scaling: str | None = None
    mask: UInt8[np.ndarray, "n height width"] | None = None
    mask_test: UInt8[np.ndarray, "m height width"] | None = None
    vocabulary: Vocabulary | None = None
    normal: int | None = None

    def __post_init__(self) -> None:
        if (self.x_test is None) != (self.y_test is None):
            raise DataError(f"{self.name}: x_test and y_test belong together; give both or neither")
        self._set_part("x", "y", at_least=2)
        if self.x_test is not None:
            self._set_part("x_test", "y_test", at_least=1)
            if self.x_test.shape[1:] != self.x.shape[1:] or self.x_test.dtype != self.x.dtype:
                raise DataError(
                    f"{self.name}: rows of x are {self.x.dtype} {self.x.shape[1:]}, "
                    f"rows of x_test are {self.x_test.dtype} {self.x_test.shape[1:]}"
                )
        self._set_masks()
        if self.anomaly:
            object.__setattr__(self, "normal", 0)
            if not self.class_names:
                object.__setattr__(self, "class_names", ("normal", "anomaly"))
        self._check_classes()

    def _set_part(self, x_name: str, y_name: str, at_least: int) -> None:
        """Check and freeze the rows and labels of one part."""
        x, what = getattr(self, x_name), f"{self.name}: {x_name}"
        if self.vocabulary is None:
            x = as_rows(x, what, at_least=at_least)
        else:
            x = as_documents(x, len(self.vocabulary.words), self.vocabulary.length, what)
            if len(x) < at_least:
                raise DataError(f"{what} has {len(x)} documents; give at least {at_least}")
        y, _ = as_label_column(getattr(self, y_name), f"{self.name}: {y_name}")
        if len(x) != len(y):
            raise DataError(f"{self.name}: {x_name} has {len(x)} rows, {y_name} has {len(y)}")
        for field, value in ((x_name, x), (y_name, y)):
            self._freeze(field, value)

    def _set_masks(self) -> None:
        """Check and freeze the masks; either every part has masks, or none has."""
        for name, x in (("mask", self.x), ("mask_test", self.x_test)):
            mask = getattr(self, name)
            if (mask is None) != (self.mask is None or x is None):
                raise DataError(
                    f"{self.name}: masks do not match the parts; give a mask for each part (mask "
                    "for x, mask_test for x_test), or none"
                )
            if mask is not None and x is not None:
                self._freeze(name, as_masks(mask, x, f"{self.name}: {name}"))

    def _freeze(self, field: str, value: np.ndarray) -> None:
        """Set a field to a read-only view of an array."""
        value = value.view()
        value.flags.writeable = False
        object.__setattr__(self, field, value)

    def _check_classes(self) -> None:
        """Raise if a class number has no name, or with `anomaly` is not 0 or 1."""
        allowed = range(2) if self.anomaly else range(len(self.class_names))
        wrong = [c for c in self.classes if c not in allowed]
        if wrong and self.anomaly:
            raise DataError(f"{self.name}: y holds {wrong[0]}; with anomaly=True it must be 0 or 1")
        if wrong and self.class_names:
            raise DataError(
                f"{self.name}: y holds class {wrong[0]}, but class_names has "
                f"{len(self.class_names)} names, for the classes 0..{len(self.class_names) - 1}"
            )

    def __repr__(self) -> str:
        parts = f"{len(self.x)} rows"
        if self.x_test is not None:
            parts += f" and {len(self.x_test)} to test"
        classes = f"{len(self.classes)} classes"
        if self.anomaly:
            classes = f"{int(np.sum(self.y))} anomalies"
        kind = f"{self.x.dtype} {self.x.shape[1:]}"
        if self.vocabulary is not None:
            kind = f"text with {len(self.vocabulary.words)} words"
        return f"Dataset({self.name!r}: {parts} of {kind}, {classes})"

    @property
    def classes(self) -> tuple[int, ...]:
        """The class numbers that occur, in order."""
        found = set(np.unique(self.y).tolist())
        if self.y_test is not None:
            found |= set(np.unique(self.y_test).tolist())
        return tuple(sorted(found))

    def class_name(self, number: int) -> str:
        """Return the name of a class, or its number if classes have no names."""
        return self.class_names[number] if self.class_names else str(number)

    def class_number(self, given: int | str) -> int:
        """Return the number of a class given by name or number.

        Raises:
            ConfigError: The data has no such class; the message lists the classes.
        """
        if isinstance(given, int | np.integer) and int(given) in self.classes:
            return int(given)
        named = {self.class_name(c): c for c in self.classes}
        if given in named:
            return named[str(given)]
        raise unknown_name(f"class of {self.name!r}", str(given), named)

    def class_numbers(self, given: int | str | Sequence[int | str]) -> tuple[int, ...]:
        """Return the numbers of one class or of several, in order and without repeats.

        Raises:
            ConfigError: None are given, or the data lacks one of them.
        """
        if isinstance(given, int | str | np.integer):
            given = [given]
        numbers = tuple(sorted({self.class_number(c) for c in given}))
        if not numbers:
            raise ConfigError(
                f"no class is given; give at least one of the {len(self.classes)} classes of "
                f"{self.name!r}"
            )
        return numbers

    def normal_classes(self, given: Sequence[int | str] = ()) -> tuple[int, ...]:
        """Return the classes that are normal one at a time: those given, or all of them.

        Data whose classes are 0 normal and 1 anomaly has one normal class, 0; other data has one
        where `normal` names it.

        Raises:
            ConfigError: The data lacks one of them.
        """
        if not given:
            return self.classes if self.normal is None else (self.normal,)
        return tuple(dict.fromkeys(self.class_number(c) for c in given))


def from_arrays(
    x: Any,
    y: Any,
    *,
    name: str = "arrays",
    class_names: Sequence[str] = (),
    anomaly: bool | None = None,
    x_test: Any = None,
    y_test: Any = None,
    scaling: str | None = None,
    mask: Any = None,
    mask_test: Any = None,
    vocabulary: Vocabulary | None = None,
) -> Dataset:
    """Build a data set from arrays in memory; for texts see `from_texts`.

    Args:
        x: `(n, d)` table, `(n, time, channels)` windows, or `(n, height, width[, channels])`
            images (uint8 in 0..255 or float in [0, 1]); an array or a data frame.
        y: `(n,)` true classes as integers, booleans or strings.
        name: The name in results.
        class_names: Names of the classes 0, 1, ...
        anomaly: Whether y is 0 normal and 1 anomaly. Default: True if y holds only 0 and 1, and
            classes have no names.
        x_test: `(m, ...)` rows of a test part.
        y_test: `(m,)` classes of the test part.
        scaling: The default scaling; see `Dataset.scaling`.
        mask: `(n, height, width)` the anomalous pixels of images, as 0 and 1, or 0 and 255.
        mask_test: `(m, height, width)` the same for the test part.
        vocabulary: The vocabulary of documents, if rows are word numbers.

    Returns:
        The checked data set.

    Raises:
        DataError: As for `Dataset`.
        ConfigError: Class names are given, and `y` holds strings.

    Example:
        >>> from_arrays([[0.0], [0.1], [9.0]], [0, 0, 1])
        Dataset('arrays': 3 rows of float64 (1,), 1 anomalies)
    """
    numbers, words = as_label_column(y, f"{name}: y")
    if words and class_names:
        raise ConfigError(
            f"class_names={tuple(class_names)} cannot be used with strings in y, which are the "
            "names of the classes; leave class_names out"
        )
    test_numbers = None
    if y_test is not None:
        test_numbers, test_words = as_label_column(y_test, f"{name}: y_test")
        if words or test_words:
            both, words = as_label_column(np.concatenate([np.asarray(y), np.asarray(y_test)]))
            numbers, test_numbers = both[: len(numbers)], both[len(numbers) :]
    names = tuple(class_names) or words
    if anomaly is None:
        found = {*np.unique(numbers), *np.unique([] if test_numbers is None else test_numbers)}
        anomaly = not names and found <= {0, 1}
    return Dataset(
        name=name,
        x=x,
        y=numbers,
        class_names=names,
        anomaly=anomaly,
        x_test=x_test,
        y_test=test_numbers,
        scaling=scaling,
        mask=mask,
        mask_test=mask_test,
        vocabulary=vocabulary,
    )
