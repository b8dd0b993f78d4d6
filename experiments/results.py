"""Check the committed results of experiments, and run those that are stale or missing.

    python experiments/results.py check
    python experiments/results.py run --hours 2 --data-dir DATA

    python experiments/results.py readme

The last command writes the table of README.md between its marks; `check` says if it is old, and
reads the claims of `claims.toml` too (`jaxad/report/claims.py`).

The results of `experiments/PAPER/NAME.toml` are `experiments/PAPER/results/NAME.csv`, and
`NAME.json` beside it; see `jaxad/report/committed.py`.
"""

import argparse
import json
import multiprocessing
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from jaxad.errors import ConfigError, DataError
from jaxad.report.claims import judge, read_claims
from jaxad.report.committed import Check, check_committed, read_committed
from jaxad.utils.compilation_cache import enable_compilation_cache, use_entries

ROOT = Path(__file__).parent
OUTCOME = "results-check.json"  # read when the documentation is built
MARKS = re.compile(r"(<!-- means (\w+/\w+) (\w+)=(\S+) ([\w ]+) -->\n).*?(<!-- end -->)", re.DOTALL)
ADVICE = {
    "stale": "run it again: make results",
    "incomplete": "run it on: make results",
    "unknown": "install the versions of constraints.txt, and check again",
    "damaged": "restore the files from the repository, or run it again: make results",
}


class Task(NamedTuple):
    """An experiment that has no results, or results that are not fresh.

    Attributes:
        source: The TOML file.
        path: The csv file of its results.
        state: "missing", or the state of the check.
        size: Which of its sizes the results are of; None for the file as it is.
        seconds: How long it took; None if that is not known.
    """

    source: Path
    path: Path
    state: str
    size: str | None = None
    seconds: float | None = None

    def __str__(self) -> str:
        took = "not known" if self.seconds is None else f"about {self.seconds / 60:.0f} min"
        return f"{self.state:10} {self.source.relative_to(self.source.parents[1])}: {took}"


def list_committed(root: Path) -> list[Path]:
    """List the csv files of committed results, those whose csv or JSON file is lost among them."""
    found = {path.with_suffix(".csv") for path in root.glob("*/results/*.json")}
    return sorted(found)


def list_tasks(root: Path, checks: Sequence[Check]) -> Iterator[Task]:
    """Yield the experiments to run: the stale ones first, then those without results."""
    known = {check.path for check in checks}
    for check in checks:
        source = find_source(check.path)
        if check.state == "fresh" or source is None:
            continue
        try:
            about = read_committed(check.path).about
        except DataError:
            yield Task(source, check.path, check.state)
        else:
            yield Task(source, check.path, check.state, about["size"], about["seconds"])
    for source in sorted(root.glob("*/*.toml")):
        path = source.parent / "results" / f"{source.stem}.csv"
        if path not in known:
            yield Task(source, path, "missing")


def find_source(path: Path) -> Path | None:
    """Return the experiment of a csv file; None if it is not there."""
    source = path.parents[1] / f"{path.stem}.toml"
    return source if source.is_file() else None


def check(root: Path, jobs: int = 1) -> int:
    """Print what is not fresh, and store the outcome for the documentation.

    Args:
        root: The folder of the experiments.
        jobs: The number of processes that take fingerprints.

    Returns:
        The exit code: 1 if results are stale, damaged or incomplete, or have no experiment.
    """
    checks, failed = [], 0
    for found in check_all(list_committed(root), jobs):
        path = found.path
        if find_source(path) is None:
            found = Check(path, "damaged", ("its experiment is not there",))
        checks.append(found)
        failed += found.state not in ("fresh", "unknown")
        print(f"{found.state:10} {path.relative_to(root)}", flush=True)
        for reason in found.reasons:
            print(f"{'':10} - {reason}")
        if found.state in ADVICE:
            print(f"{'':10} {ADVICE[found.state]}")
    outcome = {
        str(one.path.relative_to(root)): {"state": one.state, "reasons": one.reasons}
        for one in checks
    }
    (root / OUTCOME).write_text(json.dumps(outcome, indent=1) + "\n")
    failed += check_claims(root) + check_readme(root)
    missing = [task for task in list_tasks(root, checks) if task.state == "missing"]
    print(
        f"{len(checks)} committed results, {failed} of them to mend; "
        f"{len(missing)} experiments have none"
    )
    return 1 if failed else 0


def check_all(paths: Sequence[Path], jobs: int) -> Iterator[Check]:
    """Yield the check of each file, in their order."""
    if jobs == 1:
        yield from map(check_committed, paths)
        return
    apart = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, apart, keep_compiled_code) as pool:
        yield from pool.map(check_committed, paths)


def keep_compiled_code() -> None:
    """Keep what XLA compiles for later checks. Programs are traced each time, from the code."""
    use_entries(None)
    enable_compilation_cache()


def check_claims(root: Path) -> bool:
    """Print how many claims hold, and return whether results that they rest on are missing."""
    path = root / "claims.toml"
    if not path.is_file():
        return False
    try:
        verdicts = [judge(claim) for claim in read_claims(path)]
    except ConfigError as error:
        print(f"{'damaged':10} {error}")
        return True
    counts = {verdict: verdicts.count(verdict) for verdict in dict.fromkeys(verdicts)}
    print("claims:", ", ".join(f"{number} {verdict}" for verdict, number in counts.items()))
    return False


def check_readme(root: Path) -> bool:
    """Print if the table of README.md is not that of its results, and return whether it is not."""
    path = root.parent / "README.md"
    if not path.is_file() or (text := path.read_text()) == fill_means(root, text):
        return False
    print(f"{'stale':10} the table of README.md: run python experiments/results.py readme")
    return True


def fill_means(root: Path, text: str) -> str:
    """Replace what stands between the marks of a text by tables of means, in percent.

    `<!-- means PAPER/NAME COLUMN=VALUE METRIC METRIC -->` and `<!-- end -->` enclose the means of
    each detector over the rows whose column has the value.

    Raises:
        DataError: The results cannot be read, or have no such row.
    """

    def fill(found: re.Match) -> str:
        paper, name = found[2].split("/")
        path = root / paper / "results" / f"{name}.csv"
        metrics = found[5].split()
        tables = [one for one in read_committed(path).tables if one.metric in metrics]
        means: dict[str, list[str]] = {}
        for table in tables:
            if found[3] not in table.keys:
                raise DataError(f"{path} has no column {found[3]!r}")
            place = table.keys.index(found[3])
            rows = {key: row for key, row in table.rows.items() if key[place] == found[4]}
            if not rows:
                raise DataError(f"{path} has no row with {found[3]} = {found[4]}")
            for title in table.titles:
                entries = [row[title].mean for row in rows.values() if title in row]
                means.setdefault(title, []).append(f"{100 * fmean(entries):.1f}")
        head = ["detector", *(table.metric.upper() for table in tables)]
        lines = [head, ["---"] * len(head), *([title, *v] for title, v in means.items())]
        return found[1] + "".join(f"| {' | '.join(line)} |\n" for line in lines) + found[6]

    return MARKS.sub(fill, text)


def run(options: argparse.Namespace) -> int:
    """Run what is not fresh, one experiment after the other, until the time is over.

    Each goes on where it was stopped the last time. An experiment without results is run in the
    size that is asked for, the others in the size of their results.

    Returns:
        The exit code: 1 if an experiment failed.
    """

    def is_wanted(source: Path | None) -> bool:
        return source is not None and options.only in str(source.relative_to(options.root))

    committed = [p for p in list_committed(options.root) if is_wanted(find_source(p))]
    checks = [check_committed(path) for path in committed]
    tasks = [task for task in list_tasks(options.root, checks) if is_wanted(task.source)]
    print(*tasks, sep="\n", flush=True)
    end, failed = time.monotonic() + 3600 * options.hours, 0
    for task in tasks:
        left = end - time.monotonic()
        if left <= 0:
            break
        name = f"{task.source.parent.name}-{task.source.stem}"
        command = [sys.executable, "-m", "jaxad", "sweep", str(task.source)]
        command += ["--out", str(options.out / name), "--summary", str(task.path)]
        size = options.size if task.state == "missing" else task.size
        command += [] if size is None else ["--size", size]
        command += [] if options.data_dir is None else ["--data-dir", str(options.data_dir)]
        print(f"--- {name}", flush=True)
        try:
            failed += subprocess.run(command, timeout=left, check=False).returncode != 0
        except subprocess.TimeoutExpired:
            print(f"{name}: stopped, as the time is over; the same command continues")
    return 1 if failed else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the arguments and act."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--root", type=Path, default=ROOT, help="the folder of the experiments")
    commands = parser.add_subparsers(dest="command", required=True)
    checks = commands.add_parser("check", help="exit with 1 if results are stale or damaged")
    checks.add_argument("--jobs", type=int, default=1, help="so many processes take fingerprints")
    commands.add_parser("readme", help="write the table of README.md")
    runs = commands.add_parser("run", help="run what is stale or missing")
    runs.add_argument("--hours", type=float, default=2.0, help="stop after so many hours")
    runs.add_argument("--only", default="", help="a part of the file's name, such as ncae/")
    runs.add_argument("--size", choices=["quick", "full"], help="for experiments without results")
    runs.add_argument("--data-dir", type=Path, help="the folder of data files")
    runs.add_argument("--out", type=Path, default=Path("results"), help="the folder of sweeps")
    options = parser.parse_args(arguments)
    if options.command == "readme":
        path = options.root.parent / "README.md"
        path.write_text(fill_means(options.root, path.read_text()))
        return 0
    keep_compiled_code()
    return check(options.root, options.jobs) if options.command == "check" else run(options)


if __name__ == "__main__":
    sys.exit(main())
