"""Files and folders are there whole or not at all, whatever happens to who writes them."""

import errno
import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from jaxad.errors import ConfigError
from jaxad.utils import files
from jaxad.utils.files import (
    _name_host,
    create_folder,
    find_leftovers,
    lock_folder,
    remove_leftovers,
    replace_folder,
    write_atomically,
)

TOKEN = "0123456789abcdef"
DAYS_AGO = time.time() - 2 * 24 * 3600


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def fill(folder, value):
    """Some files of one value, one of them in a folder of its own."""
    (folder / "inner").mkdir()
    for name in ("a", "b", "inner/c"):
        (folder / name).write_bytes(bytes([value]) * 5000)


def assert_whole(folder):
    """Every file is there, complete and by the same writer."""
    assert names(folder) == ["a", "b", "inner"]
    contents = {(folder / name).read_bytes() for name in ("a", "b", "inner/c")}
    assert len(contents) == 1 and len(contents.pop()) == 5000


def save(folder, value):
    with create_folder(folder) as partial:
        fill(partial, value)


# Each child saves a folder and replaces a file until it is killed.
SAVER = """
import os, sys, time
from pathlib import Path
from jaxad.utils.files import create_folder, write_atomically

out, kills = Path(sys.argv[1]), int(sys.argv[2])

def save(child):
    n = 0
    while True:
        with create_folder(out / f"{child}-{n}") as partial:
            (partial / "inner").mkdir()
            for name in ("a", "b", "inner/c"):
                with open(partial / name, "wb") as file:
                    for _ in range(5):
                        file.write(bytes([child % 256]) * 1000)
                        file.flush()
        with write_atomically(out / "newest") as partial:
            partial.write_bytes(bytes([child % 256]) * 5000)
        n += 1

for child in range(kills):
    number = os.fork()
    if not number:
        save(child)
    print(number, flush=True)
    sys.stdin.readline()
    os.waitpid(number, 0)
"""


@pytest.mark.parametrize("kills", [20, pytest.param(200, marks=pytest.mark.slow)])
def test_kills_at_random_moments_of_a_save(tmp_path, kills):
    rng, out = random.Random(0), tmp_path / "out"
    out.mkdir()
    run = [sys.executable, "-c", SAVER, str(out), str(kills)]
    with subprocess.Popen(run, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        for _ in range(kills):
            child = int(parent.stdout.readline())
            time.sleep(rng.uniform(0.0, 0.06))
            os.kill(child, signal.SIGKILL)
            parent.stdin.write("\n")
            parent.stdin.flush()
    left = list(out.glob(".*.partial"))
    assert left == find_leftovers(out) and len(left) <= 1  # the next writer removes the others
    whole = [path for path in out.iterdir() if path not in left and path.name != "newest"]
    assert whole  # else the kills came too early to say anything
    for path in whole:
        assert_whole(path)
    newest = (out / "newest").read_bytes()
    assert len(newest) == 5000 and len(set(newest)) == 1
    save(out / "last", 1)
    assert not list(out.glob(".*.partial"))


class Disk:
    """Fails at a step that writes: each is counted, and the one of number `full_at` raises."""

    def __init__(self):
        self.full_at, self.steps = None, None
        sys.addaudithook(self.see)

    def see(self, event, args):
        writes = event in ("os.mkdir", "os.rename") or (
            event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)
        )
        if self.steps is not None and writes:
            self.step()

    def step(self):
        self.steps += 1
        if self.steps == self.full_at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def run(self, function, full_at):
        """Call a function; return whether it came to its end before the disk was full."""
        self.full_at, self.steps = full_at, 0
        try:
            function()
        except OSError as error:
            assert error.errno == errno.ENOSPC
            return False
        finally:
            steps, self.steps = self.steps, None
        return steps < full_at


@pytest.fixture(scope="module")
def disk():
    return Disk()


@pytest.fixture
def synced(disk, monkeypatch):
    """A synchronisation is a step, too."""
    sync = os.fsync

    def fsync(descriptor):
        disk.step()
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)


def test_a_disk_that_is_full_at_any_step_of_a_folder(tmp_path, disk, synced):
    step, done = 1, False
    while not done:
        out = tmp_path / str(step)
        done = disk.run(lambda out=out: save(out, 1), step)
        assert not list(tmp_path.glob(".*"))
        if out.exists():
            assert_whole(out)
        step += 1
    assert step > 10


def test_a_disk_that_is_full_at_any_step_of_a_file(tmp_path, disk, synced):
    path, step, done = tmp_path / "file", 1, False
    path.write_bytes(b"old")

    def write():
        with write_atomically(path) as partial:
            partial.write_bytes(b"new")

    while not done:
        before = path.read_bytes()
        done = disk.run(write, step)
        assert names(tmp_path) == ["file"]
        # Only where the name itself could not be synchronised is the file new after an error.
        assert path.read_bytes() in (before, b"new")
        step += 1
    assert step > 5 and path.read_bytes() == b"new"


def test_a_rename_that_fails_leaves_nothing(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    (tmp_path / "file").write_bytes(b"old")
    monkeypatch.setattr(os, "rename", fail)
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="cross-device"):
        save(tmp_path / "folder", 1)
    with pytest.raises(OSError, match="cross-device"), write_atomically(tmp_path / "file") as path:
        path.write_bytes(b"new")
    assert names(tmp_path) == ["file"] and (tmp_path / "file").read_bytes() == b"old"


def race(folder, value):
    """Save a folder; whether it was won, once everybody has looked for it."""
    try:
        with create_folder(folder) as partial:
            fill(partial, value)
            time.sleep(0.2)
    except FileExistsError as error:
        assert "created it meanwhile" in str(error)
        return False
    return True


def test_of_eight_threads_one_wins_whole(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(race, [tmp_path / "out"] * 8, range(8)))
    assert sum(won) == 1
    assert_whole(tmp_path / "out")
    assert (tmp_path / "out" / "a").read_bytes()[0] == won.index(True)
    assert names(tmp_path) == ["out"]


RACE = """
import os, sys, time
from pathlib import Path
from jaxad.utils.files import create_folder

children = []
for value in range(8):
    child = os.fork()
    if child:
        children.append(child)
        continue
    try:
        with create_folder(Path(sys.argv[1])) as partial:
            (partial / "inner").mkdir()
            for name in ("a", "b", "inner/c"):
                (partial / name).write_bytes(bytes([value]) * 5000)
            time.sleep(0.2)
    except FileExistsError:
        os._exit(1)
    os._exit(0)
print(*(os.waitpid(child, 0)[1] for child in children))
"""


def test_of_eight_processes_one_wins_whole(tmp_path):
    run = [sys.executable, "-c", RACE, str(tmp_path / "out")]
    told = subprocess.run(run, capture_output=True, text=True, check=True, timeout=60)
    assert sorted(told.stdout.split()) == ["0", *["256"] * 7]
    assert_whole(tmp_path / "out")
    assert names(tmp_path) == ["out"]


def test_a_file_of_eight_threads_is_that_of_one(tmp_path):
    def write(value):
        with write_atomically(tmp_path / "file") as partial:
            partial.write_bytes(bytes([value]) * 100_000)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    assert names(tmp_path) == ["file"]
    content = (tmp_path / "file").read_bytes()
    assert len(content) == 100_000 and len(set(content)) == 1


def test_what_is_being_written_is_never_removed(tmp_path):
    with create_folder(tmp_path / "out") as folder, write_atomically(tmp_path / "file") as file:
        os.utime(folder, (DAYS_AGO, DAYS_AGO))
        os.utime(file, (DAYS_AGO, DAYS_AGO))
        assert find_leftovers(tmp_path) == []
        remove_leftovers(tmp_path)
        save(tmp_path / "other", 1)
        assert folder.is_dir() and file.is_file()
    assert names(tmp_path) == ["file", "other", "out"]


def test_files_of_another_machine_are_removed_after_a_day_without_a_change(tmp_path):
    recent, old, folder = (
        tmp_path / f".{name}.elsewhere-7-{TOKEN}.partial" for name in ("recent", "old", "folder")
    )
    for path in (recent, old):
        path.write_bytes(b"")
    folder.mkdir()
    (folder / "new").write_bytes(b"")
    for path in (old, folder):
        os.utime(path, (DAYS_AGO, DAYS_AGO))
    assert find_leftovers(tmp_path) == [old]
    os.utime(folder / "new", (DAYS_AGO, DAYS_AGO))
    remove_leftovers(tmp_path)
    assert names(tmp_path) == [recent.name]


def test_without_locks_a_running_process_keeps_its_files(tmp_path, monkeypatch):
    def flock(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(files.fcntl, "flock", flock)
    gone, alive = (
        tmp_path / f".a.{_name_host()}-{process}-{TOKEN}.partial"
        for process in (4194305, os.getpid())
    )
    for path in (gone, alive):
        path.write_bytes(b"")
    save(tmp_path / "out", 1)
    assert names(tmp_path) == [alive.name, "out"]


def test_files_of_others_and_links_are_left_alone(tmp_path):
    others = [".a.partial", ".a.123.partial", f"a.{_name_host()}-1-{TOKEN}.partial", ".a.swp"]
    for name in others:
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "mine").write_bytes(b"mine")
    link = tmp_path / f".link.{_name_host()}-4194305-{TOKEN}.partial"
    link.symlink_to(tmp_path / "mine")
    remove_leftovers(tmp_path)
    assert names(tmp_path) == sorted([*others, "mine", link.name])


@pytest.mark.parametrize("name", ["x" * 255, "ä" * 127], ids=["ascii", "umlauts"])
def test_names_may_be_as_long_as_the_disk_allows(tmp_path, name):
    with write_atomically(tmp_path / name) as partial:
        partial.write_bytes(b"1")
    assert names(tmp_path) == [name]


def test_what_is_there_is_not_replaced(tmp_path):
    for there in ("file", "folder"):
        with pytest.raises(FileExistsError), create_folder(tmp_path / there) as partial:
            fill(partial, 1)
            if there == "file":
                (tmp_path / there).write_bytes(b"mine")
            else:
                (tmp_path / there).mkdir()
                (tmp_path / there / "mine").write_bytes(b"")
    assert names(tmp_path) == ["file", "folder"] and names(tmp_path / "folder") == ["mine"]


@pytest.mark.parametrize("can_exchange", [True, False])
def test_a_folder_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch, can_exchange):
    if not can_exchange:
        monkeypatch.setattr(files, "_exchange", lambda *_: False)
    out = tmp_path / "out"
    save(out, 1)
    with replace_folder(out) as new:
        save(new, 2)
        assert (out / "a").read_bytes()[0] == 1
    assert_whole(out)
    assert (out / "a").read_bytes()[0] == 2
    with pytest.raises(OSError, match="full"), replace_folder(out) as new:
        save(new, 3)
        raise OSError("full")
    assert_whole(out)
    assert (out / "a").read_bytes()[0] == 2 and names(tmp_path) == ["out"]


def test_where_a_folder_cannot_be_replaced_the_old_one_is_put_back(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_exchange", lambda *_: False)
    out, rename = tmp_path / "out", Path.rename
    save(out, 1)

    def fail(path, target):
        if path.name == "new":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return rename(path, target)

    with pytest.raises(OSError, match="Input/output"), replace_folder(out) as new:
        save(new, 2)
        monkeypatch.setattr(Path, "rename", fail)
    assert_whole(out)
    assert (out / "a").read_bytes()[0] == 1 and names(tmp_path) == ["out"]


def test_every_file_and_folder_is_on_the_disk_before_the_name_is(tmp_path, monkeypatch):
    out, done, sync = tmp_path / "out", [], os.fsync

    def watched(descriptor):
        done.append((Path(os.readlink(f"/proc/self/fd/{descriptor}")).name, out.exists()))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    save(out, 1)
    *before, last = done
    assert {name for name, _ in before} >= {"a", "b", "c", "inner"}
    assert not any(there for _, there in before) and last == (tmp_path.name, True)


def test_a_folder_is_held_by_one_at_a_time(tmp_path):
    said = f"another fit .process {os.getpid()} on .*or give"
    with (
        lock_folder(tmp_path, "fit", "give another folder"),
        pytest.raises(ConfigError, match=said),
        lock_folder(tmp_path, "fit", "give another folder"),
    ):
        pass
    with lock_folder(tmp_path, "fit", "give another folder"):
        pass
