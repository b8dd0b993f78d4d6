"""Processes that are killed or preempted: nothing is lost, there twice or half there."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from jaxad.results import list_files, read_file
from jaxad.sweep.store import read_cells

TEXT = """
datasets = ["blobs"]
detectors = [
  "pca", {name = "autoencoder", epochs = 2}, {name = "iforest", trees = [50, 100]},
]
contamination = [0.01, 0.03, 0.05, 0.06, 0.08, 0.1]
labelled_anomalies = 4
n_train = 100
seeds = 3
"""
CELLS, KILLS = 4 * 6 * 3, 20


def command(file, out):
    program = [sys.executable, "-c", "import sys; from jaxad.cli import main; sys.exit(main())"]
    return [*program, "sweep", str(file), "--out", str(out)]


def end(process, number):
    """Send a signal, and return the exit code."""
    with contextlib.suppress(ProcessLookupError):  # it has ended by itself
        os.killpg(process.pid, number)
    return process.wait(timeout=120)  # on a busy machine, XLA may take long to return


def wait(process, until, *args):
    """Wait until something is true or the process ends, half a minute at most."""
    end = time.monotonic() + 30
    while time.monotonic() < end and process.poll() is None and not until(*args):
        time.sleep(0.01)


def holds(process, lock):
    return lock.exists() and lock.read_text().startswith(f"process {process.pid} ")


def has_more(folder, before):
    return bool(set(list_files(folder)) - before)


@pytest.mark.slow
def test_twenty_kills_and_preemptions_at_random_moments(tmp_path):
    file, out, reference = tmp_path / "blobs.toml", tmp_path / "out", tmp_path / "reference"
    file.write_text(TEXT)
    subprocess.run(command(file, reference), check=True, capture_output=True, timeout=300)
    rng, cut_short = random.Random(0), 0
    for i in range(KILLS):
        if rows_in(out) >= CELLS:  # it came to its end: the next one has work to do again
            shutil.rmtree(out)
        before = rows_in(out)
        process = subprocess.Popen(
            command(file, out), start_new_session=True, stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        # Killed while it loads, while it begins, or while it adds rows.
        if i % 3:
            wait(process, holds, process, out / ".lock")
        if i % 3 == 2:
            wait(process, has_more, out, set(list_files(out)))
        time.sleep(rng.uniform(0, 0.5))
        running = holds(process, out / ".lock")
        code = end(process, signal.SIGTERM if i % 2 else signal.SIGKILL)
        if i % 2 and running:
            assert code in (143, 0)  # 0: it was at its end
        cut_short += before < rows_in(out) < CELLS
    assert cut_short >= 3  # else the kills came too early or too late to say anything
    done = subprocess.run(command(file, out), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "damaged" not in done.stderr
    assert not list(out.glob(".*.partial")) and not list(out.glob("*.damaged"))
    assert rows_in(out) == CELLS
    rows, want = (read_cells(f).sort_values(["job", "seed"]) for f in (out, reference))
    assert len(rows) == CELLS and rows.error.isna().all()
    assert rows[["job", "seed"]].to_numpy().tolist() == want[["job", "seed"]].to_numpy().tolist()
    np.testing.assert_allclose(rows.auroc, want.auroc, atol=1e-5)


def rows_in(folder):
    """All rows, also those that are there twice; 0 without a folder."""
    return sum(read_file(path).num_rows for path in list_files(folder))


# Forks for every step of a write and of a join, and kills the child at that step.
STEPS = '''
import os, signal, sys
from pathlib import Path
from jaxad.evaluation.scoring import Evaluation
from jaxad.evaluation.metrics import summarise
from jaxad.results import Cell, list_files
from jaxad.sweep import store
from jaxad.utils.timing import Seconds
import pandas
import pyarrow.parquet as pq

out = Path(sys.argv[1])
names = ("auroc", "auprc", "auprc_normal", "best_f1", "precision_at_n")

def cell(job):
    return Cell(dataset="d", normal_class=0, detector="pca", setting={}, config={}, seeds=(0, 1),
                job=job, evaluation=Evaluation(**{n: summarise([0.25, 0.5]) for n in names}),
                seconds=Seconds(1.0, 1.0), machine={})

def dying(function, left):
    """A function that kills the process before its call number `left`, or after the one before."""
    def call(*args, **kwargs):
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1
        return function(*args, **kwargs)
    return call

def in_a_child(step):
    """Append two cells and join all files, killed at a step; whether it came to the end."""
    child = os.fork()
    if not child:
        left = [step]
        os.fsync = dying(os.fsync, left)
        pq.write_table = dying(pq.write_table, left)
        for name in ("replace", "unlink", "open", "touch", "write_bytes"):
            setattr(Path, name, dying(getattr(Path, name), left))
        appender = store.Appender(out)
        for job in "ab":
            appender.add(cell(f"{step}-{job}"))
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0

store._MANY = 2
step, ended = 0, False
while not ended:
    ended = in_a_child(step)
    step += 1
print(step)
'''


def test_a_kill_at_every_step_of_writing_and_joining(tmp_path):
    script, out = tmp_path / "steps.py", tmp_path / "out"
    script.write_text(STEPS)
    # One thread: a fork of several is not safe, and warns.
    run = [sys.executable, "-W", "ignore::DeprecationWarning", str(script), str(out)]
    told = subprocess.run(run, capture_output=True, text=True, timeout=300)
    assert told.returncode == 0, told.stderr
    steps = int(told.stdout)
    assert steps > 15  # two writes and a join of some six steps each
    rows = read_cells(out)
    assert set(rows.auroc) == {0.25, 0.5} and not rows.duplicated(["job", "seed"]).any()
    cells = [rows.job.str.startswith(f"{step}-").sum() // 2 for step in range(steps)]
    assert cells == sorted(cells)  # a later kill loses no more
    assert set(cells) == {0, 1, 2} and cells[-1] == 2
    assert not list(out.glob(".*.partial"))  # the next writer has removed them
    # Between the joined file and the end of those that it is made of, rows are there twice.
    assert sum(read_file(path).num_rows for path in list_files(out)) > len(rows)
