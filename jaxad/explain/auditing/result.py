"""The result of an audit, as a table and as a picture."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from jaxad.evaluation.metrics import Summary
from jaxad.explain.auditing.ranks import sort_descending
from jaxad.explain.pictures.audit import draw_audit
from jaxad.explain.pictures.base import check_picture, save_picture
from jaxad.utils.files import write_atomically

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Audit"]


@dataclass(frozen=True, eq=False)
class Audit:
    """The result of an audit: how likely each unlabelled training row is a hidden anomaly.

    Attributes:
        method: What the suspicion is: "meta_weight", "exposure", "mining", "out_of_bag", "score",
            or the method of another registered weighting.
        suspicion: `(seeds, n)` suspicion of each training row under each seed, higher is more
            suspicious; NaN for labelled rows and padding. Its scale depends on the method.
        combined: `(n,)` the mean over seeds of a row's rank among the unlabelled rows, from 0 for
            the least to 1 for the most suspicious; None where each seed has its own split.
        rows: `(n,)` or `(seeds, n)` the row of the source that each training row is.
        hidden: 1 for hidden anomalies, in the shape of `rows`; None where they are not known.
        auroc: Area under the ROC curve for the hidden anomalies, over seeds; None where they are
            not known, or a seed has no hidden anomaly or nothing else.
        auprc: Average precision for the hidden anomalies; None in the same cases.
        precision_at_n: Share of hidden anomalies among the n most suspicious rows, n their number;
            None in the same cases.
        together: The same three metrics of `combined`; {} where one of them does not exist.
    """

    method: str
    suspicion: Float[np.ndarray, "seeds n"]
    combined: Float[np.ndarray, "n"] | None
    rows: Int[np.ndarray, "*seeds n"]
    hidden: Int[np.ndarray, "*seeds n"] | None
    auroc: Summary | None
    auprc: Summary | None
    precision_at_n: Summary | None
    together: dict[str, float]

    def __repr__(self) -> str:
        seeds, n = self.suspicion.shape
        found = "" if self.auroc is None else f", AUROC {self.auroc.mean:.3f}"
        return f"Audit({self.method!r}: {n} rows, {seeds} seeds{found})"

    @property
    def ranking(self) -> Int[np.ndarray, "*seeds m"]:
        """The source rows of the unlabelled training rows, the most suspicious first.

        `(m,)` over all seeds; `(seeds, n)`, padded with -1, where each seed has its own split.
        """
        if self.combined is not None:
            return self.rows[sort_descending(self.combined)]
        out = np.full(self.rows.shape, -1, self.rows.dtype)
        for i, values in enumerate(self.suspicion):
            order = sort_descending(values)
            out[i, : len(order)] = self.rows[i, order]
        return out

    def to_csv(self, path: str | Path) -> None:
        """Write the ranking: one line for each unlabelled row, the most suspicious first.

        The columns are place (from 1), row (of the source, from 0), suspicion (`combined`),
        suspicion_seed_0, ... and hidden, where it is known. Where each seed has its own split they
        are seed, place, row, suspicion and hidden.

        Args:
            path: The csv file; an existing file is replaced once the new one is complete.
        """
        with write_atomically(Path(path)) as partial:
            self.frame().to_csv(partial, index=False)

    def plot(self, path: str | Path) -> None:
        """Draw the audit: how suspicion separates hidden anomalies, or how it falls with the rank.

        Args:
            path: A png, pdf or svg file; an existing file is replaced once the new one is complete.

        Raises:
            ConfigError: Another kind of file, or matplotlib is not installed.
        """
        check_picture(path)
        means: dict[str, float] = {}
        if self.auroc is not None and self.auprc is not None:
            means = {"AUROC": self.auroc.mean, "AUPRC": self.auprc.mean}
        figure = draw_audit(
            self.method,
            self.suspicion,
            combined=self.combined,
            hidden=self.hidden if means else None,
            metrics=means,
        )
        save_picture(figure, path)

    def frame(self) -> "pd.DataFrame":
        """Return the table that `to_csv` writes."""
        import pandas as pd

        parts = []
        for seed, order in self._orders():
            columns: dict[str, Any] = {} if seed is None else {"seed": seed}
            columns["place"] = np.arange(1, len(order) + 1)
            columns["row"] = (self.rows if seed is None else self.rows[seed])[order]
            if seed is None and self.combined is not None:
                columns["suspicion"] = self.combined[order]
                each = enumerate(self.suspicion)
                columns |= {f"suspicion_seed_{i}": values[order] for i, values in each}
            else:
                columns["suspicion"] = self.suspicion[seed, order]
            if self.hidden is not None:
                columns["hidden"] = (self.hidden if seed is None else self.hidden[seed])[order]
            parts.append(pd.DataFrame(columns))
        return pd.concat(parts, ignore_index=True)

    def _orders(self) -> Iterator[tuple[int | None, np.ndarray]]:
        """Yield each ranking with its seed; one ranking with None where all seeds share it."""
        if self.combined is not None:
            yield None, sort_descending(self.combined)
            return
        for seed, values in enumerate(self.suspicion):
            yield seed, sort_descending(values)
