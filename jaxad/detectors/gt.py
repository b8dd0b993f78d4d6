"""GT and GT+: how well a network recognises the geometric transformation of an image.

References:
    Golan and El-Yaniv 2018, Deep anomaly detection using geometric transformations (GT); Hendrycks
    et al. 2019, Using self-supervised learning can improve model robustness and uncertainty (GT+).
"""

from dataclasses import dataclass
from math import prod

from jaxad.detector import Detector
from jaxad.detectors.build import build_balanced_sampler, choose_net, gradient_detector
from jaxad.detectors.config import AugmentedConfig
from jaxad.detectors.registry import Spec, register
from jaxad.errors import ConfigError
from jaxad.models.transformed_images import PARTS, TransformedImages
from jaxad.nets.build import autoencoder_nets, default_sizes
from jaxad.nets.norm import Norm
from jaxad.objectives import transformation
from jaxad.weighting import by_label

__all__ = ["GTConfig", "build_gt", "build_gt_plus"]


@dataclass(frozen=True, kw_only=True)
class GTConfig(AugmentedConfig):
    """Settings of GT and GT+; see `AugmentedConfig` and `GradientConfig`.

    Attributes:
        epochs: Number of passes over the training images, >= 1. A pass has every image under one
            random transformation.
        widths: Widths of the dense layers before the layer of the logits; None for the default.
        balanced: Whether half of each batch are labelled anomalies, drawn with replacement, as is
            suitable for an exposure set; an epoch then has every other image once.
    """

    epochs: int = 200
    norm: Norm = "batch"
    bias: bool = True
    balanced: bool = False

    def __post_init__(self):
        super().__post_init__()
        self._need(isinstance(self.balanced, bool), "balanced", "true or false")
        least = 2 if self.balanced else 1
        self._need(self.batch_size >= least, "batch_size", "at least 2 if balanced is true")


@register("gt", GTConfig, uses_labels=True, examples="image")
def build_gt(config: GTConfig, spec: Spec) -> Detector:
    """GT; the score is `-mean log p(m | T_m x)`, how poorly 72 transformations are recognised.

    The transformations T are all compositions of 2 flips, 9 translations and 4 rotations. Minimises
    the mean of `-log p(m | T_m x)`, with a random m for each image of a batch. A labelled anomaly
    has the cross-entropy from the uniform distribution to p instead.

    Raises:
        ConfigError: The examples are not square images of at least 4 pixels.
    """
    return _build(config, spec, "gt", ((0, 1, 2, 3),))


@register("gt_plus", GTConfig, uses_labels=True, examples="image")
def build_gt_plus(config: GTConfig, spec: Spec) -> Detector:
    """GT+; as GT, with a head for the rotation and one for the translation along each axis.

    The transformations are all compositions of 4 rotations and 9 translations; losses and scores
    are sums over the three heads.

    Raises:
        ConfigError: The examples are not square images of at least 4 pixels.
    """
    return _build(config, spec, "gt_plus", ((3,), (1,), (2,)))


def _build(config: GTConfig, spec: Spec, name: str, heads: tuple[tuple[int, ...], ...]) -> Detector:
    shape = spec.shape
    if len(shape) != 3 or shape[0] != shape[1] or shape[0] < 4:
        raise ConfigError(
            f"examples must be square images (n, n, channels) of at least 4 pixels for {name}, "
            f"which rotates them; given examples of shape {shape}. Crop or resize them to squares"
        )
    logits = sum(prod(PARTS[part] for part in head) for head in heads)
    widths = default_sizes(shape)[1] if config.widths is None else config.widths
    sizes = (shape, config.channels, (*widths, logits), config.norm, config.bias, config.slope)
    model = TransformedImages(choose_net(config, spec, lambda: autoencoder_nets(*sizes)[0]), heads)
    weighting = config.choose_weighting(by_label(), spec)
    balanced = config.balanced and weighting.labelled_anomalies and spec.labelled_anomalies
    sampler = build_balanced_sampler(weighting, config) if balanced else None
    detector = gradient_detector(model, transformation(), weighting, config, sampler)
    return config.augmented(detector, spec)
