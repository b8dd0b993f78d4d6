"""Detectors, weightings and data sets from outside the package: registered, or as plug-ins."""

import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial

import jaxad
from jaxad.cli import main
from jaxad.data.sources.registry import DATASETS
from jaxad.detectors import REGISTRY, get_entry, register
from jaxad.errors import ConfigError, DataError, PluginWarning
from jaxad.nets.base import Net
from jaxad.nets.scorer import scalar_net
from jaxad.objectives import Objective, inverse
from jaxad.sampling.balanced import Balanced
from jaxad.utils import configs, plugins
from jaxad.weighting import RECORDS, WEIGHTINGS, Record, Weighting, by_label, chain, parse_weighting

REGISTRIES = (REGISTRY, WEIGHTINGS, DATASETS, RECORDS)

MODULE = '''
"""A detector, a weighting and a data set."""

from dataclasses import dataclass
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

import jaxad
from jaxad.detectors import register
from jaxad.detectors.build import gradient_detector, networks
from jaxad.detectors.config import GradientConfig, is_number
from jaxad.models import Hypersphere
from jaxad.objectives import inverse
from jaxad.weighting import Weighting, by_label


@dataclass(frozen=True, kw_only=True)
class NearConfig(GradientConfig):
    """Settings of near.

    Attributes:
        eps: Bound of the loss, > 0.
    """

    eps: float = 1e-3

    def __post_init__(self):
        super().__post_init__()
        self._need(is_number(self.eps) and self.eps > 0, "eps", "> 0")


@register("near", NearConfig, uses_labels=True)
def near(config, spec):
    """The squared distance to a centre, from a plug-in."""
    encoder, _ = networks(config, spec)
    weighting = config.choose_weighting(by_label(), spec)
    return gradient_detector(Hypersphere(encoder), inverse(config.eps), weighting, config)


@jaxad.weighting.register("halved")
def halved(share=0.5):
    """Unlabelled rows count less."""
    return Weighting(Partial(_nothing), Partial(_halve, float(share)))


def _nothing(data):
    return ()


def _halve(share, weights, state, context):
    unlabelled = context.batch.label == 0
    normal = jnp.where(unlabelled, share * weights.normal, weights.normal)
    return weights._replace(normal=normal), state


@jaxad.data.register("ring")
def ring():
    """A ring with a cluster of anomalies in its middle."""
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, 200)
    x = np.concatenate([np.stack([np.cos(angle), np.sin(angle)], 1), rng.normal(0, 0.1, (60, 2))])
    return jaxad.from_arrays(x, np.arange(260) >= 200)
'''


@pytest.fixture(autouse=True)
def _clean(names_are_taken_back):
    """Take back what a test registers, imports and adds to the path."""
    path, modules, imported = list(sys.path), set(sys.modules), dict(plugins._IMPORTED)
    yield
    for registry in REGISTRIES:
        registry._failed = set()
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name.startswith("own_"):
            del sys.modules[name]
    plugins._IMPORTED.clear()
    plugins._IMPORTED.update(imported)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Write modules and the entry points of a distribution, as an installed package has them."""
    folder = tmp_path / "site"

    def write(modules, points, name="own-package"):
        folder.mkdir(exist_ok=True)
        for module, text in modules.items():
            (folder / f"{module}.py").write_text(text)
        info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        lines = [f"[jaxad.{group}]\n{line}\n" for group, line in points]
        (info / "entry_points.txt").write_text("\n".join(lines))
        # A path of its own for each, as what is on a path is read once.
        monkeypatch.syspath_prepend(str(folder))
        monkeypatch.syspath_prepend(str(info))
        return folder

    return write


POINTS = [
    ("detectors", "near = own_plugin"),
    ("weightings", "halved = own_plugin:halved"),
    ("datasets", "ring = own_plugin:ring"),
]


def test_a_plugin_is_loaded_when_its_name_is_asked_for(package):
    package({"own_plugin": MODULE}, POINTS)
    assert "own_plugin" not in sys.modules
    assert "near" not in REGISTRY and "near" in REGISTRY.names()
    assert "ring" in jaxad.data.list_datasets()
    assert "own_plugin" not in sys.modules
    split = jaxad.contaminate("ring", 0, contamination=0.1, labelled_anomalies=5, seeds=2)
    assert "own_plugin" in sys.modules
    assert jaxad.load_dataset("ring").name == "ring"
    chain = "by_label, halved(0.2)"
    detector = jaxad.make("near", split.train, weighting=chain, epochs=2, widths=(8, 4))
    fitted = jaxad.fit(detector, split.train, 2)
    assert np.isfinite(jaxad.score(fitted, split.test.x[0])).all()
    assert get_entry("near").summary == "The squared distance to a centre, from a plug-in."


def test_an_entry_point_may_name_a_function_that_nothing_registers(package):
    text = "import jaxad\n\ndef load():\n    return jaxad.from_arrays([[0.0], [1.0]], [0, 1])\n"
    text += "\ndef mild(eta=0.5):\n    return jaxad.weighting.by_label(eta)\n"
    points = [("datasets", "two = own_two:load"), ("weightings", "mild = own_two:mild")]
    package({"own_two": text}, points)
    assert jaxad.load_dataset("two").name == "two"
    assert parse_weighting("mild(2)").anomaly_loss


def test_importing_the_library_loads_no_plugin(package):
    folder = package({"own_plugin": MODULE}, POINTS)
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); import jaxad, jaxad.cli; "
    code += "print('own_plugin' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"


BROKEN = {
    "missing": ("near = own_nowhere", "", "No module named 'own_nowhere'"),
    "raises": ("near = own_broken", "1 / 0", "ZeroDivisionError: division by zero"),
    "exits": ("near = own_broken", "raise SystemExit(3)", "SystemExit: 3"),
    "syntax": ("near = own_broken", "def", "SyntaxError"),
    "nothing": ("near = own_broken", "", "must register the detector 'near'"),
    "attribute": ("near = own_broken:build", "", "has no attribute 'build'"),
    "taken": ("near = own_broken", MODULE.replace('"near"', '"deep_sad"'), "already registered by"),
    "no config": (
        "near = own_broken",
        "import jaxad\n@jaxad.detectors.register('near', dict, uses_labels=True)\n"
        "def near(config, spec):\n    'Near.'\n",
        "config of detector 'near' must be a frozen dataclass",
    ),
    "no docstring": (
        "near = own_broken",
        MODULE.replace('"""The squared distance to a centre, from a plug-in."""', ""),
        "with a docstring",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_plugin_is_one_error_and_the_rest_works(package, toy, case):
    point, text, says = BROKEN[case]
    before = [dict(registry) for registry in REGISTRIES]
    package({"own_broken": text, "own_plugin": MODULE}, [("detectors", point)])
    with pytest.raises(ConfigError, match=r"plug-in 'near' .*own-package") as caught:
        jaxad.make("near", toy.train)
    assert says in str(caught.value)
    assert [dict(registry) for registry in REGISTRIES] == before
    with pytest.warns(PluginWarning, match="plug-in 'near'") as warned:
        REGISTRY.load_all()
        REGISTRY.load_all()
    assert len(warned) == 1
    assert jaxad.make("deep_sad", toy.train).name == "deep_sad"


def test_a_plugin_cannot_take_a_name_of_the_library(package):
    text = "import jaxad\n\ndef digits():\n    return jaxad.from_arrays([[0.0], [1.0]], [0, 1])\n"
    package({"own_digits": text}, [("datasets", "digits = own_digits:digits")])
    assert len(jaxad.load_dataset("digits").x) == 1797
    with pytest.warns(PluginWarning, match="'digits' is already registered by jaxad.data"):
        DATASETS.load_all()
    assert len(jaxad.load_dataset("digits").x) == 1797


def test_two_plugins_of_one_name_are_both_named(package):
    package({"own_plugin": MODULE}, [("detectors", "near = own_plugin")])
    package({"own_other": MODULE}, [("detectors", "near = own_other")], name="own-other")
    with pytest.raises(ConfigError, match=r"several plug-ins.*own-other.*own-package"):
        get_entry("near")


@pytest.mark.parametrize("given", [{}, None, 3, lambda: 1])
def test_what_a_plugin_returns_is_checked(package, toy, given):
    @jaxad.weighting.register("own_weighting")
    def weighting():
        return given

    @jaxad.data.register("own_data")
    def data():
        return given

    @register("own_detector", get_entry("deep_sad").config, uses_labels=True)
    def detector(config, spec):
        """One of their own."""
        return given

    kind = type(given).__name__
    with pytest.raises(ConfigError, match=f"'own_weighting' .*test_extension.*returned a {kind}"):
        jaxad.make("deep_sad", toy.train, weighting="own_weighting")
    with pytest.raises(ConfigError, match=f"'own_data' .*test_extension.*returned a {kind}"):
        jaxad.load_dataset("own_data")
    with pytest.raises(ConfigError, match=f"'own_detector' .*test_extension.*returned a {kind}"):
        jaxad.make("own_detector", toy.train)


def test_an_error_within_a_plugin_s_function_names_the_plugin(package, toy):
    @jaxad.weighting.register("own_weighting")
    def weighting():
        return 1 / 0

    @jaxad.data.register("own_data")
    def data():
        return jaxad.from_arrays(np.zeros((4, 1)), [0, 0, 1])

    @register("own_detector", get_entry("deep_sad").config, uses_labels=True)
    def detector(config, spec):
        """One of their own."""
        return config.nothing

    with pytest.raises(ConfigError, match=r"'own_weighting' .*test_extension.*ZeroDivisionError"):
        jaxad.make("deep_sad", toy.train, weighting="own_weighting")
    with pytest.raises(DataError, match=r"'own_data' .*test_extension.*x has 4 rows, y has 3"):
        jaxad.load_dataset("own_data")
    with pytest.raises(ConfigError, match=r"'own_detector' .*test_extension.*no attribute"):
        jaxad.make("own_detector", toy.train)


def test_names_are_checked():
    for name in ("", "two words", "a,b", "a=b", 3):
        with pytest.raises(ConfigError, match="name of a detector"):
            register(name, get_entry("deep_sad").config, uses_labels=True)
    for name in ("", "two words", "a-b", "1st", 3):
        with pytest.raises(ConfigError, match="name of a weighting"):
            jaxad.weighting.register(name)
    for name in ("", "a/b", "tfds:mnist", 3):
        with pytest.raises(ConfigError, match="name of a data set"):
            jaxad.data.register(name)
    with pytest.raises(ConfigError, match="must be a function"):
        jaxad.weighting.register("own")(by_label())
    with pytest.raises(ConfigError, match="examples of detector 'own' must be one of 'table'"):
        register("own", get_entry("deep_sad").config, uses_labels=True, examples="sound")


def test_a_definition_that_runs_again_replaces_itself_and_no_other():
    for eta in (1.0, 2.0):

        @jaxad.weighting.register("again")
        def again(eta=eta):
            return by_label(eta)

    with pytest.raises(ConfigError, match=r"'again' is already registered by .*again"):

        @jaxad.weighting.register("again")
        def other():
            return by_label()

    assert isinstance(parse_weighting("again"), Weighting)


def test_modules_are_imported_by_name_also_from_a_folder(tmp_path):
    (tmp_path / "own_module.py").write_text(MODULE)
    with pytest.raises(ConfigError, match="plug-in 'own_module': module 'own_module' is not on"):
        plugins.import_plugins(["own_module"])
    before = plugins.imported_plugins()
    plugins.import_plugins(["own_module"], [tmp_path])
    plugins.import_plugins(["own_module"], [tmp_path])
    assert plugins.imported_plugins() == [*before, ("own_module", (str(tmp_path),))]
    assert get_entry("near").build.__module__ == "own_module"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("import own_nowhere", "No module named 'own_nowhere'"),
        ("1 / 0", "ZeroDivisionError"),
        (MODULE.replace('"halved"', '"by_label"'), "weighting 'by_label' is already registered by"),
    ],
)
def test_a_module_that_fails_is_named_and_registers_nothing(tmp_path, text, says):
    (tmp_path / "own_module.py").write_text(text)
    before = [dict(registry) for registry in REGISTRIES]
    with pytest.raises(ConfigError, match=f"plug-in 'own_module': .*{says}"):
        plugins.import_plugins(["own_module"], [tmp_path])
    assert [dict(registry) for registry in REGISTRIES] == before


def test_a_module_that_imports_the_library_first_and_fails_takes_nothing_of_it(tmp_path):
    (tmp_path / "own_broken.py").write_text(MODULE + "\n1 / 0\n")
    code = """
from jaxad.utils.plugins import import_plugins
try:
    import_plugins(["own_broken"], ["."])
except ValueError as error:
    print(error)
import jaxad
print("deep_sad" in jaxad.REGISTRY, "near" in jaxad.REGISTRY, "elite" in jaxad.weighting.WEIGHTINGS)
"""
    argv = [sys.executable, "-c", code]
    ended = subprocess.run(argv, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert ended.stdout.splitlines() == [
        "plug-in 'own_broken': ZeroDivisionError: division by zero",
        "True False True",
    ]


@pytest.mark.parametrize("name", ["own module", "own.py/", "", 3, "../own"])
def test_a_module_is_given_by_its_name(name):
    with pytest.raises(ConfigError, match=r"import must be the name of a module.*given"):
        plugins.import_plugins([name])


def test_an_old_name_is_answered_with_the_new_one(toy):
    with pytest.raises(ConfigError, match="weighing is now called weighting"):
        jaxad.make("deep_sad", toy.train, weighing="by_label")


def test_a_name_that_nothing_adds_is_unknown_and_warns_of_nothing(toy):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ConfigError, match="unknown detector 'farr'"):
            jaxad.make("farr", toy.train)


SMALL = ["--epochs", "1", "--seeds", "2", "--set", "widths=8,4", "--normal-class", "0"]


def test_the_command_line_lists_and_runs_plugins(package, tmp_path, monkeypatch, capsys):
    package({"own_plugin": MODULE}, POINTS)
    monkeypatch.chdir(tmp_path)
    assert main(["list"]) == 0
    printed = capsys.readouterr().out
    assert all(f"\n  {name} " in printed for name in ("near", "halved", "ring"))
    assert main(["list", "near"]) == 0
    assert "Bound of the loss, > 0." in capsys.readouterr().out
    argv = ["run", "ring", "near", *SMALL, "--set", "weighting=by_label, halved", "--json"]
    assert main(argv) == 0
    assert '"weighting": "by_label, halved"' in capsys.readouterr().out


def test_a_broken_plugin_is_a_line_of_the_list(package, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    package({"own_broken": "1 / 0"}, [("detectors", "near = own_broken")])
    assert main(["list"]) == 0
    printed = capsys.readouterr()
    assert "deep_sad" in printed.out and "digits" in printed.out
    (line,) = printed.err.strip().splitlines()
    assert line.startswith("jaxad: warning: plug-in 'near' (own_broken of the package own-package)")
    assert main(["run", "digits", "near"]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_the_command_line_imports_modules_of_the_folder(tmp_path, monkeypatch, capsys):
    (tmp_path / "own_module.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    assert main(["list", "near"]) == 2
    assert main(["list", "near", "--import", "own_module"]) == 0
    assert main(["list", "--import", "own_nowhere"]) == 2
    err = capsys.readouterr().err.strip().splitlines()
    assert err[-1].startswith("jaxad: plug-in 'own_nowhere': module 'own_nowhere' is not on")


def small(toy, **config):
    return jaxad.make("deep_sad", toy.train, epochs=2, pretrain_epochs=1, widths=(8, 4), **config)


def test_a_weighting_is_given_as_an_object_or_by_its_name(toy, tmp_path):
    named, given = small(toy, weighting="by_label(2.0)"), small(toy, weighting=by_label(2.0))
    scores = [jaxad.score(jaxad.fit(d, toy.train, 2), toy.test.x) for d in (named, given)]
    np.testing.assert_array_equal(*scores)
    assert given.config.weighting is not None and hash(given.config) == hash(given.config)
    fitted = jaxad.fit(given, toy.train, 2)
    says = "weighting is a Weighting object, which a saved detector cannot hold: register it"
    with pytest.raises(ConfigError, match=says):
        jaxad.save(fitted, tmp_path / "saved")
    says = says.replace("saved detector", "checkpoint")
    with pytest.raises(ConfigError, match=says):
        jaxad.fit(given, toy.train, 2, checkpoint=tmp_path / "checkpoint")
    assert not list(tmp_path.rglob("*.json"))


def test_objects_share_the_program_of_their_names(toy):
    structures = {
        jax.tree.structure(small(toy, weighting=weighting).update)
        for weighting in ("by_label(2.0)", by_label(2.0), by_label(3.0))
    }
    assert len(structures) == 1


def test_a_hybrid_codes_by_an_autoencoder_with_a_weighting_of_ones_own(toy):
    scores = []
    for more in ({}, {"weighting": jaxad.weighting.unsupervised()}):
        detector = jaxad.make("hybrid:pca", toy.train, epochs=1, widths=(8, 4), **more)
        scores.append(jaxad.score(jaxad.fit(detector, toy.train), toy.test.x))
    np.testing.assert_array_equal(*scores)


@pytest.mark.parametrize("given", [3, by_label, ("by_label",)])
def test_a_weighting_of_another_kind_is_refused(toy, given):
    with pytest.raises(ConfigError, match=r"weighting must be a string .*, a Weighting, or None; "):
        small(toy, weighting=given)


class DoubtState(NamedTuple):
    trust: Any
    seen: Any


def _begin(data):
    n = data.label.shape[-1]
    return DoubtState(jnp.zeros(n), jnp.zeros(n, jnp.int32))


def _doubt(weights, state, context):
    """Record how small the weight of each row is whose first column is large."""
    among = context.batch.label == 0
    trust = jnp.where(among, -context.batch.x[:, 0], 0)
    seen = state.seen.at[context.batch.index].add(among)
    return weights, DoubtState(state.trust.at[context.batch.index].add(trust), seen)


def test_a_weighting_leaves_a_record_for_the_audit(toy):
    @jaxad.weighting.register("doubtful", record=Record("doubt", "trust", sign=-1.0))
    def doubtful():
        return Weighting(Partial(_begin), Partial(_doubt))

    fits = [
        jaxad.fit(small(toy, weighting=weighting), toy.train, 2)
        for weighting in ("by_label, doubtful", chain(by_label(), doubtful()), "by_label")
    ]
    for fitted in fits[:2]:
        found = jaxad.audit(fitted, toy.train, method="doubt")
        rows = np.flatnonzero(np.asarray(toy.train.label) == 0)
        x = np.asarray(toy.train.x)[rows, 0]
        np.testing.assert_allclose(found.suspicion[:, rows], np.stack([x, x]), rtol=1e-5)
    with pytest.raises(ConfigError, match=r"method='doubt' needs .* weighting doubtful"):
        jaxad.audit(fits[2], toy.train, method="doubt")
    with pytest.raises(ConfigError, match=r"unknown method 'doubts'. Did you mean 'doubt'"):
        jaxad.audit(fits[0], toy.train, method="doubts")


def test_the_method_of_a_record_must_be_free():
    for method, says in (("exposure", "already registered"), ("score", "is taken")):
        with pytest.raises(ConfigError, match=says):

            @jaxad.weighting.register("doubtful", record=Record(method, "trust"))
            def doubtful():
                return by_label()

    assert "doubtful" not in WEIGHTINGS


EXPERIMENT = """
title = "Plug-ins"
import = ["own_module"]
datasets = ["ring"]
contamination = 0.1
labelled_anomalies = 5
seeds = 2
epochs = 1
detectors = [{ name = "near", widths = [8, 4], weighting = ["by_label", "by_label, halved(0.1)"] }]
"""


def test_an_experiment_imports_its_modules(tmp_path, monkeypatch, capsys):
    (tmp_path / "own_module.py").write_text(MODULE)
    (tmp_path / "own.toml").write_text(EXPERIMENT)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert main(["sweep", "../own.toml"]) == 0
    printed = capsys.readouterr().out
    assert "halved(0.1)" in printed
    assert "own_module" in [name for name, _ in plugins.imported_plugins()]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ('"own_nowhere"', "own.toml: plug-in 'own_nowhere': module 'own_nowhere' is not on"),
        ("3", "given 3"),
    ],
)
def test_an_experiment_names_modules_that_cannot_be_imported(tmp_path, given, says):
    (tmp_path / "own.toml").write_text(EXPERIMENT.replace('["own_module"]', given))
    with pytest.raises(ConfigError, match=says):
        jaxad.sweep.experiment.load_experiment(tmp_path / "own.toml")


def test_an_old_key_of_an_experiment_is_answered_with_the_new_one(tmp_path):
    (tmp_path / "own.toml").write_text(
        'datasets = ["digits"]\ndetectors = [{ name = "deep_sad", weighing = "by_label" }]\n'
    )
    with pytest.raises(ConfigError, match="weighing is now called weighting"):
        jaxad.sweep.experiment.load_experiment(tmp_path / "own.toml")


def test_an_old_setting_of_the_command_line_is_answered_with_the_new_one(capsys):
    assert main(["run", "digits", "deep_sad", "--set", "weighing=by_label"]) == 2
    assert "weighing is now called weighting" in capsys.readouterr().err


def test_a_detector_of_a_plugin_is_saved_and_loaded_where_its_module_is_imported(toy, tmp_path):
    (tmp_path / "own_module.py").write_text(MODULE)
    plugins.import_plugins(["own_module"], [tmp_path])
    settings = {"epochs": 1, "widths": (8, 4)}
    saved = {
        "detector": jaxad.make("near", toy.train, **settings),
        "weighting": jaxad.make("autoencoder", toy.train, weighting="halved(0.2)", **settings),
    }
    for name, detector in saved.items():
        fitted = jaxad.fit(detector, toy.train)
        jaxad.save(fitted, tmp_path / name)
        scores = jaxad.score(fitted, toy.test.x)
        loaded, _ = jaxad.load(tmp_path / name)
        np.testing.assert_allclose(jaxad.score(loaded, toy.test.x), scores, rtol=1e-6)
    del REGISTRY["near"], WEIGHTINGS["halved"]
    says = "saved with the plug-in own_module; import that before loading it, .* --import"
    for name in saved:
        with pytest.raises(jaxad.errors.JaxADError, match=f"{name}.*{says}"):
            jaxad.load(tmp_path / name)


class Encoder(nn.Module):
    """A network of one's own."""

    @nn.compact
    def __call__(self, x, train):
        return nn.Dense(3, use_bias=False, name="code")(nn.tanh(nn.Dense(7, name="input")(x)))


class Decoder(nn.Module):
    @nn.compact
    def __call__(self, z, train):
        return nn.Dense(32, name="output")(z)


ENCODER, DECODER = Net(Encoder(), (32,)), Net(Decoder(), (3,))


def score_toy(toy, detector):
    scores = jaxad.score(jaxad.fit(detector, toy.train), toy.test.x)
    assert np.isfinite(scores).all()
    return scores


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("deep_sad", {"net": ENCODER, "pretrain_epochs": 0}),
        ("deep_sad", {"net": (ENCODER, DECODER), "pretrain_epochs": 1}),
        ("autoencoder", {"net": (ENCODER, DECODER)}),
        ("hybrid:pca", {"net": (ENCODER, DECODER)}),
        ("devnet", {"net": scalar_net((32,), (), (4,), "none")}),
    ],
)
def test_networks_of_ones_own_are_trained(toy, name, settings):
    detector = jaxad.make(name, toy.train, epochs=1, **settings)
    assert detector.config.net == settings["net"]
    score_toy(toy, detector)


def test_an_objective_of_ones_own_replaces_the_detectors(toy):
    def root(out, batch):
        return jnp.sqrt(out + 1e-6)

    own = Objective(Partial(root), Partial(_nothing_lost))
    same = inverse()
    config = {"pretrain_epochs": 0, "epochs": 2, "widths": (8, 4)}
    scores = {
        name: score_toy(toy, jaxad.make("deep_sad", toy.train, **config, **more))
        for name, more in {
            "default": {}, "same": {"objective": same}, "own": {"objective": own}
        }.items()
    }  # fmt: skip
    np.testing.assert_array_equal(scores["default"], scores["same"])
    assert not np.array_equal(scores["default"], scores["own"])
    svdd = jaxad.make("deep_svdd", toy.train, **config, objective=own)
    assert svdd.parts.objective is own
    with pytest.raises(ConfigError, match="objective has none"):
        normal_only = Objective(Partial(root))
        jaxad.make("deep_sad", toy.train, objective=normal_only)


def _nothing_lost(out, batch):
    return jnp.zeros_like(out)


def test_a_sampler_of_ones_own_draws_the_batches(toy):
    sampler = Balanced(16, 3)
    detector = jaxad.make("deep_sad", toy.train, sampler=sampler, pretrain_epochs=0, epochs=1)
    assert detector.sampler is sampler
    score_toy(toy, detector)


@pytest.mark.parametrize(
    ("name", "settings", "says"),
    [
        ("deep_sad", {"net": Encoder()}, "net must be a jaxad.nets.base.Net"),
        ("deep_sad", {"net": (ENCODER,)}, "net must be a jaxad.nets.base.Net"),
        ("deep_sad", {"net": ENCODER}, "net must be a pair .* for pre-training"),
        ("autoencoder", {"net": ENCODER}, "net must be a pair"),
        ("devnet", {"net": (ENCODER, DECODER)}, "net must be one Net"),
        ("deep_sad", {"net": DECODER}, r"net must have input_shape=\(32,\) for examples of shape"),
        ("vae", {"net": ENCODER}, "net: vae does not take a net of your own"),
        ("rsrae", {"objective": inverse()}, "objective: rsrae does not take"),
        ("deep_sad", {"objective": inverse}, "objective must be a jaxad.objectives.Objective"),
        ("deep_svdd", {"objective": inverse}, "objective must be one of 'one_class', 'soft_b"),
        ("deep_sad", {"sampler": 3}, "sampler must be a jaxad.sampling.base.Sampler"),
        ("ncae", {"sampler": Balanced(16, 3)}, "sampler: ncae does not take"),
    ],
)
def test_objects_that_cannot_be_used_are_refused(toy, name, settings, says):
    with pytest.raises(ConfigError, match=says):
        jaxad.make(name, toy.train, **settings)


def test_objects_are_kept_out_of_files_and_of_the_command_line(toy, tmp_path, capsys):
    config = {"epochs": 1, "pretrain_epochs": 0, "net": ENCODER}
    fitted = jaxad.fit(jaxad.make("deep_sad", toy.train, **config), toy.train)
    with pytest.raises(ConfigError, match="net is a Net object, which a saved detector cannot"):
        jaxad.save(fitted, tmp_path / "saved")
    plain = jaxad.make("deep_sad", toy.train)
    assert not {"net", "objective", "sampler"} & set(configs.settings_dict(plain.config))
    for name in ("net", "objective", "sampler"):
        assert main(["run", "digits", "deep_sad", "--set", f"{name}=own"]) == 2
        assert f"--set {name}: it takes an object, from Python only" in capsys.readouterr().err


EXECUTOR = """
from jaxad.sweep.executors import LocalExecutor, register


@register("backwards")
class Backwards:
    '''Runs groups in the other order.'''

    def __init__(self, options):
        self.local = LocalExecutor(data_dir=options.data_dir)

    def run(self, groups):
        for group in reversed(groups):
            yield from self.local.run([group])
"""


def test_an_executor_is_a_module_of_ones_own(tmp_path, monkeypatch, capsys):
    (tmp_path / "own_executor.py").write_text(EXECUTOR)
    (tmp_path / "own.toml").write_text(
        'datasets = ["two_moons"]\ndetectors = ["pca", "gaussian"]\nseeds = 1\nn_train = 50\n'
    )
    monkeypatch.chdir(tmp_path)
    assert main(["sweep", "own.toml", "--executor", "backwards"]) == 2
    argv = ["sweep", "own.toml", "--executor", "backwards", "--import", "own_executor"]
    assert main(argv) == 0
    rows = jaxad.results.read_results(tmp_path / "results")
    assert list(rows.detector) == ["gaussian", "pca"]


ADDED = """
import inspect
import sys

import jaxad
from jaxad.cli import main

assert "noise" in inspect.signature(jaxad.contaminate).parameters
assert main(["sweep", "own.toml", "--out", "swept"]) == 0
assert main(["run", "two_moons", "pca", "--noise", "0.3", "--seeds", "1", "--n-train", "50"]) == 0
for folder in ("swept", "results"):
    print(sorted(map(float, jaxad.results.read_results(folder).noise.unique())))
main(["run", "--help"])
"""


def test_a_setting_of_the_protocol_is_one_field(tmp_path):
    """In a copy of the package with one more field."""
    root = Path(jaxad.__file__).parent
    shutil.copytree(root, tmp_path / "jaxad", ignore=shutil.ignore_patterns("__pycache__"))
    file = tmp_path / "jaxad" / "data" / "protocol" / "settings.py"
    text = file.read_text()
    last = '    few_anomalies: Literal["raise", "own"] = "raise"\n'
    assert last in text
    text = text.replace(last, f"{last}    noise: float = 0.0\n")
    described = "        noise: Deviation of the noise that is added to rows.\n\n    Raises:\n"
    file.write_text(text.replace("\n    Raises:\n", described, 1))
    experiment = 'datasets = ["two_moons"]\ndetectors = ["pca"]\nseeds = 1\nn_train = 50\n'
    (tmp_path / "own.toml").write_text(experiment + "noise = [0.1, 0.2]\n")
    argv = [sys.executable, "-c", ADDED]
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    ended = subprocess.run(
        argv, capture_output=True, text=True, check=True, cwd=tmp_path, env=environment
    )
    assert "\n[0.1, 0.2]\n[0.3]\n" in ended.stdout
    assert "Deviation of the noise that is added to rows." in " ".join(
        ended.stdout.replace("│", " ").split()
    )


def test_processes_import_the_modules_of_the_first(tmp_path, monkeypatch):
    (tmp_path / "own_module.py").write_text(MODULE)
    plan = ((), None, None, [("own_module", (str(tmp_path),))])
    monkeypatch.setattr("jaxad.sweep.executors.distributed.gather", lambda value: [plan])
    jaxad.sweep.executors.distributed.follow()
    assert "near" in REGISTRY
