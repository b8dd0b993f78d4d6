"""Topologies that programs can be compiled for, with the published figures of their chips."""

import importlib.metadata
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh

from jaxad.detector import Detector, HostDetector
from jaxad.errors import ConfigError, unknown_name
from jaxad.training.devices import AXIS
from jaxad.training.seeds import choose_mode

__all__ = ["CHIPS", "TOPOLOGIES", "Chip", "Topology", "open_topology"]

GIB = 2**30


class Chip(NamedTuple):
    """The published figures of one chip.

    Attributes:
        name: The name of its generation; "cpu" for this machine.
        memory: Bytes of memory.
        operations: Peak floating-point operations per second in bfloat16, the precision in which a
            TPU multiplies float32 matrices by default; None if no figure is published.
        bandwidth: Bytes per second between the chip and its memory; None as above.
        source: Where the figures are published.
    """

    name: str
    memory: int
    operations: float | None
    bandwidth: float | None
    source: str


_CLOUD = "https://cloud.google.com/tpu/docs"
CHIPS: Mapping[str, Chip] = {
    "v5e": Chip("v5e", 16 * GIB, 197e12, 819e9, f"{_CLOUD}/v5e"),
    "v5p": Chip("v5p", 95 * GIB, 459e12, 2765e9, f"{_CLOUD}/v5p"),
    "v6e": Chip("v6e", 32 * GIB, 918e12, 1640e9, f"{_CLOUD}/v6e"),
}
# The devices of one process: a fit spreads its seeds over no others.
TOPOLOGIES = ("cpu", "v5e:1x1", "v5e:2x2", "v5e:2x4", "v5p:2x2x1", "v6e:1x1", "v6e:2x2", "v6e:2x4")


class Topology(NamedTuple):
    """Devices to compile for, which need not exist.

    Attributes:
        name: One of `TOPOLOGIES`.
        chip: The figures of each device.
        devices: The devices.
    """

    name: str
    chip: Chip
    devices: tuple[Any, ...]

    def mode(self, detector: Detector | HostDetector) -> str:
        """Return how a fit of a detector maps over seeds there: "vmap" or "map"."""
        return choose_mode("cpu" if self.name == "cpu" else "tpu", detector)

    def mesh(self, seeds: int) -> Mesh | None:
        """Return the mesh that a fit spreads so many seeds over; None if one device is enough."""
        count = min(seeds, len(self.devices))
        count = -(-seeds // -(-seeds // count))
        return Mesh(np.array(self.devices[:count]), (AXIS,)) if count > 1 else None


def open_topology(name: str) -> Topology:
    """Return a topology by name.

    For a TPU the compiler is that of libtpu, which this loads; no TPU is needed.

    Raises:
        ConfigError: The name is unknown, libtpu is not installed, its version is not the one that
            the installed JAX names, or it does not have the topology.
    """
    if name not in TOPOLOGIES:
        raise unknown_name("topology", name, TOPOLOGIES)
    if name == "cpu":
        return Topology(name, _describe_host(), (jax.local_devices(backend="cpu")[0],))
    _check_libtpu()
    # Without these, libtpu asks the network for the TPU of this machine, and prints warnings.
    os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")
    os.environ.setdefault("TPU_ACCELERATOR_TYPE", "v5litepod-4")
    os.environ.setdefault("TPU_WORKER_HOSTNAMES", "localhost")
    # A TPU belongs to one process; a compiler may be loaded by many.
    os.environ.setdefault("ALLOW_MULTIPLE_LIBTPU_LOAD", "1")
    from jax.experimental import topologies

    generation, _, shape = name.partition(":")
    bounds = {"chips_per_host_bounds": (1, 1, 1)} if shape == "1x1" else {}
    try:
        found = topologies.get_topology_desc(platform="tpu", topology_name=name, **bounds)
    except jax.errors.JaxRuntimeError as error:
        raise ConfigError(f"topology {name}: libtpu does not have it: {error}") from error
    return Topology(name, CHIPS[generation], tuple(found.devices))


def _describe_host() -> Chip:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Chip("cpu", memory, None, None, "this machine")


def _check_libtpu() -> None:
    """Raise a `ConfigError` unless libtpu has the version that the installed JAX names."""
    wanted, version = read_wanted(), jax.__version__
    cure = f'pip install "libtpu=={wanted}"' if wanted else f'pip install "jax[tpu]=={version}"'
    try:
        found = importlib.metadata.version("libtpu")
    except importlib.metadata.PackageNotFoundError:
        raise ConfigError(f"topology: compiling for a TPU needs libtpu: {cure}") from None
    if wanted and not _matches(found, wanted):
        raise ConfigError(
            f"topology: JAX {version} compiles for a TPU with libtpu {wanted}; installed is "
            f"libtpu {found}: {cure}"
        )


def read_wanted() -> str | None:
    """Return the version of libtpu that the installed JAX names, such as "0.0.42.*"."""
    for text in importlib.metadata.requires("jax") or ():
        name, _, version = text.partition(";")[0].partition("==")
        if name.strip() == "libtpu":
            return version.strip()
    return None


def _matches(version: str, wanted: str) -> bool:
    """Return whether a version is the wanted one, which may end with ".*"."""
    if wanted.endswith(".*"):
        return f"{version}.".startswith(wanted[:-1])
    return version == wanted
