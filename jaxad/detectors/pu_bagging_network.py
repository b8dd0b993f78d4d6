"""Bags of networks on labelled anomalies against few random unlabelled rows, in one program.

References:
    Mordelet and Vert 2014, A bagging SVM to learn from positive and unlabeled examples.
"""

from dataclasses import dataclass, replace

from jaxad.detector import Detector
from jaxad.detectors.classical.base import CheckedConfig
from jaxad.detectors.config import is_count, is_number
from jaxad.detectors.members import map_members
from jaxad.detectors.registry import REGISTRY, Spec, get_entry, make_for, register
from jaxad.errors import ConfigError, unknown_name
from jaxad.sampling.bags import Bags
from jaxad.sampling.balanced import Balanced
from jaxad.sampling.base import ShuffledEpochs
from jaxad.utils.calls import parse_calls

__all__ = ["NetworkBags", "build_pu_bagging_network"]

_NAME = "pu_bagging_network"


@dataclass(frozen=True, kw_only=True)
class NetworkBags(CheckedConfig):
    """Settings of bags of networks.

    Attributes:
        member: The detector that each member is, one that is trained by gradients on single rows
            with labels, with settings of its own if any, such as "devnet(margin=4.0)". Of these,
            epochs, batches and sampler are not used.
        members: Number of bags, each with one network, >= 1.
        unlabelled: Smallest number of unlabelled rows in a bag, >= 1. All are taken if there are
            fewer.
        ratio: Number of unlabelled rows in a bag for each labelled anomaly, if that is more than
            `unlabelled`, > 0.
        batch_size: Rows of each member in a batch, >= 2; half of them are labelled anomalies.
        epochs: Number of passes over the rows of a bag, >= 1; also in each phase of pre-training.
    """

    member: str = "classifier"
    members: int = 60
    unlabelled: int = 20
    ratio: float = 2.0
    batch_size: int = 32
    epochs: int = 100

    def __post_init__(self):
        self._need(isinstance(self.member, str), "member", "a string such as 'classifier'")
        for name, least in (("members", 1), ("unlabelled", 1), ("batch_size", 2), ("epochs", 1)):
            value = getattr(self, name)
            self._need(is_count(value, least), name, f"a whole number of at least {least}")
        self._need(is_number(self.ratio) and self.ratio > 0, "ratio", "> 0")


@register(_NAME, NetworkBags, uses_labels=True)
def build_pu_bagging_network(config: NetworkBags, spec: Spec) -> Detector:
    """Bagging on positive and unlabelled rows; the score is the mean score of small networks.

    Each network learns all labelled anomalies against a few unlabelled rows, drawn once for each
    bag without replacement. All networks are trained side by side in one program.

    Raises:
        ConfigError: `member` is not a detector that can be a member.
        DataError: There are no labelled anomalies.
    """
    spec.need_labelled_anomaly(_NAME, "autoencoder")
    size = max(config.unlabelled, round(config.ratio * spec.labelled_anomalies))
    steps = config.epochs * -(-size // (config.batch_size - config.batch_size // 2))
    sampler = Bags(config.members, config.batch_size, config.unlabelled, config.ratio, steps)
    detector = map_members(_make_member(config, spec), config.members)
    before = tuple(phase._replace(sampler=sampler, epochs=1) for phase in detector.before)
    return detector._replace(sampler=sampler, epochs=1, before=before)


def _make_member(config: NetworkBags, spec: Spec) -> Detector:
    calls = parse_calls(config.member, "member", "devnet(margin=4.0)")
    if len(calls) != 1 or calls[0].args:
        raise ConfigError(
            f"member must be one detector with settings by name, such as devnet(margin=4.0); given "
            f"{config.member!r}"
        )
    call = calls[0]
    known = [name for name, found in REGISTRY.items() if found.uses_labels and not found.host]
    if call.name not in known and call.name in REGISTRY:
        raise ConfigError(f"member must learn from labels and gradients; {call.name} does not")
    if call.name == _NAME:
        raise ConfigError("member cannot hold bags itself; name a single detector, as classifier")
    if call.name not in known:
        raise unknown_name("detector", call.name, known)
    rows = min(spec.rows, spec.labelled_anomalies + spec.labelled_normals + config.unlabelled)
    member = make_for(get_entry(call.name).name, replace(spec, rows=max(2, rows)), call.keywords)
    assert isinstance(member, Detector)
    if not isinstance(member.sampler, Balanced | ShuffledEpochs):
        raise ConfigError(f"member must be trained on single rows; {call.name} is not")
    return member
