"""Compile the programs of all detectors for TPUs, and write what they need to a csv file.

    pip install "jaxad[tpu-check]"
    python benchmarks/topologies.py                 all that is missing, tables first
    python benchmarks/topologies.py --minutes 20    stop after about so long
    python benchmarks/topologies.py --only deep_sad tables

No TPU is needed, and nothing runs: the figures are estimates of the compiler. Each row is a
detector on one kind of data for one topology, and is compiled in a process of its own, since a
crash of the compiler ends the process. Rows that the file has are not compiled again, so that the
same command continues. Rows that fail by an error of Python are printed and not written.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

RESULTS = Path(__file__).parents[1] / "experiments/topologies/results/topologies.csv"
TOPOLOGIES = ("v5e:1x1", "v5e:2x2", "v6e:1x1")
SEEDS = 16
SLOW = ("loops", "gathers", "scatters", "sorts", "conditionals", "grouped", "double")
COLUMNS = (
    "data", "detector", "topology", "seeds", "status", "programs", "largest", "memory_mib",
    "step_mflop", "step_mb", "step_roofline_us", "collectives", *SLOW, "compile_s", "jax", "libtpu",
)  # fmt: skip
DATA = ("tables", "sequences", "documents", "images-28", "images-32", "images-224")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--only", nargs="+", default=[], help="detectors, data or topologies")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--row", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.row:
        print(json.dumps(compile_row(*options.row)))
        return
    end = time.monotonic() + 60 * options.minutes
    done = read_done(options.out)
    todo = [row for row in list_rows() if row not in done and is_wanted(row, options.only)]
    for i, row in enumerate(todo):
        if time.monotonic() > end:
            print(f"stopped; {len(todo) - i} rows are left")
            return
        result = run_row(row)
        if result["status"] in ("compiled", "crash"):
            append(options.out, result)
        print(*(result[name] for name in COLUMNS[:5]), f"{result['compile_s']} s", flush=True)


def is_wanted(row: tuple[str, str, str], only: list[str]) -> bool:
    """Return whether each kind of name that is given, such as a detector, is that of the row."""
    kinds = ([d for d in only if d in DATA], [t for t in only if t in TOPOLOGIES])
    names = [name for name in only if name not in (*DATA, *TOPOLOGIES)]
    data, detector, topology = row
    wanted = ((data, kinds[0]), (topology, kinds[1]), (detector, names))
    return all(not given or name in given for name, given in wanted)


def list_rows() -> Iterator[tuple[str, str, str]]:
    """Yield (data, detector, topology), the cheap ones first."""
    from jaxad.detectors import REGISTRY

    trained = {
        name: entry.examples for name, entry in sorted(REGISTRY.items()) if not entry.host
    } | {"hybrid:knn": "table"}
    for topology in TOPOLOGIES:
        for data in DATA:
            for name, examples in trained.items():
                if takes(name, examples, data):
                    yield data, name, topology


def takes(name: str, examples: str, data: str) -> bool:
    """Return whether a detector is compiled for a kind of data; for large images FCDD alone."""
    if data.startswith("images"):
        image = examples in ("table", "image") and name in CONVOLUTIONAL
        return image and (data != "images-224" or name == "fcdd")
    kinds = {"tables": "table", "sequences": "sequence", "documents": "text"}
    return kinds[data] == examples


CONVOLUTIONAL = (
    "autoencoder", "deep_sad", "deep_svdd", "elite_deep_svdd", "fcdd", "hsc", "anoonly_deep_sad",
    "vae",
)  # fmt: skip


def run_row(row: tuple[str, str, str]) -> dict:
    """Compile a row in a process of its own."""
    command = [sys.executable, __file__, "--row", *row]
    env = os.environ | {"JAX_PLATFORMS": "cpu"}
    out = subprocess.run(command, capture_output=True, text=True, env=env)
    try:
        return json.loads(out.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        message = (out.stderr.strip().splitlines() or ["no message"])[-1]
        status = f"exit {out.returncode}: {message[:120]}" if out.returncode > 0 else "crash"
        data, detector, topology = row
        known = {"data": data, "detector": detector, "topology": topology, "seeds": SEEDS}
        return dict.fromkeys(COLUMNS, "") | known | {"status": status}


def compile_row(data: str, detector: str, topology: str) -> dict:
    """Compile all programs of a detector for a topology."""
    from importlib.metadata import version

    import jax

    import jaxad
    from jaxad.estimates import estimate_fit, open_topology

    train = make_rows(data)
    made = jaxad.make(detector, train)
    start = time.process_time()
    test = jaxad.types.TestData(
        train.x,
        np.zeros(train.label.shape, np.int8),
        train.count,
        np.zeros(train.label.shape, bool),
    )
    report = estimate_fit(made, train, test, SEEDS, open_topology(topology))
    step = [one for one in report.programs if one.name.startswith("step")][-1]
    slow = {name: sum(one.cost.slow[name] for one in report.programs) for name in SLOW}
    return {
        "data": data,
        "detector": detector,
        "topology": topology,
        "seeds": SEEDS,
        "status": "compiled",
        "programs": len(report.programs),
        "largest": report.largest.name,
        "memory_mib": round(report.largest.cost.total / 2**20, 1),
        "step_mflop": round(step.cost.operations / 1e6, 2),
        "step_mb": round(step.cost.bytes / 1e6, 2),
        "step_roofline_us": round(1e6 * (step.seconds or 0), 1),
        "collectives": sum(one.cost.collectives for one in report.programs),
        **slow,
        "compile_s": round(time.process_time() - start, 1),
        "jax": jax.__version__,
        "libtpu": version("libtpu"),
    }


def make_rows(data: str):
    """Return random rows of a kind, with ten labelled anomalies; each seed has rows of its own."""
    import jaxad
    from jaxad.data.text.vocabulary import Vocabulary

    rng = np.random.default_rng(0)
    n = 1024
    label = np.where(np.arange(n) < 10, -1, 0).astype(np.int8)
    if data == "tables":
        x = rng.normal(size=(n, 30)).astype(np.float32)
    elif data == "sequences":
        x = rng.normal(size=(n, 64, 3)).astype(np.float32)
    elif data == "documents":
        words = Vocabulary(tuple(f"word{i:04d}" for i in range(2000)), 64)
        x = rng.integers(1, 2001, size=(n, words.length)).astype(np.int32)
        one = jaxad.types.TrainData(x, label, np.int32(n), np.int32(words.length), vocabulary=words)
        return add_seed(one)
    else:
        side = int(data.partition("-")[2])
        channels = 1 if side == 28 else 3
        n = 256 if side == 224 else n
        x = rng.integers(0, 256, size=(n, side, side, channels), dtype=np.uint8)
    return add_seed(jaxad.types.TrainData(x, label[:n], np.int32(n), np.int32(x.shape[-1])))


def add_seed(train):
    """Add a seed axis of length 1."""
    return train._replace(
        x=train.x[None],
        label=train.label[None],
        count=train.count[None],
        features=train.features[None],
    )


def read_done(path: Path) -> set[tuple[str, str, str]]:
    if not path.exists():
        return set()
    with path.open(newline="") as file:
        return {(row["data"], row["detector"], row["topology"]) for row in csv.DictReader(file)}


def append(path: Path, row: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(row)


if __name__ == "__main__":
    main()
