"""Audit whole files by `jaxad audit`, as the guide does, and compare what ranks their rows.

    python experiments/audit/whole_files.py DATA --out experiments/audit/results/whole_files.csv

DATA is a folder with ADBench's npz files. The true labels, `y`, only measure the ranking. The
output has a line for each file and detector: what the rows are ranked by, and the AUROC and AUPRC
in % of the hidden anomalies, as the command prints them.
"""

import argparse
import csv
import re
import subprocess
import sys
import tempfile
from pathlib import Path

FILES = ("6_cardio", "30_satellite")
DETECTORS = (None, "deep_svdd", "auto", "iforest")  # None: the default without labels
COLUMNS = ("file", "rows", "hidden", "detector", "ranked by", "AUROC", "AUPRC")
RANKED = re.compile(r"(\d+) unlabelled rows ranked by (\w+) of (\w+)")
FOUND = re.compile(r"(\d+) hidden anomalies: AUROC ([\d.]+), AUPRC ([\d.]+)")


def main() -> None:
    """Write a line after each audit."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="folder with ADBench's npz files")
    parser.add_argument("--out", type=Path, required=True, help="the csv file")
    options = parser.parse_args()
    lines = []
    for file in FILES:
        for detector in DETECTORS:
            lines.append((file, *measure(options.data / f"{file}.npz", detector)))
            print(*lines[-1], flush=True)
            with options.out.open("w", newline="") as csv_file:
                csv.writer(csv_file, lineterminator="\n").writerows([COLUMNS, *lines])


def measure(path: Path, detector: str | None) -> tuple[str, ...]:
    """Run the command; return the rest of a line of the output."""
    named = [] if detector is None else [detector]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "jaxad", "audit", str(path), *named, "--truth", "y"]
        command += ["--out", str(Path(folder, "audit.csv"))]
        text = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    ranked, found = RANKED.search(text), FOUND.search(text)
    assert ranked is not None and found is not None, text
    return ranked[1], found[1], ranked[3] if named else "default", ranked[2], found[2], found[3]


if __name__ == "__main__":
    main()
