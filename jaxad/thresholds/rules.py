"""Rules by name, as in an estimator or on the command line."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from jaxad.errors import ConfigError, unknown_name
from jaxad.thresholds.checks import Scores, check_range
from jaxad.thresholds.conformal_rules import conformal
from jaxad.thresholds.scores import extreme, f1, quantile, sigma

__all__ = ["RULES", "Reference", "Rule", "parse_rule", "threshold"]


class Reference(NamedTuple):
    """Scores from which a threshold is computed.

    Attributes:
        score: `(n,)` scores of the training rows, or of rows held out.
        label: `(n,)` their training labels: -1 anomaly, 0 unlabelled, 1 normal.
        held_out: `(m,)` scores of rows, assumed normal, that were not trained on; may be empty.
        training: `(k,)` scores of the training rows where `score` has those of other rows; else
            empty.
    """

    score: Scores
    label: Int[np.ndarray, "n"]
    held_out: Scores = np.zeros(0)
    training: Scores = np.zeros(0)

    @property
    def of_training(self) -> Scores:
        """The scores of the training rows."""
        return self.training if len(self.training) else self.score

    @property
    def unlabelled(self) -> Scores:
        """The scores of the unlabelled rows; those of all rows where all are labelled."""
        where = self.label == 0
        return self.score[where] if where.any() else self.score

    @property
    def not_anomalous(self) -> Scores:
        """The scores of all rows but the labelled anomalies."""
        return self.score[self.label >= 0]


class Rule(NamedTuple):
    """A rule for choosing a threshold.

    Attributes:
        name: One of `RULES`, or "fixed" for a threshold that is given.
        value: The rule's number; None for its default.
    """

    name: str
    value: float | None = None

    @property
    def number(self) -> float:
        """The rule's number, or its default."""
        return DEFAULTS[self.name] if self.value is None else self.value


RULES: dict[str, Callable[[Reference, float], float]] = {
    "quantile": lambda known, value: quantile(known.unlabelled, value),
    "sigma": lambda known, value: sigma(known.not_anomalous, value),
    "extreme": lambda known, value: extreme(known.not_anomalous, value),
    "f1": lambda known, _: f1(known.score, known.label),
    "conformal": lambda known, value: conformal(known.held_out, value),
}
DEFAULTS = {"quantile": 0.1, "sigma": 3.0, "extreme": 1e-3, "f1": 0.0, "conformal": 0.05}
_ALLOWED = "a number, or one of " + ", ".join(
    name if name == "f1" else f"{name}({value:g})" for name, value in DEFAULTS.items()
)


def parse_rule(text: str | float) -> Rule:
    """Parse a rule.

    Args:
        text: A number, which is the threshold itself; or one of `RULES`, with or without its
            number in brackets.

    Raises:
        ConfigError: Neither of these, or the rule's number is out of range.

    Example:
        >>> parse_rule("sigma(2.5)")
        Rule(name='sigma', value=2.5)
    """
    if isinstance(text, str):
        name, bracket, rest = text.strip().partition("(")
        name = name.strip()
        if bracket and rest.endswith(")") and name in RULES and name != "f1":
            return _check_rule(Rule(name, _number(rest[:-1], text)))
        if not bracket and name in RULES:
            return Rule(name)
        if name.isidentifier() and name not in RULES:
            raise unknown_name("threshold rule", name, RULES)
    return Rule("fixed", _number(text, text))


def threshold(rule: Rule, known: Reference) -> float:
    """Compute the threshold of a rule.

    Args:
        rule: The rule, as `parse_rule` returns it.
        known: The scores to compute it from.

    Raises:
        DataError: There are too few scores for this rule.
    """
    if rule.name == "fixed":
        return float(rule.value or 0.0)
    return RULES[rule.name](known, rule.number)


def _check_rule(rule: Rule) -> Rule:
    check_range(rule.name, rule.number, 0, np.inf if rule.name == "sigma" else 1)
    return rule


def _number(text: str | float, given: str | float) -> float:
    try:
        value = float("nan" if isinstance(text, bool) else text)
    except (ValueError, TypeError, OverflowError):
        value = np.nan
    if not np.isfinite(value):
        raise ConfigError(f"threshold must be {_ALLOWED}; given {given!r}")
    return value
