"""What a compiled program depends on besides its function and arguments, as text.

That is the code of this package, the versions of the others, the devices, the processor, the number
of threads, JAX's modes and XLA's flags.
"""

import os
import platform
import sys
import time
from functools import cache
from hashlib import sha256
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import jax
import numpy as np

__all__ = ["are_sources_unchanged", "describe_conditions"]

_IMPORTED = time.time()
_ENVIRONMENT = ("XLA_", "JAX_", "TF_", "TPU_", "LIBTPU_", "CUDA_", "ROCM_", "OMP_", "NPROC")
# Values of the processor that change from core to core or from moment to moment.
_PROCESSOR = ("model name", "flags", "cpu family", "model", "stepping", "features", "cpu part")
# Modes that change nothing of a program; where they differ, processes still share programs.
_IRRELEVANT = {
    "jax_compilation_cache_dir",
    "jax_compilation_cache_max_size",
    "jax_enable_compilation_cache",
    "jax_explain_cache_misses",
    "jax_log_compiles",
    "jax_logging_level",
    "jax_persistent_cache_min_compile_time_secs",
    "jax_persistent_cache_min_entry_size_bytes",
}


def describe_conditions() -> str | None:
    """Return the text of all conditions at present; None where they cannot be told.

    That is so if the package's sources have changed since it was imported, if it is not a folder of
    sources, if several processes share the devices, or if JAX has not got the modes read here.
    """
    try:
        modes = _describe_modes()
        fixed = (_describe_versions(), _describe_devices(), _hash_sources())
    except (AttributeError, ImportError, OSError, RuntimeError, TypeError):
        return None
    if None in fixed:
        return None
    return "\n".join((*map(str, fixed), modes, _describe_environment()))


@cache
def _describe_versions() -> str:
    versions = {"python": sys.version}
    for name in ("jax", "jaxlib", "flax", "optax", "numpy"):
        versions[name] = import_module(name).__version__
    return repr(versions)


@cache
def _describe_devices() -> str | None:
    if jax.process_count() > 1:
        return None
    from jax._src import compiler

    devices = jax.local_devices()
    client = devices[0].client
    # The options with which XLA compiles: its flags as it has read them itself.
    options = compiler.get_compile_options(1, 1, backend=client).SerializeAsString()
    return repr(
        (
            [(device.platform, device.device_kind, device.id) for device in devices],
            client.platform_version,
            sha256(options).hexdigest(),
            _describe_processor(),
        )
    )


def _describe_processor() -> tuple:
    """Return the kind of processor, and how many of its cores XLA may divide a program among."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    cores = (platform.machine(), sys.byteorder, os.cpu_count(), affinity)
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # its features are unknown: programs are then those of this machine alone
        return (*cores, platform.platform(), platform.node())
    about = {line.strip() for line in lines if line.split(":")[0].strip().lower() in _PROCESSOR}
    return (*cores, sha256("\n".join(sorted(about)).encode()).hexdigest())


def are_sources_unchanged() -> bool:
    """Return whether no source of this package may have changed since it was imported."""
    return all(_is_older(path.stat()) for path in _list_sources())


@cache
def _hash_sources() -> str | None:
    """Hash all sources of this package; None if one may have changed since they were imported."""
    digest, paths = sha256(), _list_sources()
    for path in paths:
        if not _is_older(path.stat()):
            return None
        digest.update(str(path).encode() + b"\0" + sha256(path.read_bytes()).digest())
    return digest.hexdigest() if paths else None


def _list_sources() -> list[Path]:
    """List the sources of this package; nothing if it is not a folder."""
    spec = find_spec(__name__.split(".")[0])
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    return sorted(Path(places[0]).rglob("*.py")) if len(places) == 1 else []


def _is_older(about: os.stat_result) -> bool:
    return max(about.st_mtime, about.st_ctime) < _IMPORTED


def _describe_environment() -> str:
    return repr(sorted(item for item in os.environ.items() if item[0].startswith(_ENVIRONMENT)))


def _describe_modes() -> str:
    """Return JAX's modes as they hold in this thread."""
    holders = jax.config._value_holders
    values = {n: h.value for n, h in holders.items() if n not in _IRRELEVANT}
    return repr(sorted((name, repr(value)) for name, value in values.items())) + np.__version__
