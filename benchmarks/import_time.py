"""How long `import jaxad` takes, beside `import jax`.

`import jaxad` imports the parts of the library when they are first used. The third line is the time
until all of its public names are there: what a program pays that uses them.

    python benchmarks/import_time.py --runs 10
"""

import argparse
import statistics
import subprocess
import sys
import time

PROGRAMS = {
    "import jax": "import jax",
    "import jaxad": "import jaxad",
    "import jaxad, all names": "import jaxad; [getattr(jaxad, name) for name in jaxad.__all__]",
}


def measure(program: str) -> float:
    """Return the wall time in seconds of a fresh interpreter that runs a program."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    return time.perf_counter() - start


def main() -> None:
    """Time the programs in turn, and print medians and their ratios to `import jax`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10, help="runs of each program")
    runs = parser.parse_args().runs
    for program in PROGRAMS.values():  # so that bytecode and files are cached
        measure(program)
    seconds: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for _ in range(runs):
        for name, program in PROGRAMS.items():
            seconds[name].append(measure(program))
    base = statistics.median(seconds["import jax"])
    print(f"median of {runs} alternating runs")
    for name, values in seconds.items():
        median = statistics.median(values)
        print(f"{name:<24} {median:.2f} s, {median / base:.2f} times import jax")


if __name__ == "__main__":
    main()
