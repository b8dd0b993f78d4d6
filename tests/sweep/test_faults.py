"""Faults of disks, folders, files and memory: each as docs/reference/sweeps.md says."""

import errno
import os
import re
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from jaxad.cli import main
from jaxad.errors import DataError
from jaxad.results import read_results
from jaxad.sweep import expand, group_jobs, load_experiment
from jaxad.sweep.cells import run_group
from jaxad.sweep.faults import describe_error, is_out_of_memory
from jaxad.sweep.store import Appender, hold_folder, read_cells, read_failed, tidy
from jaxad.utils.files import _name_host, find_leftovers, write_atomically

TEXT = """
datasets = ["blobs"]
detectors = ["autoencoder", "pca"]
contamination = [0.05, 0.1]
labelled_anomalies = 4
n_train = 100
epochs = 1
seeds = 2
"""
CELLS = 8


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def sweep(file, out, capsys):
    """Run the sweep; its exit code and what it says on standard error."""

    def run(*more, folder=out):
        code = main(["sweep", str(file), "--out", str(folder), *more])
        return code, capsys.readouterr().err

    return run


def complete(folder):
    """Whether the folder has each cell once, and nothing half-written."""
    rows = read_results(folder)
    once = len(rows) == CELLS and not rows.duplicated(["job", "seed"]).any()
    whole = rows.error.isna().all() and np.isfinite(rows.auroc).all()
    return once and whole and not list(Path(folder).glob(".*.partial"))


def full(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("at", ["write", "fsync", "rename", "fsync of the folder"])
def test_a_full_disk_ends_the_sweep_and_keeps_what_is_complete(sweep, out, monkeypatch, at):
    assert sweep("--only", "detector=pca")[0] == 0
    before = sorted(p.name for p in out.glob("*.parquet"))
    with monkeypatch.context() as m:
        if at == "write":
            m.setattr(Path, "write_bytes", half_written)
        elif at == "rename":
            m.setattr(Path, "replace", full)
        else:
            m.setattr("jaxad.utils.files.sync_folder" if "folder" in at else "os.fsync", full)
        code, said = sweep()
    assert code == 1
    assert re.search(f"jaxad: cannot write to the folder '{out}': .*No space left", said)
    after = sorted(p.name for p in out.glob("*.parquet"))
    if at != "fsync of the folder":  # there the file is whole, though its name may yet be lost
        assert after == before
    assert not list(out.glob(".*.partial"))
    assert sweep()[0] == 0 and complete(out)


def half_written(path, content):
    with path.open("wb") as file:
        file.write(content[: len(content) // 2])
    full()


@contextmanager
def small_disk(folder):
    """A disk of 112 KiB at a folder; skips where mounting is not allowed."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=112k", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a tmpfs is not allowed here")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_really_full(sweep, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    with small_disk(disk):
        (disk / "filling").write_bytes(bytes(48 << 10))
        code, said = sweep(folder=disk)
        assert code == 1 and "No space left" in said
        rows = read_cells(disk)
        assert 0 < len(rows) < CELLS and rows.error.isna().all()
        assert not list(disk.glob(".*.partial"))
        (disk / "filling").unlink()
        assert sweep(folder=disk)[0] == 0
        assert complete(disk)


def test_a_folder_that_is_read_only_is_refused_before_anything_runs(file, monkeypatch, capsys):
    monkeypatch.setattr("jaxad.sweep.cells.fit", None)
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        shutil.copy(file, name)
        folder = Path(name, "out")
        folder.mkdir(mode=0o555)
        run = ["sweep", str(Path(name, file.name)), "--out", str(folder)]
        assert main([*run, "--dry-run"]) == 0  # imports what only root may read
        with as_nobody():
            assert main(run) == 1
        said = capsys.readouterr().err
        assert f"cannot write to the folder '{folder}'" in said and "Permission denied" in said
        assert os.listdir(folder) == []


@contextmanager
def as_nobody():
    """Permissions are no bar to root: be somebody else for a while."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_damaged_file_is_set_aside_and_its_cells_run_again(sweep, out):
    assert sweep()[0] == 0
    victim = sorted(out.glob("*.parquet"))[1]
    victim.write_bytes(victim.read_bytes()[:-40])
    kept = victim.read_bytes()
    with pytest.raises(DataError, match=f"{victim.name} is damaged"):
        read_cells(out)
    code, said = sweep()
    assert code == 0 and f"{victim} is damaged" not in said
    assert f"{victim.name}.damaged is damaged and set aside" in said
    assert victim.with_name(victim.name + ".damaged").read_bytes() == kept
    assert complete(out)


@pytest.mark.parametrize("bytes_left", [0, 4, 100, 2000])
def test_wherever_a_file_was_cut_it_is_found(sweep, out, bytes_left):
    assert sweep("--only", "detector=pca")[0] == 0
    victim = sorted(out.glob("*.parquet"))[0]
    victim.write_bytes(victim.read_bytes()[:bytes_left])
    with hold_folder(out):
        assert tidy(out) == [victim.with_name(victim.name + ".damaged")]
    assert len(read_cells(out)) == 2


def test_a_report_refuses_a_damaged_file_by_its_name(sweep, out, capsys):
    assert sweep()[0] == 0
    victim = sorted(out.glob("*.parquet"))[0]
    victim.write_bytes(b"PAR1")
    assert main(["report", str(out)]) == 1
    said = capsys.readouterr().err
    assert victim.name in said and "runs its cells again" in said
    assert victim.exists()


def test_what_a_killed_process_left_half_written_is_removed(sweep, out):
    out.mkdir()
    gone = out / f".a.parquet.{_name_host()}-{os.getpid()}-0123456789abcdef.partial"
    gone.write_bytes(b"PAR1 half")
    with write_atomically(out / "b") as alive:
        assert not gone.exists()
        gone.write_bytes(b"PAR1 half")
        assert find_leftovers(out) == [gone]
        assert sweep()[0] == 0
        assert not gone.exists() and alive.exists()
    (out / "b").unlink()
    assert len(read_cells(out)) == CELLS


def test_a_second_sweep_on_the_folder_is_refused_and_changes_nothing(sweep, out):
    with hold_folder(out):
        (out / "x.parquet").write_bytes(b"being written")
        code, said = sweep()
    assert code == 2 and f"another sweep (process {os.getpid()} on" in said
    assert sorted(p.name for p in out.iterdir()) == [".lock", "x.parquet"]


def test_a_cell_that_raises_is_a_row_with_its_traceback(sweep, out, monkeypatch):
    def fit(detector, *args, **kwargs):
        first = detector[0] if isinstance(detector, list) else detector
        if first.name == "autoencoder":
            raise ValueError("a bug in it")
        return original(detector, *args, **kwargs)

    from jaxad.training.train import fit as original

    monkeypatch.setattr("jaxad.sweep.cells.fit", fit)
    code, said = sweep()
    assert code == 1 and "--retry-failed" in said
    rows = read_failed(out)
    assert set(rows.detector) == {"autoencoder"} and len(rows) == CELLS // 2
    assert rows.error.str.startswith("ValueError: a bug in it\n\nTraceback").all()
    assert len(read_cells(out)) == CELLS
    monkeypatch.undo()
    assert sweep()[0] == 0 and len(read_failed(out)) == CELLS // 2  # recorded: not run again
    assert sweep("--retry-failed")[0] == 0 and len(read_failed(out)) == 0


def test_a_cell_that_diverges_is_a_failure_and_not_a_number(sweep, file, out):
    file.write_text(TEXT.replace('"autoencoder"', '{name = "autoencoder", learning_rate = 1e38}'))
    assert sweep()[0] == 1
    rows = read_failed(out)
    assert set(rows.detector) == {"autoencoder"} and len(rows) == CELLS // 2
    assert rows.error.str.contains("not finite").all() and rows.auroc.isna().all()
    assert read_cells(out).auroc.notna().sum() == CELLS // 2


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 8589934592 bytes."),
    ],
)
def test_a_cell_that_is_out_of_memory_says_what_helps(file, monkeypatch, error):
    def fit(*_, **__):
        raise error

    monkeypatch.setattr("jaxad.sweep.cells.fit", fit)
    experiment = load_experiment(file)
    (group, *_) = group_jobs([(job, (0, 1)) for job in expand(experiment)])
    for cell in run_group(group):
        line = cell.error.splitlines()[0]
        assert line.startswith(type(error).__name__) and "--memory-gib" in line


def test_other_errors_are_not_taken_for_a_lack_of_memory():
    assert not is_out_of_memory(ValueError("the memory of it"))
    assert "--memory" not in describe_error(ValueError("x"))


def test_files_are_joined_while_a_sweep_runs_and_no_row_is_lost(file, out, monkeypatch):
    monkeypatch.setattr("jaxad.sweep.store._MANY", 3)
    experiment = load_experiment(file)
    groups = group_jobs([(job, (0, 1)) for job in expand(experiment)])
    appender = Appender(out)
    for group in groups:
        for cell in run_group(group):
            appender.add(cell)
    assert complete(out)
    assert len(list(out.glob("*.parquet"))) == 2
