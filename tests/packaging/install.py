"""Install the wheel into clean environments, one for each Python and extra, and use it there.

    python tests/packaging/install.py [--pythons python3.11 python3.13] [--extras plots ssad all]

Builds the wheel, then for each Python and each extra (none, each alone, and `all`) makes a virtual
environment in a temporary folder, installs the wheel there, checks that the requirements agree
and runs `jaxad run digits deep_sad` from an empty folder, so that nothing of this checkout is seen.
It needs a package index and takes minutes an environment; each is removed before the next. The last
lines list the results, and the exit status is 0 if all passed.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def build_wheel(folder: Path) -> Path:
    """Build the wheel."""
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, ROOT]
    subprocess.run(command, check=True)
    (built,) = folder.glob("*.whl")
    return built


def check(python: str, built: Path, extra: str) -> str:
    """Install and run; return what went wrong, or an empty text."""
    with tempfile.TemporaryDirectory() as folder:
        environment = Path(folder) / "environment"
        there = environment / "bin"
        commands = [
            [python, "-m", "venv", environment],
            [
                there / "python",
                "-m",
                "pip",
                "install",
                "-q",
                f"{built}[{extra}]" if extra else built,
            ],
            [there / "python", "-m", "pip", "check"],
            [there / "jaxad", "run", "digits", "deep_sad"],
        ]
        for command in commands:
            ended = subprocess.run(command, cwd=folder, capture_output=True, text=True)
            if ended.returncode != 0:
                said = (ended.stderr or ended.stdout).strip().splitlines()[-3:]
                return f"{' '.join(map(str, command[1:4]))}: {' / '.join(said)}"
    return ""


def main() -> int:
    """Check every Python and extra; return how many failed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = ["", *project["optional-dependencies"]]
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pythons", nargs="+", default=[sys.executable])
    parser.add_argument("--extras", nargs="*", default=extras, choices=extras)
    args = parser.parse_args()
    failed, lines = 0, []
    with tempfile.TemporaryDirectory() as folder:
        built = build_wheel(Path(folder))
        for python in args.pythons:
            if shutil.which(python) is None:
                parser.error(f"there is no {python} here")
            for extra in args.extras:
                start = time.perf_counter()
                wrong = check(python, built, extra)
                failed += bool(wrong)
                seconds = f"{time.perf_counter() - start:.0f} s"
                lines.append(f"{Path(python).name} [{extra}]: {wrong or 'passed'}, {seconds}")
                print(lines[-1], flush=True)
    print("\n".join(["", *lines, f"{failed} failed"]))
    return failed


if __name__ == "__main__":
    sys.exit(main())
