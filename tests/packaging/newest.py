"""Use the wheel with the newest allowed releases on the newest Python of this machine.

    python tests/packaging/newest.py

Builds the wheel and installs it without constraints into a temporary virtual environment of the
newest Python that the package supports and this machine has. There it runs `jaxad run` and this
checkout's tests that every registered detector learns and is loaded as it was saved; they import
the installed package. It needs a package index. Where no Python is newer than the one that runs
this file, it does nothing.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

from install import ROOT, build_wheel

RUN = ["run", "digits", "deep_sad", "--seeds", "2", "--epochs", "3"]
TESTS = ["-x", "-n", "2", "-k", "learns or loading", "-W", "default", "-p", "no:cacheprovider"]
TOOLS = ["pytest", "pytest-xdist", "beartype", "hypothesis"]
REGISTRY = "tests/detectors/test_registry.py"


def list_candidates(minor: int) -> Iterator[Path]:
    """Yield where Python 3.`minor` may be: on the path, and as pyenv, uv and GitHub install it."""
    found = shutil.which(f"python3.{minor}")
    if found:
        yield Path(found)
    home = Path.home()
    pyenv = Path(os.environ.get("PYENV_ROOT", home / ".pyenv"))
    tools = Path(os.environ.get("RUNNER_TOOL_CACHE", "/opt/hostedtoolcache"))
    for folder, pattern in (
        (pyenv, f"versions/3.{minor}.*/bin/python3"),
        (home / ".local/share/uv/python", f"cpython-3.{minor}.*/bin/python3"),
        (tools, f"Python/3.{minor}.*/*/bin/python3"),
    ):
        yield from sorted(folder.glob(pattern), reverse=True)


def works(python: Path, minor: int) -> bool:
    """Return whether a file is Python 3.`minor` and can make virtual environments."""
    command = [python, "-c", "import ensurepip, sys, venv; print(*sys.version_info[:2])"]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return ended.returncode == 0 and ended.stdout.split() == ["3", str(minor)]


def find_newest() -> Path | None:
    """Return the newest supported Python above this one, or None."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (bound,) = re.findall(r"<3\.(\d+)", project["requires-python"])
    for minor in range(int(bound) - 1, sys.version_info.minor, -1):
        for python in list_candidates(minor):
            if works(python, minor):
                return python
    return None


def main() -> int:
    """Install, run and test; return 0 if all went well or there was nothing to do."""
    python = find_newest()
    if python is None:
        print(f"skipped: no Python above {sys.version.split()[0]} that jaxad supports was found")
        return 0
    print(f"the newest Python is {python}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        environment = Path(folder) / "environment"
        there = environment / "bin"
        wheel = build_wheel(Path(folder))
        # The tests must see the installed package: neither this checkout nor PYTHONPATH.
        clean = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        for command, cwd in (
            ([python, "-m", "venv", environment], folder),
            ([there / "pip", "install", "-q", wheel, *TOOLS], folder),
            ([there / "pip", "check"], folder),
            ([there / "pip", "list"], folder),
            ([there / "jaxad", *RUN], folder),
            ([there / "pytest", *TESTS, REGISTRY], ROOT),
        ):
            print("$", *command, flush=True)
            code = subprocess.run(list(map(str, command)), cwd=cwd, env=clean).returncode
            if code != 0:
                return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
