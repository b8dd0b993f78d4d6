"""Sweeps run: each cell once, the same as alone, and a failed one harms no other."""

import multiprocessing
import os

import numpy as np
import pytest

import jaxad
from jaxad.cli import main
from jaxad.errors import ConfigError
from jaxad.results import Failure, read_results
from jaxad.sweep import expand, group_jobs, load_experiment, run_jobs
from jaxad.sweep.cells import run_group
from jaxad.sweep.store import find_done, hold_folder, read_cells, read_failed, tidy

TEXT = """
title = "Blobs"
datasets = ["blobs"]
detectors = ["autoencoder", {name = "deep_sad", eta = [1.0, 2.0]}]
contamination = [0.05, 0.1]
labelled_anomalies = 4
n_train = 100
epochs = 2
seeds = 2
"""


def groups_of(path, **changes):
    experiment = load_experiment(path, **changes)
    return group_jobs([(job, tuple(range(experiment.seeds))) for job in expand(experiment)])


def test_jobs_side_by_side_are_each_job_alone(file):
    groups = groups_of(file)
    assert [len(group.jobs) for group in groups] == [2, 4]  # those of two etas are one program's
    for group in groups:
        for cell, job in zip(run_group(group), group.jobs, strict=True):
            assert cell.job == job.name
            split = jaxad.contaminate("blobs", 0, normal_class=0, seeds=2, protocol=job.protocol)
            made = jaxad.make(job.variant.detector, split.train, **dict(job.variant.config))
            alone = jaxad.evaluate(jaxad.fit(made, split.train, seeds=2), split.test)
            np.testing.assert_allclose(
                cell.evaluation.auroc.per_seed, alone.auroc.per_seed, atol=1e-5
            )


def test_a_seed_does_not_depend_on_the_seeds_beside_it(file):
    (group, *_) = groups_of(file, seeds=3, contamination=0.1)
    both = next(iter(run_group(group)))
    one = next(iter(run_group(group.__class__(group.jobs, (2,)))))
    assert one.seeds == (2,)
    np.testing.assert_allclose(
        one.evaluation.auroc.per_seed[0], both.evaluation.auroc.per_seed[2], atol=1e-5
    )


def test_what_is_done_is_not_run_again_and_what_is_missing_is(file, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["sweep", str(file), "--out", str(out), "--seeds", "1"]) == 0
    assert len(read_cells(out)) == 6
    first = capsys.readouterr().out
    assert main(["sweep", str(file), "--out", str(out), "--seeds", "1"]) == 0
    assert capsys.readouterr().out == first
    assert len(read_results(out)) == 6
    assert main(["sweep", str(file), "--out", str(out)]) == 0
    rows = read_results(out)
    assert len(rows) == 12 and not rows.duplicated(["job", "seed"]).any()
    text = capsys.readouterr().out
    assert "| mean rank |" in text and "deep_sad (eta=2.0)" in text
    assert main(["report", str(out)]) == 0
    assert capsys.readouterr().out == text
    assert main(["report", str(out), str(file)]) == 0
    assert capsys.readouterr().out == text


def test_a_job_that_fails_is_recorded_and_the_others_go_on(file, tmp_path, capsys):
    file.write_text(TEXT.replace("[0.05, 0.1]", "[0.1, 0.9]"))
    out = tmp_path / "out"
    assert main(["sweep", str(file), "--out", str(out)]) == 1
    assert "cells failed" in capsys.readouterr().err
    rows = read_cells(out)
    assert len(rows) == 12 and len(read_failed(out)) == 6
    assert set(read_failed(out).seed) == {0, 1}
    assert read_failed(out).error.str.startswith("DataError: contamination=0.9 needs 90").all()
    assert rows.auroc.notna().sum() == 6
    assert main(["sweep", str(file), "--out", str(out)]) == 0  # recorded: not run again
    assert main(["sweep", str(file), "--out", str(out), "--retry-failed"]) == 1


def test_seeds_that_diverge_fail_alone(file, monkeypatch):
    monkeypatch.setattr("jaxad.sweep.cells.score", lambda *a: broken(jaxad.score(*a)))

    def broken(scores):
        scores = np.array(scores)
        scores[1, 3] = np.nan
        return scores

    (group, *_) = groups_of(file, contamination=0.1)
    good, bad = run_group(group)
    assert good.seeds == (0,) and len(good.evaluation.auroc.per_seed) == 1
    assert isinstance(bad, Failure) and bad.seeds == (1,) and "not finite" in bad.error


def test_few_anomalies_are_taken_as_they_are_if_that_is_asked_for(file):
    (group, *_) = groups_of(file, contamination=0.9, few_anomalies="own", n_train="none")
    assert [cell.seeds for cell in run_group(group)] == [(0, 1)]


def test_dry_run_runs_nothing(file, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["sweep", str(file), "--out", str(out), "--dry-run"]) == 0
    assert not out.exists()
    assert "12 cells are missing" in capsys.readouterr().out


def test_dry_run_knows_which_cells_have_too_few_anomalies(file, tmp_path, capsys):
    file.write_text(TEXT.replace("[0.05, 0.1]", "[0.1, 0.9]"))
    run = ["sweep", str(file), "--out", str(tmp_path / "out"), "--dry-run"]
    assert main(run) == 0
    (line,) = [x for x in capsys.readouterr().out.splitlines() if "would fail" in x]
    assert line.startswith("6 cells would fail: contamination=0.9 needs 90 hidden anomalies")
    assert line.endswith('few_anomalies = "own" uses all available ones')
    file.write_text('few_anomalies = "own"\n' + file.read_text())
    assert main(run) == 0
    assert "would fail" not in capsys.readouterr().out


def test_only_runs_the_jobs_that_fulfil_all_conditions(file, tmp_path, capsys):
    run = ["sweep", str(file), "--out", str(tmp_path / "out"), "--dry-run"]
    assert main([*run, "--only", "detector=deep_sad", "--only", "contamination=0.10"]) == 0
    assert "2 jobs x 2 seeds" in capsys.readouterr().out
    assert main([*run, "--only", "detectr=deep_sad"]) == 2
    assert "detector" in capsys.readouterr().err
    assert main([*run, "--only", "detector=deep_svdd"]) == 2
    assert "no job fulfils" in capsys.readouterr().err


def test_small_files_are_joined_and_nothing_is_lost(file, tmp_path):
    groups = groups_of(file)
    for _ in range(4):
        run_jobs(groups, tmp_path / "out")
    before = read_cells(tmp_path / "out")
    assert len(list((tmp_path / "out").glob("*.parquet"))) == 24
    assert tidy(tmp_path / "out") == []
    assert len(list((tmp_path / "out").glob("*.parquet"))) == 1
    after = read_cells(tmp_path / "out")
    key = ["job", "seed"]
    left, right = (f.sort_values(key)[[*key, "auroc"]].to_numpy() for f in (before, after))
    assert (left == right).all()
    assert find_done(tmp_path / "out") == {job.name: {0, 1} for g in groups for job in g.jobs}


def _hold(folder, ready, release):
    with hold_folder(folder):
        ready.set()
        release.wait(30)


def test_one_sweep_writes_at_a_time(tmp_path):
    context = multiprocessing.get_context("spawn")
    ready, release = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(tmp_path, ready, release))
    other.start()
    try:
        assert ready.wait(60)
        with (
            pytest.raises(ConfigError, match=f"another sweep \\(process {other.pid} on "),
            hold_folder(tmp_path),
        ):
            pass
    finally:
        release.set()
        other.join()
    with hold_folder(tmp_path):
        assert (tmp_path / ".lock").read_text().startswith(f"process {os.getpid()} on ")
