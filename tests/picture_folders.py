"""Folders of small pictures for tests."""

from pathlib import Path

import numpy as np
from PIL import Image

__all__ = ["make_mvtec", "write_mask", "write_picture"]

SIDE = 16


def write_picture(path: Path, seed: int = 0, size=(SIDE, SIDE), mode: str = "RGB", bright=0):
    """Write a picture of noise, with a bright square in its middle where `bright` is above 0."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    pixels = rng.integers(60, 100, (size[1], size[0], 3), dtype=np.uint8)
    pixels[size[1] // 4 : size[1] // 2, size[0] // 4 : size[0] // 2] += np.uint8(bright)
    Image.fromarray(pixels).convert(mode).save(path)
    return path


def write_mask(path: Path, size=(SIDE, SIDE)):
    """Write the mask of the square that `write_picture` makes bright."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mask = np.zeros((size[1], size[0]), np.uint8)
    mask[size[1] // 4 : size[1] // 2, size[0] // 4 : size[0] // 2] = 255
    Image.fromarray(mask).save(path)
    return path


def make_mvtec(root: Path, train: int = 12, test: int = 3, mode: str = "L", **settings) -> Path:
    """Write a folder in MVTec's layout, with the defects "crack" and "hole"."""
    for i in range(train):
        write_picture(root / f"train/good/{i:03}.png", i, mode=mode, **settings)
    for i in range(test):
        write_picture(root / f"test/good/{i:03}.png", 100 + i, mode=mode, **settings)
        for group in ("crack", "hole"):
            name = root / f"test/{group}/{i:03}.png"
            write_picture(name, 200 + i, mode=mode, bright=150, **settings)
            write_mask(root / f"ground_truth/{group}/{i:03}_mask.png", **settings)
    return root
