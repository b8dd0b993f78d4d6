"""Sweeps: declarative experiments, planned, run and recorded."""

from jaxad.sweep.experiment import Experiment, load_experiment
from jaxad.sweep.jobs import Job, expand
from jaxad.sweep.local import run_jobs
from jaxad.sweep.plan import Group, group_jobs

__all__ = ["Experiment", "Group", "Job", "expand", "group_jobs", "load_experiment", "run_jobs"]
