"""Disks that become full and writers that meet: no part of a save stays, and no fit is lost."""

import errno
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import jaxad
from jaxad.cli import main
from jaxad.errors import ConfigError, StorageError, StorageWarning
from jaxad.utils import arrays, files


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def full(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Counter:
    """Raises at call number `at` of any of the functions that it is put around."""

    def __init__(self, at):
        self.at, self.calls = at, 0

    def around(self, function):
        def call(*args, **kwargs):
            self.calls += 1
            if self.calls == self.at:
                full()
            return function(*args, **kwargs)

        return call


@pytest.fixture
def fit(fitted):
    return fitted("autoencoder")


def put_around(monkeypatch, counter):
    """Let every step of a save be counted: each file, each synchronisation, each rename."""
    for name in ("write_bytes", "write_text", "mkdir", "rename"):
        monkeypatch.setattr(Path, name, counter.around(getattr(Path, name)))
    monkeypatch.setattr(os, "fsync", counter.around(os.fsync))
    monkeypatch.setattr(files.os, "posix_fallocate", counter.around(os.posix_fallocate))

    def write(content, folder):  # instead of orbax, whose threads are slow to test
        arrays.check_room(folder.parent, 1000)
        folder.mkdir()
        np.save(folder / "a.npy", np.zeros(3))

    monkeypatch.setattr("jaxad.saving.folder.write_arrays", write)


def test_a_disk_that_is_full_at_any_step_of_a_save(fit, tmp_path, monkeypatch):
    at, done = 1, False
    while not done:
        folder = tmp_path / str(at)
        with monkeypatch.context() as m:
            counter = Counter(at)
            put_around(m, counter)
            try:
                jaxad.save(fit, folder, files={"note": b"mine"})
                done = True
            except StorageError as error:
                assert "No space left" in str(error) and "another folder" in str(error)
        assert not list(tmp_path.glob(".*"))
        last = at == counter.calls  # of all: the name of the complete folder
        if folder.exists():
            assert done or last
            assert names(folder) == ["arrays", "checksums.json", "config.json", "note"]
        at += 1
    assert at > 12
    jaxad.save(fit, tmp_path / "elsewhere")
    jaxad.load(tmp_path / "elsewhere")


def test_a_save_that_has_no_room_is_refused_before_orbax_begins(fit, tmp_path, monkeypatch):
    def allocate(*_):
        full()

    monkeypatch.setattr("orbax.checkpoint.StandardCheckpointer", None)
    monkeypatch.setattr(files.os, "posix_fallocate", allocate)
    with pytest.raises(StorageError, match="No space left"):
        jaxad.save(fit, tmp_path / "saved")
    assert not list(tmp_path.iterdir())


ORBAX = """
import resource, sys
from pathlib import Path
import jaxad
from jaxad.errors import StorageError
from jaxad.utils import arrays
import numpy as np

fit, _ = jaxad.load(sys.argv[1])
out = Path(sys.argv[2])
arrays.check_room = lambda *_: None
for size in map(int, sys.argv[3:]):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        jaxad.save(fit, out)
    except StorageError as error:
        print("StorageError", size, str(error).replace(chr(10), " "))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
"""


def test_what_orbax_raises_where_it_cannot_write_is_an_error_of_storage(fit, tmp_path):
    """In a process of its own, because orbax's threads report each failure on standard error."""
    jaxad.save(fit, tmp_path / "saved")
    sizes = ["0", "200", "5000"]
    run = [sys.executable, "-c", ORBAX, str(tmp_path / "saved"), str(tmp_path / "new"), *sizes]
    told = subprocess.run(run, capture_output=True, text=True, timeout=300)
    lines = told.stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [["StorageError", s] for s in sizes], told.stderr
    assert all("File too large" in line for line in lines)
    assert names(tmp_path) == ["saved"]


@contextmanager
def small_disk(folder, kib):
    """A disk at a folder; skips where mounting is not allowed."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a tmpfs is not allowed here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("kib", [4, 64, 128])
def test_a_disk_that_is_really_full(fit, tmp_path, kib):
    with small_disk(tmp_path / "disk", kib) as disk:
        with pytest.raises(StorageError, match="No space left"):
            jaxad.save(fit, disk / "saved")
        assert not list(disk.iterdir())
    jaxad.save(fit, tmp_path / "saved")


def test_a_read_only_folder_is_an_error_of_storage(fit, tmp_path, monkeypatch):
    jaxad.save(fit, tmp_path / "warm")
    folder = Path("/tmp") / f"jaxad-{os.getpid()}"  # which others than root may enter
    folder.mkdir(mode=0o555)
    try:
        with as_nobody(), pytest.raises(StorageError, match="Permission denied"):
            jaxad.save(fit, folder / "saved")
        assert not list(folder.iterdir())
    finally:
        folder.rmdir()


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


def test_a_rename_that_fails_leaves_nothing(fit, tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(StorageError, match="No space left"):
        jaxad.save(fit, tmp_path / "saved")
    assert not list(tmp_path.iterdir())


# Savers of one folder


def test_of_eight_threads_one_saves(fit, tmp_path, toy):
    def save(_):
        try:
            jaxad.save(fit, tmp_path / "saved")
        except (ConfigError, StorageError) as error:
            assert re.search("exists already|created it meanwhile", str(error))
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(save, range(8))) == 1
    assert names(tmp_path) == ["saved"]
    loaded, _ = jaxad.load(tmp_path / "saved")
    np.testing.assert_array_equal(jaxad.score(loaded, toy.test), jaxad.score(fit, toy.test))


def test_threads_save_to_folders_of_their_own(fit, tmp_path):
    with ThreadPoolExecutor(3) as pool:
        folders = list(pool.map(lambda i: jaxad.save(fit, tmp_path / str(i)), range(3)))
    for folder in folders:
        jaxad.load(folder)


PROCESS = """
import sys, time
import jaxad
from pathlib import Path
from jaxad.errors import ConfigError, StorageError

fit, _ = jaxad.load(sys.argv[1])
Path(sys.argv[3]).touch()
while not Path(sys.argv[2], "go").exists():
    time.sleep(0.01)
n = 0
while True:
    try:
        jaxad.save(fit, Path(sys.argv[2], str(n)))
    except (ConfigError, StorageError):
        sys.exit(3)
    if sys.argv[4] == "once":
        sys.exit(0)
    n += 1
"""


def start(fit_folder, out, number, how):
    ready = out / f"ready-{number}"
    process = subprocess.Popen(
        [sys.executable, "-c", PROCESS, str(fit_folder), str(out), str(ready), how],
        stderr=subprocess.DEVNULL,
    )
    return process, ready


def wait_for(paths):
    end = time.monotonic() + 300
    while not all(path.exists() for path in paths) and time.monotonic() < end:
        time.sleep(0.05)


@pytest.mark.slow
def test_of_eight_processes_one_saves(fit, tmp_path):
    saved, out = jaxad.save(fit, tmp_path / "saved"), tmp_path / "out"
    out.mkdir()
    started = [start(saved, out, i, "once") for i in range(8)]
    wait_for([ready for _, ready in started])
    (out / "go").touch()
    codes = [process.wait(timeout=300) for process, _ in started]
    assert sorted(codes) == [0, *[3] * 7]
    assert not list(out.glob(".*"))
    jaxad.load(out / "0")


@pytest.mark.slow
def test_kills_at_random_moments_of_saves_by_orbax(fit, tmp_path):
    saved, rng = jaxad.save(fit, tmp_path / "saved"), np.random.default_rng(0)
    for kill in range(5):
        out = tmp_path / f"out-{kill}"
        out.mkdir()
        (out / "go").touch()
        process, _ = start(saved, out, 0, "often")
        wait_for([out / "1"])
        time.sleep(rng.uniform(0, 0.5))
        process.kill()
        process.wait()
        folders = list(out.glob("[0-9]*"))
        assert len(folders) >= 2
        for folder in folders:
            jaxad.load(folder)
        jaxad.save(fit, out / "last")
        assert not list(out.glob(".*"))


# `jaxad fit`


@pytest.fixture
def command(tmp_path, monkeypatch):
    """A command that fits, on a machine whose temporary folder is another one."""
    path, temporary = tmp_path / "rows.csv", tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    rng = np.random.default_rng(0)
    np.savetxt(path, rng.normal(size=(40, 3)), delimiter=",", header="a,b,c", comments="")
    return ["fit", str(path), "pca", "--out", str(tmp_path / "disk" / "saved")]


def fill(monkeypatch, *full_folders):
    """Let folders be on full disks."""
    allocate, fallocate = files.check_room, arrays.check_room
    assert allocate is fallocate

    def check(folder, size):
        if any(str(folder).startswith(str(name)) for name in full_folders):
            full()
        allocate(folder, size)

    monkeypatch.setattr(arrays, "check_room", check)
    make = files._hold_temporary

    def hold(path, how):
        if any(str(path).startswith(str(name)) for name in full_folders):
            full()
        return make(path, how)

    monkeypatch.setattr(files, "_hold_temporary", hold)


def test_a_trained_detector_is_saved_elsewhere_if_the_disk_is_full(
    command, tmp_path, monkeypatch, capsys
):
    fill(monkeypatch, tmp_path / "disk")
    assert main(command) == 1
    said = capsys.readouterr().err
    assert "--out: cannot save to" in said and "No space left" in said
    (saved,) = (tmp_path / "temporary").glob("jaxad-*/saved")
    assert f"The trained detector was saved to {saved} instead" in said
    jaxad.load(saved)
    assert not list((tmp_path / "disk").iterdir())


def test_where_every_disk_is_full_the_way_out_is_said(command, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path / "disk"))
    monkeypatch.chdir(tmp_path / "disk" if (tmp_path / "disk").exists() else tmp_path)
    fill(monkeypatch, tmp_path)
    assert main(command) == 1
    said = capsys.readouterr().err
    assert "could not be saved elsewhere either" in said and "--checkpoint" in said
    assert not list((tmp_path / "temporary").iterdir())


def test_a_second_saver_of_the_folder_loses_no_fit(command, tmp_path, monkeypatch, capsys):
    """The folder was not there when training began."""
    from jaxad.cli import fit as module

    def train(*args, **kwargs):
        fitted = real(*args, **kwargs)
        (tmp_path / "disk" / "saved").mkdir(parents=True)
        return fitted

    real = module.train_detector
    monkeypatch.setattr(module, "train_detector", train)
    assert main(command) == 1
    (saved,) = (tmp_path / "temporary").glob("jaxad-*/saved")
    assert str(saved) in capsys.readouterr().err


# Checkpoints


def test_training_goes_on_if_a_checkpoint_cannot_be_written(
    toy, quick, tmp_path, small_chunks, monkeypatch
):
    monkeypatch.setattr("jaxad.training.train._SAVE_SECONDS", 0.0)
    detector = quick("autoencoder", toy.train, epochs=2)
    whole = jaxad.fit(detector, toy.train)
    monkeypatch.setattr("jaxad.training.resume.write_arrays", full)
    with pytest.warns(StorageWarning, match=r"No space left.*Training goes on"):
        part = jaxad.fit(detector, toy.train, checkpoint=tmp_path / "c")
    np.testing.assert_array_equal(jaxad.score(part, toy.test), jaxad.score(whole, toy.test))
    assert names(tmp_path / "c") == [".lock", "fit.json"]


def test_a_checkpoint_folder_that_cannot_be_written_is_refused_before_training(
    toy, quick, tmp_path
):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="checkpoint: cannot write"):
        jaxad.fit(quick("autoencoder", toy.train), toy.train, checkpoint=tmp_path / "file")


def test_two_fits_do_not_share_a_folder_of_checkpoints(toy, quick, tmp_path):
    detector = quick("autoencoder", toy.train, epochs=1)

    def second(_):
        with pytest.raises(ConfigError, match=f"another fit .process {os.getpid()}"):
            jaxad.fit(detector, toy.train, checkpoint=tmp_path)

    jaxad.fit(detector, toy.train, checkpoint=tmp_path, progress=second)
    jaxad.fit(detector, toy.train, checkpoint=tmp_path)
