"""A folder of entries: whole or absent, of one user alone, bounded in size."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from jaxad.utils.entries import Entries


@pytest.fixture
def entries(tmp_path):
    return Entries(tmp_path / "programs", 10_000)


def only(entries):
    (path,) = entries.folder.glob("*.program")
    return path


def test_an_entry_is_read_as_it_was_written(entries):
    assert entries.read("key") is None
    assert entries.write("key", b"one") and entries.write("other", b"two")
    assert (entries.read("key"), entries.read("other")) == (b"one", b"two")
    entries.write("key", b"three")
    assert entries.read("key") == b"three"
    entries.remove("key")
    assert entries.read("key") is None


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "longer", "of another key"])
def test_a_damaged_entry_is_removed(entries, damage):
    entries.write("key", b"0123456789")
    path, content = only(entries), only(entries).read_bytes()
    if damage == "of another key":
        path.unlink()
        entries.write("kez", b"0123456789")
        only(entries).rename(path)
    else:
        flipped = content[:-3] + bytes([content[-3] ^ 1]) + content[-2:]
        kinds = {"empty": b"", "cut": content[:-1], "flipped": flipped, "longer": content + b"0"}
        path.write_bytes(kinds[damage])
    assert entries.read("key") is None
    assert not path.exists()


def test_the_entries_used_longest_ago_make_room(entries):
    for i in range(8):
        entries.write(str(i), bytes(1000))
        os.utime(entries._place(str(i)), (i, i))
    assert entries.read("0") is not None  # used now
    for i in range(8, 12):
        entries.write(str(i), bytes(1000))
    left = {i for i in range(12) if entries._place(str(i)).exists()}
    assert {0, 11} <= left and 1 not in left
    assert sum(path.stat().st_size for path in entries.folder.iterdir()) <= 10_000
    assert not entries.write("large", bytes(20_000))


def test_a_folder_that_others_may_write_to_is_refused(tmp_path):
    folder = tmp_path / "programs"
    assert Entries(folder, 10).folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o770)
    with pytest.raises(PermissionError, match="chmod"):
        Entries(folder, 10)
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        Entries(tmp_path / "file", 10)


@pytest.mark.parametrize("kind", ["writable by others", "link", "folder", "pipe"])
def test_an_entry_that_others_may_have_written_is_not_read(entries, tmp_path, kind):
    entries.write("key", b"code")
    path = only(entries)
    if kind == "writable by others":
        path.chmod(0o666)
    else:
        path.rename(tmp_path / "elsewhere")
        make = {
            "link": lambda: path.symlink_to(tmp_path / "elsewhere"),
            "folder": path.mkdir,
            "pipe": lambda: os.mkfifo(path),
        }
        make[kind]()
    assert entries.read("key") is None


def test_a_full_disk_keeps_nothing_and_fails_nothing(entries, monkeypatch):
    def full(self, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    assert not entries.write("key", b"code")
    assert entries.read("key") is None
    assert not list(entries.folder.iterdir())


def test_many_writers_of_one_entry(entries):
    with ThreadPoolExecutor(8) as pool:
        bodies = [bytes([i]) * 500 for i in range(8)]
        assert all(pool.map(lambda body: entries.write("key", body), bodies))
        assert all(body in bodies for body in pool.map(entries.read, ["key"] * 20))
    assert len(list(entries.folder.iterdir())) == 1
