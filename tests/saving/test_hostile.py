"""Hostile saved detectors, whose checksums are right: loaded, or refused in a short time."""

import hashlib
import json
import shutil
import subprocess
import sys
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from mutations import mutate_bytes, mutate_json, mutations, read_or_refuse

import jaxad
from jaxad.errors import ConfigError, JaxADError
from jaxad.saving import open_detector
from jaxad.sklearn import JaxADDetector
from jaxad.utils.checksums import SUMS, write_checksums

READERS = (jaxad.load, open_detector, JaxADDetector.load)
OF_DETECTORS = ("config.json", "models.skops")  # the files that `jaxad.load` reads too


class Saved(NamedTuple):
    """A saved estimator that is whole, a copy to change, and the files at its top."""

    kept: object
    folder: object
    files: dict[str, bytes]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """An estimator of a network, and one of scikit-learn."""
    place, rng = tmp_path_factory.mktemp("hostile"), np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(60, 2)), columns=["a", "b"])
    frame["c"] = rng.choice(["x", "y", "z"], 60)
    made = []
    for name, more in [("autoencoder", {"epochs": 1, "widths": (4, 2)}), ("iforest", {"trees": 3})]:
        kept = place / f"{name}-kept"
        JaxADDetector(name, settings=more).fit(frame).save(kept)
        JaxADDetector.load(kept)  # imports and compiles before times are taken
        files = {p.name: p.read_bytes() for p in kept.iterdir() if p.is_file() and p.name != SUMS}
        made.append(Saved(kept, place / name, files))
        restore(made[-1])
    return made


def restore(one):
    shutil.rmtree(one.folder, ignore_errors=True)
    shutil.copytree(one.kept, one.folder)


def mutate_files(rng, files):
    """Return new contents of one or two files."""
    changed = {}
    for name in rng.sample(sorted(files), rng.randint(1, 2)):
        if name.endswith(".json") and rng.random() < 0.6:
            changed[name] = mutate_json(rng, files[name].decode())
        else:
            changed[name] = mutate_bytes(rng, files[name])
    return changed


@pytest.mark.hypothesis
@pytest.mark.parametrize("count", [40, pytest.param(2000, marks=pytest.mark.slow)])
def test_mutated_folders_are_read_or_refused(saved, count):
    sums = {one.folder: json.loads((one.kept / SUMS).read_text()) for one in saved}

    @mutations(count)
    def check(rng):
        one = saved[rng.random() < 0.85]  # that of scikit-learn loads five times as fast
        changed = mutate_files(rng, one.files)
        for name, content in changed.items():
            (one.folder / name).write_bytes(content)
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in changed.items()}
        (one.folder / SUMS).write_text(json.dumps(sums[one.folder] | digests))
        read = rng.choice(READERS if changed.keys() & set(OF_DETECTORS) else READERS[1:])
        read_or_refuse(lambda: read(one.folder))
        for name in changed:
            (one.folder / name).write_bytes(one.files[name])

    try:
        check()
    finally:
        for one in saved:
            restore(one)


ARRAYS = """
import random, sys, time
from pathlib import Path
import jaxad
from jaxad.errors import JaxADError
from jaxad.utils.checksums import write_checksums

folder, rng = Path(sys.argv[1]), random.Random(0)
jaxad.load(folder)  # the first one imports and compiles
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
def test_mutated_arrays_are_read_or_refused(saved):
    """In a process of its own: orbax's reads of other arrays go on when one fails."""
    restore(saved[0])
    run = [sys.executable, "-c", ARRAYS, str(saved[0].folder), "500"]
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
def test_folders_that_took_minutes_or_gigabytes_are_refused_at_once(saved, file, changes):
    restore(saved[0])
    folder = saved[0].folder
    about = json.loads((folder / file).read_text())
    (folder / file).write_text(json.dumps(about | changes))
    write_checksums(folder)
    for read in READERS:
        read_or_refuse(lambda read=read: read(folder))
    if file == "config.json":
        with pytest.raises(JaxADError):
            jaxad.load(folder)


def test_a_setting_that_could_not_be_loaded_is_not_saved(toy, quick, tmp_path):
    detector = quick("autoencoder", toy.train, widths=(2,) * 65, epochs=1)
    with pytest.raises(ConfigError, match=r"widths.*lists of at most 64"):
        jaxad.saving.check_savable(detector)
