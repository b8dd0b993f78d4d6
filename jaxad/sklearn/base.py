"""The core of the two estimators: a detector, its columns, its scaling and its threshold."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from jaxtyping import Bool, Float, Int8
from sklearn.utils.validation import check_is_fitted

from jaxad.data import Scaling, as_train_data, fit_scaling
from jaxad.data.protocol.calibration import draw_held_out
from jaxad.data.tables.encoding import Encoding, fit_encoding
from jaxad.data.tables.events import raise_scores
from jaxad.detectors import make
from jaxad.errors import ConfigError, DataError
from jaxad.evaluation.scoring import score as score_models
from jaxad.sklearn.columns import Selection, make_index, select_known, select_training
from jaxad.sklearn.explain_methods import ExplainingMixin
from jaxad.sklearn.labels import LabelUse, convert_labels
from jaxad.sklearn.parameters import SettingsMixin, check_parameters
from jaxad.sklearn.profiling import profile_rows
from jaxad.sklearn.progress import make_reporter
from jaxad.sklearn.rows import Rows, encode, make_column_names, read_known, read_training
from jaxad.thresholds import Reference, Rule, p_values, parse_rule, threshold
from jaxad.thresholds.checks import warn_if_constant
from jaxad.thresholds.conformal_rules import check_held_out
from jaxad.training.fitted import Fit
from jaxad.training.train import fit
from jaxad.utils.compilation_cache import keep_programs

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TableEstimator"]


class TableEstimator(ExplainingMixin, SettingsMixin):
    """The common core of `JaxADDetector` and `JaxADClassifier`, which document it."""

    def __init__(
        self,
        detector: str = "auto",
        *,
        contamination: float = 0.1,
        threshold: str | float = "quantile",
        scaling: str = "auto",
        positive: Any = None,
        normal: Any = None,
        labels: LabelUse = "use",
        label: str | None = None,
        id: str | None = None,
        strict: bool = False,
        calibration: float = 0.25,
        max_categories: int = 32,
        seeds: int = 1,
        seed: int = 0,
        verbose: int = 0,
        settings: dict[str, Any] | None = None,
    ):
        self.detector = detector
        self.contamination = contamination
        self.threshold = threshold
        self.scaling = scaling
        self.positive = positive
        self.normal = normal
        self.labels = labels
        self.label = label
        self.id = id
        self.strict = strict
        self.calibration = calibration
        self.max_categories = max_categories
        self.seeds = seeds
        self.seed = seed
        self.verbose = verbose
        self.settings = settings

    fitted_: Fit
    scaling_: Scaling
    reference_: Reference
    threshold_: float

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803
        """Train the detector and choose the threshold.

        Args:
            X: `(n, d)` rows, an array of numbers or a data frame; n >= 2.
            y: `(n,)` labels. None: those of the column `label`, else all rows are unlabelled.

        Returns:
            The estimator itself.

        Raises:
            ConfigError: The value of a parameter is not allowed.
            DataError: Rows or labels cannot be used.
        """
        rule = self._parse_threshold()
        chosen = select_training(X, y, self.label, self.id)
        read = read_training(self, chosen.rows)
        label = self._convert(chosen.y, len(read), part=False)
        held = self._draw_held_out(label)
        rows = self._fit_encoding(read, held)
        kept = rows.select(~held) if held.any() else rows
        self.scaling_ = fit_scaling(kept.x, self.scaling)
        train = as_train_data(self.scaling_.apply(kept.x), label[~held])
        detector = make(self.detector, train, **(self.settings or {}))
        report = make_reporter(self.detector, int(self.verbose))
        self.profile_ = profile_rows(chosen.rows)
        keep_programs()
        self.fitted_ = fit(detector, train, self.seeds, key=self.seed, progress=report)
        if self.fitted_.interrupted:
            raise KeyboardInterrupt
        of_training = self._score(train.x)
        warn_if_constant(of_training, self.detector)
        self.reference_ = Reference(of_training, train.label)
        if held.any():
            of_held = self._score_rows(rows.select(held))
            self.reference_ = self.reference_._replace(held_out=of_held)
        return self._choose(rule)

    def calibrate(self, X: Any, y: Any = None) -> Self:  # noqa: N803
        """Choose the threshold again, by rows that were not trained on.

        Args:
            X: `(n, d)` rows as in `fit`.
            y: `(n,)` labels as in `fit`. The rule "conformal" assumes that all rows but the
                labelled anomalies are normal.

        Returns:
            The estimator itself.
        """
        chosen = self._select(X, y)
        score = self._score_rows(self._encode(chosen.rows))
        label = self._convert(chosen.y, len(score))
        training = self.reference_.of_training
        self.reference_ = Reference(score, label, score[label >= 0], training)
        return self._choose(self._parse_threshold())

    def anomaly_score(self, X: Any) -> Float[np.ndarray, "n"]:  # noqa: N803
        """Return `(n,)` anomaly scores, the mean over seeds; *higher* is more anomalous.

        Scores of rows with values that training hardly saw, such as an unseen category, are raised;
        see `jaxad.data.tables.events`.
        """
        return self._score_rows(self._encode(self._select(X).rows))

    def score_frame(self, X: Any) -> "pd.DataFrame":  # noqa: N803
        """Return a frame with the score of each row, and whether it is anomalous.

        Args:
            X: `(n, d)` rows.

        Returns:
            The columns `score`, `anomaly` (a boolean) and, where rows were held out of training,
            `p_value`. Its index is the column `id` of X, else the index of X, else row numbers.
        """
        import pandas as pd

        score = self.anomaly_score(X)
        values: dict[str, Any] = {"score": score, "anomaly": score > self.threshold_}
        if len(self.reference_.held_out):
            values["p_value"] = p_values(score, self.reference_.held_out)
        return pd.DataFrame(values, index=make_index(X, self.id))

    def p_values(self, X: Any) -> Float[np.ndarray, "n"]:  # noqa: N803
        """Return `(n,)` conformal p-values: how rare such a score is among normal rows.

        Raises:
            ConfigError: No rows were held out: fit with `threshold="conformal"`, or `calibrate`.
        """
        score = self.anomaly_score(X)
        if not len(self.reference_.held_out):
            raise ConfigError(
                "p_values needs scores of normal rows that were not trained on: fit with "
                "threshold='conformal', or pass such rows to calibrate"
            )
        return p_values(score, self.reference_.held_out)

    def save(self, folder: str | Path, *, overwrite: bool = False) -> Path:
        """Save the fitted estimator as a folder without pickle, for `load` and `jaxad score`.

        Args:
            folder: The folder to create.
            overwrite: Whether a detector that was saved in this folder is replaced, once the new
                one is complete. False: the folder must not exist yet.

        Raises:
            ConfigError: The detector cannot be saved, or the folder exists and is not to be
                overwritten or holds something else.
            StorageError: The folder cannot be written, such as on a full disk. The estimator is
                still there, and can be saved to another folder.
        """
        from jaxad.sklearn.saved import save

        check_is_fitted(self)
        return save(self, Path(folder), overwrite)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Load what `save` saved; no code from the folder runs.

        A folder that `JaxADDetector` saved can be loaded by `JaxADClassifier`, and vice versa.

        Raises:
            DataError: The folder is not a saved estimator, or was changed since.
        """
        from jaxad.sklearn.saved import load

        return load(cls, Path(folder))

    def _parse_threshold(self) -> Rule:
        """Check all parameters and return the rule for the threshold."""
        rule = parse_rule(self.threshold)
        check_parameters(self.get_params(deep=False))
        if rule.name == "quantile" and rule.value is None:
            return rule._replace(value=float(self.contamination))
        return rule

    def _choose(self, rule: Rule) -> Self:
        self.threshold_ = threshold(rule, self.reference_)
        return self

    def _convert(self, y: Any, n: int, *, part: bool = True) -> Int8[np.ndarray, "n"]:
        """Return training labels; `part` of the rows may be without some values of labels."""
        values = {"positive": self.positive, "normal": self.normal}
        return convert_labels(y, n, use=self.labels, part=part, **values)

    def _select(self, x: Any, y: Any = None) -> Selection:
        """Return the columns of training, and the labels."""
        check_is_fitted(self)
        names = getattr(self, "feature_names_in_", None)
        return select_known(x, y, self.label, self.id, names, bool(self.strict))

    def _draw_held_out(self, label: Int8[np.ndarray, "n"]) -> Bool[np.ndarray, "n"]:
        """Draw the rows that are held out for calibration, a share of the normal ones."""
        rule = parse_rule(self.threshold)
        if rule.name != "conformal":
            return np.zeros(len(label), bool)
        held = draw_held_out(label, float(self.calibration), int(self.seed))
        check_held_out(int(held.sum()), rule.number)  # before the training
        return held

    def _fit_encoding(self, read: Any, held: Bool[np.ndarray, "n"]) -> Rows:
        """Fit the encoding to the rows that are not held out, and return all rows as numbers."""
        self._encoding: Encoding | None = None
        if not isinstance(read, np.ndarray):
            trained = read.filter(~held) if held.any() else read
            most, strict = int(self.max_categories), bool(self.strict)
            self._encoding = fit_encoding(trained, max_categories=most, strict=strict)
        rows = encode(self._encoding, read)
        names = self._encoding.names if self._encoding else make_column_names(rows.x.shape[1])
        self.encoded_names_ = names
        return rows

    def _encode(self, x: Any) -> Rows:
        """Return rows with the columns of training as numbers."""
        return encode(self._encoding, read_known(self, x, self._encoding))

    def _score_rows(self, rows: Rows) -> Float[np.ndarray, "n"]:
        """Return scores, raised for rows with values that training hardly saw."""
        scores = self._score(self.scaling_.apply(rows.x))
        if rows.events is None:
            return scores
        return raise_scores(scores, rows.events, self.reference_.of_training)

    def _score(self, rows: np.ndarray) -> Float[np.ndarray, "n"]:
        scores = score_models(self.fitted_, rows).mean(axis=0, dtype=np.float64)
        if not np.isfinite(scores).all():
            row = int(np.argmin(np.isfinite(scores)))
            raise DataError(
                f"the score of row {row} of X is not finite: training diverged; try a smaller "
                "learning_rate"
            )
        return scores

    def __getstate__(self) -> dict[str, Any]:
        """Return the state for pickle and joblib: arrays and descriptions, no functions."""
        state: dict[str, Any] = dict(super().__getstate__())  # pyright: ignore
        if "fitted_" in state:
            from jaxad.sklearn.saved import freeze_fit

            state = state | {"fitted_": freeze_fit(state["fitted_"])}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore the fitted estimator."""
        if "fitted_" in state:
            from jaxad.sklearn.saved import restore_fit

            state = state | {"fitted_": restore_fit(state["fitted_"])}
        super().__setstate__(state)
