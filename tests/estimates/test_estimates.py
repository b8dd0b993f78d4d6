"""Estimates by the compiler: arithmetic, topologies, lowering for accelerators, and libtpu."""

import importlib.metadata
import json
import os
import subprocess
import sys

import pytest

from jaxad.cli import main
from jaxad.detector import HostDetector
from jaxad.detectors import REGISTRY
from jaxad.errors import ConfigError
from jaxad.estimates import open_topology, topologies
from jaxad.estimates.capacity import (
    DeviceMemoryError,
    extrapolate_seeds,
    find_capacity,
    read_available,
)
from jaxad.estimates.costs import Cost, count_operations, estimate_seconds
from jaxad.estimates.programs import list_programs

TEXT = """
ENTRY %main (a: f32[2]) -> f32[2] {
  %a = f32[8,512]{1,0:T(8,128)} parameter(0)
  %g.1 = f32[8,4]{1,0} gather(%a, %a), offset_dims={1}
  %c = f32[8,4]{1,0} convolution(%a, %g.1), dim_labels=b01f_01io->b01f, feature_group_count=8
  %d = f32[8,4]{1,0} convolution(%a, %g.1), dim_labels=b01f_01io->b01f, feature_group_count=1
  %e = f64[8]{0} convert(%a)
  %r = (f32[8]{0}, f32[8]{0}) all-reduce-start(%a), replica_groups={}
  %s = f32[8]{0} all-reduce-done(%r)
  ROOT %w = (s32[]{:T(128)}, f32[2]{0}) while(%t), condition=%cond, body=%body
}
"""


def test_slow_operations_and_communications_are_counted_in_the_text():
    collectives, slow = count_operations(TEXT)
    assert collectives == 1
    found = {name: count for name, count in slow.items() if count}
    assert found == {"loops": 1, "gathers": 1, "grouped": 1, "double": 1}


def test_the_roofline_is_the_longer_of_operations_and_bytes():
    chip = topologies.CHIPS["v5e"]
    cost = Cost(1, 2, 3, 4, operations=197e9, bytes=819e3, collectives=0, slow={})
    assert cost.total == 10
    assert estimate_seconds(cost, chip) == pytest.approx(1e-3)
    assert estimate_seconds(cost._replace(bytes=819e9), chip) == pytest.approx(1.0)
    assert estimate_seconds(cost, chip._replace(bandwidth=None)) is None


def test_seeds_are_extrapolated_from_two_sizes():
    assert extrapolate_seeds((10, 150), (20, 250), 1000) == 95
    assert extrapolate_seeds((10, 150), (20, 250), 50) == 0
    assert extrapolate_seeds((10, 150), (20, 150), 1000) is None


def limited(fixed, each, memory, seen):
    """A compiler of programs whose memory grows with the seeds of each of 4 devices."""

    def measure(seeds):
        seen.append(seeds)
        size = fixed + each * -(-seeds // 4)
        if size > memory:
            raise DeviceMemoryError("out of memory", memory)
        return size

    return measure


@pytest.mark.parametrize("seeds", [1, 4, 64])
def test_the_capacity_is_checked_by_a_third_compilation(seeds):
    seen = []
    found = find_capacity(limited(100, 10, 1000, seen), seeds, 4, 1000)
    assert found == (360, True)
    assert len(seen) == 3
    assert seen[-1] == 360


def test_the_capacity_is_found_where_the_compiler_has_less_than_the_chip():
    assert find_capacity(limited(100, 10, 900, []), 8, 4, 1000) == (320, True)
    assert find_capacity(limited(100, 10, 900, []), 300, 4, 1000) == (320, True)
    assert find_capacity(limited(100, 10, 119, []), 4, 4, 1000) == (4, True)
    assert find_capacity(lambda seeds: 7, 4, 4, 1000) == (None, False)


def test_the_memory_that_the_compiler_has_is_read_from_its_messages():
    message = "Ran out of memory on HBM, ... temporaries (48.00G) exceeds available HBM (15.75G)."
    assert read_available(message) == int(15.75 * 2**30)
    assert read_available("Used 20.1G of 31.25G hbm. Exceeded") == int(31.25 * 2**30)
    assert read_available("out of memory") is None


def test_an_unknown_topology_lists_those_that_are_known():
    with pytest.raises(ConfigError, match=r"v5e:2x3.*v5e:2x2"):
        open_topology("v5e:2x3")


@pytest.mark.parametrize(
    ("installed", "message"),
    [(None, r"needs libtpu: pip install"), ("0.0.1", r"installed is libtpu 0\.0\.1: pip install")],
)
def test_libtpu_must_be_the_one_that_jax_names(installed, message, monkeypatch):
    def version(name):
        if installed is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return installed

    monkeypatch.setattr(topologies.importlib.metadata, "version", version)
    with pytest.raises(ConfigError, match=message):
        open_topology("v5e:1x1")


def test_detectors_of_the_host_have_no_programs(toy):
    detector = HostDetector(lambda *_: None, name="own")
    with pytest.raises(ConfigError, match="own runs on the host"):
        list_programs(detector, toy.train, toy.test, 2, "vmap")


@pytest.mark.slow
def test_the_command_compiles_for_the_host(capsys):
    small = ["--epochs", "1", "--set", "widths=4,2", "--normal-class", "3", "--seeds", "2"]
    assert main(["compile", "autoencoder", "digits", "--topology", "cpu", "--json", *small]) == 0
    report = json.loads(capsys.readouterr().out)
    names = [one["program"] for one in report["programs"]]
    assert names == ["start", "draws train", "advance train", "step train", "score"]
    assert all(one["collectives"] == 0 for one in report["programs"])
    assert all(one["roofline_seconds"] is None for one in report["programs"])
    assert report["capacity"] > 2


FAST = ("deep_sad", "fcdd")
TRAINED = sorted(
    name
    for name, entry in REGISTRY.items()
    if not entry.host and entry.config.__module__.startswith("jaxad.")
)


@pytest.mark.parametrize(
    "name", [n if n in FAST else pytest.param(n, marks=pytest.mark.slow) for n in TRAINED]
)
def test_every_program_is_lowered_for_gpus_and_tpus(name, toy_for, quick):
    toy = toy_for(name)
    programs = list_programs(quick(name, toy.train), toy.train, toy.test, 2, "vmap")
    assert len(programs) >= 5
    for one in programs:
        text = one.lower(("cuda", "tpu")).as_text()
        assert "callback" not in text
        assert "f64" not in text


def has_libtpu():
    try:
        topologies._check_libtpu()
    except ConfigError:
        return False
    return True


needs_libtpu = pytest.mark.skipif(not has_libtpu(), reason="libtpu is not installed")


def run_command(*arguments):
    """Run `jaxad compile` in a process of its own, which a crash of the compiler ends."""
    command = [sys.executable, "-m", "jaxad", "compile", *arguments]
    env = os.environ | {"JAX_PLATFORMS": "cpu"}
    return subprocess.run(command, capture_output=True, text=True, env=env)


@needs_libtpu
@pytest.mark.slow
def test_seeds_do_not_communicate_on_four_chips():
    out = run_command(
        "autoencoder", "digits", "--topology", "v5e:2x2", "--seeds", "8", "--epochs", "1",
        "--normal-class", "3", "--json",
    )  # fmt: skip
    assert out.returncode == 0, out.stderr
    report = json.loads(out.stdout)
    assert report["devices"] == 4
    assert all(one["collectives"] == 0 for one in report["programs"])
    steps = [one for one in report["programs"] if one["program"] == "step train"]
    assert all(one["roofline_seconds"] > 0 for one in steps)
    assert report["capacity_checked"]


@needs_libtpu
@pytest.mark.slow
def test_more_seeds_than_memory_are_refused():
    out = run_command(
        "autoencoder", "digits", "--topology", "v5e:1x1", "--seeds", "10000", "--epochs", "1",
        "--normal-class", "3",
    )  # fmt: skip
    assert out.returncode == 2
    assert "seeds: 10000 do not fit in the memory of v5e:1x1" in out.stderr


# The two layers of DAGMM's estimation network, fused into one, end the compiler (signal 11).
REDUCED = """
import jax
import numpy as np
import jaxad
from jax.sharding import SingleDeviceSharding
from jaxad.estimates import open_topology
from jaxad.types import TrainData

place = SingleDeviceSharding(open_topology("v5e:1x1").devices[0])
rows = TrainData(np.zeros((1024, 64), "f4"), np.zeros(1024, "i1"), np.int32(1024), np.int32(64))
model = jaxad.make("dagmm", rows).parts.model
seeds = jax.tree.map(lambda a: jax.ShapeDtypeStruct((8, *a.shape), a.dtype, sharding=place), rows)
keys = jax.ShapeDtypeStruct((8,), jax.random.key(0).dtype, sharding=place)
jax.jit(jax.vmap(model.init)).lower(keys, seeds).compile()
"""


@needs_libtpu
@pytest.mark.slow
def test_dagmm_does_not_end_the_compiler():
    env = os.environ | {"JAX_PLATFORMS": "cpu"}
    out = subprocess.run([sys.executable, "-c", REDUCED], capture_output=True, text=True, env=env)
    assert out.returncode == 0, out.stderr[-2000:]
