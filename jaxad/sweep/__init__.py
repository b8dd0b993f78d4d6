"""Sweeps: declarative experiments, planned, run and recorded."""

from jaxad.sweep.experiment import Experiment, load_experiment
from jaxad.sweep.jobs import Job, expand
from jaxad.sweep.local import run_jobs
from jaxad.sweep.plan import Group, plan

__all__ = ["Experiment", "Group", "Job", "expand", "load_experiment", "plan", "run_jobs"]
