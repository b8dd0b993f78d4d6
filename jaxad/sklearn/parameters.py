"""Parameters of the estimators: their checks, and settings of the detector by `settings__NAME`."""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator

from jaxad.errors import ConfigError
from jaxad.sklearn.labels import check_use

__all__ = ["SettingsMixin", "check_parameters"]

_PREFIX = "settings__"


class SettingsMixin(BaseEstimator):
    """An estimator whose parameter `settings`, a dict, is reached by `settings__NAME`.

    So grids over settings need no nested dicts: `GridSearchCV(estimator, {"settings__epochs": [10,
    50]})`.
    """

    settings: dict[str, Any] | None

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters; with `deep` also each of `settings` as `settings__NAME`."""
        params = super().get_params(deep=deep)
        if deep and isinstance(self.settings, dict):
            params |= {f"{_PREFIX}{name}": value for name, value in self.settings.items()}
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters; `settings__NAME` sets one of `settings` and keeps the others."""
        own = {name: value for name, value in params.items() if not name.startswith(_PREFIX)}
        super().set_params(**own)
        changes = {name.removeprefix(_PREFIX): params[name] for name in params.keys() - own.keys()}
        if changes:
            self.settings = {**(self.settings or {}), **changes}
        return self


def check_parameters(given: dict[str, Any]) -> None:
    """Raise a `ConfigError` that names the first parameter whose value is not allowed."""
    check_use(given["labels"])
    for name, most, bound in (("contamination", 0.5, "0.5]"), ("calibration", 1 - 1e-9, "1)")):
        value = given[name]
        right = isinstance(value, int | float | np.number) and not isinstance(value, bool)
        if not right or not 0 < value <= most:
            cure = "; where no share is known, set threshold" if value == "auto" else ""
            raise ConfigError(f"{name} must be a number in (0, {bound}; given {value!r}{cure}")
    for name, least in (("max_categories", 1), ("seeds", 1), ("seed", 0)):
        value = given[name]
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if not whole or not least <= value < 2**32:
            raise ConfigError(f"{name} must be a whole number from {least}; given {value!r}")
    if not isinstance(given["detector"], str):
        raise ConfigError(f"detector must be a name; given {given['detector']!r}")
    if not isinstance(given["settings"], dict | None):
        raise ConfigError(f"settings must be a dict of fields; given {given['settings']!r}")
    if not isinstance(given["strict"], bool | np.bool_):
        raise ConfigError(f"strict must be True or False; given {given['strict']!r}")
    if not isinstance(given["verbose"], int | np.integer):
        raise ConfigError(f"verbose must be a whole number; given {given['verbose']!r}")
    for name in ("label", "id"):
        if not isinstance(given[name], str | None):
            raise ConfigError(f"{name} must be the name of a column; given {given[name]!r}")
