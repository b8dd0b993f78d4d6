"""Where a sweep runs: in this process, on a Ray cluster, or on several processes.

An executor is registered under a name, which `jaxad sweep --executor NAME` takes:

    @register("mine")
    def build(options: ExecutorOptions) -> Executor: ...

Other distributions add executors by entry points of the group `jaxad.executors`.
"""

from jaxad.sweep.executors.base import (
    EXECUTORS,
    Arrivals,
    Executor,
    ExecutorOptions,
    Result,
    register,
)
from jaxad.sweep.executors.distributed import DistributedExecutor
from jaxad.sweep.executors.local import LocalExecutor
from jaxad.sweep.executors.ray import Cluster, RayExecutor

__all__ = [
    "EXECUTORS",
    "Arrivals",
    "Cluster",
    "DistributedExecutor",
    "Executor",
    "ExecutorOptions",
    "LocalExecutor",
    "RayExecutor",
    "Result",
    "register",
]
