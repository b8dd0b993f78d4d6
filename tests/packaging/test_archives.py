"""The wheel and the source archive: the same bytes from the same files, and what is in them."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tracked():
    """What git tracks, as paths below the checkout."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [path for path in listed.stdout.split("\0") if (ROOT / path).is_file()]


@pytest.fixture(scope="module")
def archives(tmp_path_factory, tracked):
    """Wheel and source archive, built twice from copies of the tracked files."""
    built = []
    for name in ("first", "second"):
        copy = tmp_path_factory.mktemp(name) / "jaxad"
        copy.mkdir()
        for path in tracked:
            (copy / path).parent.mkdir(parents=True, exist_ok=True)
            (copy / path).write_bytes((ROOT / path).read_bytes())
        command = [sys.executable, "-m", "build", "--no-isolation", "-o", copy / "dist", copy]
        subprocess.run(command, capture_output=True, check=True)
        built.append(sorted((copy / "dist").iterdir()))
    return built


def test_two_builds_are_the_same_bytes(archives):
    first, second = archives
    assert [path.suffix for path in first] == [".whl", ".gz"]
    for one, other in zip(first, second, strict=True):
        assert one.name == other.name
        assert one.read_bytes() == other.read_bytes()


def test_the_wheel_has_the_package_with_its_data_and_nothing_else(archives, tracked):
    (wheel, source), _ = archives
    package = {path for path in tracked if path.startswith("jaxad/")}
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert inside == package
    with tarfile.open(source) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames()}
    assert package | {"pyproject.toml", "README.md", "LICENSE"} <= names
