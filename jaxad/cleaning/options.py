"""The options of cleaning."""

from dataclasses import dataclass
from typing import Any

from jaxad.detectors.config import is_count, is_number
from jaxad.errors import ConfigError

__all__ = ["CleaningOptions"]


@dataclass(frozen=True, kw_only=True)
class CleaningOptions:
    """The options of cleaning.

    Attributes:
        budget: The number of answers, >= 1.
        checks: How many of them are of rows drawn at random, which give an exact interval of what
            remains; they are asked for last. In [0, budget].
        alpha: The bound on false alarms, in (0, 1).
        reference: The share of the unlabelled rows that are kept out of training for the threshold,
            in [0, 0.9]. With 0 there is no threshold.
        detector: The detector that is trained on what remains.
        settings: Its settings.
        label_noise: The expected share of wrong answers, in [0, 0.5).
        drop_above: Unlabelled rows with a higher estimated probability of being anomalies are
            dropped, too; in (0, 1].
        members: The number of trees by which suspicion learns from answers, >= 1.
        seed: The root of all randomness, >= 0.
    """

    budget: int = 20
    checks: int = 0
    alpha: float = 0.05
    reference: float = 0.25
    detector: str = "auto"
    settings: dict[str, Any] | None = None
    label_noise: float = 0.0
    drop_above: float = 0.5
    members: int = 100
    seed: int = 0

    def __post_init__(self):
        for name, least in (("budget", 1), ("members", 1), ("checks", 0), ("seed", 0)):
            self._need(is_count(getattr(self, name), least), name, f"a whole number from {least}")
        self._need(self.checks <= self.budget, "checks", f"at most the budget, {self.budget}")
        for name, low, high in (("reference", 0, 0.9), ("label_noise", 0, 0.499)):
            value = getattr(self, name)
            self._need(is_number(value) and low <= value <= high, name, f"in [{low}, {high}]")
        for name in ("alpha", "drop_above"):
            value = getattr(self, name)
            top = value < 1 or name == "drop_above"
            self._need(is_number(value) and 0 < value <= 1 and top, name, "in (0, 1)")

    def _need(self, right: bool, name: str, allowed: str) -> None:
        if not right:
            raise ConfigError(f"{name} must be {allowed}; given {getattr(self, name)!r}")
