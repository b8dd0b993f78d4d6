"""Sweeps that are preempted, lose their data or see a jump of the clock: each cell once."""

import fcntl
import os
import random
import signal
import time
from contextlib import contextmanager
from datetime import UTC, datetime

import numpy as np
import pytest

from jaxad.cli import main
from jaxad.cli.termination import stop_on_termination
from jaxad.errors import ConfigError
from jaxad.results import list_files, read_file, read_results
from jaxad.sweep import cells
from jaxad.sweep.store import hold_folder, read_cells, read_failed
from jaxad.utils.files import _name_host, lock_folder, remove_leftovers, write_atomically

TEXT = """
datasets = ["toy.csv"]
detectors = [{name = "hbos", bins = [5, 10]}, "pca", "ecod"]
contamination = [0.05, 0.1]
labelled_anomalies = 4
n_train = 60
seeds = 2
"""
CELLS = 4 * 2 * 2


@pytest.fixture
def data(tmp_path):
    rng, folder = np.random.default_rng(0), tmp_path / "data"
    folder.mkdir()
    truth = np.arange(160) % 4 == 0
    x = rng.normal(size=(160, 3)) + 2 * truth[:, None]
    lines = [
        "a,b,c,label",
        *(",".join(map(str, (*r, int(t)))) for r, t in zip(x, truth, strict=True)),
    ]
    (folder / "toy.csv").write_text("\n".join(lines))
    return folder


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def sweep(file, out, data, capsys):
    """Run the sweep; its exit code and what it says on standard error."""

    def run(*more, folder=out):
        given = ["--out", str(folder), "--data-dir", str(data), *more]
        return main(["sweep", str(file), *given]), capsys.readouterr().err

    return run


@pytest.fixture
def at_fit(monkeypatch):
    """Do something when the sweep trains for the n-th time."""

    def arrange(act):
        count, fit = iter(range(1, 1000)), cells.fit

        def wrapped(*args, **kwargs):
            act(next(count))
            return fit(*args, **kwargs)

        monkeypatch.setattr(cells, "fit", wrapped)

    return arrange


def same(folder, other):
    rows, want = (read_cells(f).sort_values(["job", "seed"]) for f in (folder, other))
    stored = sum(read_file(path).num_rows for path in list_files(folder))
    assert stored == len(rows) == len(want) == CELLS and rows.error.isna().all()
    assert rows[["job", "seed"]].to_numpy().tolist() == want[["job", "seed"]].to_numpy().tolist()
    np.testing.assert_array_equal(rows.auroc, want.auroc)


@pytest.fixture(scope="module")
def quiet(tmp_path_factory):
    """A folder with the results of an undisturbed run, once for all tests."""
    return tmp_path_factory.mktemp("quiet")


@pytest.fixture
def reference(sweep, quiet):
    if not list_files(quiet):
        assert sweep(folder=quiet)[0] == 0
    return quiet


def test_sigterm_keeps_what_is_complete_and_the_same_command_continues(
    sweep, at_fit, out, reference
):
    at_fit(lambda n: n == 3 and os.kill(os.getpid(), signal.SIGTERM))
    code, said = sweep()
    assert code == 143 and "stopped by SIGTERM" in said
    kept = read_results(out)
    assert len(kept) == 2 * 2 and kept.error.isna().all()
    assert not list(out.glob(".*.partial"))
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert sweep()[0] == 0
    same(out, reference)


def test_sigterm_stops_a_process_that_ignores_ctrl_c():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stop_on_termination() as came:
            os.kill(os.getpid(), signal.SIGINT)
            assert not came.is_set()
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGTERM)
            assert came.is_set()
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_handler_of_the_calling_program_stays():
    came = []
    before = signal.signal(signal.SIGTERM, lambda *_: came.append(1))
    try:
        with stop_on_termination() as of_ours:
            os.kill(os.getpid(), signal.SIGTERM)
        assert came == [1] and not of_ours.is_set()
    finally:
        signal.signal(signal.SIGTERM, before)


def test_cells_whose_data_is_lost_fail_and_are_run_again_when_it_is_back(
    sweep, at_fit, out, data, reference
):
    at_fit(lambda n: n == 3 and data.rename(data.with_name("lost")))
    code, said = sweep()
    assert code == 1 and "--retry-failed" in said
    lost = read_failed(out)
    assert 0 < len(lost) < CELLS and len(read_cells(out)) == CELLS
    assert lost.error.str.contains(f"data_dir={data}", regex=False).all()
    code, said = sweep()  # the plan needs the data: an error, and nothing is changed
    assert code == 2 and str(data) in said and len(read_failed(out)) == len(lost)
    data.with_name("lost").rename(data)
    assert sweep("--retry-failed")[0] == 0
    rows, want = (read_cells(f).sort_values(["job", "seed"]) for f in (out, reference))
    assert len(rows) == CELLS and rows.error.isna().all()
    np.testing.assert_array_equal(rows.auroc, want.auroc)


def test_a_clock_that_jumps_changes_nothing(sweep, at_fit, out, reference, monkeypatch):
    rng = random.Random(0)

    class Jumping(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.fromtimestamp(rng.uniform(0, 4e9), tz or UTC)

    def jump(n):
        for path in out.iterdir():
            moment = rng.uniform(0, 4e9)
            os.utime(path, (moment, moment))
        if n == 5:
            raise KeyboardInterrupt

    monkeypatch.setattr(time, "time", lambda: rng.uniform(0, 4e9))
    monkeypatch.setattr("jaxad.results.cell.datetime", Jumping)
    at_fit(jump)
    assert sweep()[0] == 130
    years = {path.name[:4] for path in list_files(out)}
    assert len(years) > 1 and max(years) > "2030"  # the clock did jump
    assert sweep()[0] == 0
    same(out, reference)


@pytest.mark.parametrize("days", [-4000, 4000])
def test_locks_do_not_depend_on_the_clock(tmp_path, monkeypatch, days):
    """What another process or machine is writing is not taken for a leftover."""
    now = time.time()
    with lock_folder(tmp_path / "out", "sweep", ""), write_atomically(tmp_path / "whole") as own:
        other = own.with_name(own.name.replace(_name_host(), "elsewhere"))
        with being_written(other):
            monkeypatch.setattr(time, "time", lambda: now + days * 86400)
            with pytest.raises(ConfigError, match="another sweep"), hold_folder(tmp_path / "out"):
                pass
            remove_leftovers(tmp_path)
            assert own.exists() and other.exists()


@contextmanager
def being_written(path):
    """A temporary file of another machine, on which it holds a lock."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
