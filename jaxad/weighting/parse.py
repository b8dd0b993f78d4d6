"""Weightings as strings, as a user writes them in a configuration or on the command line."""

from jaxad.errors import ConfigError
from jaxad.utils.calls import evaluate_call, parse_calls
from jaxad.weighting.base import Weighting, chain
from jaxad.weighting.registry import WEIGHTINGS

__all__ = ["parse_weighting"]


def parse_weighting(text: str, labelled: tuple[int, int] = (1, 1)) -> Weighting:
    """Parse a string of registered weightings, which are chained.

    Args:
        text: Names or calls with literal arguments, separated by commas, such as
            "by_label, latent_outlier_exposure(0.1, soft=True), anoonly(1e-4)".
        labelled: The largest numbers of labelled anomalies and of labelled normal rows that any
            seed has, for weightings that depend on them.

    Raises:
        ConfigError: The string is not such a list, a name is unknown, an argument is wrong, or a
            registered function does not return a `Weighting`.

    Example:
        >>> parse_weighting("by_label(eta=2), anoonly").anomaly_loss
        True
    """
    made = []
    for call in parse_calls(text, "weighting", "by_label, anoonly(1e-4)"):
        known = {call.name: WEIGHTINGS.find(call.name)}
        with WEIGHTINGS.attribute_errors(call.name):
            weighting = evaluate_call(call, known, "weighting", labelled=labelled)
        if not isinstance(weighting, Weighting):
            raise ConfigError(
                f"weighting {call.name!r} ({WEIGHTINGS.origins.get(call.name, call.name)}) must "
                f"return a jaxad.weighting.Weighting; it returned a {type(weighting).__name__}"
            )
        made.append(weighting)
    return made[0] if len(made) == 1 else chain(*made)
