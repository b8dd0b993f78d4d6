"""A process that goes on for long keeps a bounded number of compiled programs."""

import gc
import os
import subprocess
import sys
import threading
from pathlib import Path

import jax
import numpy as np
import pytest
from jax.extend.core import ClosedJaxpr

import jaxad
from jaxad.training import bound, inference, program
from jaxad.utils.timing import count_compilations


@pytest.fixture
def few(monkeypatch):
    """Room for the programs of two structures: each has five, a fit with its scores."""
    bound.drop_all()
    monkeypatch.setattr(bound, "MOST", 10)
    yield
    bound.drop_all()


def run(train, x, widths=(8, 4), seed=0):
    detector = jaxad.make("autoencoder", train, epochs=1, batch_size=64, widths=widths)
    return jaxad.score(jaxad.fit(detector, train, [seed]), x)


def test_programs_of_old_structures_are_dropped_and_results_stay(few, toy_of):
    toy = toy_of(rows=60)
    first = run(toy.train, toy.test.x)
    for width in (9, 10):
        run(toy.train, toy.test.x, (width, 4))
        assert bound.count_programs() <= 10
        assert program.advance.function._cache_size() == 0
        assert inference.apply_to_blocks.function._cache_size() == 0
    np.testing.assert_array_equal(run(toy.train, toy.test.x), first)


def test_a_structure_that_is_there_is_not_compiled_again(few, toy_of):
    toy = toy_of(rows=60)
    run(toy.train, toy.test.x)
    run(toy.train, toy.test.x, (9, 4))
    before = count_compilations()
    for rows in (60, 50, 40):
        toy = toy_of(rows=rows)
        run(toy.train, toy.test.x, seed=3)
        run(toy.train, toy.test.x, (9, 4))
    assert count_compilations() == before
    assert bound.count_programs() <= 10


def test_traces_of_dropped_programs_are_dropped_too(few, toy_of):
    toy, counts = toy_of(rows=60), []
    for width in (11, 12, 13):
        run(toy.train, toy.test.x, (width, 4))
        bound.drop_all()
        counts.append(sum(isinstance(one, ClosedJaxpr) for one in gc.get_objects()))
    assert counts[2] <= counts[1] + 20


@pytest.mark.slow
def test_threads_fit_and_score_while_programs_are_dropped(few, toy_of):
    toy = toy_of(rows=60)
    want = {width: run(toy.train, toy.test.x, (width, 4)) for width in range(8, 12)}
    failed = []

    def work(number):
        try:
            for i in range(2):
                width = 8 + (number + i) % 4
                got = run(toy.train, toy.test.x, (width, 4))
                np.testing.assert_array_equal(got, want[width])
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert bound.count_programs() <= 10


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_ten_thousand_single_rows_take_no_memory(toy_of):
    toy = toy_of(rows=60)
    detector = jaxad.make("autoencoder", toy.train, epochs=1, batch_size=64, widths=(8, 4))
    fit = jaxad.fit(detector, toy.train)
    x = toy.test.x
    want = jaxad.score(fit, x)[0]
    for i in range(200):
        jaxad.score(fit, x[i % len(x)][None])
    before = memory()
    for i in range(10_000):
        row = i % len(x)
        np.testing.assert_allclose(jaxad.score(fit, x[row][None])[0, 0], want[row], rtol=1e-4)
    assert memory() < before + 16
    jax.block_until_ready(fit.state)


def memory():
    """The memory of this process in MiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_many_shapes_take_less_than_300_mib(tmp_path):
    """In a process of its own, which compiles the programs of each shape."""
    out, root = tmp_path / "memory.csv", Path(__file__).parents[2]
    script = [str(root / "benchmarks" / "long_use.py"), "wide", "--shapes", "25"]
    env = os.environ | {"JAXAD_CACHE_DIR": str(tmp_path / "cache")}
    subprocess.run([sys.executable, *script, "--out", str(out)], check=True, env=env)
    rows = [line.split(",") for line in out.read_text().splitlines()[1:]]
    memory = [int(mib) for _, _, mib, _ in rows]
    assert max(int(programs) for *_, programs in rows) <= 48
    assert max(memory) < memory[0] + 300
