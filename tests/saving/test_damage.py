"""Bits that flip on the disk: an error that names the file, never another value or a lost row."""

import json
import os
import random
import shutil

import numpy as np
import pytest

import jaxad
from jaxad.cli import main
from jaxad.data import fit_scaling
from jaxad.errors import ConfigError, DataError
from jaxad.evaluation.metrics import summarise
from jaxad.evaluation.scoring import Evaluation
from jaxad.results import (
    Cell,
    append_cell,
    find_unlisted,
    list_files,
    read_results,
    write_file,
)
from jaxad.results.files import read_file
from jaxad.sweep.store import tidy
from jaxad.sweep.stored import load_stored
from jaxad.utils.checksums import SUMS, read_sealed, seal, write_checksums
from jaxad.utils.timing import Seconds

FEW_AND_MANY = pytest.mark.parametrize("flips", [60, pytest.param(600, marks=pytest.mark.slow)])
EXPERIMENT = 'datasets = ["blobs"]\ndetectors = ["pca"]\nn_train = 60\nseeds = 2\n'


def files_in(folder):
    found = (p for p in folder.rglob("*") if p.is_file() and p.name != ".lock")
    return sorted(p for p in found if p.stat().st_size)


def flip(path, rng):
    """Flip a bit of a file; give back its content before."""
    before = path.read_bytes()
    place, bit = rng.randrange(len(before)), rng.randrange(8)
    path.write_bytes(before[:place] + bytes([before[place] ^ 1 << bit]) + before[place + 1 :])
    return before


def check_flips(folder, flips, read, same):
    """Flip bits one by one: reading fails and names the file, or gives the same."""
    rng, noticed = random.Random(0), 0
    files = files_in(folder)
    for _ in range(flips):
        path = rng.choice(files)
        before = flip(path, rng)
        try:
            found = read()
        except DataError as error:
            noticed += 1
            # What is wrong with the list of checksums may show in the file that it is about.
            assert path.name in str(error) or path.name in (SUMS,)
        else:
            assert path.suffix == ".json" and same(found), path  # a space or a line feed
        path.write_bytes(before)
    assert noticed > 0.9 * flips
    assert same(read())


def cell(values=(0.5, 0.75)):
    names = ("auroc", "auprc", "auprc_normal", "best_f1", "precision_at_n")
    metrics = {name: summarise(np.array(values) / (i + 1)) for i, name in enumerate(names)}
    return Cell(
        dataset="digits",
        normal_class=3,
        detector="deep_sad",
        setting={"contamination": 0.1},
        config={"epochs": 3},
        evaluation=Evaluation(**metrics),
        seconds=Seconds(3.0, 1.5),
    )


@FEW_AND_MANY
def test_a_flipped_bit_in_results(tmp_path, flips):
    for values in ((0.5, 0.75), (0.25, 1.0)):
        append_cell(tmp_path, cell(values))
    before = read_results(tmp_path)
    check_flips(tmp_path, flips, lambda: read_results(tmp_path), before.equals)


@FEW_AND_MANY
def test_a_flipped_bit_in_a_stored_experiment(tmp_path, flips):
    file, out = tmp_path / "small.toml", tmp_path / "out"
    file.write_text(EXPERIMENT)
    assert main(["sweep", str(file), "--out", str(out)]) == 0
    before = load_stored(out)
    check_flips(out / "experiments", flips, lambda: load_stored(out), lambda found: found == before)


@FEW_AND_MANY
def test_a_flipped_bit_in_a_saved_detector(fitted, toy, tmp_path, flips):
    scaling = fit_scaling(toy.train.x, "standard")
    folder = jaxad.save(
        fitted("autoencoder"), tmp_path / "saved", scaling=scaling, files={"note": b"mine"}
    )
    before = jaxad.score(fitted("autoencoder"), toy.test)
    check_flips(
        folder,
        flips,
        lambda: jaxad.load(folder),
        lambda found: np.array_equal(jaxad.score(found[0], toy.test), before),
    )


class CutError(Exception):
    """The power went."""


@pytest.fixture
def cut(toy, quick, tmp_path, small_chunks, monkeypatch):
    """A fit that is cut off after two places; and a function that goes on with it."""
    monkeypatch.setattr("jaxad.training.train._SAVE_SECONDS", 0.0)
    folder = tmp_path / "checkpoint"
    detector = quick("autoencoder", toy.train, epochs=4)

    def stop(at):
        if at.done >= 12:
            raise CutError

    def run(progress=stop):
        return jaxad.fit(detector, toy.train, progress=progress, checkpoint=folder)

    with pytest.raises(CutError):
        run()
    return folder, run


@FEW_AND_MANY
def test_a_flipped_bit_in_a_checkpoint(cut, flips):
    """Of the place that is read; the one before is not."""
    folder, run = cut
    first, last = sorted(folder.glob("place-*"))
    shutil.rmtree(first)

    def read():
        with pytest.raises(CutError):
            run()
        for more in sorted(folder.glob("place-*"))[1:]:
            shutil.rmtree(more)
        return sorted(p.name for p in folder.glob("place-*"))

    # Whoever goes on writes new places, which the loop takes away with the old one.
    kept = shutil.copytree(last, folder.parent / "kept")

    def same(found):
        shutil.rmtree(folder / found[0])
        shutil.copytree(kept, last)
        return True

    check_flips(folder, flips, read, same)


def test_a_damaged_checkpoint_can_be_left_for_the_one_before(cut):
    folder, run = cut
    _, last = sorted(folder.glob("place-*"))
    (last / "where.json").write_text("{}")
    with pytest.raises(DataError, match=r"where\.json.*remove the folder .*place-0+\d+"):
        run()
    shutil.rmtree(last)
    done = []
    run(lambda at: done.append(at.done))
    assert done[0] > 5


def test_checkpoints_of_earlier_versions_are_refused(cut):
    folder, run = cut
    (folder / "places").mkdir()
    with pytest.raises(ConfigError, match=r"jaxad 0\.2 or before"):
        run()


# Results of earlier versions


@pytest.fixture
def old(tmp_path):
    """A folder of results as versions up to 0.2 wrote it."""
    for values in ((0.5, 0.75), (0.25, 1.0)):
        path = append_cell(tmp_path / "old", cell(values))
        path.rename(path.with_name(path.name.rsplit("-", 1)[0] + ".parquet"))
    shutil.rmtree(tmp_path / "old" / "index")
    return tmp_path / "old"


def test_results_without_digests_are_read_and_said_to_be_unprotected(old, capsys):
    assert len(read_results(old)) == 4
    assert main(["verify", str(old)]) == 0
    said = capsys.readouterr().out
    assert "results, 2 files, whole" in said and "2 files were written without a digest" in said
    assert "2 files are not in the index" in said
    assert main(["verify", str(old), "--json"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert about["whole"] and {one["state"] for one in about["files"]} == {"unprotected"}


def test_a_damaged_file_without_a_digest_is_never_another_error(old):
    """Its page checksums find a part of the damage, pyarrow another, and the rest is not seen."""
    rng, files = random.Random(0), files_in(old)
    for _ in range(100):
        path = rng.choice(files)
        before = flip(path, rng)
        try:
            read_file(path)
        except DataError as error:
            assert path.name in str(error)
        path.write_bytes(before)


def test_joined_results_have_digests(old):
    for i in range(16):
        append_cell(old, cell((0.1 * i / 16, 0.5)))
    before = read_results(old)
    assert tidy(old) == []
    (joined,) = list_files(old)
    assert find_unlisted(old, [joined]) == []
    assert "-joined-" in joined.name and len(read_results(old)) == len(before)
    joined.write_bytes(joined.read_bytes()[:-9] + b"x" + joined.read_bytes()[-8:])
    with pytest.raises(DataError, match="digest"):
        read_results(old)
    assert [path.name for path in tidy(old)] == [joined.name + ".damaged"]
    assert len(read_results(old)) == 0


def test_results_that_are_missing_are_named_and_run_again(tmp_path, capsys):
    file, out = tmp_path / "small.toml", tmp_path / "out"
    file.write_text(EXPERIMENT)
    argv = ["sweep", str(file), "--out", str(out)]
    assert main(argv) == 0
    before = read_results(out).drop(columns=["time", "seconds_compile", "seconds_run"])
    (part,) = list_files(out)
    part.unlink()
    with pytest.raises(DataError, match=part.name):
        read_results(out)
    assert main(["verify", str(out)]) == 1
    assert f"damaged: {part.name}: is missing" in capsys.readouterr().out
    assert main(argv) == 0
    assert f"{part} is missing; its cells run again" in capsys.readouterr().err
    after = read_results(out).drop(columns=["time", "seconds_compile", "seconds_run"])
    assert after.equals(before) and main(["verify", str(out)]) == 0
    (index,) = out.glob("index/*.json")
    index.write_text("{}")
    assert main(["verify", str(out)]) == 1
    assert f"damaged: index/{index.name}" in capsys.readouterr().out
    assert main(argv) == 0 and main(["verify", str(out)]) == 0


def test_a_file_written_twice_is_the_same_file(tmp_path):
    table = read_file(append_cell(tmp_path, cell()))
    assert write_file(table, tmp_path, "one") == write_file(table, tmp_path, "one")


# `jaxad verify`


def test_verify_names_every_damaged_file_of_a_detector(fitted, tmp_path, capsys):
    folder = jaxad.save(fitted("autoencoder"), tmp_path / "saved")
    assert main(["verify", str(folder)]) == 0
    assert "detector" in (said := capsys.readouterr().out) and said.endswith("files, whole\n")
    (folder / "notes").write_text("added")
    (folder / "config.json").write_text("{}")
    (folder / "arrays" / "_METADATA").unlink()
    (folder / "arrays" / "link").symlink_to(folder)
    assert main(["verify", str(folder), "--json"]) == 1
    about = json.loads(capsys.readouterr().out)
    assert (about["kind"], about["whole"]) == ("detector", False)
    damaged = {one["file"]: one["problem"] for one in about["files"] if one["state"] == "damaged"}
    assert damaged.keys() == {"notes", "config.json", "arrays/_METADATA", "arrays/link"}
    assert "was changed" in damaged["config.json"] and damaged["arrays/link"] == "is a link"
    assert main(["verify", str(folder)]) == 1
    assert "damaged: arrays/_METADATA: cannot be read" in capsys.readouterr().out
    (folder / SUMS).unlink()
    assert main(["verify", str(folder)]) == 1
    assert "damaged: checksums.json" in capsys.readouterr().out


def test_verify_reads_results_and_their_experiments(tmp_path, capsys):
    file, out = tmp_path / "small.toml", tmp_path / "out"
    file.write_text(EXPERIMENT)
    assert main(["sweep", str(file), "--out", str(out)]) == 0
    capsys.readouterr()
    assert main(["verify", str(out)]) == 0
    assert "results" in capsys.readouterr().out
    (out / "experiments" / "small.toml").write_text(EXPERIMENT + "# mine\n")
    path = list_files(out)[0]
    path.write_bytes(path.read_bytes()[:-1] + b"X")
    assert main(["verify", str(out)]) == 1
    said = capsys.readouterr().out
    assert f"damaged: {path.name}: " in said and "damaged: experiments/small.json: " in said
    assert "2 of 3 files damaged" in said


def test_verify_reads_checkpoints(cut, capsys):
    folder, _ = cut
    assert main(["verify", str(folder)]) == 0
    assert "checkpoint" in capsys.readouterr().out
    last = sorted(folder.glob("place-*"))[-1]
    (last / "where.json").write_text("{}")
    (folder / "fit.json").write_text("{}")
    assert main(["verify", str(folder)]) == 1
    said = capsys.readouterr().out
    assert "damaged: fit.json: " in said and f"damaged: {last.name}/where.json: " in said


def test_verify_refuses_other_folders(tmp_path, capsys):
    for folder, said in [(tmp_path, "holds no saved"), (tmp_path / "none", "no such folder")]:
        assert main(["verify", str(folder)]) == 1
        assert said in capsys.readouterr().err


# Lists of files


@pytest.fixture
def saved(fitted, tmp_path):
    return jaxad.save(fitted("autoencoder"), tmp_path / "saved", files={"data.json": b"{}"})


@pytest.mark.parametrize("name", ["data.json", "config.json", "arrays/_METADATA"])
def test_a_file_that_is_not_on_the_list_is_refused(saved, name):
    sums = json.loads((saved / SUMS).read_text())
    del sums[name]
    (saved / SUMS).write_text(json.dumps(sums))
    with pytest.raises(DataError, match=f"'{name}' is not in checksums"):
        jaxad.load(saved)


def test_links_are_refused_whether_they_are_on_the_list_or_not(saved, tmp_path):
    (tmp_path / "data.json").write_text("{}")
    (saved / "data.json").unlink()
    (saved / "data.json").symlink_to(tmp_path / "data.json")
    with pytest.raises(DataError, match=r"'data\.json' is a link"):
        jaxad.load(saved)
    (saved / "data.json").unlink()
    (saved / "data.json").write_text("{}")
    jaxad.load(saved)
    (saved / "more").symlink_to(tmp_path)
    with pytest.raises(DataError, match="'more' is a link"):
        jaxad.load(saved)


def test_a_checksum_file_that_is_a_link_is_refused(saved, tmp_path):
    (saved / SUMS).rename(tmp_path / SUMS)
    (saved / SUMS).symlink_to(tmp_path / SUMS)
    with pytest.raises(DataError, match="not a saved detector"):
        jaxad.load(saved)


def test_pipes_are_refused_and_do_not_block(saved):
    (saved / "data.json").unlink()
    os.mkfifo(saved / "data.json")
    with pytest.raises(DataError, match="not a regular file"):
        jaxad.load(saved)


def test_a_folder_of_detectors_may_be_a_link_itself(saved, tmp_path):
    (tmp_path / "newest").symlink_to(saved)
    jaxad.load(tmp_path / "newest")


def test_a_sealed_object_is_read_unchanged_or_refused(tmp_path):
    path = tmp_path / "a.json"
    content = {"a": [1, 2.5, None], "b": {"c": "ä"}}
    path.write_text(json.dumps(seal(content), indent=1))
    assert read_sealed(path) == content
    path.write_text(json.dumps(seal(content) | {"a": [1, 2.5]}))
    with pytest.raises(DataError, match="changed"):
        read_sealed(path)
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match="no digest"):
        read_sealed(path)
    assert read_sealed(path, required=False) == content


def test_made_anew_the_checksums_are_complete(saved):
    (saved / "notes").write_text("mine")
    write_checksums(saved)
    jaxad.load(saved)
