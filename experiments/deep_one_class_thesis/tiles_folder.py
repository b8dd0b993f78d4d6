"""Write the magnetic tiles as a folder of pictures in MVTec AD's layout.

    python experiments/deep_one_class_thesis/tiles_folder.py DATA FOLDER

DATA is a folder with magnetic_tile_64.npz. FOLDER gets train/good, test/good, test/<defect> and
ground_truth/<defect>, with the rows of the first split of tiles.py: 60 % of the tiles without a
defect for training, the others and 40 % of those with a defect for testing. Pictures of the
training part have the order of the split.
"""

import argparse
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

import jaxad


def write_tiles(data: jaxad.Dataset, root: Path) -> Counter[str]:
    """Write the tiles of the first split, and return how many each folder has."""
    assert data.mask is not None
    split = jaxad.contaminate(data, 0, normal_class=0, contamination=0.0, seeds=1).seed(0)
    counts: Counter[str] = Counter()
    for part, rows in (("train", split.train_rows), ("test", split.test_rows)):
        for row in rows:
            kind = get_folder(data, row)
            name = f"{counts[f'{part}/{kind}']:03}"
            write_png(root / part / kind / f"{name}.png", data.x[row])
            counts[f"{part}/{kind}"] += 1
            if kind != "good":
                write_png(root / "ground_truth" / kind / f"{name}_mask.png", 255 * data.mask[row])
    return counts


def get_folder(data: jaxad.Dataset, row: int) -> str:
    """Return the folder of a tile: "good" or the kind of its defect."""
    kind = data.class_name(data.y[row]).removeprefix("MT_").lower()
    return "good" if kind == "free" else kind


def write_png(path: Path, pixels: np.ndarray) -> None:
    """Write a grey picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.squeeze()).save(path)


def main() -> None:
    """Write the folder, and print the number of pictures in each part of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", help="folder with magnetic_tile_64.npz")
    parser.add_argument("folder", type=Path, help="folder to write")
    args = parser.parse_args()
    data = jaxad.load_dataset("magnetic_tile_64", data_dir=args.data)
    for name, count in write_tiles(data, args.folder).items():
        print(f"{name}: {count}")


if __name__ == "__main__":
    main()
