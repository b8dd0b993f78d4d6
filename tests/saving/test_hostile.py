"""Hostile saved detectors, whose checksums are right: loaded, or refused in a short time."""

import json
import shutil
import subprocess
import sys
import time
import warnings

import numpy as np
import pandas as pd
import pytest
from fuzzing import examples
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import jaxad
from jaxad.errors import ConfigError, JaxADError
from jaxad.saving import open_detector
from jaxad.sklearn import JaxADDetector
from jaxad.utils.checksums import write_checksums

HOSTILE = [
    None, True, -1, 0, 2, 10**9, 2**31 - 1, 2**63, 1e308, float("nan"), float("inf"), "", "x",
    "x" * 5000, "../../x", "a\0b", "\ud800", "pickle", [], {}, [[[[[]]]]], {"a": {"b": {}}},
    [8] * 800, [2**31 - 1] * 3, ["\ud800"], {"": None}, "(" * 500, "f(" * 90 + ")" * 90,
    "by_label, " * 200,
]  # fmt: skip
RAW = ["9" * 5000, "[" * 5000 + "]" * 5000, "1e999", "-", '"\\u0000"', '"' + "é" * 10_000 + '"']


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """An estimator of a network, one of scikit-learn, and copies of them to change."""
    place, rng = tmp_path_factory.mktemp("hostile"), np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(60, 2)), columns=["a", "b"])
    frame["c"] = rng.choice(["x", "y", "z"], 60)
    made = []
    for name, more in [("autoencoder", {"epochs": 1, "widths": (4, 2)}), ("iforest", {"trees": 3})]:
        det = JaxADDetector(name, settings=more).fit(frame)
        det.save(place / f"{name}-kept")
        JaxADDetector.load(place / f"{name}-kept")  # imports and compiles before times are taken
        made.append((place / f"{name}-kept", place / name))
    return made


def load(folder):
    """Load what there is; every error of the library is fine, and no other."""
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for read in (jaxad.load, open_detector, JaxADDetector.load):
            try:
                read(folder)
            except JaxADError as error:
                str(error).encode()
    assert time.process_time() - start < 15  # 5 seconds for each


def restore(kept, folder):
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(kept, folder)


def places(value, path=()):
    """Paths to all values in JSON."""
    yield path
    if isinstance(value, dict | list):
        for key, one in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(one, (*path, key))


def change(value, path, new):
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = change(value[path[0]], path[1:], new)
    return copy


def mutate_json(draw, text):
    value = json.loads(text)
    path = draw(st.sampled_from(list(places(value))))
    how = draw(st.sampled_from(["value", "raw", "remove", "repeat"]))
    if how == "value":
        return json.dumps(change(value, path, draw(st.sampled_from(HOSTILE))))
    if how == "raw":
        text = json.dumps(change(value, path, "@@"))
        return text.replace('"@@"', draw(st.sampled_from(RAW)))
    if not path:
        return ""
    parent = value
    for key in path[:-1]:
        parent = parent[key]
    if how == "remove":
        del parent[path[-1]]
    elif isinstance(parent, list):
        parent.extend(parent[path[-1] :] * 20)
    else:
        parent[f"{path[-1]}2"] = parent[path[-1]]
    return json.dumps(value)


def mutate_bytes(draw, content):
    content = bytearray(content)
    for _ in range(draw(st.integers(1, 5))):
        if content:
            content[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
    keep = draw(st.sampled_from([1.0, 0.9, 0.5, 0.0]))
    return bytes(content[: int(keep * len(content))])


@pytest.mark.hypothesis
@pytest.mark.parametrize("count", [40, pytest.param(2000, marks=pytest.mark.slow)])
def test_mutated_folders_are_read_or_refused(folders, count):
    @settings(
        max_examples=examples(count),
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
        phases=[Phase.generate],  # shrinking takes minutes
    )
    @given(st.data())
    def check(data):
        kept, folder = data.draw(st.sampled_from(folders))
        restore(kept, folder)
        for _ in range(data.draw(st.integers(1, 2))):
            files = [p for p in folder.iterdir() if p.is_file() and p.name != "checksums.json"]
            file = data.draw(st.sampled_from(sorted(files)))
            before = file.read_bytes()
            if file.suffix == ".json" and before and data.draw(st.booleans()):
                try:
                    file.write_text(mutate_json(data.draw, before.decode()))
                except ValueError:  # it was mutated before
                    file.write_bytes(mutate_bytes(data.draw, before))
            else:
                file.write_bytes(mutate_bytes(data.draw, before))
        write_checksums(folder)
        load(folder)

    check()


ARRAYS = """
import random, sys, time
from pathlib import Path
import jaxad
from jaxad.errors import JaxADError
from jaxad.utils.checksums import write_checksums

folder, rng = Path(sys.argv[1]), random.Random(0)
files = sorted(p for p in (folder / "arrays").rglob("*") if p.is_file() and p.stat().st_size)
for _ in range(int(sys.argv[2])):
    file = rng.choice(files)
    before = file.read_bytes()
    content = bytearray(before)
    for _ in range(rng.randint(1, 5)):
        content[rng.randrange(len(content))] = rng.randrange(256)
    file.write_bytes(content[: rng.choice([1, len(content) // 2, len(content)])])
    write_checksums(folder)
    start = time.process_time()
    try:
        jaxad.load(folder)
    except JaxADError as error:
        str(error).encode()
    assert time.process_time() - start < 5, file
    file.write_bytes(before)
print("done")
"""


@pytest.mark.slow
def test_mutated_arrays_are_read_or_refused(folders):
    """In a process of its own: orbax's reads of other arrays go on when one fails."""
    kept, folder = folders[0]
    restore(kept, folder)
    run = [sys.executable, "-c", ARRAYS, str(folder), "500"]
    told = subprocess.run(run, capture_output=True, text=True)
    assert told.stdout == "done\n", told.stderr[-3000:]


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        ("estimator.json", {"columns_in": 10**9}),
        ("estimator.json", {"columns_in": 1e9}),
        ("estimator.json", {"threshold": 10**18}),
        ("config.json", {"config": {"widths": [8] * 800}}),
        ("config.json", {"config": {"weighting": "by_label, " * 100}}),
        ("config.json", {"config": {"widths": [10**9] * 5}}),
        ("config.json", {"seeds": 2**31 - 1}),
        ("config.json", {"input_shape": [2**31 - 1] * 4}),
        ("config.json", {"plugins": ["\ud800"]}),
    ],
)
def test_folders_that_took_minutes_or_gigabytes_are_refused_at_once(folders, file, changes):
    kept, folder = folders[0]
    restore(kept, folder)
    about = json.loads((folder / file).read_text())
    (folder / file).write_text(json.dumps(about | changes))
    write_checksums(folder)
    load(folder)
    if file == "config.json":
        with pytest.raises(JaxADError):
            jaxad.load(folder)


def test_a_setting_that_could_not_be_loaded_is_not_saved(toy, quick, tmp_path):
    detector = quick("autoencoder", toy.train, widths=(2,) * 65, epochs=1)
    with pytest.raises(ConfigError, match=r"widths.*lists of at most 64"):
        jaxad.saving.check_savable(detector)
