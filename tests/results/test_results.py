"""Results: what is appended is read back, and nothing is ever half-written."""

import json
import os
import shutil
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from jaxad.errors import DataError
from jaxad.evaluation.metrics import summarise
from jaxad.evaluation.scoring import Evaluation
from jaxad.results import (
    Cell,
    append_cell,
    config_hash,
    files,
    find_missing,
    join_tables,
    list_files,
    read_file,
    read_results,
    write_file,
)
from jaxad.utils.checksums import seal
from jaxad.utils.files import check_writable, write_atomically
from jaxad.utils.timing import Seconds


def cell(detector="deep_sad", normal_class=3, values=(0.5, 0.75, 1.0), **parts):
    names = ("auroc", "auprc", "auprc_normal", "best_f1", "precision_at_n")
    metrics = {name: summarise(np.array(values) / (i + 1)) for i, name in enumerate(names)}
    return Cell(
        dataset="digits",
        normal_class=normal_class,
        detector=detector,
        setting={"contamination": 0.1},
        config={"epochs": 3, "widths": (8, 4)},
        evaluation=Evaluation(**metrics, **parts),
        seconds=Seconds(3.0, 1.5),
    )


def test_what_is_appended_is_read_back(tmp_path):
    append_cell(tmp_path, cell())
    append_cell(tmp_path, cell("autoencoder", "benign", (0.25,), auroc_seen=summarise([0.9])))
    frame = read_results(tmp_path)
    assert frame.detector.tolist() == ["deep_sad"] * 3 + ["autoencoder"]
    assert frame.normal_class.tolist() == ["3"] * 3 + ["benign"]
    assert frame.seed.tolist() == [0, 1, 2, 0]
    assert frame.auroc.tolist() == [0.5, 0.75, 1.0, 0.25]
    assert frame.best_f1.tolist() == [0.125, 0.1875, 0.25, 0.0625]
    assert frame.auroc_seen.isna().tolist() == [True, True, True, False]
    assert frame.error.isna().all()
    assert json.loads(frame.config[0]) == {"epochs": 3, "widths": [8, 4]}
    assert json.loads(frame.setting[0]) == {"contamination": 0.1}
    assert str(frame.time.dt.tz) == "UTC"
    first = frame[frame.detector == "deep_sad"]
    assert (first.seconds_compile.sum(), first.seconds_run.sum()) == (3.0, 1.5)


def test_files_are_added_and_never_changed(tmp_path):
    first = append_cell(tmp_path, cell())
    before = first.read_bytes()
    second = append_cell(tmp_path, cell())
    assert first.read_bytes() == before
    assert sorted(tmp_path.glob("*.parquet")) == [first, second]


def test_an_empty_folder_has_the_same_columns(tmp_path):
    empty = read_results(tmp_path)
    append_cell(tmp_path, cell())
    full = read_results(tmp_path)
    assert len(empty) == 0
    assert empty.columns.tolist() == full.columns.tolist()


def test_writing_that_fails_leaves_nothing(tmp_path, monkeypatch):
    def half(path, content):
        with path.open("wb") as file:
            file.write(content[:100])
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(OSError, match="no space left"):
        append_cell(tmp_path, cell())
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "scores.csv"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), write_atomically(path) as partial:
        partial.write_text("ne")
        raise KeyboardInterrupt
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("scores.csv", "old")]
    with write_atomically(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("scores.csv", "new")]


def test_what_another_writer_is_at_is_not_read(tmp_path):
    append_cell(tmp_path, cell())
    (tmp_path / ".other.parquet.123.partial").write_bytes(b"PAR1")
    (tmp_path / ".hidden.parquet").write_bytes(b"PAR1")
    assert len(read_results(tmp_path)) == 3


def test_a_broken_file_is_named(tmp_path):
    path = append_cell(tmp_path, cell())
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError, match=path.name):
        read_results(tmp_path)


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        read_results(tmp_path / "none")


def test_a_folder_that_cannot_be_written_is_found_before(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="cannot write to the folder"):
        check_writable(tmp_path / "file")
    check_writable(tmp_path / "new" / "folder")
    assert list((tmp_path / "new" / "folder").iterdir()) == []


def test_the_hash_is_of_the_detector_and_every_value():
    config = {"epochs": 3, "widths": (8, 4)}
    one = config_hash("deep_sad", config)
    assert one == config_hash("deep_sad", {"widths": [8, 4], "epochs": 3})
    assert one != config_hash("deep_svdd", config)
    assert one != config_hash("deep_sad", config | {"epochs": 4})
    # Stored hashes must be found again by later versions.
    assert one == "2de305ae36b51605"


def test_what_was_asked_for_has_columns_of_its_own(tmp_path):
    asked = {"contamination": 0.1, "labelled_anomalies": 0.5, "scaling": "auto"}
    own = {"setting": {"contamination": 0.07, "asked": asked}, "axes": {"eta": 2, "norm": "batch"}}
    append_cell(tmp_path, replace(cell(), **own), cell("autoencoder"))
    frame = read_results(tmp_path)
    assert frame.contamination.tolist() == [0.1] * 6
    assert frame.labelled_anomalies.tolist()[:3] == [0.5] * 3
    assert frame.scaling.isna().tolist() == [False] * 3 + [True] * 3
    assert frame.config_eta.tolist()[:3] == [2.0] * 3 and frame.config_eta.isna().sum() == 3
    assert frame.config_norm.tolist()[:3] == ["batch"] * 3


def test_a_column_of_numbers_here_and_of_text_there_is_text(tmp_path):
    for value in (1.5, "batch", None, True, (8, 4)):
        append_cell(tmp_path, replace(cell(values=(0.5,)), axes={"norm": value}))
    frame = read_results(tmp_path)
    assert frame.config_norm.fillna("-").tolist() == ["1.5", "batch", "-", "true", "[8, 4]"]


def test_device_and_versions_are_those_of_who_ran_it(tmp_path):
    append_cell(tmp_path, replace(cell(), machine={"device": "gpu: H100", "jax_version": "9"}))
    frame = read_results(tmp_path)
    assert set(frame.device) == {"gpu: H100"} and set(frame.jax_version) == {"9"}


def test_files_that_are_joined_while_they_are_read_are_read_anew(tmp_path, monkeypatch):
    append_cell(tmp_path, cell())
    listings = iter([[tmp_path / "gone.parquet"]])
    monkeypatch.setattr(files, "list_files", lambda folder: next(listings, list_files(folder)))
    assert len(read_results(tmp_path)) == 3


def test_the_file_is_on_the_disk_before_it_has_its_name_and_the_name_before_all_is_said(
    tmp_path, monkeypatch
):
    path, done, sync = tmp_path / "one", [], os.fsync

    def watched(descriptor):
        done.append((stat.S_ISDIR(os.fstat(descriptor).st_mode), path.exists()))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    with write_atomically(path) as partial:
        partial.write_text("whole")
    assert done == [(False, False), (True, True)]


def test_a_file_that_is_missing_is_noticed(tmp_path):
    first, second = (append_cell(tmp_path, cell()) for _ in range(2))
    for path in (first, second):
        content = path.read_bytes()
        path.unlink()
        assert find_missing(tmp_path) == [path.name]
        with pytest.raises(DataError, match=f"{path.name} is missing"):
            read_results(tmp_path)
        path.write_bytes(content)
    assert len(read_results(tmp_path)) == 6
    shutil.rmtree(tmp_path / "index")  # as in folders of earlier versions
    second.unlink()
    assert len(read_results(tmp_path)) == 3


def test_files_are_replaced_without_being_missed(tmp_path):
    old = [append_cell(tmp_path, cell()) for _ in range(3)]
    table = join_tables([read_file(path) for path in old])
    whole = write_file(table, tmp_path, "whole", replaced=old)
    assert list_files(tmp_path) == [whole] and find_missing(tmp_path) == []
    assert len(read_results(tmp_path)) == 9
    whole.unlink()
    assert find_missing(tmp_path) == [whole.name]


def test_a_folder_that_is_made_anew_has_a_new_index(tmp_path):
    append_cell(tmp_path / "a", cell())
    shutil.rmtree(tmp_path / "a")
    append_cell(tmp_path / "a", cell())
    assert len(read_results(tmp_path / "a")) == 3


APPEND = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_results import cell
from jaxad.results import append_cell, join_tables, read_file, write_file
for i in range(3):
    own = [append_cell(sys.argv[2], cell()) for _ in range(4)]
    write_file(join_tables([read_file(p) for p in own]), Path(sys.argv[2]), f"whole{i}", own)
"""


@pytest.mark.slow
def test_several_processes_append_and_join_while_another_reads(tmp_path):
    run = [sys.executable, "-c", APPEND, str(Path(__file__).parent), str(tmp_path)]
    writers = [subprocess.Popen(run) for _ in range(3)]
    while any(writer.poll() is None for writer in writers):
        read_results(tmp_path)
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    files = list_files(tmp_path)
    assert len(files) == 9 and len(read_results(tmp_path)) == 3 * 3 * 12
    for path in files:
        path.unlink()
    assert len(find_missing(tmp_path)) == 9


def test_a_part_whose_index_cannot_be_written_is_not_added(tmp_path, monkeypatch):
    append_cell(tmp_path, cell())
    monkeypatch.setattr(Path, "write_text", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        append_cell(tmp_path, cell())
    assert len(list_files(tmp_path)) == 1 and find_missing(tmp_path) == []


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b'{"files": 1}', b"\xff", *(
        json.dumps(seal({"files": files, "removed": []})).encode()
        for files in (None, [1], ["../x"], ["a\0"], ["x" * 300])
    )],
)  # fmt: skip
def test_a_broken_index_is_an_error_that_names_it(tmp_path, content):
    append_cell(tmp_path, cell())
    (index,) = (tmp_path / "index").iterdir()
    index.write_bytes(content)
    with pytest.raises(DataError, match=index.name):
        read_results(tmp_path)
    append_cell(tmp_path, cell())  # goes to another index
    assert len(list(tmp_path.glob("index/*.json"))) == 2
