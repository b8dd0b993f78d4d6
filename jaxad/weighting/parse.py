"""Weightings by name, as a user writes them in a configuration or on the command line."""

from collections.abc import Callable

from jaxad.utils.calls import called, parse_calls
from jaxad.weighting.base import Weighting, by_label, chain, unsupervised
from jaxad.weighting.gradient_ascent import contradicting
from jaxad.weighting.meta_gradient import elite
from jaxad.weighting.only_anomalies import anoonly
from jaxad.weighting.outlier_exposure import latent_outlier_exposure
from jaxad.weighting.row_mining import mining

__all__ = ["WEIGHTINGS", "parse_weighting"]

WEIGHTINGS: dict[str, Callable[..., Weighting]] = {
    fn.__name__: fn
    for fn in (
        anoonly,
        by_label,
        contradicting,
        elite,
        latent_outlier_exposure,
        mining,
        unsupervised,
    )
}


def parse_weighting(text: str, labelled: tuple[int, int] = (1, 1)) -> Weighting:
    """The chain of weightings that a text names, with literal arguments.

    Args:
        text: Names or calls with commas between them, such as
            "by_label, latent_outlier_exposure(0.1, soft=True), anoonly(1e-4)".
        labelled: How many labelled anomalies and labelled normal rows the training data has, at
            most, for weightings that must know it.

    Raises:
        ConfigError: The text is no such list, a name is not known or an argument is wrong.

    Example:
        >>> parse_weighting("by_label(eta=2), anoonly").anomaly_loss
        True
    """
    calls = parse_calls(text, "weighting", "by_label, anoonly(1e-4)")
    made = [called(call, WEIGHTINGS, "weighting", labelled=labelled) for call in calls]
    return made[0] if len(made) == 1 else chain(*made)
