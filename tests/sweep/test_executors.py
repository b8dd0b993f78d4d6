"""Executors: one from outside the package, and the recorder that writes what they yield."""

import pytest

from jaxad.cli import main
from jaxad.results import read_results
from jaxad.sweep import EXECUTORS, LocalExecutor, expand, group_jobs, load_experiment, run_jobs
from jaxad.sweep.executors import Arrivals, register
from jaxad.sweep.recorder import record

TEXT = """
datasets = ["blobs"]
detectors = ["pca", "gaussian"]
contamination = [0.05, 0.1]
labelled_anomalies = 4
n_train = 100
seeds = 2
"""


@pytest.fixture
def groups(file):
    return group_jobs([(job, (0, 1)) for job in expand(load_experiment(file))])


@pytest.fixture
def added():
    """Take back what a test registers."""
    before, origins = dict(EXECUTORS), dict(EXECUTORS.origins)
    yield
    EXECUTORS.clear()
    EXECUTORS.update(before)
    EXECUTORS.origins = origins


class Backwards:
    """Runs groups in the other order, and hands out the results of each together."""

    def __init__(self, options):
        self.local = LocalExecutor(data_dir=options.data_dir)

    def run(self, groups):
        return Arrivals(list(self.local.run([group])) for group in reversed(groups))


@pytest.mark.usefixtures("added")
def test_an_executor_from_outside_runs_a_sweep_by_its_name(file, tmp_path, capsys):
    register("backwards")(Backwards)
    run = ["sweep", str(file), "--out", str(tmp_path / "out")]
    assert main([*run, "--executor", "backward"]) == 2
    assert "Did you mean 'backwards'?" in capsys.readouterr().err
    assert main([*run, "--executor", "backwards"]) == 0
    table = capsys.readouterr().out
    rows = read_results(tmp_path / "out")
    assert len(rows) == 8 and rows.detector.iloc[0] == "gaussian"
    assert len(list((tmp_path / "out").glob("*.parquet"))) == 2  # a file for each group
    assert main(["sweep", str(file), "--out", str(tmp_path / "local")]) == 0
    assert capsys.readouterr().out == table


def test_results_are_reported_once_they_are_written(groups, tmp_path):
    seen = []

    def on_result(cell):
        rows = read_results(tmp_path)
        assert (rows.job == cell.job).sum() == len(cell.seeds)
        seen.append(cell.job)

    run_jobs(groups, tmp_path, LocalExecutor(), on_result)
    assert sorted(seen) == sorted(job.name for group in groups for job in group.jobs)


def test_an_executor_is_stopped_when_its_results_cannot_be_written(groups):
    stopped = []

    def results():
        try:
            yield from LocalExecutor().run(groups)
        finally:
            stopped.append(True)

    def full(*cells):
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        record(results(), full)
    assert stopped


def test_a_local_executor_stops_at_the_first_error_if_that_is_asked_for(file, tmp_path):
    file.write_text(TEXT.replace("[0.05, 0.1]", "[0.1, 0.9]"))
    groups = group_jobs([(job, (0, 1)) for job in expand(load_experiment(file))])
    with pytest.raises(ValueError, match=r"pca with normal class normal: contamination=0\.9 needs"):
        run_jobs(groups, tmp_path, LocalExecutor(stop_at_error=True))
    assert len(read_results(tmp_path)) <= 2
