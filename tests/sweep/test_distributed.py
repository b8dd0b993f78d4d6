"""Several processes: they share the cells of a group, and give what one gives."""

import socket
import subprocess
import sys
import time

import numpy as np
import pytest

from jaxad.cli import main
from jaxad.results import list_files, read_file
from jaxad.sweep import expand, group_jobs, load_experiment
from jaxad.sweep.executors.distributed import assign_share
from jaxad.sweep.executors.processes import gather
from jaxad.sweep.store import read_cells, read_failed

TEXT = """
datasets = ["blobs"]
detectors = ["deep_sad", { name = "iforest" }]
contamination = [0.05, 0.1, 0.9]
labelled_anomalies = 4
n_train = 100
epochs = 2
seeds = 3
"""


MAIN = "import sys; from jaxad.cli import main; sys.exit(main())"


@pytest.mark.parametrize("processes", [1, 2, 4, 16])
def test_shares_are_even_and_have_each_cell_once(file, processes):
    (group, *_) = group_jobs([(job, (0, 1, 2)) for job in expand(load_experiment(file))])
    shares = [assign_share(group, i, processes) for i in range(processes)]
    cells = [[(job.name, s) for job, seeds in share for s in seeds] for share in shares]
    assert [cell for share in cells for cell in share] == [
        (job.name, seed) for job in group.jobs for seed in group.seeds
    ]
    assert max(map(len, cells)) - min(map(len, cells)) <= 1


def test_one_process_gathers_what_it_gives():
    assert gather({"a": 1}) == [{"a": 1}]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--coordinator", "localhost:1"], "given together"),
        (["--dry-run"], "--distributed goes neither"),
        (["--executor", "ray"], "--distributed goes neither"),
    ],
)
def test_what_does_not_go_together_is_refused(file, tmp_path, capsys, given, said):
    run = ["sweep", str(file), "--out", str(tmp_path / "out"), "--distributed", *given]
    assert main(run) == 2
    assert said in capsys.readouterr().err


def command(file, out):
    """The command of a process, but for its number."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    run = [sys.executable, "-c", MAIN, "sweep", str(file), "--out", str(out), "--distributed"]
    return [*run, "--coordinator", f"localhost:{port}", "--processes", "2", "--process-id"]


@pytest.mark.slow
def test_two_processes_give_what_one_gives(file, tmp_path, capsys):
    one, two = tmp_path / "one", tmp_path / "two"
    run = command(file, two)
    with (
        subprocess.Popen([*run, "1"], stdout=subprocess.PIPE, text=True) as second,
        subprocess.Popen([*run, "0"], stdout=subprocess.PIPE, text=True) as first,
    ):
        said = [process.communicate(timeout=300)[0] for process in (first, second)]
    assert (first.returncode, second.returncode) == (1, 0)  # a contamination of 0.9 fails
    assert main(["sweep", str(file), "--out", str(one)]) == 1
    tables = capsys.readouterr().out
    assert said[0].endswith(tables) and "|" not in said[1]  # Gloo prints, too
    key = ["job", "seed"]
    left, right = (read_cells(out).sort_values(key) for out in (one, two))
    assert (left[key].to_numpy() == right[key].to_numpy()).all() and len(right) == 18
    assert len(read_failed(two)) == 6
    np.testing.assert_allclose(left.auroc, right.auroc, atol=1e-5)


QUICK = """
datasets = ["blobs"]
detectors = ["hbos", "pca", "ecod", "copod", { name = "iforest", trees = [50, 60, 70, 80] }]
contamination = [0.01, 0.05, 0.1]
labelled_anomalies = 4
n_train = 100
seeds = 4
"""
CELLS = 8 * 3 * 4


@pytest.mark.slow
def test_processes_that_are_preempted_or_killed_lose_nothing(file, tmp_path, capsys):
    file.write_text(QUICK)
    one, two = tmp_path / "one", tmp_path / "two"
    # Both are asked to end; then the one that plans and writes is killed; then nothing happens.
    ends = [disturb(command(file, two), two, how) for how in ((15, 15), (9, None), (None, None))]
    assert ends[0] == [143, 143]
    assert ends[1][0] == -9 and ends[1][1]  # the other one notices
    assert ends[2] == [0, 0]
    assert main(["sweep", str(file), "--out", str(one)]) == 0
    capsys.readouterr()
    key = ["job", "seed"]
    left, right = (read_cells(out).sort_values(key) for out in (one, two))
    assert sum(read_file(path).num_rows for path in list_files(two)) == CELLS
    assert (left[key].to_numpy() == right[key].to_numpy()).all() and len(right) == CELLS
    np.testing.assert_array_equal(left.auroc, right.auroc)
    assert right.error.isna().all() and not list(two.glob(".*.partial"))


def disturb(run, out, signals):
    """Run two processes, and send a signal to each after the next file; their exit codes."""
    before = len(list_files(out))
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with (
        subprocess.Popen([*run, "0"], **quiet) as first,
        subprocess.Popen([*run, "1"], **quiet) as second,
    ):
        while any(signals) and first.poll() is None and len(list_files(out)) == before:
            time.sleep(0.01)
        for process, number in zip((first, second), signals, strict=True):
            if number is not None:
                process.send_signal(number)
        return [process.wait(timeout=300) for process in (first, second)]
