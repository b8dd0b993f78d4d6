"""Parts of classical detectors: checked settings, samples of rows, training without labels."""

from collections.abc import Callable
from typing import Any

import numpy as np

from jaxad.detector import HostDetector
from jaxad.errors import ConfigError

__all__ = ["CheckedConfig", "build_unsupervised", "sample_rows"]


class CheckedConfig:
    """Base class of configurations that check their values."""

    def _need(self, ok: bool, name: str, allowed: str) -> None:
        """Raise a `ConfigError` unless the value of a setting is allowed."""
        if not ok:
            raise ConfigError(f"{name} must be {allowed}; given {getattr(self, name)!r}")


def sample_rows(x: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Return at most `most` of the rows, drawn without replacement, in their order in `x`."""
    if len(x) <= most:
        return x
    return x[np.sort(np.random.default_rng(seed).permutation(len(x))[:most])]


def build_unsupervised(train: Callable[..., Any], config: Any, score_type: type) -> HostDetector:
    """Build a detector that trains on the rows that are not labelled anomalies."""

    def fit(x, label, seed):
        rows = x[label >= 0]
        return train(config, rows, seed)

    return HostDetector(fit, score_type=score_type)
