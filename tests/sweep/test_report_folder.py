"""A folder of results reports on itself: without the data, the file or the published numbers."""

import base64
import json
import re
import sys

import pytest

from jaxad.cli import main
from jaxad.errors import DataError
from jaxad.sweep import expand, load_experiment
from jaxad.sweep.stored import load_stored

TEXT = """
title = "Blobs & moons"
datasets = ["blobs", "two_moons", {name = "blobs", labelled_anomalies = 3}]
detectors = ["pca", {name = "gaussian", title = "one Gaussian"}]
contamination = [0.0, 0.1]
labelled_anomalies = 2
n_train = 100
seeds = 2
metrics = ["auroc", "audit_auroc"]
notes = ["A note."]

[published]
file = "numbers/printed.csv"
methods = { pca = "PCA" }
row = "dataset"

[quick]
seeds = 1
"""
PRINTED = "method,dataset,subset,setting,metric,mean,std,seeds\nPCA,blobs,,,auroc,61.5,2.5,10\n"


@pytest.fixture
def file(tmp_path):
    (tmp_path / "numbers").mkdir()
    (tmp_path / "numbers" / "printed.csv").write_text(PRINTED)
    path = tmp_path / "both.toml"
    path.write_text(TEXT)
    return path


def gone(*_, **__):
    raise AssertionError("the data is not needed")


def test_what_a_sweep_keeps_is_the_experiment_as_it_was_run(file, tmp_path, monkeypatch):
    out = tmp_path / "out"
    run = ["sweep", str(file), "--size", "quick", "--seeds", "3", "--out", str(out)]
    assert main([*run, "--only", "detector=pca"]) == 0
    want = expand(load_experiment(file, "quick"))
    monkeypatch.setattr("jaxad.sweep.jobs.load_dataset", gone)
    file.unlink()
    (saved,) = load_stored(out)
    assert (saved.name, saved.size, saved.text) == ("both", "quick", TEXT)
    assert saved.experiment.seeds == 3
    assert saved.jobs == want  # all of them, also those that --only left out
    assert [job.name for job in saved.jobs] == [job.name for job in want]


def test_a_stored_experiment_finds_plugins_beside_its_first_file(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    path, module = tmp_path / "here" / "one.toml", tmp_path / "here" / "own_stored.py"
    path.write_text('datasets = ["blobs"]\ndetectors = ["pca"]\nimport = ["own_stored"]\n')
    module.write_text("")
    monkeypatch.setattr("sys.path", [*sys.path])
    monkeypatch.chdir(tmp_path)
    assert main(["sweep", str(path), "--seeds", "1", "--out", "out"]) == 0
    monkeypatch.setattr("sys.path", [p for p in sys.path if p != str(module.parent)])
    monkeypatch.delitem(sys.modules, "own_stored")
    assert [one.name for one in load_stored("out")] == ["one"]


def test_a_report_of_a_folder_needs_nothing_but_the_folder(file, tmp_path, monkeypatch, capsys):
    out, rep = tmp_path / "out", tmp_path / "rep"
    assert main(["sweep", str(file), "--out", str(out)]) == 0
    table = capsys.readouterr().out
    assert "(61.5 ± 2.5; " in table
    monkeypatch.setattr("jaxad.sweep.jobs.load_dataset", gone)
    (tmp_path / "numbers" / "printed.csv").unlink()
    file.unlink()
    assert main(["report", str(out), "--out", str(rep)]) == 0
    assert capsys.readouterr().out == table
    assert (rep / "both.md").read_text() == table[:-1]
    assert r"one Gaussian" in (rep / "both.tex").read_text()
    assert (rep / "both.csv").read_text().startswith("dataset,")
    pictures = {p.stem.removeprefix("both-") for p in rep.glob("*.png")}
    assert {p.stem.removeprefix("both-") for p in rep.glob("*.pdf")} == pictures
    assert {"auroc-curves-contamination", "auroc-boxes", "audit-precision"} <= pictures
    assert all(p.read_bytes()[:4] == b"\x89PNG" for p in rep.glob("*.png"))


def test_a_page_holds_tables_pictures_the_experiment_and_what_failed(file, tmp_path):
    out, rep = tmp_path / "out", tmp_path / "rep"
    file.write_text(TEXT.replace("contamination = [0.0, 0.1]", "contamination = [0.0, 0.1, 0.9]"))
    assert main(["sweep", str(file), "--size", "quick", "--out", str(out)]) == 1
    assert main(["report", str(out), "--out", str(rep)]) == 0
    text = (rep / "both.html").read_text()
    assert text.startswith("<!doctype html>") and "<h1>Blobs &amp; moons</h1>" in text
    assert text.count("<table>") == 2 and "A note." in text
    images = re.findall(r'src="data:image/png;base64,([^"]+)"', text)
    assert len(images) == len(list(rep.glob("*.png"))) >= 3
    assert all(base64.b64decode(image)[:4] == b"\x89PNG" for image in images)
    assert not re.findall(r'(?:src|href)="(?!data:)', text) and "http" not in text
    assert "jaxad version: " in text and "device: " in text and "labelled_anomalies = 3" in text
    assert re.search(r"4 of 18 cells:.*2 x DataError: contamination=0.9 needs", text, re.S)


def test_published_numbers_that_are_not_there_are_found_missing_before_anything_runs(
    file, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr("jaxad.sweep.cells.fit", gone)
    (tmp_path / "numbers" / "printed.csv").unlink()
    assert main(["sweep", str(file), "--out", str(tmp_path / "out")]) == 2
    assert "published: there is no file" in capsys.readouterr().err


def test_several_experiments_in_one_folder_are_reported_in_turn(file, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["sweep", str(file), "--size", "quick", "--out", str(out)]) == 0
    other = tmp_path / "other.toml"
    other.write_text('title = "Other"\ndatasets = ["wine"]\ndetectors = ["pca"]\nseeds = 1\n')
    assert main(["sweep", str(other), "--out", str(out)]) == 0
    capsys.readouterr()
    assert main(["report", str(out)]) == 0
    titles = [line for line in capsys.readouterr().out.splitlines() if line.startswith("## ")]
    assert titles == ["## Blobs & moons", "## Other"]
    assert main(["report", str(out), str(other)]) == 0
    assert "Blobs" not in capsys.readouterr().out


def test_wrong_uses_are_explained(file, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["report", str(file), str(out)]) == 2
    assert "the folder of results comes first" in capsys.readouterr().err
    out.mkdir()
    assert main(["report", str(out)]) == 1
    assert "holds no experiment; name its TOML file" in capsys.readouterr().err
    assert main(["report", str(out), "--size", "quick"]) == 2
    assert main(["report", str(tmp_path / "none"), str(file)]) == 1


def test_what_was_kept_and_is_damaged_is_named(file, tmp_path):
    out = tmp_path / "out"
    assert main(["sweep", str(file), "--size", "quick", "--out", str(out)]) == 0
    path = out / "experiments" / "both.json"
    about = json.loads(path.read_text())
    path.write_text(json.dumps(about)[:-5])
    with pytest.raises(DataError, match=r"both\.json cannot be read"):
        load_stored(out)


def test_outputs_that_are_inputs_are_refused(file, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["sweep", str(file), "--size", "quick", "--out", str(out)]) == 0
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    (tmp_path / "link").symlink_to(out)
    for folder in (out, out / "experiments", tmp_path / "link"):
        assert main(["report", str(out), "--out", str(folder)]) == 2
        assert "is also the input RESULTS" in capsys.readouterr().err
    # The report would be numbers/printed.csv, which holds the published numbers.
    moved = tmp_path / "printed.toml"
    moved.write_text(TEXT)
    assert main(["report", str(out), str(moved), "--out", str(tmp_path / "numbers")]) == 2
    assert "is also the input published.file" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in before} == before


def test_results_are_not_written_into_a_folder_of_data(tmp_path, capsys):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "own.csv").write_text("a,label\n" + "".join(f"{i},{i % 2}\n" for i in range(40)))
    (tmp_path / "own.toml").write_text(
        'datasets = ["own"]\ndetectors = ["pca"]\nseeds = 1\nlabelled_anomalies = 0\n'
    )
    shared = ["--data-dir", str(folder), "--out", str(folder)]
    assert main(["run", "own", "pca", *shared]) == 2
    assert "is also the input --data-dir" in capsys.readouterr().err
    assert main(["sweep", str(tmp_path / "own.toml"), *shared]) == 2
    assert "is also the input --data-dir" in capsys.readouterr().err
    assert [path.name for path in folder.iterdir()] == ["own.csv"]
