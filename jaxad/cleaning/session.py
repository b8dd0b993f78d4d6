"""Cleaning of a training set: ask for labels of few rows, and say what they are worth."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int8

from jaxad.cleaning.answers import Answer, Told, check_label, list_pairs, place_answers
from jaxad.cleaning.examples import Examples, TableExamples
from jaxad.cleaning.options import CleaningOptions
from jaxad.cleaning.questions import REASONS, Question, check_way, choose_questions
from jaxad.cleaning.remaining import Remaining, bound_by_checks, extrapolate
from jaxad.cleaning.result import CleaningResult, conclude
from jaxad.cleaning.rows import check_unlabelled, draw_reference
from jaxad.cleaning.suspicion import compute_suspicion, fit_ground
from jaxad.data.rng import Stream
from jaxad.errors import ConfigError, DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Cleaning"]


class Cleaning:
    """A training set that is being cleaned.

    A share of the unlabelled rows, drawn at random, is the *reference*. The rest trains. Suspicion
    is computed from the training rows and the answers to them alone, and the reference has a fixed
    part of the budget. So no reference row influences the detector, and its scores can give a
    threshold with a bound on false alarms (`jaxad.cleaning.alarms`).

    Attributes:
        options: The options.
        examples: What is cleaned.
        answers: What was asked and answered, in order.
        reference: `(n,)` whether a row is in the reference.
    """

    def __init__(
        self,
        X: Any,  # noqa: N803
        label: Int8[np.ndarray, "n"],
        options: CleaningOptions,
        answers: Sequence[Answer] = (),
    ):
        """Begin a session, or go on with one.

        Args:
            X: `(n, d)` rows, an array of numbers or a data frame; or examples of another kind, as
                `open_examples` returns them.
            label: `(n,)` training labels: -1 labelled anomaly, 0 unlabelled, 1 verified normal.
            options: The options.
            answers: The answers of the session so far.
        """
        examples: Examples = X if hasattr(X, "exchangeable") else TableExamples(X)
        self.options, self.examples = options, examples
        if len(label) != len(examples):
            raise DataError(f"y has {len(label)} labels and X has {len(examples)} {examples.noun}")
        self._given = label
        open_rows = label == 0
        check_unlabelled(label, examples.noun)
        if options.reference and not examples.exchangeable:
            raise ConfigError(
                f"reference (--reference) must be 0 for {examples.noun}, as no bound on false "
                f"alarms holds for them; given {options.reference}"
            )
        if options.budget > int(open_rows.sum()):
            raise ConfigError(
                f"budget must be at most the number of {examples.noun} without a label, "
                f"{int(open_rows.sum())}; given {options.budget}"
            )
        self.reference = draw_reference(open_rows, options.reference, options.seed)
        self._x = examples.read_numbers(~self.reference)
        self._ground = fit_ground(self._x, ~self.reference & (self._given >= 0), options.seed)
        self.answers: list[Answer] = list(answers)
        if any(not 0 <= answer.row < len(label) for answer in self.answers):
            raise DataError(f"answers must be of rows from 0 to {len(label) - 1}")
        self._known: tuple[Any, np.ndarray] | None = None

    def __repr__(self) -> str:
        told = f"{self.spent} of {self.options.budget} answers"
        return f"Cleaning({len(self._given)} {self.examples.noun}, {told})"

    @property
    def spent(self) -> int:
        """The number of rows that were asked for and answered."""
        return sum(a.asked and a.label is not None for a in self.answers)

    @property
    def left(self) -> int:
        """The number of answers that the budget has left."""
        open_rows = self._given == 0
        for answer in self.answers:
            open_rows[answer.row] = False
        return min(self.options.budget - self.spent, int(open_rows.sum()) + self.pending)

    @property
    def pending(self) -> int:
        """The number of rows that were asked for and have neither an answer nor a refusal."""
        return sum(a.pending for a in self.answers)

    def ask(self, k: int = 1, by: str = "suspicious") -> "pd.DataFrame":
        """Choose rows whose labels help most; they count against the budget once answered.

        Args:
            k: The number of rows, at least 1; fewer are chosen where the budget has fewer left.
            by: "suspicious", "uncertain" or "different"; see `choose_questions`.

        Returns:
            The columns `row` (from 0), the name of the row where it has one, such as `file`,
            `suspicion` (the share of rows that are less suspicious) and `reason`. Rows that were
            asked for before and are still pending come first.

        Raises:
            ConfigError: `k` or `by` is not allowed.
        """
        if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
            raise ConfigError(f"k must be a whole number of at least 1; given {k!r}")
        check_way(by)
        for _ in range(max(0, min(k, self.left) - self.pending)):
            question = self._choose(by)
            if question is None:
                break
            self.answers.append(Answer(question.row, None, question.reason, asked=True))
        return self.frame([a for a in self.answers if a.pending])

    def tell(self, answers: "Mapping[int, Any] | Iterable[tuple[int, Any]] | pd.DataFrame") -> None:
        """Take answers: of rows that were asked for, in any order, and of any others.

        1, True, "anomaly" and "yes" mean an anomaly; 0, False, "normal" and "no" a normal row. "?",
        a missing value or the empty text is a refusal: the row is not asked for again, and does not
        count against the budget. A later answer to a row replaces an earlier one, and "?" takes it
        back; a missing value does not. Rows that were not asked for do not count against the
        budget.

        Args:
            answers: Labels by row, also as a series; or a frame with the columns `row` and `label`.

        Raises:
            DataError: A row is not in the table or has a label already, one row has two different
                answers, or an answer has no meaning. Nothing is taken then.
        """
        checked: list[tuple[Any, Told]] = [
            (row, check_label(label)) for row, label in list_pairs(answers)
        ]
        self.answers = place_answers(self.answers, checked, self._given)

    def suspicion(self) -> np.ndarray:
        """Return `(n,)` the suspicion of all rows, given the answers so far."""
        label = self.labels
        if self._known is None or not np.array_equal(self._known[0], label):
            seed = (self.options.seed, int(np.count_nonzero(label)))
            number = int(Stream(seed[0]).choice(1 + seed[1], 2**31, 1)[0])
            trained = ~self.reference
            found = compute_suspicion(self._ground, label, trained, self.options.members, number)
            self._known = label, found
        return self._known[1]

    @property
    def labels(self) -> Int8[np.ndarray, "n"]:
        """`(n,)` what is known: -1 anomaly, 0 unknown, 1 verified normal."""
        label = self._given.copy()
        for answer in self.answers:
            if answer.label is not None:
                label[answer.row] = -1 if answer.label else 1
        return label

    def remaining(self) -> Remaining:
        """Estimate how many anomalies remain among the rows without a label.

        Answers to rows of the reference do not count: what is dropped must not depend on them.
        """
        label, told = self.labels, [a for a in self.answers if a.asked and a.label is not None]
        checks = np.array([bool(a.label) for a in told if a.reason == "check"], bool)
        trained = [a for a in told if a.reason != "check" and not self.reference[a.row]]
        answers = np.array([bool(a.label) for a in trained], bool)
        unknown = label == 0
        inside = np.flatnonzero(unknown & ~self.reference)
        found = extrapolate(answers, len(inside), self.options.label_noise)
        # A row of the reference has the probability of a training row of the same suspicion.
        suspicion, probability = self.suspicion(), np.zeros(len(label))
        order = inside[np.argsort(-suspicion[inside], kind="stable")]
        probability[order] = found.probability
        outside = unknown & self.reference
        if outside.any() and len(order):
            known = suspicion[order][::-1], probability[order][::-1]
            probability[outside] = np.interp(suspicion[outside], *known)
        if len(checks):
            found = bound_by_checks(checks, int(unknown.sum()), self.options.label_noise)
        return found._replace(rows=int(unknown.sum()), probability=probability)

    def result(self) -> CleaningResult:
        """Train on what remains, and return what the answers are worth; see `CleaningResult`.

        The session goes on: further answers and another result are possible.
        """
        known = self.labels, self.reference, self.remaining()
        return conclude(self.examples, *known, self.options)

    def frame(self, answers: list[Answer]) -> "pd.DataFrame":
        """Return a table of rows that were asked for."""
        import pandas as pd
        from scipy.stats import rankdata

        rows = [a.row for a in answers]
        share = (rankdata(self.suspicion()) - 1) / max(len(self._given) - 1, 1)
        found = pd.DataFrame(
            {"row": rows, "suspicion": share[rows], "reason": [REASONS[a.reason] for a in answers]}
        ).astype({"row": int})
        if self.examples.by is not None and self.examples.names is not None:
            by = "id" if self.examples.by in found else self.examples.by
            found.insert(1, by, self.examples.names[rows])
        return found

    def _choose(self, by: str) -> Question | None:
        """Choose the next row: of the reference or of the others, in fixed parts of the budget."""
        asked = np.zeros(len(self._given), bool)
        asked[[a.row for a in self.answers]] = True
        open_rows = (self._given == 0) & ~asked
        turn = sum(a.asked and not a.refused for a in self.answers)
        if turn >= self.options.budget - self.options.checks:
            rows = np.flatnonzero(open_rows)
            order = Stream(self.options.seed).permutation(1 << 20, len(self._given))
            order = order[np.isin(order, rows)]
            return Question(int(order[0]), "check") if len(order) else None
        share = self.options.reference
        part = self.reference == (int((turn + 1) * share) > int(turn * share))
        part = open_rows & part if (open_rows & part).any() else open_rows
        suspicion = self.suspicion()
        probability = self.remaining().probability if by == "uncertain" else suspicion
        assert probability is not None
        chosen = choose_questions(by, 1, suspicion, probability, self._x, part, asked)
        return chosen[0] if chosen else None
