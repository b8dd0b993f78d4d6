"""Every field of every configuration: a value out of its range is refused by its name."""

from dataclasses import FrozenInstanceError, fields, replace
from types import NoneType
from typing import get_type_hints

import pytest

import jaxad
from jaxad.detectors import REGISTRY, get_entry
from jaxad.detectors.autoencoder import AutoencoderConfig
from jaxad.detectors.build import gradient_detector, networks
from jaxad.detectors.registry import Spec
from jaxad.errors import ConfigError
from jaxad.models import Reconstruction
from jaxad.objectives import identity
from jaxad.weighting import by_label

INF, NAN = float("inf"), float("nan")
WRONG = {
    "epochs": [0, -1, 1.5, "3", True, None],
    "pretrain_epochs": [-1, 1.5, "3", True],
    "batch_size": [0, -1, 32.0, "32"],
    "learning_rate": [0, -1e-3, NAN, INF, "1e-3"],
    "milestone": [-0.1, 1.1, NAN, "half"],
    "drop": [0, 1.1, NAN, "half"],
    "weight_decay": [-1e-6, NAN, INF, "0"],
    "widths": [(), (0,), (32, 8.0), 32, "32", (True,)],
    "channels": [(0,), (4.0,), 4, "4"],
    "norm": ["instance", None, 1],
    "bias": [0, "no", None],
    "slope": [-0.1, 1.1, NAN, "steep"],
    "allow_collapse": ["yes", 1, None],
    "objective": ["two_class", 1],
    "nu": [0, 1.1, -0.1, NAN, "half", True],
    "radius_warm_up": [-1, 1.5, "ten"],
    "radius_every": [0, 0.5, 1.5, "ten"],
    "steps": [0, 1.5, "20"],
    "margin": [0, -1, NAN, INF, "five"],
    "target": [0, -1, NAN, INF, "four"],
    "normal_weight": [-0.1, 1.1, NAN, "none"],
    "allow_no_norm": ["yes", 1, None],
    "code_widths": [(), (0,), (32, 8.0), 32, None],
    "eta": [0, -1, NAN, INF, "one", True],
    "variant": ["published", None],
}
NUMBERS = (int, float)
CASES = [
    (name, field, value)
    for name, found in REGISTRY.items()
    for field in get_type_hints(found.config)
    for value in WRONG.get(field, ())
]


@pytest.mark.parametrize(("name", "field", "value"), CASES)
def test_a_wrong_value_is_refused_by_the_name_of_its_field(toy, name, field, value):
    with pytest.raises(ConfigError, match=field):
        jaxad.make(name, toy.train, **{field: value})


@pytest.mark.parametrize("name", REGISTRY)
def test_no_field_takes_anything(name):
    """Also of fields that `WRONG` does not list: an object is no setting."""
    config = REGISTRY[name].config
    for field in fields(config):
        with pytest.raises(ConfigError, match=field.name):
            config(**{field.name: object()})


@pytest.mark.parametrize("name", REGISTRY)
def test_the_range_of_every_field_is_documented(name):
    config = REGISTRY[name].config
    text = "\n".join(c.__doc__ or "" for c in config.__mro__ if c is not object)
    for field, hint in get_type_hints(config).items():
        assert f"{field}:" in text
        assert hint is not NoneType


@pytest.mark.parametrize("name", REGISTRY)
def test_configurations_are_frozen_and_compare_by_value(name):
    config = REGISTRY[name].config
    assert config() == config() == replace(config())
    with pytest.raises(FrozenInstanceError):
        config().epochs = 3
    assert hash(config()) == hash(config())


@pytest.mark.parametrize(
    ("given", "near"), [("deep_sdd", "deep_s"), ("autoencodr", "autoencoder"), ("xyz", "Known")]
)
def test_an_unknown_detector_is_answered_with_the_nearest(toy, given, near):
    with pytest.raises(ConfigError, match=f"unknown detector '{given}'.*{near}"):
        jaxad.make(given, toy.train)
    with pytest.raises(ConfigError, match=given):
        get_entry(given)


@pytest.mark.parametrize("name", [name for name, found in REGISTRY.items() if not found.host])
def test_an_unknown_field_is_answered_with_the_nearest(toy, name):
    with pytest.raises(ConfigError, match=f"setting of {name} 'epoch'. Did you mean 'epochs'"):
        jaxad.make(name, toy.train, epoch=3)


def test_lists_become_tuples(toy):
    assert jaxad.make("autoencoder", toy.train, widths=[5, 3]).config.widths == (5, 3)


def test_a_weighting_with_weight_on_anomalies_needs_an_objective_with_their_loss(toy):
    config = AutoencoderConfig()
    model = Reconstruction(*networks(config, Spec(toy.train.x.shape[1:], 100)))
    with pytest.raises(ConfigError, match="the objective has none"):
        gradient_detector(model, identity(), by_label(), config)


def test_a_number_beside_a_word_may_be_whole_but_not_a_boolean():
    config = REGISTRY["contradicting_autoencoder"].config
    assert config(lam=5).lam == 5 and config(lam=0.5).lam == 0.5
    for wrong in (True, "equal", None):
        with pytest.raises(ConfigError, match="lam"):
            config(lam=wrong)
