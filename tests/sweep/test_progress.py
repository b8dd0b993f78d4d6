"""What a sweep says of how far it has come: counts, times and estimates that add up."""

import io
import re

import pytest
from rich.console import Console

from jaxad.cli import main
from jaxad.cli.progress import Reporter
from jaxad.cli.watch import Watch, format_seconds
from jaxad.evaluation.metrics import summarise
from jaxad.evaluation.scoring import Evaluation
from jaxad.results import Cell, Failure
from jaxad.sweep import expand, group_jobs, load_experiment
from jaxad.training.fitted import Progress
from jaxad.utils.timing import Seconds

TEXT = """
datasets = ["blobs"]
detectors = ["autoencoder", "pca"]
contamination = [0.05, 0.1]
labelled_anomalies = 4
n_train = 100
epochs = 1
seeds = 2
"""


@pytest.fixture
def groups(file):
    """Two groups of two jobs with two seeds each."""
    return group_jobs([(job, (0, 1)) for job in expand(load_experiment(file))])


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def cell(job, compile, run, seeds=(0, 1)):
    names = ("auroc", "auprc", "auprc_normal", "best_f1", "precision_at_n")
    metrics = Evaluation(**{name: summarise([0.5] * len(seeds)) for name in names})
    asked = {"dataset": job.dataset, "normal_class": "normal", "setting": {}, "config": {}}
    asked |= {"detector": job.variant.detector, "job": job.name, "seeds": seeds}
    return Cell(**asked, evaluation=metrics, seconds=Seconds(compile, run))


def failure(job, seeds=(0, 1)):
    asked = {"dataset": job.dataset, "normal_class": "normal", "setting": {}, "config": {}}
    asked |= {"detector": job.variant.detector, "job": job.name, "seeds": seeds}
    return Failure(**asked, error="ValueError: no")


def test_cells_are_counted_and_the_rest_estimated_by_detector(groups):
    clock = Clock()
    watch = Watch(groups, clock)
    first, second = groups
    assert watch.cells == 8 and watch.remaining() is None
    assert watch.where() == "0 of 8 cells"
    clock.now += 10
    assert watch.take(cell(first.jobs[0], 4.0, 4.0)) is None
    # 8 measured seconds in 10: each of the six cells left, 4 of them of a detector not yet
    # seen, is taken for 8 / 2 seconds, and seconds last 10 / 8.
    assert watch.remaining() == pytest.approx(6 * 4 * 10 / 8)
    assert watch.where() == "2 of 8 cells, about 30.0 s left"
    clock.now += 10
    group = watch.take(cell(first.jobs[1], 0.0, 8.0))
    assert group.number == 1 and (group.seconds.compile, group.seconds.run) == (4.0, 12.0)
    clock.now += 4
    watch.take(cell(second.jobs[0], 0.0, 1.0))
    # The two left cost half a second each by now; 17 measured seconds in 24.
    assert watch.remaining() == pytest.approx(1.0 * 24 / 17)
    assert watch.present.name.startswith("blobs")
    assert watch.take(failure(second.jobs[1])).number == 2
    assert watch.present is None and watch.where() == "8 of 8 cells"
    assert watch.failed == 2 and watch.done == 8
    said = watch.summary(before=3)
    assert said.startswith("8 cells run, 2 of them failed, 3 there before; 24.0 s in all, ")
    assert "compile 4.0 s, run 13.0 s; at most" in said


def test_a_job_may_come_in_parts(groups):
    watch = Watch(groups, Clock())
    job, other = groups[0].jobs
    assert watch.take(cell(job, 0.0, 1.0, seeds=(1,))) is None
    assert watch.take(failure(job, seeds=(0,))) is None
    assert watch.done == 2 and watch.failed == 1
    assert watch.take(cell(other, 0.0, 1.0)).number == 1


@pytest.mark.parametrize(
    ("seconds", "said"), [(8.06, "8.1 s"), (59.9, "59.9 s"), (185, "3 min"), (9000, "2.5 h")]
)
def test_times_in_words(seconds, said):
    assert format_seconds(seconds) == said


def test_plain_lines_where_the_output_is_no_terminal(file, tmp_path, capsys):
    assert main(["sweep", str(file), "--out", str(tmp_path / "out")]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 7  # a line for each job, one for each group, and the summary
    number = r"[\d.]+"
    jobs = [line for line in lines if re.match("blobs normal  (5|10) %  (pca|autoencoder)  ", line)]
    assert len(jobs) == 4
    assert all(re.search(rf"AUROC {number} %  AUPRC {number} %  \d of 8 cells", j) for j in jobs)
    assert "2 of 8 cells, about " in lines[0] and lines[-2].startswith("group 2 of 2 (blobs")
    group = rf"4 cells, compile {number} s, run {number} s, memory {number} GiB"
    assert re.search(group, lines[2]) and re.search(group, lines[5])
    assert lines[-1].startswith("8 cells run, 0 of them failed, 0 there before; ")
    assert not any("\x1b" in line for line in lines)


def test_of_a_failed_job_there_is_one_line(file, tmp_path, capsys):
    file.write_text(TEXT.replace("[0.05, 0.1]", "[0.9]"))
    assert main(["sweep", str(file), "--out", str(tmp_path / "out")]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert "DataError: contamination=0.9 needs" in lines[0]
    assert "4 cells run, 4 of them failed" in lines[-2] and "--retry-failed" in lines[-1]


def test_a_bar_moves_by_the_cells_of_what_is_at_work():
    moved = []

    class Bar:
        def add_task(self, *_, **__):
            return 0

        def update(self, task, completed, description):
            moved.append(completed)

    console = Console(file=io.StringIO())
    reporter = Reporter(console, Bar(), 10)
    reporter.begin("a group", 4)
    reporter.step(Progress("train", 1, 2))
    reporter.begin("a job of it", 2)
    reporter.done("good")
    assert moved == [0, 2, 0, 2]
    assert console.file.getvalue() == ""
    reporter.begin("another", 2)
    reporter.done("ValueError: no", stays=True)
    assert console.file.getvalue() == "another  ValueError: no\n"
    console.file.truncate(0)
    console.file.seek(0)
    reporter.say("group 1 of 3")
    assert console.file.getvalue() == "group 1 of 3\n"
