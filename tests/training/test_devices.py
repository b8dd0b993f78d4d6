"""Four simulated devices give what one gives: run as a program, this file is their side of it."""

import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import jax
import numpy as np
import pytest

import jaxad
from jaxad.data import blobs, contaminate
from jaxad.detectors import get_entry
from jaxad.training.devices import mesh_for
from jaxad.utils.compilation_cache import enable_compilation_cache

FLAG = "--xla_force_host_platform_device_count=4"
QUICK = {"epochs": 3, "pretrain_epochs": 2, "batch_size": 32}


class CutError(Exception):
    """The power went."""


def splits(seeds):
    """Splits of several seeds; those of seed 0 alone if there is but one."""
    return contaminate(blobs(0, 200, 60), 1, labelled_anomalies=5, contamination=0.1, seeds=seeds)


def images():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 255, (120, 12, 12, 1), np.uint8)
    return contaminate((x, np.arange(120) % 3), 0, normal_class=1, labelled_anomalies=3, seeds=3)


def uneven():
    """Two splits of different steps per epoch, which are always mapped by "map"."""
    split = splits(2)
    count = np.array([40, split.train.count[1]], np.int32)
    return split.train._replace(count=count), split.test


def results(folder, checkpoint):
    """Scores, histories and metrics of all kinds of fits, by name; `checkpoint` is gone on with."""

    def of(name, data, test, seeds=None, **config):
        known = {f.name for f in fields(get_entry(name).config)}
        settings = {k: v for k, v in (QUICK | config).items() if k in known}
        fit = jaxad.fit(jaxad.make(name, data, **settings), data, seeds)
        programs[name] = fit.seconds.programs
        return {
            "score": jaxad.score(fit, test),
            "loss": fit.history["train"]["loss"],
            "auroc": jaxad.evaluate(fit, test).auroc.per_seed,
        }

    programs = {}
    five, one, few, pictures = splits(5), splits(None), splits(3), images()
    fits = {
        "a split for each of five seeds": of("deep_sad", five.train, five.test),
        "a single split": of("deep_sad", one.train, one.test, 6),
        "fewer seeds than devices": of("elite_deep_svdd", few.train, few.test),
        "uneven steps": of("deep_svdd", *uneven()),
        "images": of("deep_sad", pictures.train, pictures.test, channels=(4,), widths=(8,)),
        "balanced batches": of("devnet", five.train, five.test),
    }
    fits["resumed"] = {"score": resumed(five, checkpoint)}
    with pytest.raises(CutError):
        resumed(five, Path(folder), cut=8)
    found = {f"{fit}: {name}": value for fit, of in fits.items() for name, value in of.items()}
    return found, programs["devnet"]


def resumed(split, folder, cut=None):
    """Scores of a fit that goes on from a checkpoint, and may be cut off itself."""

    def progress(at):
        if cut is not None and at.done >= cut:
            raise CutError

    detector = jaxad.make("deep_sad", split.train, **QUICK)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jaxad.training.train._FIRST_CHUNK", 5)
        patch.setattr("jaxad.training.train._CHUNK_SECONDS", 0.0)
        patch.setattr("jaxad.training.train._SAVE_SECONDS", 0.0)
        fit = jaxad.fit(detector, split.train, progress=progress, checkpoint=folder)
    return jaxad.score(fit, split.test)


def test_a_single_device_needs_no_mesh():
    assert jax.local_device_count() > 1 or mesh_for(8) is None


@pytest.mark.slow
@pytest.mark.skipif(jax.local_device_count() > 1, reason="this is the side of one device")
def test_four_devices_give_what_one_gives_and_go_on_where_it_was_cut_off(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    split = splits(5)
    with pytest.raises(CutError):
        resumed(split, here, cut=8)
    out = tmp_path / "four.npz"
    flags = f"{os.environ.get('XLA_FLAGS', '')} {FLAG}"
    subprocess.run(
        [sys.executable, __file__, str(there), str(here), str(out)],
        env=os.environ | {"XLA_FLAGS": flags},
        check=True,
        timeout=600,
    )
    one, programs = results(tmp_path / "again", there)
    four = np.load(out)
    assert int(four["devices"]) == 4 and int(four["mesh"]) == 3
    for name, value in one.items():
        np.testing.assert_allclose(four[name], value, rtol=1e-5, atol=1e-5, err_msg=name)
    assert int(four["programs"]) <= programs + 1  # one more to lay out keys


if __name__ == "__main__":
    enable_compilation_cache()
    found, programs = results(sys.argv[1], Path(sys.argv[2]))
    about = {"devices": jax.local_device_count(), "mesh": mesh_for(5).size}
    np.savez(sys.argv[3], programs=programs, **about, **found)
