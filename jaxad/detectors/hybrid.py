"""Hybrids: a classical detector on the codes of an autoencoder in place of the rows.

`hybrid:NAME` is the registered classical detector NAME applied to `f(x)` in place of `x`. `f` is
the encoder of the detector `autoencoder`, which is trained first, for all seeds in one program, on
the rows that are not labelled anomalies. It is bitwise equal to the encoder of `autoencoder` with
the same settings, data and key. NAME then uses labels as it does on rows.

References:
    Ruff et al. 2020, Deep semi-supervised anomaly detection, section 4 (hybrid OC-SVM and SSAD);
    thesis of Ruff (2021), section 2.3; Erfani et al. 2016, High-dimensional and large-scale anomaly
    detection using a linear one-class SVM with deep learning.
"""

from collections.abc import Callable
from dataclasses import fields, make_dataclass, replace
from functools import cache
from typing import Any

from jax.tree_util import Partial
from jaxtyping import Array, Float

from jaxad.detector import Coder, Detector, HostDetector
from jaxad.detectors import classical
from jaxad.detectors.autoencoder import AutoencoderConfig, reconstruction
from jaxad.detectors.registry import REGISTRY, Entry, Spec, make_for, register
from jaxad.models import Reconstruction
from jaxad.models.base import as_input
from jaxad.types import State
from jaxad.utils.configs import settings_dict

__all__ = ["PEERS", "PREFIX", "hybrid_config"]

PREFIX = "hybrid:"
PEERS = tuple(
    name
    for name, found in REGISTRY.items()
    if found.build.__module__.startswith(f"{classical.__name__}.")
)


@cache
def hybrid_config(peer: type) -> type:
    """Return the configuration class of a hybrid.

    Args:
        peer: Configuration class of the classical detector.

    Returns:
        A frozen dataclass with the fields of `peer` and of `AutoencoderConfig`, with their defaults
        and checks.

    Raises:
        TypeError: Both classes have a field of the same name.
    """
    parts = (AutoencoderConfig, peer)
    both = {f.name for f in fields(AutoencoderConfig)} & {f.name for f in fields(peer)}
    if both:
        raise TypeError(f"{peer.__name__} and the autoencoder both have settings {sorted(both)}")

    def check(self) -> None:
        for part in parts:
            part.__post_init__(self)

    namespace = {
        "__module__": __name__,
        "__doc__": f"Settings of a hybrid; see `{peer.__name__}` and `AutoencoderConfig`.",
        "__post_init__": check,
    }
    name = f"Hybrid{peer.__name__}"
    return make_dataclass(name, [], bases=parts, namespace=namespace, frozen=True, kw_only=True)


def _select_part(config: Any, kind: type) -> Any:
    """Return the settings of one of the two detectors of a hybrid."""
    return kind(**{field.name: getattr(config, field.name) for field in fields(kind)})


def _make_builder(peer: Entry) -> Callable[[Any, Spec], HostDetector]:
    """Return the function that builds the hybrid of a classical detector."""

    def hybrid(config: Any, spec: Spec) -> HostDetector:
        coding = _select_part(config, AutoencoderConfig)
        model = reconstruction(coding, spec)
        autoencoder = make_for("autoencoder", spec, settings_dict(coding))
        code_spec = replace(spec, shape=model.decoder.input_shape)
        detector = peer.build(_select_part(config, peer.config), code_spec)
        assert isinstance(autoencoder, Detector) and isinstance(detector, HostDetector)
        return detector._replace(coder=Coder(autoencoder, Partial(_encode, model)))

    hybrid.__doc__ = f"""`{peer.name}` on autoencoder codes; the score is that of `{peer.name}`.

    The autoencoder is trained as the detector `autoencoder`, on the rows that are not labelled
    anomalies, and `{peer.name}` on its codes. `{peer.name}`: {peer.summary}
    """
    return hybrid


def _encode(model: Reconstruction, state: State, x: Array) -> Float[Array, "b k"]:
    params, batch_stats = model.select_encoder(state.variables)
    x = as_input(x, model.encoder.input_shape)
    return model.encoder.apply(params, batch_stats, x, train=False).out


for _name in PEERS:
    _peer = REGISTRY[_name]
    _settings = hybrid_config(_peer.config)
    globals()[_settings.__name__] = _settings  # pickle looks the class up in this module
    register(PREFIX + _name, _settings, uses_labels=_peer.uses_labels, host=True)(
        _make_builder(_peer)
    )
