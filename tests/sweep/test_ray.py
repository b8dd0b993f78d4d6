"""A local Ray cluster with two workers: the same numbers, each cell once, also if a worker dies."""

import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

from jaxad.cli import main
from jaxad.errors import ConfigError
from jaxad.results import Failure, list_files, read_file, read_results
from jaxad.sweep import expand, group_jobs, load_experiment, run_jobs
from jaxad.sweep.cells import run_group
from jaxad.sweep.executors import Cluster, RayExecutor
from jaxad.sweep.store import find_done, read_cells, read_failed

ray = pytest.importorskip("ray")

TEXT = """
datasets = ["blobs"]
detectors = ["pca", {name = "autoencoder", epochs = 2}, {name = "iforest", trees = [20, 30, 40]}]
contamination = [0.05, 0.1]
labelled_anomalies = 4
n_train = 100
seeds = 2
"""
CELLS = 5 * 2 * 2


@pytest.fixture(scope="module")
def cluster():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of JAX, of the forks
        for last in (False, False, True):
            try:
                ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
                break
            except Exception:  # Ray waits half a minute for itself; a busy machine may need more
                ray.shutdown()
                if last:
                    raise
    yield
    ray.shutdown()


def groups_of(path, width=2):
    experiment = load_experiment(path)
    return group_jobs(
        [(job, tuple(range(experiment.seeds))) for job in expand(experiment)], width=width
    )


def same(folder, other):
    rows, want = (read_cells(f).sort_values(["job", "seed"]) for f in (folder, other))
    assert rows[["job", "seed"]].to_numpy().tolist() == want[["job", "seed"]].to_numpy().tolist()
    np.testing.assert_allclose(rows.auroc, want.auroc, atol=1e-5)
    assert rows.error.isna().all()


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_a_worker_that_is_killed_in_mid_sweep_costs_nothing(file, tmp_path):
    groups, killed, workers = groups_of(file), [], set()

    def on_cell(cell):
        if not killed:  # another one is at work by now
            killed.extend(busy_workers()[:1])
            for process in killed:
                os.kill(process, signal.SIGKILL)
        workers.update(busy_workers())

    run_jobs(groups, tmp_path / "ray", RayExecutor(), on_cell)
    assert len(killed) == 1
    rows = read_results(tmp_path / "ray")
    assert len(rows) == CELLS and not rows.duplicated(["job", "seed"]).any()
    run_jobs(groups, tmp_path / "local")
    same(tmp_path / "ray", tmp_path / "local")
    assert set(rows.device) == set(read_results(tmp_path / "local").device)


def busy_workers():
    """Processes that Ray has given a task of ours, by the title that it gives them."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes().startswith(b"ray::_work"):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return sorted(found)


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_a_job_that_kills_every_worker_fails_alone(file, tmp_path, monkeypatch):
    """A group of two jobs, of which one is deadly: the other is tried by itself, and complete."""
    text = TEXT.replace('"pca", {name = "autoencoder", epochs = 2}, ', "").replace(
        "[20, 30, 40]", "20"
    )
    file.write_text(text)
    (group,) = groups_of(file, width=64)
    deadly = group.jobs[1].name

    def work(group, data_dir, *_):
        if any(job.name == deadly for job in group.jobs):
            os.kill(os.getpid(), signal.SIGKILL)
        yield from run_group(group, data_dir)

    monkeypatch.setattr("jaxad.sweep.executors.ray._work", work)
    cells = []
    executor = RayExecutor(cluster=Cluster(retries=1))
    run_jobs([group], tmp_path / "out", executor, cells.append)
    failures = [cell for cell in cells if isinstance(cell, Failure)]
    assert [cell.job for cell in failures] == [deadly] and failures[0].seeds == (0, 1)
    assert failures[0].error.startswith("WorkerLostError: WorkerCrashedError")
    assert find_done(tmp_path / "out", retry_failed=True) == {group.jobs[0].name: {0, 1}}


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_ctrl_c_keeps_what_has_arrived_and_ends_the_rest(file, tmp_path):
    def on_cell(cell):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_jobs(groups_of(file), tmp_path / "out", RayExecutor(), on_cell)
    rows = read_results(tmp_path / "out")
    assert 2 <= len(rows) < CELLS
    end = time.monotonic() + 20
    while busy_workers() and time.monotonic() < end:
        time.sleep(0.1)
    assert not busy_workers()


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_a_driver_that_is_preempted_or_killed_loses_nothing(file, tmp_path):
    """The cluster goes on; its workers leave the tasks of a driver that has ended."""
    out = tmp_path / "ray"
    run = [sys.executable, "-m", "jaxad", "sweep", str(file), "--out", str(out)]
    run += ["--executor", "ray", "--address", ray.get_runtime_context().gcs_address]
    for number, code in ((signal.SIGTERM, 143), (signal.SIGKILL, -9)):
        before = len(list_files(out))
        with subprocess.Popen(run, stdout=subprocess.DEVNULL) as driver:
            while driver.poll() is None and len(list_files(out)) == before:
                time.sleep(0.01)
            driver.send_signal(number)
            assert driver.wait(timeout=30) == code
        left = time.monotonic() + 20
        while busy_workers() and time.monotonic() < left:
            time.sleep(0.1)
        assert not busy_workers()
    assert 0 < sum(read_file(path).num_rows for path in list_files(out)) < CELLS
    subprocess.run(run, stdout=subprocess.DEVNULL, check=True, timeout=300)
    assert sum(read_file(path).num_rows for path in list_files(out)) == CELLS
    run_jobs(groups_of(file), tmp_path / "local")
    same(out, tmp_path / "local")


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_a_node_that_loses_its_data_fails_its_cells_alone(file, tmp_path, capsys):
    """A cell that cannot read its data is named, and complete once the data is back."""
    rows = np.column_stack(
        [np.random.default_rng(0).normal(size=(300, 3)), np.arange(300) % 4 == 0]
    )
    data = tmp_path / "data"
    data.mkdir()
    np.savetxt(data / "toy.csv", rows, "%.6g", ",", header="a,b,c,label", comments="")
    file.write_text(TEXT.replace("blobs", "toy.csv"))
    run = ["sweep", str(file), "--data-dir", str(data), "--out"]
    ray_out, local = tmp_path / "ray", tmp_path / "local"
    jobs = expand(load_experiment(file), data)
    groups = group_jobs([(job, (0, 1)) for job in jobs], width=2)

    def on_cell(cell):
        if data.exists():
            data.rename(tmp_path / "lost")

    run_jobs(groups, ray_out, RayExecutor(data_dir=data), on_cell)
    (tmp_path / "lost").rename(data)
    lost = read_failed(ray_out)
    assert 0 < len(lost) < len(read_cells(ray_out)) == CELLS
    assert lost.error.str.contains("data_dir").all()
    assert main([*run, str(ray_out), "--retry-failed"]) == 0
    assert main([*run, str(local)]) == 0
    capsys.readouterr()
    same(ray_out, local)


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_the_command(file, tmp_path, capsys):
    run = ["sweep", str(file), "--out", str(tmp_path / "ray"), "--executor", "ray"]
    assert main(run) == 0
    table = capsys.readouterr().out
    assert main(["sweep", str(file), "--out", str(tmp_path / "local")]) == 0
    assert capsys.readouterr().out == table
    same(tmp_path / "ray", tmp_path / "local")


@pytest.mark.slow
@pytest.mark.usefixtures("cluster", "names_are_taken_back")
def test_workers_import_the_modules_of_plugins(file, tmp_path):
    (tmp_path / "own_of_workers.py").write_text(
        """
import jaxad


@jaxad.weighting.register("own_labels")
def own_labels(eta=1.0):
    return jaxad.weighting.by_label(eta)


@jaxad.data.register("own_blobs")
def own_blobs():
    return jaxad.load_dataset("blobs")
"""
    )
    text = TEXT.replace('"blobs"', '"own_blobs"').partition("detectors")[0]
    text += 'import = ["own_of_workers"]\nseeds = 2\nn_train = 100\ndetectors = [\n'
    text += '{name = "deep_sad", epochs = 1, pretrain_epochs = 0, weighting = "own_labels(2.0)"}]\n'
    file.write_text(text)
    assert main(["sweep", str(file), "--out", str(tmp_path / "out"), "--executor", "ray"]) == 0
    rows = read_results(tmp_path / "out")
    assert list(rows.dataset) == ["own_blobs"] * 2 and rows.auroc.notna().all()


def test_without_ray_the_error_says_how_to_get_it(file, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("jaxad.sweep.executors.ray.find_spec", lambda name: None)
    run = ["sweep", str(file), "--out", str(tmp_path / "out"), "--executor", "ray"]
    assert main(run) == 2
    assert 'pip install "jaxad[ray]"' in capsys.readouterr().err


def test_ray_is_imported_only_where_it_is_used():
    assert "ray" not in sys.modules or ray is sys.modules["ray"]
    source = Path(sys.modules["jaxad.sweep.executors.ray"].__file__).read_text()
    assert "\nimport ray" not in source


@pytest.mark.parametrize("wrong", [{"worker_cpus": 0}, {"worker_gpus": -1}])
def test_what_a_task_takes_is_checked(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Cluster(**wrong)


def test_options_of_a_cluster_need_one(file, tmp_path, capsys):
    run = ["sweep", str(file), "--out", str(tmp_path / "out"), "--address", "auto"]
    assert main(run) == 2
    assert "--executor ray" in capsys.readouterr().err


def test_an_address_where_nobody_listens(file, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    run = ["sweep", str(file), "--out", str(tmp_path / "out"), "--executor", "ray"]
    assert main([*run, "--address", "127.0.0.1:1"]) == 2
    assert "no Ray cluster at '127.0.0.1:1'" in capsys.readouterr().err
