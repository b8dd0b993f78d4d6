"""The methods of the estimators that explain scores and audit training rows."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ExplainingMixin"]


class ExplainingMixin:
    """The explanations of an estimator; what computes them is imported when it is needed."""

    def explain(self: Any, X: Any, method: str = "auto") -> "pd.DataFrame":  # noqa: N803
        """Compute how much each column of X contributes to the scores of rows.

        Args:
            X: `(n, d)` rows.
            method: A method of `jaxad.explain.attributions` that the detector has; or "occlusion",
                for every detector: how much the score falls if a column is replaced by 0 in the
                scaled rows, which is its mean in training under the scaling "standard". "auto": the
                detector's own, else "occlusion".

        Returns:
            One row for each row of X, with its index, and one column for each column of X; high
            values are anomalous. The values of a categorical column or a date are the sums over
            the encoded columns. Where a value that training hardly saw raised the score of a row,
            the amount is part of its column; `events` describes such values.

        Raises:
            ConfigError: The detector has no such attributions.
        """
        from jaxad.sklearn.explaining import explain_rows

        return explain_rows(self, X, method)

    def events(self: Any, X: Any) -> "pd.Series":  # noqa: N803
        """Describe the values of rows that training hardly saw, by which scores are raised.

        Args:
            X: `(n, d)` rows.

        Returns:
            A text for each row, with the index of X: "unseen category in `service`"; "" for a row
            without such values. Several are separated by "; ", the rarest first.
        """
        from jaxad.sklearn.explaining import describe_events

        return describe_events(self, X)

    def audit(self: Any, X: Any, y: Any = None, method: str = "auto") -> "pd.DataFrame":  # noqa: N803
        """Rank the unlabelled training rows by how likely they are hidden anomalies.

        Args:
            X: The training rows. If the estimator is not fitted, it is fitted to them first.
            y: Their labels as in `fit`.
            method: A method of `jaxad.audit`.

        Returns:
            One row for each row of X, with its index. `suspicion` is the mean over seeds of the
            row's rank, from 0 for the least to 1 for the most suspicious row; NaN for labelled rows
            and for those that were held out for calibration. `score` is the anomaly score.

        Raises:
            ConfigError: The fit has no record for this method.
            DataError: X and y are not those of `fit`, or no row is unlabelled.
        """
        from jaxad.sklearn.explaining import audit_rows

        return audit_rows(self, X, y, method)
