"""Score folders of pictures of 224x224 with FCDD: peak memory, and how long reading is waited for.

    python benchmarks/image_folder.py
    python benchmarks/image_folder.py --images 2000 --out benchmarks/image_folder.csv
    python benchmarks/image_folder.py --images 2000 10000 --network small \
        --out benchmarks/image_folder.csv

For each number of pictures a new process scores a folder of colour PNG files as `jaxad score` does.
`--network small` takes FCDD's network for images of 64 pixels, which needs 4 % of the operations of
the default one (VGG), so that reading takes a larger part of the time. Columns of the csv file, to
which rows are added: `peak_mib`, the largest resident memory of that process; `seconds`, the time
of scoring; `decode`, the time of decoding alone, without scoring; `waited`, how long scoring waited
for pictures. The pictures are copies of 50, so that they come from the memory of the system, not
from a disk. The detector has random weights: they make no difference to time and memory.
"""

import argparse
import csv
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SIDE, DIFFERENT = 224, 50
NETWORKS = {
    "default": None,
    "small": "conv(16, 5, 2), conv(32), pool, conv(64), conv(64)",
}
COLUMNS = ("network", "images", "peak_mib", "seconds", "decode", "waited", "cores")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, nargs="+", default=[110, 220])
    parser.add_argument("--network", choices=NETWORKS, default="default")
    parser.add_argument("--out", type=Path, help="a csv file to which the results are added")
    parser.add_argument("--child", nargs=2, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child is not None:
        score_folder(*options.child)
        return
    lines = []
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        save_detector(root / "model", NETWORKS[options.network])
        for count in options.images:
            folder = root / str(count)
            write_pictures(folder, count)
            command = [sys.executable, __file__, "--child", root / "model", folder]
            found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            lines.append([options.network, count, *found.split()[-4:], os.cpu_count()])
            print(*(f"{k} {v}" for k, v in zip(COLUMNS, lines[-1], strict=True)), flush=True)
    if options.out is not None:
        new = not options.out.exists()
        with options.out.open("a", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([COLUMNS, *lines] if new else lines)


def write_pictures(folder: Path, count: int) -> None:
    """Write smooth noise in colour as PNG files, of which `DIFFERENT` differ."""
    from PIL import Image

    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(min(count, DIFFERENT)):
        coarse = rng.integers(0, 256, (28, 28, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((SIDE, SIDE)).save(folder / f"{i}.png")
    for i in range(DIFFERENT, count):
        os.link(folder / f"{i % DIFFERENT}.png", folder / f"{i}.png")


def save_detector(folder: Path, layers: str | None) -> None:
    """Fit FCDD for a moment to few pictures, and save it."""
    import jaxad

    x = np.random.default_rng(0).integers(0, 256, (8, SIDE, SIDE, 3), dtype=np.uint8)
    train = jaxad.as_train_data(x)
    settings = {} if layers is None else {"layers": layers}
    detector = jaxad.make("fcdd", train, epochs=1, batch_size=4, **settings)
    jaxad.save(jaxad.fit(detector, train), folder)


def score_folder(model: Path, folder: Path) -> None:
    """Score a folder, and print the columns of its line but the first and the last."""
    from jaxad.data.images.layouts import open_pictures
    from jaxad.saving import open_detector
    from jaxad.saving.pictures import read_pictures, score_piece

    saved, pictures = open_detector(model), open_pictures(folder)
    saved.score_rows(np.zeros((1, *saved.shape), np.uint8), {})  # compiles
    start = time.perf_counter()
    waited, mark = 0.0, start
    for piece in read_pictures(saved, pictures):
        waited += time.perf_counter() - mark
        assert np.isfinite(score_piece(saved, piece).mean).all()
        mark = time.perf_counter()
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    start = time.perf_counter()
    for _ in read_pictures(saved, pictures):
        pass
    decode = time.perf_counter() - start
    print(f"{peak:.0f} {seconds:.1f} {decode:.2f} {waited:.2f}")


if __name__ == "__main__":
    main()
