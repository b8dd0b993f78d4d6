"""Sweeps: declarative experiments, planned, run and recorded."""

from jaxad.sweep.executors import EXECUTORS, Executor, LocalExecutor
from jaxad.sweep.experiment import Experiment, load_experiment
from jaxad.sweep.groups import Group, group_jobs
from jaxad.sweep.jobs import Job, expand
from jaxad.sweep.recorder import run_jobs

__all__ = [
    "EXECUTORS",
    "Executor",
    "Experiment",
    "Group",
    "Job",
    "LocalExecutor",
    "expand",
    "group_jobs",
    "load_experiment",
    "run_jobs",
]
