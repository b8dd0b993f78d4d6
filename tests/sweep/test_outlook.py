"""What lies ahead: the work of planning, and what a dry run says of a sweep."""

import pandas as pd
import pytest

from jaxad.sweep import expand, group_jobs, load_experiment
from jaxad.sweep.jobs import Job
from jaxad.sweep.outlook import count_programs, describe_outlook, estimate_seconds

TEXT = """
datasets = ["digits", "wine"]
detectors = [{ name = "deep_sad", eta = [1.0, 2.0] }, { name = "deep_sad", widths = [8, 4] }]
normal_class = [0, 1]
contamination = [0.0, 0.05, 0.1]
seeds = 4
"""


@pytest.fixture
def jobs(tmp_path):
    path = tmp_path / "experiment.toml"
    path.write_text(TEXT)
    return expand(load_experiment(path))


def groups_of(jobs):
    return group_jobs([(job, tuple(range(4))) for job in jobs])


def test_each_set_is_loaded_once_and_each_job_is_hashed_once(tmp_path, monkeypatch):
    """So that planning is as long as the list of jobs; benchmarks/plan.py has its seconds."""
    from jaxad.sweep import jobs as module

    path = tmp_path / "experiment.toml"
    path.write_text(TEXT)
    loaded, hashed, sha256, load = [], [], module.hashlib.sha256, module.load_dataset
    monkeypatch.setattr(module, "load_dataset", lambda *a, **k: loaded.append(a) or load(*a, **k))
    monkeypatch.setattr(module.hashlib, "sha256", lambda b: hashed.append(b) or sha256(b))
    jobs = expand(load_experiment(path))
    assert len(loaded) == 2
    for _ in range(3):
        assert len({job.name for job in jobs}) == 2 * 3 * 2 * 3
    group_jobs([(job, (0,)) for job in jobs])
    assert len(hashed) == len(jobs) and isinstance(jobs[0], Job)


def test_detectors_that_differ_in_numbers_count_as_one_program(jobs):
    assert count_programs(groups_of(jobs)) == 2 * 2


def test_seconds_are_those_of_cells_like_these(jobs):
    groups = groups_of([job for job in jobs if dict(job.variant.config).get("eta") == 1.0])
    assert sum(len(g.jobs) for g in groups) == 12

    def of(*cells):
        names = ("detector", "dataset", "seconds_compile", "seconds_run", "error")
        return estimate_seconds(groups, pd.DataFrame(cells, columns=names))

    digits, wine = ("deep_sad", "digits", 1.0, 2.0, None), ("deep_sad", "wine", 0.5, 0.5, None)
    failed = ("deep_sad", "wine", 100.0, 100.0, "DataError")
    assert of(digits, wine, failed) == 24 * 3.0 + 24 * 1.0
    assert of(digits) == 48 * 3.0  # the detector on another set
    assert of(("deep_svdd", "digits", 1.0, 1.0, None)) is None
    assert of() is None


def test_the_outlook_is_short_however_much_there_is(jobs, tmp_path):
    few = describe_outlook(groups_of(jobs[:2]), tmp_path / "none")
    assert len(few) == 3 and few[0].endswith("4 seeds") and "unknown" in few[-1]
    many = describe_outlook(groups_of(jobs), tmp_path / "none")
    assert many[:2] == ["3 detectors:", "  deep_sad (eta=1.0): 48 cells"]
    assert "  wine: 72 cells" in many and len(many) == 8
