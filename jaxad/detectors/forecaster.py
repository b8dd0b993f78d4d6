"""Forecasters: the error of predicting points of a sequence from earlier points.

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
        given: Number of points at the beginning of a sequence from which all others are predicted,
            >= 1; None for three fifths of the points.
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

    It has neither convolutions nor normalisation. `bias` applies to the last layer; `widths` are
    the numbers of cells of the LSTM layers.
    """

    norm: Literal["none"] = "none"
    bias: bool = True


@register("mlp_forecaster", MLPForecasterConfig, uses_labels=False, examples="sequence")
def build_mlp_forecaster(config: MLPForecasterConfig, spec: Spec) -> Detector:
    """MLP forecaster; the score is the mean squared error on the last points of a sequence.

    Minimises the mean squared error over predicted points and channels, over all rows that are not
    labelled anomalies.
    """
    model = mlp_model(config, spec)
    return gradient_detector(
        model, inverse(), config.choose_weighting(unsupervised(), spec), config
    )


@register("lstm_forecaster", LSTMForecasterConfig, uses_labels=False, examples="sequence")
def build_lstm_forecaster(config: LSTMForecasterConfig, spec: Spec) -> Detector:
    """LSTM forecaster; the score is the mean squared error on each next point of a sequence.

    Minimises the mean squared error over points and channels, over all rows that are not labelled
    anomalies.
    """
    model = lstm_model(config, spec)
    return gradient_detector(
        model, inverse(), config.choose_weighting(unsupervised(), spec), config
    )


def mlp_model(config: MLPForecasterConfig, spec: Spec) -> Forecast:
    """Return the score model of an MLP forecaster.

    Raises:
        ConfigError: The examples are not sequences, no point is left to predict, or `channels` is
            not empty.
    """
    time, channels = _check_sequence(config, spec)
    given = max(1, round(0.6 * time)) if config.given is None else config.given
    if given >= time:
        raise ConfigError(
            f"given must be below the {time} points of a sequence; given {given}. Give at most "
            f"{time - 1}"
        )
    widths = (64, 32) if config.widths is None else config.widths
    net = mlp_net(given, time - given, channels, widths, config.norm, config.bias, config.slope)
    return Forecast(net, given)


def lstm_model(config: LSTMForecasterConfig, spec: Spec) -> Forecast:
    """Return the score model of an LSTM forecaster.

    Raises:
        ConfigError: The examples are not sequences, or `channels` is not empty.
    """
    time, channels = _check_sequence(config, spec)
    widths = (32,) if config.widths is None else config.widths
    return Forecast(lstm_net(time - 1, channels, widths, config.bias), 1)


def _check_sequence(config: GradientConfig, spec: Spec) -> tuple[int, int]:
    """Return the numbers of points and channels of a sequence.

    Raises:
        ConfigError: The examples are not sequences, or `channels` is not empty.
    """
    if config.channels:
        raise ConfigError(
            f"channels must be empty for sequences; given {config.channels}. Use widths instead"
        )
    if len(spec.shape) != 2 or spec.shape[0] < 2:
        raise ConfigError(
            "examples must be sequences (time, channels) of at least 2 points for a forecaster; "
            f"given examples of shape {spec.shape}. Load the rows of a table as sequences with "
            "'sequence:NAME'"
        )
    return spec.shape[0], spec.shape[1]
