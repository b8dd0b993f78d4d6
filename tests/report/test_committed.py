"""Committed results: whole, honest about the code that made them, and shown in the pages."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from jax.tree_util import Partial

import jaxad
from jaxad.cli.app import main
from jaxad.data.protocol.settings import Protocol
from jaxad.detectors import deep_svdd
from jaxad.errors import DataError
from jaxad.objectives import Objective
from jaxad.report import check_committed, read_committed
from jaxad.report.tables import format_cells
from jaxad.sweep.behaviour import DataKind, compare_behaviour, measure_behaviour

ROOT = Path(__file__).parents[2]
TEXT = """
title = "Two detectors"
datasets = ["blobs"]
detectors = ["hbos", { name = "deep_svdd", title = "SVDD", epochs = 2, pretrain_epochs = 0 }]
contamination = [0.0, 0.1]
seeds = 2
"""


def load(path):
    spec = importlib.util.spec_from_file_location(f"script_{path.stem}", ROOT / path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


results, tables = load(Path("experiments/results.py")), load(Path("docs/tables.py"))


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """The folder of experiments after the one of them was run."""
    root = tmp_path_factory.mktemp("committed") / "experiments"
    (root / "paper").mkdir(parents=True)
    source, path = root / "paper" / "two.toml", root / "paper" / "results" / "two.csv"
    source.write_text(TEXT)
    out = str(root.parent / "out")
    assert main(["sweep", str(source), "--out", out, "--summary", str(path)]) == 0
    return root, path


@pytest.fixture
def kept(ran):
    """The same, put back afterwards."""
    root, path = ran
    before = {p: p.read_bytes() for p in (path, path.with_suffix(".json"))}
    yield root, path
    for p, content in before.items():
        p.write_bytes(content)


def test_what_is_read_is_what_was_measured(ran):
    root, path = ran
    found = read_committed(path)
    rows = jaxad.results.read_results(root.parent / "out")
    for table in found.tables:
        assert table.keys == ("contamination",) and table.titles == ("hbos", "SVDD")
        for row in rows.itertuples():
            entry = table.rows[(str(row.contamination),)][row.title]
            assert entry.per_seed[row.seed] == pytest.approx(getattr(row, table.metric), abs=1e-5)
    assert found.about["missing"] == 0 and found.about["seeds"] == 2
    assert check_committed(path).state == "fresh"


def test_a_summary_leaves_out_the_seeds_of_an_earlier_sweep(ran, tmp_path, capsys):
    root, path = ran
    few = tmp_path / "few.csv"
    out = str(root.parent / "out")
    source = str(root / "paper" / "two.toml")
    assert main(["sweep", source, "--out", out, "--seeds", "1", "--summary", str(few)]) == 0
    assert "in %, one seed" in capsys.readouterr().out
    lines = [line for line in path.read_text().splitlines() if ",1," not in line]
    assert few.read_text().splitlines() == lines


def scale_loss(loss, out, batch):
    return 1.5 * loss(out, batch)


def test_a_loss_altered_by_a_factor_makes_results_stale(ran, monkeypatch, capsys):
    root, path = ran
    normal, anomaly, relabel = deep_svdd.inverse()
    altered = Objective(Partial(scale_loss, normal), anomaly, relabel)
    monkeypatch.setattr(deep_svdd, "inverse", lambda: altered)
    found = check_committed(path)
    assert found.state == "stale"
    assert [reason.split(" ")[0] for reason in found.reasons] == ["SVDD"]
    assert results.main(["--root", str(root), "check"]) == 1
    said = capsys.readouterr().out
    assert "stale      paper/results/two.csv" in said and "make results" in said
    page = tables.make_results(root, "paper/two", "auroc")
    assert '!!! warning "These results are stale"' in page
    monkeypatch.undo()
    assert results.main(["--root", str(root), "check"]) == 0
    assert "!!!" not in tables.make_results(root, "paper/two", "auroc")


@pytest.mark.slow
def test_several_processes_find_what_one_finds(kept):
    from jaxad.report import committed

    root, path = kept
    about = committed.read_sealed(path.with_suffix(".json"))
    about["behaviour"][1]["scores"][0] += 1
    (path.parent / "other.csv").write_bytes(path.read_bytes())
    (path.parent / "other.json").write_text(json.dumps(committed.seal(about)))
    (root / "paper" / "other.toml").write_text(TEXT)
    try:
        command = [sys.executable, ROOT / "experiments/results.py", "--root", root, "check"]
        one, two = (
            subprocess.run([*command, "--jobs", jobs], capture_output=True, text=True)
            for jobs in ("1", "2")
        )
        assert one.returncode == two.returncode == 1
        assert one.stdout == two.stdout
        assert "stale      paper/results/other.csv" in two.stdout
        assert "fresh      paper/results/two.csv" in two.stdout
    finally:
        for other in root.glob("**/other.*"):
            other.unlink()


def test_a_fingerprint_reads_a_weighting_that_watches_first():
    def measure(alpha):
        weighting = f"latent_outlier_exposure({alpha})"
        config = {"epochs": 50, "pretrain_epochs": 0, "weighting": weighting}
        protocol = Protocol(contamination=0.1, labelled_anomalies=5)
        return measure_behaviour("deep_svdd", config, protocol, DataKind((4,)))

    some = measure(0.1)
    assert compare_behaviour(measure(0.1), some)
    assert not compare_behaviour(measure(0.4), some)


def test_a_changed_number_is_noticed(kept):
    _, path = kept
    path.write_text(path.read_text().replace("hbos,0,0", "hbos,0,1", 1))
    with pytest.raises(DataError, match="changed since it was written"):
        read_committed(path)
    assert check_committed(path).state == "damaged"


@pytest.mark.parametrize("lost", [".csv", ".json"])
def test_a_lost_file_is_noticed(kept, lost):
    _, path = kept
    path.with_suffix(lost).unlink()
    assert check_committed(path).state == "damaged"


def test_an_experiment_without_results_is_listed(ran, capsys):
    root, _ = ran
    (root / "paper" / "three.toml").write_text(TEXT)
    assert results.main(["--root", str(root), "check"]) == 0
    assert "1 experiments have none" in capsys.readouterr().out
    assert {task.state for task in results.list_tasks(root, [])} == {"missing"}
    (root / "paper" / "three.toml").unlink()


def test_only_the_results_that_are_run_are_checked_before(ran, monkeypatch, capsys):
    root, path = ran
    checked = []

    def watch(one):
        checked.append(one)
        return check_committed(one)

    monkeypatch.setattr(results, "check_committed", watch)
    command = ["--root", str(root), "run", "--hours", "0", "--only"]
    assert results.main([*command, "other/"]) == 0
    assert checked == [] and capsys.readouterr().out == "\n"
    assert results.main([*command, "paper/two"]) == 0
    assert checked == [path]


def test_other_versions_are_told_from_other_behaviour(kept, monkeypatch):
    from jaxad.report import committed

    _, path = kept
    about = committed.read_sealed(path.with_suffix(".json"))
    about["behaviour"][0]["scores"][0] += 1
    path.with_suffix(".json").write_text(json.dumps(committed.seal(about)))
    assert check_committed(path).state == "stale"
    about["versions"]["numpy"] = "1.0"
    path.with_suffix(".json").write_text(json.dumps(committed.seal(about)))
    found = check_committed(path)
    assert found.state == "unknown" and "numpy 1.0" in found.reasons[-1]


def test_the_page_shows_the_table(ran):
    root, path = ran
    page = tables.make_results(root, "paper/two", "auprc")
    for line in format_cells(read_committed(path).tables[1]):
        assert f"| {' | '.join(line)} |" in page
    assert "jaxad sweep experiments/paper/two.toml" in page
    header, *lines = format_cells(read_committed(path).tables[1])
    page = tables.make_results(root, "paper/two", "auprc", transposed=True)
    assert f"| {' | '.join(['detector', *(line[0] for line in lines)])} |" in page
    assert f"| {' | '.join([header[1], *(line[1] for line in lines)])} |" in page
    with pytest.raises(ValueError, match="has no metric 'f1'; it has auroc, auprc"):
        tables.make_results(root, "paper/two", "f1")


def test_the_committed_results_of_this_repository_are_whole():
    for path in results.list_committed(ROOT / "experiments"):
        assert results.find_source(path) is not None
        assert read_committed(path).tables


def test_rows_of_a_csv_file_are_shown(tmp_path):
    folder = tmp_path / "paper" / "results"
    folder.mkdir(parents=True)
    (folder / "means.csv").write_text(
        "data,detector,auroc,auroc_std,seeds\na,knn,0.9,0.012,3\na,x|y,0.5,0,3\nb,knn,0.1,0,3\n"
    )
    assert tables.make_table(tmp_path, "paper/means", {"data": "a"}).splitlines() == [
        "| detector | auroc |",
        "| --- | --- |",
        "| knn | 90.0 ± 1.2 |",
        r"| x\|y | 50.0 ± 0.0 |",
    ]
    with pytest.raises(ValueError, match="no row whose data is 'c'"):
        tables.make_table(tmp_path, "paper/means", {"data": "c"})
    chosen = tables.make_table(
        tmp_path, "paper/means", {"data": "a|b", "detector": "knn"}, ["auroc"]
    )
    assert chosen.splitlines()[2:] == ["| 90.0 ± 1.2 |", "| 10.0 ± 0.0 |"]


def test_means_and_ranks_of_a_csv_file_are_shown(tmp_path):
    folder = tmp_path / "paper" / "results"
    folder.mkdir(parents=True)
    (folder / "cells.csv").write_text(
        "noise,dataset,title,seeds,auroc,auroc_std\n"
        "0,a,knn,3,0.9,0\n0,b,knn,2,0.7,0\n0,a,x|y,3,0.8,0\n0,b,x|y,3,0.9,0\n"
        "1,a,knn,3,0.5,0\n1,b,knn,3,0.6,0\n1,a,x|y,3,0.5,0\n1,b,x|y,3,0.5,0\n"
    )
    assert tables.make_averages(
        tmp_path, "paper/cells", ["auroc"], "title", "noise"
    ).splitlines() == [
        "| title | auroc, noise 0 | rank, noise 0 | auroc, noise 1 | rank, noise 1 |",
        "| --- | --- | --- | --- | --- |",
        r"| x\|y | 85.0 | 1.50 | 50.0 | 1.75 |",
        "| knn | 80.0 | 1.50 | 55.0 | 1.25 |",
    ]
    (folder / "seeds.csv").write_text(
        "dataset,title,share,seed,auroc,other\n"
        "a,knn,0,0,0.9,1\na,kde,0,0,0.8,2\na,knn,0,1,0.7,3\na,kde,0,1,0.6,4\n"
        "b,knn,0,0,0.1,5\nb,kde,0,0,0.2,6\n"
    )
    of_a = tables.make_averages(
        tmp_path, "paper/seeds", ["auroc"], "title", "share", {"dataset": "a"}
    )
    assert of_a.splitlines()[2:] == ["| knn | 80.0 | 1.00 |", "| kde | 70.0 | 2.00 |"]
    with pytest.raises(ValueError, match="no row"):
        tables.make_averages(tmp_path, "paper/seeds", ["auroc"], "title", "share", {"dataset": "c"})


def test_a_number_is_shown_by_two_columns_with_published_values(tmp_path):
    for kind, text in {
        "results": "method,kind,auroc\nknn,a_b,90.04\nknn,c,50\nkde,a_b,70\nkde,c,10\n",
        "published": "method,dataset,subset,metric,mean\n"
        "knn,x,a_b,auroc,91\nknn,x,c,auroc,52\nkde,x,a_b,auroc,1\nkde,x,c,auroc,4\n"
        "kde,x,c,ap,99\n",
    }.items():
        folder = tmp_path / "paper" / kind
        folder.mkdir(parents=True)
        (folder / "t.csv").write_text(text)
    arguments = (tmp_path, "paper/t", "auroc", "kind", "method")
    assert tables.make_pivot(*arguments).splitlines() == [
        "| kind | knn | kde |",
        "| --- | --- | --- |",
        "| a b | 90.0 | 70.0 |",
        "| c | 50.0 | 10.0 |",
        "| mean | 70.0 | 40.0 |",
    ]
    shown = tables.make_pivot(*arguments, published="t").splitlines()
    assert shown[2] == "| a b | 90.0 (91) | 70.0 (1) |"
    assert shown[4] == "| mean | 70.0 (71.5) | 40.0 (2.5) |"


def test_the_fingerprint_of_a_text_detector_does_not_need_its_word_vectors():
    kind = DataKind((12,), documents=True)
    settings = {"vectors": "a file of another machine", "epochs": 1, "contexts": 2}
    one, same = (measure_behaviour("cvdd", settings, Protocol(), kind) for _ in range(2))
    assert one == same and np.isfinite(one.scores).all()
    learned = measure_behaviour("cvdd", settings | {"vectors": None}, Protocol(), kind)
    assert not compare_behaviour(learned, one)
