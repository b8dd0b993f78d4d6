"""Answers to the rows that were asked for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from jaxtyping import Int8

from jaxad.data.tables.labels import as_text, is_number
from jaxad.errors import DataError

__all__ = ["Answer", "Told", "check_label", "describe_labels", "list_pairs", "place_answers"]

# True: an anomaly; False: a normal row; "?": it cannot be told; None: nothing was said.
Told = bool | Literal["?"] | None

_MEANINGS: dict[str, Told] = {
    **dict.fromkeys(("1", "true", "yes", "anomaly"), True),
    **dict.fromkeys(("0", "false", "no", "normal"), False),
    **dict.fromkeys(("?", "skip"), "?"),
}


@dataclass(frozen=True)
class Answer:
    """A row, and what is known of it.

    Attributes:
        row: The row, from 0.
        label: True for an anomaly, False for a normal row, None for neither.
        reason: Why its label was requested; "" if it was not.
        asked: Whether its label was requested.
        refused: Whether the person declined to give the requested label.
    """

    row: int
    label: bool | None
    reason: str = ""
    asked: bool = False
    refused: bool = False

    @property
    def pending(self) -> bool:
        """Whether its label was requested and is still open."""
        return self.asked and self.label is None and not self.refused


def check_label(value: Any, positive: Sequence[str] = (), normal: Sequence[str] = ()) -> Told:
    """Return the meaning of an answer.

    Args:
        value: The answer; capitals do not matter.
        positive: Further values that mean an anomaly.
        normal: Further values that mean a normal row. If one of all these values is a number, 1 and
            0 have no meaning beside them.

    Raises:
        DataError: It has no meaning.
    """
    text = as_text(value)
    if text is None:
        return None
    if text in positive or text in normal:
        return text in positive
    if text.lower() in _MEANINGS and not (text in ("0", "1") and _have_number(positive, normal)):
        return _MEANINGS[text.lower()]
    anomaly, other = describe_labels(positive, normal)
    raise DataError(
        f"label {text!r} has no meaning: give {anomaly}, {other}, or ? for a row that cannot be "
        "told"
    )


def describe_labels(positive: Sequence[str] = (), normal: Sequence[str] = ()) -> tuple[str, str]:
    """Return how the label of an anomaly and that of a normal row can be written."""
    one, zero = ([], []) if _have_number(positive, normal) else (["1"], ["0"])
    return " or ".join([*positive, *one, "anomaly"]), " or ".join([*normal, *zero, "normal"])


def _have_number(positive: Sequence[str], normal: Sequence[str]) -> bool:
    return any(is_number(value) for value in (*positive, *normal))


def list_pairs(answers: Any) -> list[tuple[Any, Any]]:
    """Return rows and their answers.

    Args:
        answers: Labels by row, also as a series, pairs of a row and a label, or a frame with the
            columns `row` and `label`.

    Raises:
        DataError: It is none of these.
    """
    if hasattr(answers, "columns"):
        lacking = [name for name in ("row", "label") if name not in answers.columns]
        if lacking:
            raise DataError(
                f"answers has no column {lacking[0]!r}; give the frame of ask with a column label"
            )
        return list(zip(answers["row"], answers["label"], strict=True))
    try:
        pairs = answers.items() if hasattr(answers, "items") else answers
        return [(row, label) for row, label in pairs]
    except (TypeError, ValueError) as error:
        raise DataError(
            "answers must be labels by row, as in {3: 1, 7: 0}, pairs of a row and a label, or a "
            f"frame with the columns row and label; given {type(answers).__name__}"
        ) from error


def place_answers(
    before: Sequence[Answer],
    answers: Iterable[tuple[Any, Told]],
    given: Int8[np.ndarray, "n"],
) -> list[Answer]:
    """Return the answers with further ones.

    Args:
        before: The answers so far.
        answers: Pairs of a row and its label. For a row that was asked for and has no answer yet,
            None and "?" are a refusal. For a row with an answer, "?" takes the answer back and None
            changes nothing.
        given: The labels that the rows had from the beginning.

    Raises:
        DataError: An unknown row, a row with a label from the beginning, or two different labels
            of one row.
    """
    new: dict[int, Told] = {}
    for row, label in answers:
        place = _check_row(row, len(given))
        if label is not None and new.get(place) not in (None, label):
            raise DataError(f"row {place} is answered twice, in different ways")
        if given[place] and label in (True, False) and label != (given[place] < 0):
            raise DataError(
                f"row {place} has a label in the table already, and the answer is another; change "
                "the table and begin again"
            )
        new[place] = label if label is not None else new.get(place)
    out = []
    for answer in before:
        if answer.row not in new:
            out.append(answer)
            continue
        label = new.pop(answer.row)
        if isinstance(label, bool):
            out.append(replace(answer, label=label, refused=False))
        elif label is None and answer.label is not None:
            out.append(answer)
        elif answer.asked:
            out.append(replace(answer, label=None, refused=True))
    return out + [
        Answer(row, label)
        for row, label in new.items()
        if isinstance(label, bool) and not given[row]
    ]


def _check_row(row: Any, rows: int) -> int:
    whole = isinstance(row, int | np.integer) and not isinstance(row, bool)
    whole = whole or (isinstance(row, float) and row.is_integer())  # as a frame may hold them
    if not whole or not 0 <= row < rows:
        raise DataError(f"row must be a whole number from 0 to {rows - 1}; given {row!r}")
    return int(row)
