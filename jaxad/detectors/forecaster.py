"""Forecasters: how badly points of a sequence are predicted from other points.

References:
    Wu et al. 2022, Understanding and mitigating data contamination in deep anomaly detection: a
    kernel-based approach; an MLP that predicts the last 4 of 10 points, and an LSTM.
"""

from dataclasses import dataclass
from typing import Literal

from jaxad.detector import Detector
from jaxad.detectors.build import gradient_detector
from jaxad.detectors.config import GradientConfig, is_count
from jaxad.detectors.registry import Spec, register
from jaxad.errors import ConfigError
from jaxad.models import Forecast
from jaxad.nets.forecast import lstm_forecaster as lstm_net
from jaxad.nets.forecast import mlp_forecaster as mlp_net
from jaxad.nets.norm import Norm
from jaxad.objectives import inverse
from jaxad.weighting import unsupervised

__all__ = [
    "LSTMForecasterConfig",
    "MLPForecasterConfig",
    "build_lstm_forecaster",
    "build_mlp_forecaster",
    "lstm_model",
    "mlp_model",
]


@dataclass(frozen=True, kw_only=True)
class MLPForecasterConfig(GradientConfig):
    """Settings of the MLP forecaster; see `GradientConfig`. It has no convolutions.

    Attributes:
        given: How many points of a sequence are given, >= 1; all that follow are predicted. None:
            three fifths of them.
    """

    norm: Norm = "none"
    bias: bool = True
    given: int | None = None

    def __post_init__(self):
        super().__post_init__()
        ok = self.given is None or is_count(self.given, 1)
        self._need(ok, "given", "a whole number of at least 1, or None")


@dataclass(frozen=True, kw_only=True)
class LSTMForecasterConfig(GradientConfig):
    """Settings of the LSTM forecaster; see `GradientConfig`.

    It has neither convolutions nor normalisations; `bias` is that of the last layer. `widths` are
    the cells of each LSTM layer.
    """

    norm: Literal["none"] = "none"
    bias: bool = True


@register("mlp_forecaster", MLPForecasterConfig, uses_labels=False, examples="sequence")
def build_mlp_forecaster(config: MLPForecasterConfig, spec: Spec) -> Detector:
    """MLP forecaster; the score is the squared error of a sequence's last points.

    Minimises the mean squared error over predicted points and channels, over all rows that are not
    labelled anomalies.
    """
    model = mlp_model(config, spec)
    return gradient_detector(
        model, inverse(), config.choose_weighting(unsupervised(), spec), config
    )


@register("lstm_forecaster", LSTMForecasterConfig, uses_labels=False, examples="sequence")
def build_lstm_forecaster(config: LSTMForecasterConfig, spec: Spec) -> Detector:
    """LSTM forecaster; the score is the squared error of each next point of a sequence.

    Minimises the mean squared error over points and channels, over all rows that are not labelled
    anomalies.
    """
    model = lstm_model(config, spec)
    return gradient_detector(
        model, inverse(), config.choose_weighting(unsupervised(), spec), config
    )


def mlp_model(config: MLPForecasterConfig, spec: Spec) -> Forecast:
    """The score model of an MLP forecaster.

    Raises:
        ConfigError: The examples are no sequences, no point is left to predict, or filters of
            convolutions.
    """
    time, channels = _sequence(config, spec)
    given = max(1, round(0.6 * time)) if config.given is None else config.given
    if given >= time:
        raise ConfigError(f"given must be below the {time} points of a sequence; given {given}")
    widths = (64, 32) if config.widths is None else config.widths
    net = mlp_net(given, time - given, channels, widths, config.norm, config.bias, config.slope)
    return Forecast(net, given)


def lstm_model(config: LSTMForecasterConfig, spec: Spec) -> Forecast:
    """The score model of an LSTM forecaster.

    Raises:
        ConfigError: The examples are no sequences, or filters of convolutions.
    """
    time, channels = _sequence(config, spec)
    widths = (32,) if config.widths is None else config.widths
    return Forecast(lstm_net(time - 1, channels, widths, config.bias), 1)


def _sequence(config: GradientConfig, spec: Spec) -> tuple[int, int]:
    """The points and channels of a sequence."""
    if config.channels:
        raise ConfigError(f"channels must be empty for sequences; given {config.channels}")
    if len(spec.shape) != 2 or spec.shape[0] < 2:
        raise ConfigError(
            "a forecaster takes sequences (time, channels) of at least 2 points; given examples of "
            f"shape {spec.shape}. 'sequence:NAME' loads the rows of a table as sequences"
        )
    return spec.shape[0], spec.shape[1]
