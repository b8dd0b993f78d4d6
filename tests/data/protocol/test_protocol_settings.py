"""The settings of the protocol: one field is an argument, an axis, a column and an option."""

import inspect
import os
import shutil
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

import jaxad
from jaxad.cli import main
from jaxad.cli.options import Run
from jaxad.cli.options.protocol import read_protocol_options
from jaxad.data import Protocol, contaminate
from jaxad.data.protocol.drawing import check_rows
from jaxad.data.protocol.settings import AXES
from jaxad.errors import ConfigError, DataError
from jaxad.results import read_results

SMALL = {"normal_class": 3, "contamination": 0.1, "labelled_anomalies": 20}


def test_the_signature_of_contaminate_has_every_field():
    parameters = inspect.signature(contaminate).parameters
    assert set(parameters) == {"dataset", "key", "seeds"} | {f.name for f in fields(Protocol)}
    for field in fields(Protocol):
        assert parameters[field.name].default == field.default
    with pytest.raises(TypeError, match="Did you mean 'contamination'"):
        contaminate("digits", 0, contaminaton=0.1)


def test_a_protocol_is_its_settings():
    protocol = Protocol(**SMALL)
    one = contaminate("digits", 0, seeds=2, **SMALL)
    for other in (
        contaminate("digits", 0, seeds=2, protocol=protocol),
        contaminate("digits", 0, seeds=2, protocol=replace(protocol, normal_class=1), **SMALL),
    ):
        assert other.setting == one.setting
        np.testing.assert_array_equal(other.train.x, one.train.x)
    assert protocol.axes == {f.name: getattr(protocol, f.name) for f in fields(Protocol)[2:]}


def test_options_are_the_axes_with_the_defaults_of_experiments():
    options = Run(dataset="digits", detectors=("pca",))
    assert read_protocol_options(options) == {name: axis.default for name, axis in AXES.items()}
    options = Run(dataset="digits", detectors=("pca",), contamination="none", scaling="none")
    found = read_protocol_options(options)
    assert (found["contamination"], found["scaling"]) == (None, "none")


def test_few_anomalies_are_used_as_they_are_at_every_door(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    much = SMALL | {"contamination": 0.9}
    with pytest.raises(DataError, match='few_anomalies = "own" uses all available ones'):
        contaminate("digits", 0, **much)
    with pytest.raises(DataError, match="needs 990 hidden anomalies"):
        check_rows("digits", 0, **much)
    check_rows("digits", 0, **much, few_anomalies="own")
    own = contaminate("digits", 0, **SMALL | {"contamination": None})
    split = contaminate("digits", 0, **much, few_anomalies="own")
    np.testing.assert_array_equal(split.train_rows, own.train_rows)
    run = ["run", "digits", "pca", "--seeds", "1", "--normal-class", "3", "--contamination", "0.9"]
    assert main(run) == 1
    assert 'few_anomalies = "own"' in capsys.readouterr().err
    assert main([*run, "--few-anomalies", "own"]) == 0
    assert read_results("results").few_anomalies.tolist() == ["own"]


def test_a_setting_with_another_one_that_is_missing():
    with pytest.raises(ConfigError, match="exposure_rows=3 needs an exposure set"):
        Protocol(exposure_rows=3)


NEW = """\
    drift: float = field(default=0.0, metadata=_about(_check_drift, study=0.5))
"""
TEXT = """\
        drift: How far the test rows are moved, in standard deviations.
"""
CHECK = """\
def _check_drift(name: str, value: Any) -> None:
    if value < 0:
        raise ConfigError(f"{name}={value} must not be negative")


@dataclass(frozen=True, kw_only=True)
class Protocol:"""
SCRIPT = """
import json, sys
from pathlib import Path
import jaxad
from jaxad.cli import main
from jaxad.errors import ConfigError
from jaxad.results import read_results
from jaxad.sweep import expand, load_experiment

assert Path(jaxad.__file__).is_relative_to(Path.cwd()), jaxad.__file__
split = jaxad.contaminate("blobs", 0, normal_class=0, drift=0.25)
assert split.setting["drift"] == 0.25
try:
    jaxad.contaminate("blobs", 0, normal_class=0, drift=-1)
except ConfigError as error:
    assert "drift=-1 must not be negative" in str(error)
Path("a.toml").write_text(
    'datasets = ["blobs"]\\ndetectors = ["pca"]\\ndrift = [0.0, 0.5]\\nlabelled_anomalies = 2\\n'
)
jobs = expand(load_experiment("a.toml"))
assert [job.protocol.drift for job in jobs] == [0.0, 0.5]
assert len({job.name for job in jobs}) == 2
run = ["run", "blobs", "pca", "--seeds", "1", "--drift", "0.75", "--labelled-anomalies", "2"]
assert main(run) == 0
assert read_results("results").drift.tolist() == [0.75]
assert main(["run", "--help"]) == 0
"""


def test_a_new_setting_is_added_in_one_place(tmp_path):
    """A copy of the package with one more field, and nothing else changed."""
    shutil.copytree(
        Path(jaxad.__file__).parent,
        tmp_path / "jaxad",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    module = tmp_path / "jaxad" / "data" / "protocol" / "settings.py"
    text = module.read_text()
    last = '    few_anomalies: Literal["raise", "own"] = "raise"\n'
    raises = "\n    Raises:\n        ConfigError: A value out of its range, or settings"
    for old, new in (
        (last, last + NEW),
        (raises, TEXT + raises),
        ("@dataclass(frozen=True, kw_only=True)\nclass Protocol:", CHECK),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    module.write_text(text)
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    assert "--drift FLOAT" in run.stdout and "the test rows are moved" in run.stdout
